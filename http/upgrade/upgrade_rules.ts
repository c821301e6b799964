/**
 * Rules for every request for an upgrade, whatever its protocol.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { show } from "../../values.ts";
import { RequestRefusal } from "./refusal.ts";

/** Highest value of `maxHeadBytes`, bytes. */
export const MOST_HEAD: number = 16 * 1024 * 1024;

/** The parts of a request that the rules check. */
export interface UpgradeFacts {
  readonly method: string;
  readonly hasBody: boolean;
  /** The `Host` header, or the host of the target. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/**
 * Checks the option `allowedOrigins`.
 *
 * Throws `InvalidArgumentError` if it is not a list: `includes` of a string also finds
 * parts of it, so other origins would be allowed. Also throws it for an entry that no
 * `Origin` header can equal, such as a URL with a path, or a pattern.
 */
export function checkAllowedOrigins(
  origins: readonly string[] | null | undefined,
): void {
  if (origins === undefined || origins === null) return;
  if (!Array.isArray(origins)) {
    throw new InvalidArgumentError(
      `allowedOrigins ${
        show(origins)
      } is not a list, such as ["https://example.org"]`,
    );
  }
  for (const each of origins as readonly unknown[]) {
    const origin = typeof each === "string" ? headerOf(each) : undefined;
    if (origin === each && origin !== undefined) continue;
    const advice = origin === undefined
      ? 'write each one as a browser does, such as "https://example.org"'
      : `write ${show(origin)}`;
    throw new InvalidArgumentError(
      `allowedOrigins contains ${
        show(each)
      }, which is not an origin: ${advice}`,
    );
  }
}

/** Origins without a host: of pages without an address of their own, and of files in some browsers. */
const WITHOUT_HOST = ["null", "file://"];
/** A host and a port. `URL` lets more characters pass, such as `*`. */
const AUTHORITY = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/**
 * The `Origin` header of pages at an address (RFC 6454 6.2), which may lack the scheme;
 * `undefined` if there are no such pages. Browsers send other schemes than `http` and
 * `https` for extensions and for pages in an application.
 */
function headerOf(address: string): string | undefined {
  if (WITHOUT_HOST.includes(address)) return address;
  const url = URL.parse(
    address.includes("://") ? address : `https://${address}`,
  );
  if (url === null || !AUTHORITY.test(url.host)) return undefined;
  // The page that opens a WebSocket has the scheme `http` or `https`.
  const scheme = url.protocol.replace(/^ws/, "http");
  return scheme === "file:" ? "file://" : `${scheme}//${url.host}`;
}

/** Methods of a request for an upgrade; kubectl uses POST. */
const UPGRADE_METHODS = ["GET", "POST"];

/** Throws {@linkcode RequestRefusal} if the upgrade is not allowed. */
export function checkUpgrade(
  { method, hasBody, host, origin }: UpgradeFacts,
  allowedOrigins: readonly string[],
): void {
  if (!UPGRADE_METHODS.includes(method)) {
    throw new RequestRefusal(
      405,
      `a request for an upgrade must use GET or POST, not ${method}`,
      { allow: UPGRADE_METHODS.join(", ") },
    );
  }
  // One reader would take the bytes after the head for the new protocol, and
  // another for the body of the request.
  if (hasBody) {
    throw new RequestRefusal(
      400,
      "a request for an upgrade must not have a body",
    );
  }
  if (
    origin !== undefined && !allowedOrigins.includes(origin) &&
    !isOwn(origin, host)
  ) {
    throw new RequestRefusal(
      403,
      "a page of another origin asked for the upgrade",
    );
  }
}

/**
 * Whether a page of `origin` belongs to `host`. Browsers let a page open a
 * WebSocket to any server, also one on the user's own machine, and send its
 * `Origin` (RFC 6455 10.2). The schemes are not compared, because a proxy may have
 * removed TLS.
 */
function isOwn(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  // The scheme of the page is used for both, so that a default port is removed from
  // both.
  const asked = `${page.protocol}//${host}`;
  return page.host !== "" && URL.canParse(asked) &&
    new URL(asked).host === page.host;
}
