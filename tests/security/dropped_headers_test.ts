/**
 * Header blocks that are inflated only to be dropped: a byte on the wire causes
 * the work for a thousand bytes.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import {
  assertEquals,
  assertLess,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import {
  ERR_FRAME_TOO_LARGE,
  FRAME_TOO_LARGE,
  FrameDecoder,
  FrameError,
  PROTO_SPDY3,
  SERVER,
  Session,
} from "../../mod.ts";
import { Harness } from "../session/harness.ts";
import { cost, MIB } from "./measure.ts";

/** SYN_STREAMs, each with a block that inflates to `size` bytes, on one zlib stream. */
function bombs(size: number, count: number): Uint8Array[] {
  const block = new Uint8Array(size);
  // One pair: "a", and a value for the rest of the block, which consists of
  // NULs.
  block.set([0, 0, 0, 1, 0, 0, 0, 1, 0x61]);
  new DataView(block.buffer).setUint32(9, size - 13);
  const deflated = deflateRawSync(block, { finishFlush: 2 });
  return Array.from({ length: count }, (_, index) => {
    const zlib = index === 0 ? [0x78, 0x01] : [];
    const { length } = deflated;
    const frame = new Uint8Array(18 + zlib.length + length);
    frame.set([0x80, 3, 0, 1]);
    new DataView(frame.buffer).setUint32(4, frame.length - 8);
    new DataView(frame.buffer).setUint32(8, 2 * index + 1);
    frame.set(zlib, 18);
    frame.set(deflated, 18 + zlib.length);
    return frame;
  });
}

Deno.test("dropped headers: at the limit the stream is reset, beyond it the session ends", () => {
  const limits = { maxDroppedHeaders: 3 * (200_000 - 65536) };
  const harness = new Harness(SERVER, PROTO_SPDY3, { limits });
  for (const [index, bomb] of bombs(200_000, 3).entries()) {
    harness.session.recv(bomb);
    assertEquals(harness.session.failure, undefined);
    assertEquals(harness.flushNames(), [
      `RST_STREAM ${2 * index + 1} ${FRAME_TOO_LARGE}`,
    ]);
  }
  const tight = new Harness(SERVER, PROTO_SPDY3, {
    limits: { maxDroppedHeaders: limits.maxDroppedHeaders - 1 },
  });
  for (const bomb of bombs(200_000, 3)) tight.session.recv(bomb);
  const { failure } = tight.session;
  assertEquals(failure?.code, ERR_FRAME_TOO_LARGE);
  assertEquals(failure?.initiator, "remote");
  assertStringIncludes(failure?.message ?? "", "limits.maxDroppedHeaders");
  assertEquals(tight.flushNames()[0], "GOAWAY 3 1");
});

Deno.test("dropped headers: above the limit, a FrameDecoder throws an error with the name of the limit", () => {
  const decoder = new FrameDecoder(PROTO_SPDY3, {
    maxHeaderBlock: 65536,
    maxDroppedHeaders: 1000,
  });
  for (const bomb of bombs(100_000, 1)) decoder.push(bomb);
  const error = assertThrows(
    () => decoder.next(),
    FrameError,
    "limits.maxDroppedHeaders",
  );
  assertEquals(error.code, ERR_FRAME_TOO_LARGE);
});

Deno.test("dropped headers: 16 GiB in 16 MiB are stopped at 128 MiB", () => {
  const session = new Session(SERVER, PROTO_SPDY3);
  const attack = bombs(64 * MIB, 256);
  let sent = 0;
  const { bytes, ms } = cost(() => {
    for (const bomb of attack) {
      sent += bomb.length;
      session.recv(bomb);
    }
  });
  assertEquals(session.failure?.code, ERR_FRAME_TOO_LARGE);
  assertLess(sent, 20 * MIB);
  assertLess(bytes, 32 * MIB);
  // Inflating everything would take more than two minutes.
  assertLess(ms, 30_000);
});
