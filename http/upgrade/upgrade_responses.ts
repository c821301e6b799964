/**
 * A server's answers to a request for an upgrade, as bytes.
 *
 * @module
 */

import type { ProtocolVersion } from "../../frame/constants.ts";
import { toBytes } from "./answer.ts";
import { tokenOf } from "./upgrade_token.ts";

const REFUSAL = "This server speaks SPDY\n";

/** The answer 101, after which SPDY begins. */
export function switchingProtocols(
  token: string,
  headers: Headers = new Headers(),
): Uint8Array {
  const lines = ["HTTP/1.1 101 Switching Protocols"];
  lines.push("connection: Upgrade", `upgrade: ${token}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return toBytes(`${lines.join("\r\n")}\r\n\r\n`);
}

/** The answer 426, which lists the supported protocols (RFC 9110 15.5.22). */
export function upgradeRequired(
  versions: readonly ProtocolVersion[],
): Response {
  return new Response(REFUSAL, {
    status: 426,
    headers: {
      connection: "close",
      "content-type": "text/plain",
      upgrade: versions.map(tokenOf).join(", "),
    },
  });
}
