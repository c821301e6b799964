/**
 * Types do not stop a caller in JavaScript. The error for a wrong argument must
 * name it, and no wrong value may be accepted.
 */

import { Buffer } from "node:buffer";
import {
  CallbackFailureError,
  CLIENT,
  DATA,
  DataProvider,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  GOAWAY,
  HEADERS,
  InvalidArgumentError,
  type NameValue,
  PING,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  READ_EOF,
  RST_STREAM,
  SERVER,
  Session,
  type SessionOptions,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  UnsupportedVersionError,
  WINDOW_UPDATE,
} from "../mod.ts";
import { readCredential } from "../frame/mod.ts";
import {
  adler32,
  compress,
  decompress,
  decompressStream,
  Deflate,
  Inflate,
} from "../zlib/mod.ts";
import { show } from "../values.ts";
import { assertEquals, assertGreater } from "./deps.ts";

/** An argument of any type. */
// deno-lint-ignore no-explicit-any
type Any = any;

/** A view whose buffer was transferred. */
function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  bytes.buffer.transfer();
  return bytes;
}

const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  '"1"': "1",
  '"abc"': "abc",
  NaN,
  "-1": -1,
  "1.5": 1.5,
  "2^53": 2 ** 53,
  "1n": 1n,
  true: true,
  "[]": [],
  "[1]": [1],
  "{}": {},
  function: () => 1,
  symbol: Symbol("x"),
  DataView: new DataView(new ArrayBuffer(4)),
  ArrayBuffer: new ArrayBuffer(4),
  Uint16Array: new Uint16Array(4),
  detached: detached(),
  "no string": Object.create(null),
  proxy: new Proxy({}, { get: () => undefined }),
};
/** Objects that are valid options according to their types. */
const OBJECTS =
  "[] [1] {} DataView ArrayBuffer Uint16Array detached no-string proxy";
/** Objects without the names of other options. */
const OPTION_OBJECTS = OBJECTS.replace(/ (\[1\]|Uint16Array)/g, "");

const NV: NameValue[] = [[":method", "GET"], [":path", "/"]];

function client(options: SessionOptions = {}): Session {
  return new Session(CLIENT, PROTO_SPDY3_1, {
    send: (_session, data) => data.length,
    ...options,
  });
}

function server(): Session {
  return new Session(SERVER, PROTO_SPDY3_1, {
    send: (_session, data) => data.length,
  });
}

function bodyOf(value: Any): Session {
  const session = client();
  session.submitRequest(0, NV, new DataProvider("", () => value));
  return session;
}

const OPTIONS: Readonly<Record<string, string>> = {
  send: "undefined function",
  recv: "undefined function",
  onRequestRecv: "undefined function",
  limits: `undefined ${OPTION_OBJECTS}`,
  headerCompression: "undefined",
  sensitiveHeaders: "undefined []",
  flowControl: "undefined null true",
  autoWindowUpdate: "undefined null true",
  maxRecvCtrlFrameBuffer: "undefined",
  acceptServerStreams: "undefined null true",
  reuseSendBuffer: "undefined null true",
};

const FRAMES: readonly Any[] = [
  { frameType: PING, flags: 0, uniqueId: 1 },
  { frameType: DATA, streamId: 1, flags: 0, data: new Uint8Array(1) },
  {
    frameType: SYN_STREAM,
    flags: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: NV,
  },
  { frameType: SYN_REPLY, flags: 0, streamId: 1, nv: NV },
  { frameType: HEADERS, flags: 0, streamId: 1, nv: NV },
  { frameType: RST_STREAM, flags: 0, streamId: 1, statusCode: 1 },
  { frameType: SETTINGS, flags: 0, iv: [[4, 0, 1]] },
  { frameType: GOAWAY, flags: 0, lastGoodStreamId: 1, statusCode: 0 },
  { frameType: WINDOW_UPDATE, flags: 0, streamId: 1, deltaWindowSize: 1 },
];

/** A call with one argument of any value, and the values that are valid. */
type Call = readonly [
  what: string,
  call: (value: Any) => unknown,
  right?: string,
];

const CALLS: readonly Call[] = [
  ["Session, side", (v) => new Session(v, PROTO_SPDY3)],
  ["Session, version", (v) => new Session(CLIENT, v)],
  [
    "Session, options",
    (v) => new Session(CLIENT, PROTO_SPDY3, v),
    `undefined ${OPTION_OBJECTS}`,
  ],
  ...Object.entries(OPTIONS).map(([name, right]): Call => [
    `Session, option ${name}`,
    (v) => new Session(CLIENT, PROTO_SPDY3, { [name]: v }),
    right,
  ]),
  [
    "Session, one of sensitiveHeaders",
    (v) => new Session(CLIENT, PROTO_SPDY3, { sensitiveHeaders: [v] }),
    '"1" "abc"',
  ],
  [
    "Session, a limit",
    (v) => new Session(CLIENT, PROTO_SPDY3, { limits: { maxHeaderBlock: v } }),
    "undefined null",
  ],
  // Without data, `recv` asks its callback, which has nothing.
  [
    "Session.recv",
    (v) => client({ recv: () => undefined }).recv(v),
    "undefined",
  ],
  ["Session.resumeData", (v) => client().resumeData(v)],
  ["Session.getStreamUserData", (v) => client().getStreamUserData(v)],
  ["Session.failSession", (v) => client().failSession(v)],
  ["Session.submitRequest, pri", (v) => client().submitRequest(v, NV)],
  ["Session.submitRequest, nv", (v) => client().submitRequest(0, v), "[]"],
  ["Session.submitRequest, a pair", (v) => client().submitRequest(0, [v])],
  [
    "Session.submitRequest, a name",
    (v) => client().submitRequest(0, [[v, "a"]]),
    '"1" "abc"',
  ],
  [
    "Session.submitRequest, a value",
    (v) => client().submitRequest(0, [["a", v]]),
    '"1" "abc"',
  ],
  [
    "Session.submitRequest, a body",
    (v) => client().submitRequest(0, NV, v),
    "undefined",
  ],
  ["Session.submitResponse, streamId", (v) => server().submitResponse(v, NV)],
  ["Session.submitResponse, nv", (v) => server().submitResponse(1, v), "[]"],
  [
    "Session.submitResponse, a body",
    (v) => server().submitResponse(1, NV, v),
    "undefined",
  ],
  [
    "Session.submitSynStream, flags",
    (v) => client().submitSynStream(v, 0, 0, NV),
  ],
  [
    "Session.submitSynStream, assocStreamId",
    (v) => server().submitSynStream(0, v, 0, NV),
  ],
  [
    "Session.submitSynStream, pri",
    (v) => client().submitSynStream(0, 0, v, NV),
  ],
  [
    "Session.submitSynStream, nv",
    (v) => client().submitSynStream(0, 0, 0, v),
    "[]",
  ],
  ["Session.submitSynReply, flags", (v) => server().submitSynReply(v, 1, NV)],
  [
    "Session.submitSynReply, streamId",
    (v) => server().submitSynReply(0, v, NV),
  ],
  ["Session.submitSynReply, nv", (v) => server().submitSynReply(0, 1, v), "[]"],
  ["Session.submitHeaders, flags", (v) => client().submitHeaders(v, 1, NV)],
  ["Session.submitHeaders, streamId", (v) => client().submitHeaders(0, v, NV)],
  ["Session.submitHeaders, nv", (v) => client().submitHeaders(0, 1, v), "[]"],
  [
    "Session.submitData, streamId",
    (v) => client().submitData(v, 0, new DataProvider("", () => v)),
  ],
  [
    "Session.submitData, flags",
    (v) => client().submitData(1, v, new DataProvider("", () => v)),
  ],
  ["Session.submitData, a body", (v) => client().submitData(1, 0, v)],
  ["Session.submitRstStream, id", (v) => client().submitRstStream(v, 1)],
  ["Session.submitRstStream, status", (v) => client().submitRstStream(1, v)],
  ["Session.submitGoaway", (v) => client().submitGoaway(v)],
  ["Session.submitSettings, flags", (v) => client().submitSettings(v, [])],
  ["Session.submitSettings, iv", (v) => client().submitSettings(0, v), "[]"],
  ["Session.submitSettings, entry", (v) => client().submitSettings(0, [v])],
  [
    "Session.submitSettings, id",
    (v) => client().submitSettings(0, [[v, 0, 1]]),
  ],
  [
    "Session.submitSettings, flags of an entry",
    (v) => client().submitSettings(0, [[4, v, 1]]),
  ],
  [
    "Session.submitSettings, value",
    (v) => client().submitSettings(0, [[4, 0, v]]),
  ],
  [
    "Session.submitWindowUpdate, id",
    (v) => client().submitWindowUpdate(v, 1),
  ],
  [
    "Session.submitWindowUpdate, delta",
    (v) => client().submitWindowUpdate(0, v),
  ],
  [
    "Session.consume, id",
    (v) => client({ autoWindowUpdate: false }).consume(v, 1),
  ],
  [
    "Session.consume, bytes",
    (v) => client({ autoWindowUpdate: false }).consume(1, v),
  ],
  ["DataProvider, readCb", (v) => new DataProvider("", v), "function"],
  ["FrameDecoder, version", (v) => new FrameDecoder(v)],
  [
    "FrameDecoder, limits",
    (v) => new FrameDecoder(3, v),
    `undefined ${OPTION_OBJECTS}`,
  ],
  [
    "FrameDecoder, options",
    (v) => new FrameDecoder(3, {}, v),
    `undefined ${OPTION_OBJECTS}`,
  ],
  [
    "FrameDecoder, onIgnored",
    (v) => new FrameDecoder(3, {}, { onIgnored: v }),
    "undefined function",
  ],
  ["FrameDecoder.push", (v) => new FrameDecoder(3).push(v)],
  ["FrameEncoder, version", (v) => new FrameEncoder(v)],
  [
    "FrameEncoder, options",
    (v) => new FrameEncoder(3, v),
    `undefined ${OPTION_OBJECTS}`,
  ],
  [
    "FrameEncoder, headerCompression",
    (v) => new FrameEncoder(3, { headerCompression: v }),
    "undefined",
  ],
  [
    "FrameEncoder, sensitiveHeaders",
    (v) => new FrameEncoder(3, { sensitiveHeaders: v }),
    "undefined null []",
  ],
  [
    "FrameEncoder, one of sensitiveHeaders",
    (v) => new FrameEncoder(3, { sensitiveHeaders: [v] }),
    '"1" "abc"',
  ],
  ["FrameEncoder.encode", (v) => new FrameEncoder(3).encode(v)],
  [
    "FrameEncoder.encode, frameType",
    (v) => new FrameEncoder(3).encode({ frameType: v } as Any),
  ],
  ...FRAMES.flatMap((frame) =>
    Object.keys(frame).filter((name) => name !== "frameType").map((
      name,
    ): Call => [
      `FrameEncoder.encode, ${name} of frame type ${frame.frameType}`,
      (v) => new FrameEncoder(3).encode({ ...frame, [name]: v }),
      name === "nv" || name === "iv" ? "[]" : "",
    ])
  ),
  ["readCredential", (v) => readCredential(v)],
  ["Deflate", (v) => new Deflate(v), `undefined ${OPTION_OBJECTS}`],
  ["Deflate, format", (v) => new Deflate({ format: v }), "undefined"],
  ["Deflate, level", (v) => new Deflate({ level: v }), "undefined"],
  ["Deflate, windowBits", (v) => new Deflate({ windowBits: v }), "undefined"],
  ["Deflate, dictionary", (v) => new Deflate({ dictionary: v }), "undefined"],
  ["Deflate.push", (v) => new Deflate().push(v)],
  [
    "Deflate.push, flush",
    (v) => new Deflate().push(new Uint8Array(1), v),
    "undefined",
  ],
  ["Inflate", (v) => new Inflate(v), `undefined ${OPTION_OBJECTS}`],
  ["Inflate, format", (v) => new Inflate({ format: v }), "undefined"],
  ["Inflate, maxOutput", (v) => new Inflate({ maxOutput: v }), "undefined"],
  ["Inflate, dictionary", (v) => new Inflate({ dictionary: v }), "undefined"],
  ["Inflate.push", (v) => new Inflate().push(v)],
  ["adler32", (v) => adler32(v)],
  ["adler32, start", (v) => adler32(new Uint8Array(1), v), "undefined"],
  ["compress", (v) => compress(v, "gzip")],
  ["compress, encoding", (v) => compress(new Uint8Array(1), v)],
  [
    "compress, a chunk",
    (v) => compress(ReadableStream.from([v]), "gzip"),
  ],
  ["decompress", (v) => decompress(v, "gzip")],
  ["decompress, encoding", (v) => decompress(new Uint8Array(1), v)],
  [
    "decompress, a chunk",
    (v) => decompress(ReadableStream.from([v]), "gzip"),
  ],
  [
    "decompress, maxOutput",
    (v) => decompress(EMPTY_GZIP, "gzip", { maxOutput: v }),
    "undefined",
  ],
  [
    "decompress, options",
    (v) => decompress(EMPTY_GZIP, "gzip", v),
    `undefined ${OPTION_OBJECTS}`,
  ],
  ["decompressStream", (v) => decompressStream(v, "gzip")],
  [
    "decompressStream, encoding",
    (v) => decompressStream(new ReadableStream(), v),
  ],
];

const EMPTY_GZIP = await compress(new Uint8Array(0), "gzip");

/** The result of a call: nothing, or the name of its error. */
async function outcome(call: () => unknown): Promise<string> {
  try {
    await call();
    return "";
  } catch (error) {
    if (error instanceof InvalidArgumentError) return "InvalidArgumentError";
    if (error instanceof UnsupportedVersionError) return "InvalidArgumentError";
    if (error instanceof CallbackFailureError) return "CallbackFailureError";
    return `${error}`;
  }
}

async function check(
  what: string,
  call: (value: Any) => unknown,
  right: string,
  wanted: string,
): Promise<void> {
  const names = right.split(" ");
  for (const [name, value] of Object.entries(VALUES)) {
    const isRight = names.includes(name.replace(" ", "-"));
    assertEquals(
      await outcome(() => call(value)),
      isRight ? "" : wanted,
      `${what}: ${name}`,
    );
  }
}

for (const [what, call, right = ""] of CALLS) {
  Deno.test(`wrong types are refused: ${what}`, () =>
    check(what, call, right, "InvalidArgumentError"));
}

Deno.test("wrong types are refused: results of callbacks", async () => {
  const results: readonly Call[] = [
    ["a read callback", (v) => bodyOf(v).send()],
    ["a recv callback", (v) => client({ recv: () => v }).recv(), "undefined"],
    [
      "a send callback",
      (v) => {
        const session = client({ send: () => v });
        session.submitPing();
        session.send();
      },
      "undefined null",
    ],
  ];
  for (const [what, call, right = ""] of results) {
    await check(what, call, right, "CallbackFailureError");
  }
});

Deno.test("bytes: any Uint8Array is accepted, whatever memory it uses", () => {
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const ping = encoder.encode({
    frameType: PING,
    version: 3,
    flags: 0,
    length: 4,
    uniqueId: 1,
  });
  const reply = encoder.encode({
    frameType: SYN_STREAM,
    version: 3,
    flags: 1,
    length: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: [[":method", "GET"], ["x-name", "\u00e9"]],
  });
  const wire = Uint8Array.of(...ping, ...reply);
  const inShared = new Uint8Array(new SharedArrayBuffer(wire.length + 3), 3);
  inShared.set(wire);
  const within = new Uint8Array(wire.length + 9).subarray(4, -5);
  within.set(wire);
  for (const bytes of [wire, inShared, within, Buffer.from(wire)]) {
    const decoder = new FrameDecoder(PROTO_SPDY3_1);
    decoder.push(bytes);
    assertEquals(decoder.next()?.frameType, PING);
    const frame = decoder.next();
    if (frame?.frameType !== SYN_STREAM) throw new Error("no SYN_STREAM");
    assertEquals(frame.nv, [[":method", "GET"], ["x-name", "\u00e9"]]);

    let requests = 0;
    new Session(SERVER, PROTO_SPDY3_1, { onRequestRecv: () => requests++ })
      .recv(bytes);
    assertEquals(requests, 1);

    const packed = new Deflate({ dictionary: bytes }).push(bytes, "finish");
    const again = new Uint8Array(new SharedArrayBuffer(packed.length));
    again.set(packed);
    const inflate = new Inflate({ dictionary: bytes });
    assertEquals(inflate.push(again), wire);
    assertEquals(adler32(bytes), adler32(wire));

    const data = encoder.encode({
      frameType: DATA,
      streamId: 1,
      flags: 0,
      data: bytes,
    });
    assertEquals(data.subarray(8), wire);

    let sent = 0;
    const session = client({
      send: (_session, chunk) => (sent += chunk.length, chunk.length),
    });
    session.submitRequest(
      0,
      NV,
      new DataProvider("", (_session, _id, _length, readCtrl) => {
        readCtrl.flags = READ_EOF;
        return bytes;
      }),
    );
    session.send();
    assertGreater(sent, wire.length);
  }
});

Deno.test("names: those of Object's members are ordinary names", () => {
  const names = [
    "__defineGetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "prototype",
    "toString",
    "valueOf",
  ];
  const nv = names.map((name): NameValue => [name, `value of ${name}`]);
  const wanted = names.map((
    name,
  ): NameValue => [name.toLowerCase(), `value of ${name}`]).sort();
  for (const version of [2, 3, 4] as const) {
    const encoder = new FrameEncoder(version);
    const decoder = new FrameDecoder(version);
    for (let round = 0; round < 3; round++) {
      const frame: Frame = {
        frameType: HEADERS,
        version: version === 2 ? 2 : 3,
        flags: 0,
        length: 0,
        streamId: 1,
        nv,
      };
      decoder.push(encoder.encode(frame));
      const read = decoder.next();
      if (read?.frameType !== HEADERS) throw new Error("no HEADERS");
      assertEquals(read.nv, wanted);
    }
    let got: NameValue[] = [];
    const peer = new Session(SERVER, version, {
      onCtrlRecv: (_session, frame) => {
        if (frame.frameType === SYN_STREAM) got = frame.nv;
      },
    });
    const session = new Session(CLIENT, version, {
      send: (_session, data) => (peer.recv(data), data.length),
    });
    session.submitRequest(0, [...nv, ...NV]);
    session.send();
    assertEquals(got.filter(([name]) => !name.startsWith(":")), wanted);
  }
});

Deno.test("errors show a wrong value so that its type is clear", () => {
  for (
    const [value, shown] of [
      ["80", '"80"'],
      [[80], "[80]"],
      [[], "[]"],
      [80n, "80n"],
      [null, "null"],
      [Object.create(null), "of type object"],
    ]
  ) {
    assertEquals(show(value), shown);
  }
});
