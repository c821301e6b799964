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
 * Throws `InvalidArgumentError` if it is not a list: a text contains parts of itself, so
 * it would allow other origins as well. Also for a URL that is more than an origin,
 * which no `Origin` header equals.
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
  for (const each of origins) {
    const url = /^https?:/i.test(each) ? URL.parse(each) : undefined;
    if (url === null || url !== undefined && url.origin !== each) {
      throw new InvalidArgumentError(
        `allowedOrigins contains ${show(each)}, which is not an origin: write ${
          show(url?.origin ?? "https://example.org")
        }`,
      );
    }
  }
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
