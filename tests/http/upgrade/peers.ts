/**
 * Peers of an upgrade in tests.
 *
 * @module
 */

import { PROTO_SPDY3_1, SYN_STREAM } from "../../../frame/constants.ts";
import { FrameEncoder } from "../../../frame/encoder.ts";
import { concat } from "../../deps.ts";
import { REQUEST } from "../../helpers/http.ts";

/** A server on a free port that prints nothing. */
export const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen(): void {} };

/** Sends text to a server and reads to the end. */
export async function say(port: number, text: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(text));
  let answer = "";
  const buffer = new Uint8Array(4096);
  try {
    for (;;) {
      const size = await conn.read(buffer);
      if (size === null) return answer;
      answer += new TextDecoder().decode(buffer.subarray(0, size));
    }
  } catch {
    return answer;
  }
}

/** A request for an upgrade, with a first SPDY/3.1 request in the same segment. */
export function upgradeWithRequest(): Uint8Array<ArrayBuffer> {
  const frame = new FrameEncoder(PROTO_SPDY3_1).encode({
    frameType: SYN_STREAM,
    version: 3,
    flags: 1,
    length: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: [...REQUEST],
  });
  const head = new TextEncoder().encode(
    "GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n",
  );
  return concat([head, frame]);
}
