/**
 * Differences between versions of Deno. A test that compares this module with
 * Deno's own functions asks here, and a comment says what differs and why.
 *
 * @module
 */

import { onlyIf, type SomeMachines } from "./unix_only.ts";

/** Whether the tests run on a Deno older than `version`, such as `"2.9.0"`. */
export function isDenoBefore(
  version: string,
  running: string = Deno.version.deno,
): boolean {
  const [ours, theirs] = [running, version].map((text) =>
    text.split(/[.+-]/, 3).map(Number)
  );
  const at = ours.findIndex((part, index) => part !== theirs[index]);
  return at >= 0 && ours[at] < theirs[at];
}

/**
 * The permission that a request for an HTTP/1.1 upgrade needs in addition to net:
 * node:http of Deno 2.8 reads this variable before each request.
 */
export const UPGRADE_FLAGS: readonly string[] =
  isDenoBefore("2.9.0") && !isDenoBefore("2.8.0")
    ? ["--allow-env=NODE_USE_ENV_PROXY"]
    : [];

/** Tests that no Deno before `version` can pass. */
export function sinceDeno(version: string): SomeMachines {
  return onlyIf(!isDenoBefore(version), `Deno ${version} or later`);
}
