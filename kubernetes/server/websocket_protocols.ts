/**
 * Names of WebSocket sub-protocols that a server accepts: versions of the
 * channels, each in plain bytes and in base64 (Kubernetes, `wsstream`).
 *
 * @module
 */

import {
  COMMAND_PROTOCOLS,
  type CommandProtocol,
  TUNNEL_PROTOCOL,
} from "../protocol.ts";
import { BASE64, type ChannelCodec, PLAIN } from "../websocket/codec.ts";

/** The meaning of a name. */
export interface MessageProtocol {
  readonly protocol: CommandProtocol;
  readonly codec: ChannelCodec;
}

const FIRST = "channel.k8s.io";

/** By name; `""` for a client that offers none, as in Kubernetes. */
const KNOWN: ReadonlyMap<string, MessageProtocol> = new Map([
  ...COMMAND_PROTOCOLS.flatMap((protocol): [string, MessageProtocol][] => [
    [protocol, { protocol, codec: PLAIN }],
    [inBase64(protocol), { protocol, codec: BASE64 }],
  ]),
  // The first version has a name without a number, but is also offered with one.
  [`v1.${FIRST}`, { protocol: FIRST, codec: PLAIN }],
  [`v1.${inBase64(FIRST)}`, { protocol: FIRST, codec: BASE64 }],
  ["", { protocol: FIRST, codec: PLAIN }],
]);

/** Names for exec and attach. */
export const COMMAND_MESSAGE_PROTOCOLS: readonly string[] = [...KNOWN.keys()];

/** Names for port-forward. */
export const FORWARD_MESSAGE_PROTOCOLS: readonly string[] = [
  TUNNEL_PROTOCOL,
  ...COMMAND_MESSAGE_PROTOCOLS,
];

/** The meaning of a name in these lists, except that of the tunnel. */
export function messageProtocol(name: string): MessageProtocol {
  const known = KNOWN.get(name);
  if (known === undefined) {
    throw new TypeError(`${name} is not a protocol with channels`);
  }
  return known;
}

/** Converts `v4.channel.k8s.io` to `v4.base64.channel.k8s.io`. */
function inBase64(protocol: string): string {
  return protocol.replace(FIRST, `base64.${FIRST}`);
}
