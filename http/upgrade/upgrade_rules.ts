/**
 * Which requests for an upgrade are refused, whatever they ask to upgrade to.
 *
 * @module
 */

import { RequestRefusal } from "./refusal.ts";

/** What is looked at. */
export interface UpgradeFacts {
  readonly method: string;
  readonly hasBody: boolean;
  /** The `Host` header, or the host of the target. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/** Methods of an upgrade: kubectl's are POST. */
const UPGRADE_METHODS = ["GET", "POST"];

/** Throws {@linkcode RequestRefusal} for an upgrade that is not allowed. */
export function checkUpgrade(
  { method, hasBody, host, origin }: UpgradeFacts,
  allowedOrigins: readonly string[],
): void {
  if (!UPGRADE_METHODS.includes(method)) {
    throw new RequestRefusal(
      405,
      `an upgrade is asked for by GET or POST, not by ${method}`,
      { allow: UPGRADE_METHODS.join(", ") },
    );
  }
  // What stands behind the head would be the other protocol's for one reader,
  // the body of a request for another.
  if (hasBody) {
    throw new RequestRefusal(400, "a request for an upgrade has a body");
  }
  if (
    origin !== undefined && !allowedOrigins.includes(origin) &&
    !isOwn(origin, host)
  ) {
    throw new RequestRefusal(
      403,
      "the upgrade is asked for by a page of another origin",
    );
  }
}

/**
 * Whether a page of `origin` comes from `host`. Browsers hold no page back from
 * opening a WebSocket to any server, such as one on the user's own machine, and
 * say `Origin` (RFC 6455 10.2). The scheme does not count: a proxy in front may
 * have taken the TLS off.
 */
function isOwn(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  // With the page's scheme, so that both leave its usual port out.
  const asked = `${page.protocol}//${host}`;
  return page.host !== "" && URL.canParse(asked) &&
    new URL(asked).host === page.host;
}
