import { Buffer } from "node:buffer";
import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import {
  CREDENTIAL,
  DATA,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  FrameDecoder,
  FrameEncoder,
  FrameError,
  type IgnoredFrame,
  NOOP,
  PING,
  PROTO_SPDY3,
  SpdyError,
  SYN_REPLY,
  UnsupportedVersionError,
  ZlibError,
} from "../../frame/mod.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { Random } from "../helpers/random.ts";
import { bytesOf, ensure } from "./recordings.ts";

const PING_BYTES = bytesOf("8003000600000004 00000001");
/** SYN_REPLY with a name in capitals, in a stored block without the dictionary. */
const CAPITALS = bytesOf(
  `800300020000001d 00000007 7801 000d00f2ff 00000001 00000001 41 00000000
   000000ffff`,
);

function failureOf(decoder: FrameDecoder): SpdyError {
  const error = assertThrows(() => decoder.next(), SpdyError);
  ensure(error instanceof SpdyError);
  return error;
}

Deno.test("frames own their memory, even if a node Buffer was pushed", () => {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  const chunk = Buffer.from(bytesOf("00000001 00000003 010203"));
  decoder.push(chunk);
  chunk.fill(9);
  const frame = decoder.next();
  ensure(frame?.frameType === DATA);
  assertEquals(frame.data, Uint8Array.of(1, 2, 3));
});

Deno.test("frames are returned in order, however the bytes arrive", () => {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  assertEquals(decoder.next(), undefined);
  decoder.push(PING_BYTES);
  decoder.push(bytesOf("00000001 00000003 61"));
  const ping = decoder.next();
  assertEquals(ping?.frameType, PING);
  assertEquals(decoder.next(), undefined);
  decoder.push(bytesOf("6263 00000001 01000000"));
  assertEquals(decoder.next(), {
    frameType: DATA,
    streamId: 1,
    flags: 0,
    data: bytesOf("616263"),
  });
  assertEquals(decoder.next(), {
    frameType: DATA,
    streamId: 1,
    flags: 1,
    data: new Uint8Array(0),
  });
  assertEquals(decoder.next(), undefined);
});

Deno.test("DATA owns its bytes", () => {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  const chunk = bytesOf("00000001 00000001 61");
  decoder.push(chunk);
  chunk.fill(0);
  const frame = decoder.next();
  ensure(frame?.frameType === DATA);
  assertEquals(frame.data, bytesOf("61"));
});

Deno.test("if a frame cannot be read, earlier frames are returned, and then every call fails", () => {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  decoder.push(PING_BYTES);
  decoder.push(bytesOf("8003000600000005 0000000100"));
  decoder.push(PING_BYTES);
  assertEquals(decoder.next()?.frameType, PING);
  const error = failureOf(decoder);
  assertInstanceOf(error, FrameError);
  assertEquals(
    [error.code, error.initiator],
    [ERR_INVALID_FRAME, "remote"],
  );
  ensure(error instanceof FrameError);
  assertEquals([error.offset, error.frame], [12, undefined]);
  assertStringIncludes(error.message, "PING at offset 12");
  decoder.push(PING_BYTES);
  assertStrictEquals(failureOf(decoder), error);
});

Deno.test("an unknown version and bad zlib data have their own classes", () => {
  const versioned = new FrameDecoder(PROTO_SPDY3);
  versioned.push(bytesOf("8009000400000004 00000000"));
  const unsupported = failureOf(versioned);
  assertInstanceOf(unsupported, UnsupportedVersionError);
  assertEquals(unsupported.code, ERR_UNSUPPORTED_VERSION);
  assertEquals(unsupported.initiator, "remote");
  assertStringIncludes(unsupported.message, "SETTINGS at offset 0");
  assertStringIncludes(unsupported.message, "version 9");

  const zlib = new FrameDecoder(PROTO_SPDY3);
  zlib.push(PING_BYTES);
  zlib.push(bytesOf("8003000200000008 00000001 ffffffff"));
  zlib.next();
  const corrupt = failureOf(zlib);
  assertInstanceOf(corrupt, ZlibError);
  assertEquals([corrupt.code, corrupt.initiator], [ERR_ZLIB, "remote"]);
  assertStringIncludes(corrupt.message, "SYN_REPLY at offset 12");
  assertInstanceOf(corrupt.cause, ZlibError);
});

Deno.test("headers that are not allowed are one error in their place", () => {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  decoder.push(PING_BYTES);
  decoder.push(CAPITALS);
  decoder.push(PING_BYTES);
  assertEquals(decoder.next()?.frameType, PING);
  const error = failureOf(decoder);
  ensure(error instanceof FrameError);
  assertEquals(error.code, ERR_INVALID_HEADER_BLOCK);
  assertEquals(error.offset, 12);
  assertEquals(error.frame?.streamId, 7);
  assertEquals(error.frame?.nv, [["A", ""]]);
  assertStringIncludes(error.message, "SYN_REPLY for stream 7 at offset 12");
  assertEquals(decoder.next()?.frameType, PING);
  assertEquals(decoder.next(), undefined);
});

Deno.test("ignored frames are passed to onIgnored", () => {
  const ignored: IgnoredFrame[] = [];
  const decoder = new FrameDecoder(PROTO_SPDY3, {}, {
    onIgnored: (frame) => ignored.push(frame),
  });
  decoder.push(bytesOf("8002000500000000"));
  decoder.push(bytesOf("8003000a01000006 000100000000"));
  decoder.push(bytesOf("8003012c02000001 77"));
  decoder.push(bytesOf("8002000600000004 00000001"));
  decoder.push(PING_BYTES);
  assertEquals(decoder.next()?.frameType, PING);
  const none = new Uint8Array(0);
  assertEquals(ignored, [
    { type: NOOP, version: 2, flags: 0, length: 0, payload: none },
    {
      type: CREDENTIAL,
      version: 3,
      flags: 1,
      length: 6,
      payload: bytesOf("000100000000"),
    },
    { type: 300, version: 3, flags: 2, length: 1, payload: bytesOf("77") },
    { type: PING, version: 2, flags: 0, length: 4, payload: none },
  ]);
  // No listener is needed.
  const silent = new FrameDecoder(PROTO_SPDY3);
  silent.push(bytesOf("8002000500000000"));
  assertEquals(silent.next(), undefined);
});

withCollector.test({
  name: "FrameDecoder keeps no frame that was taken, if frames are always left",
  async fn() {
    const decoder = new FrameDecoder(PROTO_SPDY3);
    for (let left = 0; left < 3; left++) decoder.push(PING_BYTES);
    const first = firstOf(decoder);
    for (let round = 0; round < 1000; round++) {
      decoder.push(PING_BYTES);
      assertEquals(decoder.next()?.frameType, PING);
    }
    // A WeakRef keeps its object until the end of the turn in which it was
    // created.
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect?.();
    assertEquals(first.map((frame) => frame.deref()), [undefined, undefined]);
    assertEquals(decoder.next()?.frameType, PING);
  },
});

/** Takes two frames. */
function firstOf(decoder: FrameDecoder): WeakRef<object>[] {
  return [1, 2].map(() => {
    decoder.push(PING_BYTES);
    const frame = decoder.next();
    ensure(frame !== undefined);
    return new WeakRef(frame);
  });
}

withCollector.test({
  name: "FrameDecoder keeps no read buffer, whichever header block was in it",
  async fn() {
    const encoder = new FrameEncoder(PROTO_SPDY3);
    const decoder = new FrameDecoder(PROTO_SPDY3);
    // The first blocks of a stream are read by objects that all streams share.
    for (let streamId = 1; streamId < 20; streamId += 2) {
      const buffer = pushInBuffer(
        decoder,
        encoder.encode({
          frameType: SYN_REPLY,
          version: 3,
          flags: 0,
          length: 0,
          streamId,
          nv: [["x-number", `${streamId}`]],
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, 0));
      collect?.();
      assertEquals(buffer.deref(), undefined, `stream ${streamId}`);
      assertEquals(decoder.next()?.frameType, SYN_REPLY);
    }
  },
});

/** Pushes a frame that lies in a large buffer. */
function pushInBuffer(
  decoder: FrameDecoder,
  frame: Uint8Array,
): WeakRef<ArrayBuffer> {
  const source = new Uint8Array(1024 * 1024);
  source.set(frame, 100);
  decoder.push(source.subarray(100, 100 + frame.length));
  return new WeakRef(source.buffer);
}

Deno.test("FrameDecoder: frames keep their order however many are left", () => {
  const random = new Random(5);
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const decoder = new FrameDecoder(PROTO_SPDY3);
  let pushed = 0;
  let taken = 0;
  for (let round = 0; round < 500; round++) {
    for (let left = random.int(0, 20); left > 0; left--) {
      const frameType = PING;
      const uniqueId = pushed++;
      decoder.push(
        encoder.encode({
          frameType,
          version: 3,
          flags: 0,
          length: 4,
          uniqueId,
        }),
      );
    }
    for (let left = random.int(0, 25); left > 0; left--) {
      const frame = decoder.next();
      if (frame === undefined) break;
      assertEquals(frame.frameType === PING && frame.uniqueId, taken++);
    }
  }
  while (decoder.next() !== undefined) taken++;
  assertEquals(taken, pushed);
});
