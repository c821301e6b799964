/** A client that breaks the rules of SPDY gets the GOAWAY of `serve` before its connection ends. */

import { serve } from "../../http/server/serve.ts";
import { FrameDecoder, FrameEncoder } from "../../frame/mod.ts";
import {
  GOAWAY,
  GOAWAY_PROTOCOL_ERROR,
  PROTO_SPDY3_1,
  SETTINGS,
} from "../../frame/constants.ts";
import { assertEquals } from "../deps.ts";

/** A SYN_STREAM whose header block is no zlib stream. */
const BROKEN = [
  ...[0x80, 3, 0, 1, 1, 0, 0, 14],
  ...[0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  ...[9, 9, 9, 9],
];

/** Sends `bytes` to a server; resolves to the frames that arrive until the server closes. */
async function answers(
  bytes: Uint8Array,
  upgrade: boolean,
): Promise<[frameType: number, statusCode: number | undefined][]> {
  await using server = serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    upgrade,
    limits: { maxIdleSettings: 1 },
  }, () => new Response("not sent"));
  using conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  const decoder = new FrameDecoder(PROTO_SPDY3_1);
  const writer = conn.writable.getWriter();
  await writer.write(bytes);
  const frames: [number, number | undefined][] = [];
  for await (const chunk of conn.readable) {
    decoder.push(chunk);
    for (
      let frame = decoder.next();
      frame !== undefined;
      frame = decoder.next()
    ) {
      const status = frame.frameType === GOAWAY ? frame.statusCode : undefined;
      frames.push([frame.frameType, status]);
    }
  }
  return frames;
}

const EXPECTED: [number, number | undefined][] = [
  [SETTINGS, undefined],
  [GOAWAY, GOAWAY_PROTOCOL_ERROR],
];

for (const upgrade of [false, true]) {
  Deno.test(`failed connections: an invalid frame is answered with GOAWAY, upgrade ${upgrade}`, async () => {
    assertEquals(await answers(Uint8Array.from(BROKEN), upgrade), EXPECTED);
  });

  Deno.test(`failed connections: a flood is answered with GOAWAY, upgrade ${upgrade}`, async () => {
    const encoder = new FrameEncoder(PROTO_SPDY3_1);
    const settings = encoder.encode({
      frameType: SETTINGS,
      version: 3,
      flags: 0,
      length: 0,
      iv: [[4, 0, 10]],
    });
    const flood = new Uint8Array(3 * settings.length);
    for (let i = 0; i < 3; i++) flood.set(settings, i * settings.length);
    assertEquals(await answers(flood, upgrade), EXPECTED);
  });
}
