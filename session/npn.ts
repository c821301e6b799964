/**
 * The names of the versions in TLS: the same in NPN and ALPN.
 *
 * @module
 */

import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../frame/constants.ts";

/** Best first. */
const PROTOCOLS: readonly (readonly [string, ProtocolVersion])[] = [
  ["spdy/3.1", PROTO_SPDY3_1],
  ["spdy/3", PROTO_SPDY3],
  ["spdy/2", PROTO_SPDY2],
];

/**
 * The version that a protocol name means, 0 for any other name. Names must match
 * exactly.
 *
 * @example
 * ```ts
 * import { npnGetVersion, PROTO_SPDY3_1 } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * assertEquals(npnGetVersion("spdy/3.1"), PROTO_SPDY3_1);
 * assertEquals(npnGetVersion("h2"), 0);
 * ```
 *
 * @category Session
 */
export function npnGetVersion(proto: string): ProtocolVersion | 0 {
  return PROTOCOLS.find(([name]) => name === proto)?.[1] ?? 0;
}

/**
 * The protocol names to offer, best first, for NPN or ALPN.
 *
 * @example
 * ```ts
 * import { getNpnProtocols } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * assertEquals(getNpnProtocols(), ["spdy/3.1", "spdy/3", "spdy/2"]);
 * ```
 *
 * @category Session
 */
export function getNpnProtocols(): string[] {
  return PROTOCOLS.map(([name]) => name);
}
