/**
 * The versions of SPDY in the names of tests.
 *
 * @module
 */

import type { ProtocolVersion } from "../../frame/constants.ts";
import { versionTraits } from "../../frame/version.ts";

/** The name of a version, such as `"SPDY/3.1"`. */
export function versionName(version: ProtocolVersion): string {
  return versionTraits(version).name;
}
