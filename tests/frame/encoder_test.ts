import { ByteWriter } from "../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../frame/header_encoder.ts";
import {
  type CtrlFrame,
  DATA,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  GOAWAY,
  HEADERS,
  InvalidArgumentError,
  type NameValue,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  type SynReplyFrame,
  UnsupportedVersionError,
  WINDOW_UPDATE,
} from "../../frame/mod.ts";
import {
  assertEquals,
  assertLessOrEqual,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import { versionName } from "../helpers/version_name.ts";
import { decodeAll, ensure, SPDYLAY_LIMITS } from "./recordings.ts";

const BASE = { version: 3, flags: 0, length: 0 };
const SYN = {
  frameType: SYN_STREAM,
  ...BASE,
  streamId: 1,
  assocStreamId: 0,
  pri: 0,
  slot: 0,
  nv: [],
};
const BIG = "v".repeat(65535);

function reply(nv: NameValue[]): SynReplyFrame {
  return { frameType: SYN_REPLY, ...BASE, streamId: 1, nv };
}

function encodeOne(version: ProtocolVersion, frame: Frame): Uint8Array {
  return new FrameEncoder(version).encode(frame);
}

/**
 * Frames that cannot be sent, each with a word of the error that gives the reason
 * and, where cases have the same word, what is wrong in this one.
 */
const REFUSED: readonly (readonly [
  message: string,
  version: ProtocolVersion,
  frame: Frame,
  what?: string,
])[] = [
  ["streamId 0", PROTO_SPDY3, { ...SYN, streamId: 0 }],
  ["streamId 2147483648", PROTO_SPDY3, { ...SYN, streamId: 2 ** 31 }],
  ["streamId 1.5", PROTO_SPDY3, { ...SYN, streamId: 1.5 }],
  ["streamId NaN", PROTO_SPDY3, { ...SYN, streamId: NaN }],
  ["assocStreamId -1", PROTO_SPDY3, { ...SYN, assocStreamId: -1 }],
  ["pri 8", PROTO_SPDY3, { ...SYN, pri: 8 }],
  ["pri 4", PROTO_SPDY2, { ...SYN, pri: 4 }],
  ["pri -1", PROTO_SPDY2, { ...SYN, pri: -1 }],
  ["slot 256", PROTO_SPDY3, { ...SYN, slot: 256 }],
  ["slot 1", PROTO_SPDY2, { ...SYN, slot: 1 }],
  ["flags 256", PROTO_SPDY3, { ...SYN, flags: 256 }],
  ["flags -1", PROTO_SPDY3, { ...SYN, flags: -1 }],
  ["flags 256", PROTO_SPDY3, {
    frameType: SYN_REPLY,
    ...BASE,
    flags: 256,
    streamId: 1,
    nv: [],
  }],
  ["streamId 0", PROTO_SPDY3, {
    frameType: HEADERS,
    ...BASE,
    streamId: 0,
    nv: [],
  }],
  ["statusCode 4294967296", PROTO_SPDY3, {
    frameType: RST_STREAM,
    ...BASE,
    streamId: 1,
    statusCode: 2 ** 32,
  }],
  ["streamId -1", PROTO_SPDY3, {
    frameType: RST_STREAM,
    ...BASE,
    streamId: -1,
    statusCode: 1,
  }],
  ["uniqueId 4294967296", PROTO_SPDY3, {
    frameType: PING,
    ...BASE,
    uniqueId: 2 ** 32,
  }],
  ["lastGoodStreamId 2147483648", PROTO_SPDY3, {
    frameType: GOAWAY,
    ...BASE,
    lastGoodStreamId: 2 ** 31,
    statusCode: 0,
  }],
  ["statusCode -1", PROTO_SPDY2, {
    frameType: GOAWAY,
    ...BASE,
    lastGoodStreamId: 0,
    statusCode: -1,
  }],
  ["SPDY/2 has no WINDOW_UPDATE", PROTO_SPDY2, {
    frameType: WINDOW_UPDATE,
    ...BASE,
    streamId: 1,
    deltaWindowSize: 1,
  }],
  ["deltaWindowSize 0", PROTO_SPDY3, {
    frameType: WINDOW_UPDATE,
    ...BASE,
    streamId: 1,
    deltaWindowSize: 0,
  }],
  ["deltaWindowSize 2147483648", PROTO_SPDY3_1, {
    frameType: WINDOW_UPDATE,
    ...BASE,
    streamId: 0,
    deltaWindowSize: 2 ** 31,
  }],
  ["SETTINGS id 0", PROTO_SPDY3, {
    frameType: SETTINGS,
    ...BASE,
    iv: [[0, 0, 0]],
  }],
  ["SETTINGS id 16777216", PROTO_SPDY2, {
    frameType: SETTINGS,
    ...BASE,
    iv: [[1, 0, 0], [2 ** 24, 0, 0]],
  }],
  ["SETTINGS entry flags 256", PROTO_SPDY3, {
    frameType: SETTINGS,
    ...BASE,
    iv: [[1, 256, 0]],
  }],
  ["SETTINGS value 4294967296", PROTO_SPDY3, {
    frameType: SETTINGS,
    ...BASE,
    iv: [[1, 0, 2 ** 32]],
  }],
  ["number of SETTINGS entries 2097152", PROTO_SPDY3, {
    frameType: SETTINGS,
    ...BASE,
    iv: Array(2097152).fill([1, 0, 0]),
  }],
  ["a DATA frame of 16777216 bytes", PROTO_SPDY3, {
    frameType: DATA,
    streamId: 1,
    flags: 0,
    data: new Uint8Array(2 ** 24),
  }],
  ["streamId 0", PROTO_SPDY3, {
    frameType: DATA,
    streamId: 0,
    flags: 0,
    data: new Uint8Array(0),
  }],
  ["flags 300", PROTO_SPDY3, {
    frameType: DATA,
    streamId: 1,
    flags: 300,
    data: new Uint8Array(0),
  }],
  ["header name is empty", PROTO_SPDY3, reply([["", "x"]])],
  [
    "contains a character",
    PROTO_SPDY3,
    reply([["a\n", "x"]]),
    "a line feed in a name",
  ],
  [
    "contains a character",
    PROTO_SPDY3,
    reply([["caf\u00e9", "x"]]),
    "a letter outside ASCII in a name",
  ],
  [
    "control character",
    PROTO_SPDY3,
    reply([["x", "a\r\nset-cookie: b"]]),
    "CR and LF in a value",
  ],
  [
    "control character",
    PROTO_SPDY3,
    reply([["x", "\u007f"]]),
    "DEL in a value",
  ],
  ["empty part", PROTO_SPDY3, reply([["x", "a\0\0b"]]), "between two NULs"],
  ["empty part", PROTO_SPDY3, reply([["x", "\0a"]]), "before the first NUL"],
  ["empty part", PROTO_SPDY3, reply([["x", "a\0"]]), "after the last NUL"],
  ["lone surrogate", PROTO_SPDY3, reply([["x", "\ud800"]])],
  [
    "length of header x is 65536",
    PROTO_SPDY2,
    reply([["x", `${BIG}v`]]),
    "one character too many",
  ],
  [
    "length of header x is 65536",
    PROTO_SPDY2,
    reply([["x", "\u00e9".repeat(32768)]]),
    "two bytes for each character",
  ],
  ["length of a header name is 65536", PROTO_SPDY2, reply([[`${BIG}v`, ""]])],
  [
    "number of headers is 65536",
    PROTO_SPDY2,
    reply(Array.from({ length: 65536 }, (_, index) => [`n${index}`, ""])),
  ],
  [
    "can be too long for a frame",
    PROTO_SPDY3,
    reply([["x", "v".repeat(2 ** 24)]]),
  ],
];

for (const [message, version, frame, what] of REFUSED) {
  const reason = what === undefined ? message : `${message}, ${what}`;
  Deno.test(`FrameEncoder refuses a frame of type ${frame.frameType} in ${versionName(version)}: ${reason}`, () => {
    const encoder = new FrameEncoder(version);
    const decoder = new FrameDecoder(version);
    const nv: NameValue[] = [["x-before", "1"], ["x-other", "2"]];
    decoder.push(encoder.encode(reply(nv)));
    const error = assertThrows(
      () => encoder.encode(frame),
      InvalidArgumentError,
    );
    assertStringIncludes(error.message, message);
    assertEquals([error.code, error.initiator], [-501, "local"]);
    // Nothing was compressed, so the next block can be read.
    decoder.push(encoder.encode(reply(nv)));
    for (let frames = 0; frames < 2; frames++) {
      const next = decoder.next();
      ensure(next !== undefined && "nv" in next);
      assertEquals(next.nv, nv);
    }
  });
}

Deno.test("values that are not frames, lists, pairs, strings or bytes are refused", () => {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const wrong: unknown[] = [
    { ...BASE, frameType: 5 },
    { ...BASE, frameType: 99 },
    { ...BASE, frameType: "SYN_STREAM" },
    { ...SYN, nv: undefined },
    { ...SYN, nv: {} },
    { ...SYN, nv: ["ab"] },
    { ...SYN, nv: [["x", null]] },
    { ...SYN, nv: [["x"]] },
    { ...SYN, nv: [[1, "x"]] },
    { ...SYN, pri: "0" },
    { frameType: DATA, streamId: 1, flags: 0, data: "hi" },
    { frameType: DATA, streamId: 1, flags: 0, data: [1, 2] },
    { frameType: DATA, streamId: 1, flags: 0 },
    { frameType: SETTINGS, ...BASE },
    { frameType: SETTINGS, ...BASE, iv: [1] },
  ];
  for (const frame of wrong) {
    assertThrows(
      () => encoder.encode(frame as Frame),
      InvalidArgumentError,
      undefined,
      JSON.stringify(frame),
    );
  }
});

Deno.test("an encoder or decoder of an unknown version or policy is refused", () => {
  for (const version of [0, 1, 5, 3.5, NaN]) {
    assertThrows(
      () => new FrameEncoder(version as ProtocolVersion),
      UnsupportedVersionError,
    );
    assertThrows(
      () => new FrameDecoder(version as ProtocolVersion),
      UnsupportedVersionError,
    );
  }
  assertThrows(
    () =>
      new FrameEncoder(PROTO_SPDY3, {
        headerCompression: "best" as "full",
      }),
    InvalidArgumentError,
  );
});

Deno.test("fields at the limits of their ranges are accepted", () => {
  const frames: Frame[] = [
    {
      ...SYN,
      flags: 255,
      streamId: 2 ** 31 - 1,
      assocStreamId: 2 ** 31 - 1,
      pri: 7,
      slot: 255,
    },
    {
      frameType: RST_STREAM,
      ...BASE,
      streamId: 2 ** 31 - 1,
      statusCode: 2 ** 32 - 1,
    },
    { frameType: PING, ...BASE, flags: 255, uniqueId: 2 ** 32 - 1 },
    {
      frameType: GOAWAY,
      ...BASE,
      lastGoodStreamId: 2 ** 31 - 1,
      statusCode: 2 ** 32 - 1,
    },
    {
      frameType: WINDOW_UPDATE,
      ...BASE,
      streamId: 2 ** 31 - 1,
      deltaWindowSize: 2 ** 31 - 1,
    },
    { frameType: SETTINGS, ...BASE, flags: 1, iv: [] },
    {
      frameType: SETTINGS,
      ...BASE,
      iv: [[2 ** 24 - 1, 255, 2 ** 32 - 1], [1, 0, 0], [0x010203, 7, 9]],
    },
    {
      frameType: DATA,
      streamId: 2 ** 31 - 1,
      flags: 255,
      data: new Uint8Array(0),
    },
  ];
  for (const frame of frames) {
    const [decoded] = decodeAll(
      PROTO_SPDY3_1,
      encodeOne(PROTO_SPDY3_1, frame),
    );
    assertEquals(
      { ...decoded, length: 0 },
      { length: 0, ...frame } as unknown,
    );
  }
});

Deno.test("the longest DATA frame has 2^24-1 bytes", () => {
  const data = new Uint8Array(2 ** 24 - 1).fill(7);
  const encoded = encodeOne(PROTO_SPDY3, {
    frameType: DATA,
    streamId: 1,
    flags: 0,
    data,
  });
  assertEquals(encoded.subarray(4, 8), Uint8Array.of(0, 255, 255, 255));
  assertEquals(decodeAll(PROTO_SPDY3, encoded), [
    { frameType: DATA, streamId: 1, flags: 0, data },
  ]);
});

Deno.test("in SPDY/2 a value can have 65535 bytes", () => {
  const nv: NameValue[] = [["x", BIG]];
  const [frame] = decodeAll(PROTO_SPDY2, encodeOne(PROTO_SPDY2, reply(nv)));
  ensure("nv" in frame);
  assertEquals(frame.nv, nv);
});

Deno.test("a large block that only just fits is sent", () => {
  // With three bytes for each character, it would be 18 MB, too much for a
  // frame.
  const nv: NameValue[] = [["x", "v".repeat(6_000_000)]];
  const bytes = encodeOne(PROTO_SPDY3, reply(nv));
  const decoder = new FrameDecoder(PROTO_SPDY3, SPDYLAY_LIMITS);
  decoder.push(bytes);
  const frame = decoder.next();
  ensure(frame !== undefined && "nv" in frame);
  assertEquals(frame.nv[0][1].length, 6_000_000);
});

Deno.test("a frame's own version and length are ignored", () => {
  const frame: Frame = {
    frameType: PING,
    version: 77,
    flags: 0,
    length: 99,
    uniqueId: 1,
  };
  assertEquals(
    encodeOne(PROTO_SPDY2, frame),
    Uint8Array.of(0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1),
  );
});

Deno.test("append writes after existing bytes, and writes nothing when it refuses", () => {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const out = new ByteWriter(4);
  out.append(Uint8Array.of(9, 9));
  const ping: CtrlFrame = { frameType: PING, ...BASE, uniqueId: 1 };
  assertEquals(encoder.append(out, ping), 4);
  assertEquals(out.length, 14);
  assertThrows(() => encoder.append(out, { ...SYN, nv: [], pri: 9 }));
  assertEquals(out.length, 14);
  const length = encoder.append(out, reply([["a", "b"]]));
  assertEquals(out.length, 14 + 8 + length);
  const [first, second] = decodeAll(PROTO_SPDY3, out.view().subarray(2));
  assertEquals(first, { ...ping, length: 4 });
  ensure("nv" in second);
  assertEquals([second.nv, second.length], [[["a", "b"]], length]);
});

Deno.test("the longest header block that fits in a frame is sent, and one more byte is refused", () => {
  const fixed = 10;
  // A count, the length of a name of one byte, the name, the length of the value.
  const around = 4 + 4 + 1 + 4;
  const room = 2 ** 24 - 1 - fixed;
  // The 256 stored blocks of at most 65535 bytes take 5 bytes each, the rest 16.
  const longest = room - 5 * 256 - 16 - around;
  const encode = (length: number) =>
    new FrameEncoder(PROTO_SPDY3).encode(
      reply([["x", "v".repeat(length)]]),
    );
  assertLessOrEqual(encode(longest).length, 2 ** 24 + 7);
  assertThrows(
    () => encode(longest + 1),
    InvalidArgumentError,
    `header block of ${longest + 1 + around} bytes can be too long for a frame`,
  );
});

Deno.test("the bytes of header blocks are counted without those written before", () => {
  const encoder = new HeaderEncoder(PROTO_SPDY3);
  const out = new ByteWriter();
  out.append(new Uint8Array(100));
  encoder.encode([["x", "1"]], out);
  assertEquals(encoder.bytes.compressed, out.length - 100);
  encoder.encode([["x", "2"]], out);
  assertEquals(encoder.bytes.compressed, out.length - 100);
});

Deno.test("a getter of a frame can have another frame encoded", () => {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const decoder = new FrameDecoder(PROTO_SPDY3);
  const ping: Frame = { frameType: PING, ...BASE, uniqueId: 1 };
  const nv: NameValue[] = [["a", "1"], ["b", "2"]];
  let encoded = 0;
  const odd = Object.defineProperty([...nv], 0, {
    get(): NameValue {
      decoder.push(encoder.encode(ping));
      encoded++;
      return nv[0];
    },
  });
  decoder.push(encoder.encode({ ...SYN, nv: odd }));
  for (let left = encoded; left > 0; left--) {
    assertEquals(decoder.next()?.frameType, PING);
  }
  const frame = decoder.next();
  ensure(frame?.frameType === SYN_STREAM);
  assertEquals(frame.nv, nv);
  assertEquals(decoder.next(), undefined);
});
