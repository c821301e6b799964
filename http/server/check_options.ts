/**
 * Checks of the options of `serve` and `serveConnection`.
 *
 * @module
 */

import { checkTimeout, checkWhole } from "../../numbers.ts";
import { SERVER } from "../../session/constants.ts";
import { checkSideAndVersion } from "../../session/options.ts";
import { checkTuning } from "../../connection/options.ts";
import { MOST_HEAD } from "../upgrade/http_listener.ts";
import { MAX_HEAD } from "./served_connection.ts";
import type { ServeConnectionOptions } from "./serve_options.ts";

/**
 * Checks before anything is accepted: what is found later would end each
 * connection in silence.
 *
 * Throws `InvalidArgumentError` for an option out of its range, and
 * `UnsupportedVersionError` for a version that is none.
 */
export function checkConnectionOptions(options: ServeConnectionOptions): void {
  const { version, versions = [], handshakeTimeout = 0 } = options;
  checkTimeout("handshakeTimeout", handshakeTimeout);
  checkWhole("maxHeadBytes", options.maxHeadBytes ?? MAX_HEAD, 1, MOST_HEAD);
  checkTuning(options, version);
  for (const each of versions) checkSideAndVersion(SERVER, each);
}
