import {
  CREDENTIAL,
  ERR_INVALID_FRAME,
  ERR_INVALID_STATE,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  FrameEncoder,
  GOAWAY,
  HEADERS,
  NOOP,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SpdyError,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../frame/mod.ts";
import type { FrameLimits } from "../../frame/mod.ts";
import { FrameParser } from "../../frame/parser.ts";
import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
  concat,
} from "../deps.ts";
import { bytesOf, ensure } from "./recordings.ts";
import { RecordingSink, type Told } from "./sink.ts";

const NONE = new Uint8Array(0);
const PING_BYTES = bytesOf("8003000600000004 00000001");
const PING_FRAME = {
  frameType: PING,
  version: 3,
  flags: 0,
  length: 4,
  uniqueId: 1,
};
const PING_TOLD: Told = ["control", PING_FRAME];
const REPLY_BYTES = bytesOf(
  "800300020000001d 00000001 38eae3c6a7c202a62346507ab482275266602205000000ffff",
);
const DATA_BYTES = bytesOf("00000005 01000003 616263");

/** What a parser reports for `bytes`, as a whole and in pieces of one byte. */
function tell(
  version: ProtocolVersion,
  bytes: Uint8Array,
  limits: FrameLimits = {},
): Told[] {
  const whole = new RecordingSink();
  new FrameParser(version, whole, limits).push(bytes);
  const single = new RecordingSink();
  const parser = new FrameParser(version, single, limits);
  for (const byte of bytes) parser.push(Uint8Array.of(byte));
  // Except for DATA, the size of the pieces makes no difference.
  const isData = ([call]: Told) => call.startsWith("data");
  assertEquals(
    single.told.filter((told) => !isData(told)),
    whole.told.filter((told) => !isData(told)),
  );
  return whole.told;
}

Deno.test("DATA: the sink gets its begin, its chunks as they arrive, and its end", () => {
  const sink = new RecordingSink();
  const parser = new FrameParser(PROTO_SPDY3, sink);
  parser.push(DATA_BYTES.subarray(0, 8));
  assertEquals(sink.told, [["data begin", 5, 1, 3]]);
  parser.push(DATA_BYTES.subarray(8, 10));
  parser.push(NONE);
  parser.push(concat([DATA_BYTES.subarray(10), PING_BYTES]));
  assertEquals(sink.told.slice(1), [
    ["data chunk", 5, 1, bytesOf("6162"), 1],
    ["data chunk", 5, 1, bytesOf("63"), 0],
    ["data end", 5, 1, 3],
    PING_TOLD,
  ]);
});

Deno.test("DATA: a chunk is a view into the pushed bytes", () => {
  const sink = new RecordingSink();
  let buffer: ArrayBufferLike | undefined;
  sink.onDataChunk = (_streamId, _flags, chunk) => {
    buffer = chunk.buffer;
  };
  new FrameParser(PROTO_SPDY3, sink).push(DATA_BYTES);
  assertStrictEquals(buffer, DATA_BYTES.buffer);
});

Deno.test("DATA: a frame that is not admitted is counted and skipped", () => {
  const sink = new RecordingSink();
  sink.admit = false;
  const parser = new FrameParser(PROTO_SPDY3, sink);
  parser.push(DATA_BYTES.subarray(0, 9));
  parser.push(concat([DATA_BYTES.subarray(9), PING_BYTES]));
  assertEquals(sink.told, [
    ["data begin", 5, 1, 3],
    ["data skipped", 5, 1, 1, 2],
    ["data skipped", 5, 1, 2, 0],
    ["data end", 5, 1, 3],
    PING_TOLD,
  ]);
});

Deno.test("DATA: an empty frame has no chunk", () => {
  assertEquals(tell(PROTO_SPDY3, bytesOf("80000005 00000000")).length, 1);
  assertEquals(tell(PROTO_SPDY3, bytesOf("00000005 01000000")), [
    ["data begin", 5, 1, 0],
    ["data end", 5, 1, 0],
  ]);
});

Deno.test("stop: nothing is reported after it, of this input or later input", () => {
  for (
    const call of ["data begin", "data chunk", "data end", "control"]
  ) {
    const sink = new RecordingSink();
    const parser = new FrameParser(PROTO_SPDY3, sink);
    sink.after = (told) => {
      if (told === call) parser.stop();
    };
    parser.push(concat([DATA_BYTES, PING_BYTES, DATA_BYTES]));
    parser.push(PING_BYTES);
    assertEquals(sink.told.at(-1)?.[0], call);
    assertEquals(sink.told.filter(([told]) => told === call).length, 1);
  }
});

Deno.test("a sink that throws loses no byte, and push rethrows its exception", () => {
  const input = concat([DATA_BYTES, PING_BYTES, REPLY_BYTES, PING_BYTES]);
  const untroubled = tell(PROTO_SPDY3, input);
  for (const [index, [call]] of untroubled.entries()) {
    const sink = new RecordingSink();
    const parser = new FrameParser(PROTO_SPDY3, sink);
    const fault = new RangeError("out of the sink");
    sink.after = () => {
      if (sink.told.length === index + 1) throw fault;
    };
    assertStrictEquals(assertThrows(() => parser.push(input)), fault);
    if (call !== "data begin") assertEquals(sink.told, untroubled);
    assertEquals(sink.told.at(-1), PING_TOLD);
    parser.push(PING_BYTES);
    assertEquals(sink.told.at(-1), PING_TOLD);
  }
});

Deno.test("if a sink always throws, everything is reported and the last exception is rethrown", () => {
  const sink = new RecordingSink();
  sink.after = () => {
    throw new Error(String(sink.told.length));
  };
  const parser = new FrameParser(PROTO_SPDY3, sink);
  const input = concat([DATA_BYTES, PING_BYTES, REPLY_BYTES, DATA_BYTES]);
  const error = assertThrows(() => parser.push(input), Error);
  assertEquals(error.message, "8");
  // DATA whose admission failed was not admitted.
  assertEquals(sink.told.map(([call]) => call), [
    "data begin",
    "data skipped",
    "data end",
    "control",
    "control",
    "data begin",
    "data skipped",
    "data end",
  ]);
});

Deno.test("push from inside a sink call is refused, and the parser continues", () => {
  const sink = new RecordingSink();
  const parser = new FrameParser(PROTO_SPDY3, sink);
  sink.after = () => {
    const error = assertThrows(() => parser.push(PING_BYTES), SpdyError);
    ensure(error instanceof SpdyError);
    assertEquals(error.code, ERR_INVALID_STATE);
  };
  parser.push(concat([PING_BYTES, PING_BYTES]));
  assertEquals(sink.told, [PING_TOLD, PING_TOLD]);
});

Deno.test("frameOffset is the start of the current frame", () => {
  const sink = new RecordingSink();
  const parser = new FrameParser(PROTO_SPDY3, sink);
  const offsets: number[] = [];
  sink.after = () => offsets.push(parser.frameOffset);
  for (const byte of concat([PING_BYTES, DATA_BYTES, PING_BYTES])) {
    parser.push(Uint8Array.of(byte));
  }
  parser.push(concat([PING_BYTES, PING_BYTES]));
  assertEquals([...new Set(offsets)], [0, 12, 23, 35, 47]);
});

Deno.test("wrong lengths of fixed frames are parse errors", () => {
  for (
    const [type, lengths] of [
      [RST_STREAM, [0, 4, 7, 9, 16]],
      [PING, [0, 3, 5, 8]],
      [GOAWAY, [0, 4, 7, 9, 12]],
      [WINDOW_UPDATE, [0, 4, 7, 9]],
      [SETTINGS, [0, 3, 5, 11, 13]],
    ] as const
  ) {
    for (const length of lengths) {
      const head = Uint8Array.of(0x80, 3, 0, type, 0, 0, 0, length);
      const payload = new Uint8Array(length).fill(0);
      assertEquals(tell(PROTO_SPDY3, concat([head, payload, PING_BYTES])), [
        ["parse error", type, head, payload, ERR_INVALID_FRAME],
        PING_TOLD,
      ]);
    }
  }
});

Deno.test("a long frame that arrives in pieces leaves nothing behind for the next frame", () => {
  const iv = Array.from(
    { length: 1000 },
    (_, index): [number, number, number] => [index + 1, 0, index],
  );
  const settings = new FrameEncoder(PROTO_SPDY3).encode({
    frameType: SETTINGS,
    version: 3,
    flags: 0,
    length: 0,
    iv,
  });
  const bytes = concat([settings, PING_BYTES, PING_BYTES]);
  const [first, ...others] = tell(PROTO_SPDY3, bytes, {
    maxSettingsEntries: iv.length,
  });
  assertEquals((first[1] as { iv?: unknown }).iv, iv);
  assertEquals(others, [PING_TOLD, PING_TOLD]);
});

Deno.test("headerBytes: blocks are counted as received and as inflated, one after another", () => {
  const parser = new FrameParser(PROTO_SPDY3, new RecordingSink());
  const encoder = new FrameEncoder(PROTO_SPDY3);
  // Count, two lengths, name, value: 4 + 4 + 1 + 4 + 7 bytes.
  for (const blocks of [1, 2, 3]) {
    parser.push(encoder.encode({
      frameType: HEADERS,
      version: 3,
      flags: 0,
      length: 0,
      streamId: 1,
      nv: [["a", "1234567"]],
    }));
    assertEquals(parser.headerBytes, encoder.headerBytes);
    assertEquals(parser.headerBytes.plain, 20 * blocks);
  }
});

Deno.test("GOAWAY has 4 bytes in SPDY/2 and 8 in SPDY/3", () => {
  const v2 = bytesOf("8002000700000004 80000005");
  assertEquals(tell(PROTO_SPDY2, v2), [["control", {
    frameType: GOAWAY,
    version: 2,
    flags: 0,
    length: 4,
    lastGoodStreamId: 5,
    statusCode: 0,
  }]]);
  assertEquals(
    tell(PROTO_SPDY2, bytesOf("8002000700000008 0000000000000000"))[0][0],
    "parse error",
  );
});

Deno.test("of frames of the other supported version, SYN_STREAM is reported and the rest ignored", () => {
  for (
    const hex of [
      "8002000300000008 0000000500000003",
      "8002000600000004 00000001",
      "8002000700000004 00000000",
      "800200040000000c 00000001 04000001 00000064",
      "8002000900000008 0000000100000001",
      "800200020000002500000001000038eae3c6a7c2626086e71396126004c1532b2cadc2532a3c9d02000000ffff",
    ]
  ) {
    const bytes = bytesOf(hex);
    assertEquals(tell(PROTO_SPDY3, concat([bytes, PING_BYTES])), [
      ["ignored", bytes[3], bytes.slice(0, 8), NONE],
      PING_TOLD,
    ]);
  }
  const [[call, frame]] = tell(
    PROTO_SPDY3,
    bytesOf(
      "80020001010000470000000100000000000038eae3c6a7c26260859605fcc0a4ac975a91080a55bd646021014bc7cceeae21c0340c2c0873531958334a4a0a8a21e994511f918ce18918000000ffff",
    ),
  );
  assertEquals(call, "control");
  ensure(
    typeof frame === "object" && frame !== null && "version" in frame &&
      "nv" in frame,
  );
  assertEquals(frame.version, 2);
  // It is not a SPDY/2 session, so its names are not changed.
  assertEquals(frame.nv, [
    ["host", "www.example.com"],
    ["method", "GET"],
    ["scheme", "https"],
    ["url", "/"],
    ["version", "HTTP/1.1"],
  ]);
});

Deno.test("frames of an unknown version are parse errors or ignored", () => {
  for (const version of [0, 1, 4, 5, 0x7fff]) {
    const head = (type: number, length: number) =>
      Uint8Array.of(
        0x80 | version >>> 8,
        version,
        0,
        type,
        0,
        0,
        0,
        length,
      );
    for (const [type, length] of [[SETTINGS, 4], [GOAWAY, 8]]) {
      const payload = new Uint8Array(length);
      assertEquals(tell(PROTO_SPDY3, concat([head(type, length), payload])), [
        ["parse error", type, head(type, length), payload, -503],
      ]);
    }
    for (const [type, length] of [[RST_STREAM, 8], [PING, 4]]) {
      assertEquals(
        tell(PROTO_SPDY3, concat([head(type, length), new Uint8Array(length)])),
        [["ignored", type, head(type, length), NONE]],
      );
      // A frame of a wrong length is an error nevertheless.
      assertEquals(tell(PROTO_SPDY3, head(type, 0))[0][0], "parse error");
    }
    for (
      const [type, fixed] of [[SYN_STREAM, 10], [SYN_REPLY, 4], [HEADERS, 4]]
    ) {
      const payload = new Uint8Array(fixed).fill(1);
      for (const length of [fixed + 1, fixed + 2, 30]) {
        const rest = new Uint8Array(length - fixed);
        const bytes = concat([head(type, length), payload, rest]);
        assertEquals(tell(PROTO_SPDY3, concat([bytes, PING_BYTES])), [
          [
            "parse error",
            type,
            head(type, length),
            payload,
            ERR_UNSUPPORTED_VERSION,
          ],
          PING_TOLD,
        ]);
      }
    }
  }
});

Deno.test("a frame above the limit is skipped to its last byte, and reported as one without payload", () => {
  const maxControlFrameLength = 8;
  for (const length of [9, 10, 300]) {
    for (const type of [NOOP, CREDENTIAL]) {
      const head = Uint8Array.of(0x80, 3, 0, type, 0, 0, length >> 8, length);
      const bytes = concat([
        head,
        new Uint8Array(length).fill(0x80),
        PING_BYTES,
      ]);
      assertEquals(tell(PROTO_SPDY3, bytes, { maxControlFrameLength }), [
        ["ignored", type, head, NONE],
        PING_TOLD,
      ]);
    }
  }
});

Deno.test("WINDOW_UPDATE in SPDY/2 is ignored", () => {
  const bytes = bytesOf("8002000900000008 0000000100000001");
  assertEquals(tell(PROTO_SPDY2, bytes), [
    ["ignored", WINDOW_UPDATE, bytes.slice(0, 8), NONE],
  ]);
});

Deno.test("NOOP and CREDENTIAL are ignored in any version and with any length", () => {
  for (const type of [NOOP, CREDENTIAL]) {
    for (const version of [2, 3, 9]) {
      for (const length of [0, 6, 20]) {
        const head = Uint8Array.of(0x80, version, 0, type, 7, 0, 0, length);
        const payload = new Uint8Array(length).fill(5);
        assertEquals(tell(PROTO_SPDY3, concat([head, payload, PING_BYTES])), [
          ["ignored", type, head, payload],
          PING_TOLD,
        ]);
      }
    }
  }
});

Deno.test("unknown types are reported with head and payload, in any version", () => {
  for (const type of [0, 11, 255, 256, 65535]) {
    const head = Uint8Array.of(0x80, 9, type >>> 8, type, 3, 0, 0, 2);
    const payload = Uint8Array.of(1, 2);
    assertEquals(tell(PROTO_SPDY3, concat([head, payload, PING_BYTES])), [
      ["unknown", head, payload],
      PING_TOLD,
    ]);
  }
});

Deno.test("the head of a frame is reported with every bit of its fields", () => {
  for (const fields of ["ffffffff ff000001", "80017fff 80008000"]) {
    const head = bytesOf(fields);
    const payload = new Uint8Array(head[6] << 8 | head[7]);
    assertEquals(tell(PROTO_SPDY3, concat([head, payload])), [
      ["unknown", head, payload],
    ]);
  }
  const head = bytesOf("fffe0009 01010203");
  const payload = new Uint8Array(0x10203);
  assertEquals(tell(PROTO_SPDY3, concat([head, payload])), [
    ["parse error", WINDOW_UPDATE, head, payload, ERR_INVALID_FRAME],
  ]);
});

Deno.test("a frame that is too short for its headers is reported with the bytes that arrived", () => {
  for (
    const [type, version, fixed] of [
      [SYN_STREAM, 3, 10],
      [SYN_REPLY, 3, 4],
      [HEADERS, 3, 4],
      [SYN_REPLY, 2, 6],
      [HEADERS, 2, 6],
    ]
  ) {
    for (let length = 0; length <= fixed; length++) {
      const head = Uint8Array.of(0x80, version, 0, type, 0, 0, 0, length);
      const payload = new Uint8Array(length).fill(9);
      const told = tell(
        version === 2 ? PROTO_SPDY2 : PROTO_SPDY3,
        // Old bytes in the buffer must not become part of the payload.
        concat([bytesOf("8003000300000008 ffffffffffffffff"), head, payload]),
      );
      assertEquals(told[1], [
        "parse error",
        type,
        head,
        payload,
        ERR_INVALID_FRAME,
      ]);
    }
  }
});

Deno.test("a zlib error is reported where it occurs, with the fixed part of the frame", () => {
  const head = bytesOf("800300020000001d");
  const sink = new RecordingSink();
  const parser = new FrameParser(PROTO_SPDY3, sink);
  parser.push(concat([head, bytesOf("00000001 ffff")]));
  assertEquals(sink.told, [
    ["parse error", SYN_REPLY, head, bytesOf("00000001"), ERR_ZLIB],
  ]);
  // The rest of the frame is skipped, and other frames can still be read.
  parser.push(concat([new Uint8Array(0x1d - 6), PING_BYTES]));
  assertEquals(sink.told.slice(1), [PING_TOLD]);
});

Deno.test("a zlib stream that ends is a zlib error", () => {
  // A complete stream without a dictionary: an empty stored block.
  const block = bytesOf("7801 010000ffff 00000001");
  const head = Uint8Array.of(0x80, 3, 0, SYN_REPLY, 0, 0, 0, 4 + block.length);
  assertEquals(
    tell(PROTO_SPDY3, concat([head, bytesOf("00000001"), block])),
    [["parse error", SYN_REPLY, head, bytesOf("00000001"), ERR_ZLIB]],
  );
});
