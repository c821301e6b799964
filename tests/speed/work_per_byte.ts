/**
 * What a peer's bytes cost. Every place that reads text or structure of a peer
 * has a row: four times the input takes about four times the time, not sixteen.
 * And by bytes on the wire, which header compression turns into a thousand.
 */

import { isUnchanged } from "../../cli/conditional.ts";
import { requestedRanges } from "../../cli/ranges.ts";
import { readPushRules } from "../../cli/serve.ts";
import { printable, printableJson } from "../../cli/terminal.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { bodyDecoder } from "../../http/message/content_coding.ts";
import { toHeaders } from "../../http/message/fields.ts";
import {
  readPushedUrl,
  readRequestHead,
} from "../../http/message/request_head.ts";
import { readResponseHead } from "../../http/message/response_head.ts";
import { receivedRequest } from "../../http/server/received_request.ts";
import { framingOf } from "../../http/upgrade/framing.ts";
import { parseHead } from "../../http/upgrade/head.ts";
import { HeadReader } from "../../http/upgrade/head_reader.ts";
import { chooseToken, namesUpgrade } from "../../http/upgrade/upgrade_token.ts";
import { ALL_VERSIONS } from "../../http/upgrade/upgrade_token.ts";
import { parseCall } from "../../kubernetes/call/call.ts";
import { SizeParser } from "../../kubernetes/call/sizes.ts";
import { StreamingRefusedError } from "../../kubernetes/errors.ts";
import { decodeExit } from "../../kubernetes/status.ts";
import { encodeFrame } from "../../kubernetes/websocket/frame.ts";
import { WebSocketTunnel } from "../../kubernetes/websocket/tunnel.ts";
import {
  FrameDecoder,
  FrameEncoder,
  type NameValue,
  PING,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
} from "../../mod.ts";
import { assert, assertLess, concat } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";

const TEXT = new TextEncoder();
const KIB = 1024;

/** One place that reads what a peer sent. */
interface Row<T> {
  /** What is read, and what it is full of. */
  readonly name: string;
  /** Largest input that can come to this place, bytes or so. */
  readonly largest: number;
  /** Makes an input of a size. */
  readonly make: (size: number) => T;
  /** Reads it; may throw. */
  readonly run: (input: T) => unknown;
}

const rows: Row<unknown>[] = [];

function row<T>(
  name: string,
  largest: number,
  make: (size: number) => T,
  run: (input: T) => unknown,
): void {
  rows.push({ name, largest, make, run } as Row<unknown>);
}

/** Fillings that a reader might stumble over. */
const FILLINGS = [
  " ",
  "\t",
  ",",
  ", ",
  "a",
  "a,",
  '"',
  '"a",',
  'W/"',
  "/",
  "/a/..",
  "%",
  "%41",
  "\\",
  "\u00e9",
  "\u0301",
  "\u4e00",
  "(",
  "9",
  "-",
  ".",
  "1.",
  ":",
  "@",
  "?",
  "#",
  "a=b&",
  ";",
  "; ",
  "\x1b",
  "}",
  "{",
  "[",
  '{"a":',
];

function full(filling: string, size: number): string {
  return filling.repeat(Math.ceil(size / filling.length));
}

/** Rows for each filling: as it is, and between letters, as ends are often cut off first. */
function filled(
  name: string,
  largest: number,
  run: (text: string) => unknown,
  around: (text: string) => string = (text) => text,
): void {
  for (const filling of FILLINGS) {
    for (const [begin, end] of [["", ""], ["a", "b"]]) {
      row(
        `${name} full of ${JSON.stringify(begin + filling + end)}`,
        largest,
        (size) => around(begin + full(filling, size) + end),
        run,
      );
    }
  }
}

/** The headers of a request, one of them in place of what it usually is. */
function request(name: string, value: string): NameValue[] {
  const usual: NameValue[] = [
    [":host", "example.org"],
    [":method", "GET"],
    [":path", "/"],
    [":scheme", "http"],
    [":version", "HTTP/1.1"],
  ];
  return [...usual.filter((pair) => pair[0] !== name), [name, value]];
}

const SIGNAL = (): AbortSignal => new AbortController().signal;

/** What `serve` and a handler do with the headers of a request. */
function handle(nv: NameValue[]): void {
  const read = receivedRequest(readRequestHead(nv), null, SIGNAL);
  [...read.headers];
  new URL(read.url).searchParams.get("page");
  isUnchanged(read.headers, { tag: 'W/"1-x"', mtime: new Date(0) });
  requestedRanges(read.headers, 1000);
  printable(read.url);
}

const VALUE = 64 * KIB;

for (
  const name of [
    ":host",
    ":method",
    ":path",
    ":scheme",
    ":version",
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "cookie",
    "if-modified-since",
    "if-none-match",
    "range",
    "x-other",
  ]
) {
  filled(
    `request: ${name}`,
    VALUE,
    (value) => handle(request(name, value)),
    name === ":path"
      ? (text) => `/${text}`
      : name === "range"
      ? (text) => `bytes=${text}-`
      : undefined,
  );
}
filled(
  "request: absolute :path",
  VALUE,
  (value) => handle(request(":path", value)),
  (text) => `http://example.org/${text}`,
);
filled(
  "request: name",
  4 * KIB,
  (name) => handle([...request(":path", "/"), [name, "x"]]),
);
row(
  "request: crumbs of a cookie",
  1024,
  (count) => Array.from({ length: count }, (): NameValue => ["cookie", "a=b"]),
  (nv) => handle([...request(":path", "/"), ...nv]),
);
row(
  "request: headers",
  1024,
  (count) =>
    Array.from({ length: count }, (_, i): NameValue => [`x-${i}`, "v"]),
  (nv) => handle([...request(":path", "/"), ...nv]),
);
row(
  "request: values of one header",
  1024,
  (count) => Array.from({ length: count }, (): NameValue => ["x", "v"]),
  (nv) => handle([...request(":path", "/"), ...nv]),
);
filled(
  "push: :path",
  VALUE,
  (value) => readPushedUrl(request(":path", value)),
  (text) => `/${text}`,
);
for (const name of [":status", ":version", "content-length", "location"]) {
  filled(
    `response: ${name}`,
    VALUE,
    (value) =>
      readResponseHead([[":status", "200"], [":version", "x"], [name, value]]),
  );
}
filled(
  "response: reason",
  VALUE,
  (value) => readResponseHead([[":status", value], [":version", "HTTP/1.1"]]),
  (text) => `200 ${text}`,
);
for (const filling of ["gzip,", "identity,", ",", " , ", "br,"]) {
  row(
    `response: content-encoding full of ${JSON.stringify(filling)}`,
    VALUE,
    (size) => full(filling, size),
    (value) => bodyDecoder(value),
  );
}
row(
  "trailers",
  1024,
  (count) =>
    Array.from({ length: count }, (_, i): NameValue => [`x-${i}`, "v"]),
  (nv) => [...toHeaders(nv)],
);

/** Decodes frames that come in pieces of a size. */
function decode(bytes: Uint8Array, piece = bytes.length): void {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  for (let at = 0; at < bytes.length; at += piece) {
    decoder.push(bytes.subarray(at, at + piece));
    while (decoder.next() !== undefined);
  }
}

function synStream(nv: NameValue[]): Uint8Array {
  const encoder = new FrameEncoder(PROTO_SPDY3, { headerCompression: "none" });
  return encoder.encode({
    frameType: SYN_STREAM,
    version: 3,
    length: 0,
    flags: 1,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv,
  });
}

for (const piece of [1, 1448]) {
  const name = `frames in pieces of ${piece}`;
  row(
    `${name}: a header block of one value`,
    60 * KIB,
    (size) => synStream([["x", "v".repeat(size)]]),
    (bytes) => decode(bytes, piece),
  );
  row(
    `${name}: a header block of many pairs`,
    1024,
    (count) =>
      synStream(
        Array.from({ length: count }, (_, i): NameValue => [`x-${i}`, "v"]),
      ),
    (bytes) => decode(bytes, piece),
  );
  row(
    `${name}: PINGs`,
    64 * KIB,
    (size) => {
      const ping = new FrameEncoder(PROTO_SPDY3).encode({
        frameType: PING,
        version: 3,
        flags: 0,
        length: 4,
        uniqueId: 1,
      });
      return concat(Array.from({ length: size / ping.length }, () => ping));
    },
    (bytes) => decode(bytes, piece),
  );
  row(
    `${name}: entries of SETTINGS`,
    256,
    (count) =>
      new FrameEncoder(PROTO_SPDY3).encode({
        frameType: SETTINGS,
        version: 3,
        flags: 0,
        length: 0,
        iv: Array.from({ length: count }, (_, i) => [i + 10, 0, i] as const),
      }),
    (bytes) => decode(bytes, piece),
  );
  row(
    `${name}: DATA`,
    64 * KIB,
    (size) => {
      const data = new Uint8Array(8 + size);
      data.set([0, 0, 0, 1, 0, size >> 16, size >> 8 & 255, size & 255]);
      return data;
    },
    (bytes) => decode(bytes, piece),
  );
}

/** A connection on which bytes come in pieces of a size, and nothing is written. */
function coming(bytes: Uint8Array, piece: number): ByteConn {
  let at = 0;
  return {
    read: (into) => {
      if (at === bytes.length) return Promise.resolve(null);
      const part = bytes.subarray(at, at + Math.min(piece, into.length));
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
}

for (const piece of [1, 1448]) {
  for (const filling of [" ", "a", "a: b\r\n", ",", ":", "%", "\r\n"]) {
    row(
      `HTTP/1.1 head in pieces of ${piece}, full of ${JSON.stringify(filling)}`,
      16 * KIB,
      (size) =>
        TEXT.encode(
          `GET / HTTP/1.1\r\nHost: h\r\nX: ${full(filling, size)}\r\n\r\n`,
        ),
      async (bytes) => {
        const reader = new HeadReader(coming(bytes, piece));
        const head = await reader.readHead(2 * bytes.length);
        if (head !== undefined) framingOf(parseHead(head, "http"));
      },
    );
  }
  row(
    `WebSocket messages in pieces of ${piece}`,
    64 * KIB,
    (size) => {
      const frame = encodeFrame(2, new Uint8Array(1), undefined);
      return concat(Array.from({ length: size / frame.length }, () => frame));
    },
    (bytes) => drain(new WebSocketTunnel(coming(bytes, piece), true)),
  );
  row(
    `WebSocket pings in pieces of ${piece}`,
    64 * KIB,
    (size) => {
      const frame = encodeFrame(9, new Uint8Array(0), undefined);
      return concat(Array.from({ length: size / frame.length }, () => frame));
    },
    (bytes) => drain(new WebSocketTunnel(coming(bytes, piece), true)),
  );
  row(
    `WebSocket message of one frame in pieces of ${piece}`,
    64 * KIB,
    (size) => encodeFrame(2, new Uint8Array(size), new Uint8Array(4)),
    (bytes) => drain(new WebSocketTunnel(coming(bytes, piece), false)),
  );
}

async function drain(conn: ByteConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer) !== null);
}

filled("Upgrade header", 16 * KIB, (text) => chooseToken(text, ALL_VERSIONS));
filled("Connection header", 16 * KIB, (text) => namesUpgrade(text));
filled(
  "query of a streaming request",
  16 * KIB,
  (text) => parseCall(new Request(text)),
  (text) => `http://h/exec/ns/pod?command=${text}&stdin=${text}`,
);
filled(
  "path of a streaming request",
  16 * KIB,
  (text) => parseCall(new Request(text)),
  (text) => `http://h/exec/${text}/pod`,
);
filled(
  "status of a command",
  64 * KIB,
  (text) => decodeExit("v4.channel.k8s.io", text),
);
row(
  "status of a command with many causes",
  64 * KIB,
  (size) =>
    JSON.stringify({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: full("x", size / 40).split("").map(() => ({ a: 1 })) },
    }),
  (text) => decodeExit("v4.channel.k8s.io", text),
);
filled(
  "body of a refusal",
  64 * KIB,
  (text) => new StreamingRefusedError(403, text),
);
filled(
  "sizes of a terminal",
  64 * KIB,
  (text) => new SizeParser().push(text),
);
filled("text for the terminal", 64 * KIB, printable);
filled("JSON for the terminal", 64 * KIB, printableJson);
filled(
  "push rule",
  64 * KIB,
  (text) => readPushRules([text]),
  (text) => `/${text}=/${text}`,
);

/** Time that one run takes, ms: `repeat` of them at a time. */
async function timeOf(
  run: (input: unknown) => unknown,
  input: unknown,
  repeat: number,
): Promise<number> {
  const begin = performance.now();
  for (let i = 0; i < repeat; i++) {
    try {
      await run(input);
    } catch {
      // A refusal is as good as an answer.
    }
  }
  return (performance.now() - begin) / repeat;
}

/** Runs of a measurement last at least so long, ms: the clock and a turn of the queue are below it. */
const LEAST_MS = 0.3;
/** Times the larger input may take of the smaller one's, which has a quarter: 4 is linear, 16 quadratic. */
const MOST = 10;
/** A machine that does something else meanwhile makes times longer: measured again, up to so often. */
const ATTEMPTS = 40;

/** No noise makes the least of three runs as long as this, ms. */
const SLOW_MS = 1000;

async function growth({ largest, make, run }: Row<unknown>): Promise<number> {
  const small = make(largest / 4);
  const large = make(largest);
  const first = await timeOf(run, small, 1);
  const repeat = Math.max(1, Math.min(200, Math.ceil(LEAST_MS / first)));
  let best = Infinity;
  let smallest = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // The least of each: what is above it is noise.
    smallest = Math.min(smallest, await timeOf(run, small, repeat));
    best = Math.min(best, await timeOf(run, large, Math.ceil(repeat / 4)));
    if (attempt >= 1 && best / smallest < MOST) break;
    if (best > SLOW_MS && attempt >= 2) break;
  }
  return best / smallest;
}

const groups = Map.groupBy(
  rows,
  ({ name }) => name.split(/[:,]| in | full /)[0],
);
for (const [group, members] of groups) {
  Deno.test(`work grows with the bytes, no faster: ${group}`, async () => {
    for (const member of members) {
      const times = await growth(member);
      assertLess(times, MOST, `${member.name}: ${times.toFixed(1)} times`);
    }
  });
}

/** Requests of one measurement: fewer than may be open at once. */
const REQUESTS = 50;

/** SYN_STREAMs that ask for the same again and again, as short as zlib makes them. */
function asked(nv: (index: number) => NameValue[]): Uint8Array[] {
  const encoder = new FrameEncoder(PROTO_SPDY3_1, {
    headerCompression: "full",
  });
  return Array.from({ length: REQUESTS + 1 }, (_, i) =>
    encoder.encode({
      frameType: SYN_STREAM,
      version: 3,
      length: 0,
      flags: 1,
      streamId: 2 * i + 1,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv: nv(i),
    }));
}

/** Time that a byte of these requests costs `serve` and a handler that looks at everything, ms. */
async function costOfByte(nv: (index: number) => NameValue[]): Promise<number> {
  await using pair = await httpPair((request) => {
    [...request.headers];
    new URL(request.url).searchParams.get("page");
    isUnchanged(request.headers, { tag: 'W/"1-x"', mtime: new Date(0) });
    requestedRanges(request.headers, 1000);
    printable(request.url);
    return new Response("x");
  });
  // The first one says in full what the others only refer to.
  const [first, ...others] = asked(nv);
  const bytes = concat(others);
  let least = Infinity;
  for (let round = 0; round < 2; round++) {
    const conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: pair.server.addr.port,
    });
    const answers = new Answers(conn);
    await writeAll(conn, first);
    await answers.until(1);
    const begin = performance.now();
    await Promise.all([writeAll(conn, bytes), answers.until(1 + REQUESTS)]);
    least = Math.min(least, performance.now() - begin);
    conn.close();
  }
  return least / bytes.length;
}

/** Counts the requests that were answered, or reset. */
class Answers {
  readonly #conn: Deno.Conn;
  readonly #decoder = new FrameDecoder(PROTO_SPDY3_1);
  #count = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async until(count: number): Promise<void> {
    const buffer = new Uint8Array(64 * KIB);
    while (this.#count < count) {
      const size = await this.#conn.read(buffer);
      if (size === null) throw new Error("the server ended the connection");
      this.#decoder.push(buffer.subarray(0, size));
      for (let frame; (frame = this.#decoder.next()) !== undefined;) {
        const { frameType } = frame;
        if (frameType === SYN_REPLY || frameType === RST_STREAM) this.#count++;
      }
    }
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}

/** What a browser asks for, another path each time. */
function ordinary(index: number): NameValue[] {
  return [
    ...request(":path", `/assets/${index * 7919 % 1000}/style.css?v=${index}`),
    ["accept", "text/css,*/*;q=0.1"],
    ["accept-encoding", "gzip, deflate"],
    ["accept-language", "en-GB,en;q=0.8"],
    ["cookie", `sid=0123456789abcdef; seen=${index}`],
    ["if-none-match", `W/"${index}-abcdef"`],
    ["referer", "http://example.org/"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
  ];
}

Deno.test("no byte on the wire costs more than twenty times an ordinary one", async () => {
  // Once for the compiler, once for the figure.
  await costOfByte(ordinary);
  const usual = await costOfByte(ordinary);
  const worst: [string, (index: number) => NameValue[]][] = [];
  for (
    const [name, filling, before] of [
      ["if-none-match", " ", '"a'],
      ["if-none-match", " ", ""],
      ["if-none-match", '"a",', ""],
      ["if-modified-since", "(", ""],
      ["range", "9", "bytes="],
      ["x", "\u00e9", ""],
      ["x", "a", ""],
      ["cookie", "a; ", ""],
      [":path", "/..", ""],
      [":path", "/a", ""],
      [":path", "\u4e00", "/"],
      [":path", "a=b&", "/?"],
      [":host", "1.", ""],
      [":host", "\u4e00\u4e01\u4e02.", ""],
    ]
  ) {
    const value = before + filling.repeat(60_000 / TEXT.encode(filling).length);
    worst.push([`${name} full of ${filling}`, () => request(name, value)]);
  }
  const pairs = (count: number, pair: (index: number) => NameValue) => {
    const all = Array.from({ length: count }, (_, i) => pair(i));
    return () => [...request(":path", "/"), ...all];
  };
  worst.push(
    ["240 headers", pairs(240, (i) => [`x-${i}`, "v"])],
    ["240 crumbs", pairs(240, (i) => ["cookie", `a=${i}`])],
    ["240 values", pairs(240, (i) => ["x", `${i}`])],
  );
  const found: string[] = [];
  for (const [name, nv] of worst) {
    let times = Infinity;
    for (let again = 0; again < 3 && times > 20; again++) {
      times = Math.min(times, await costOfByte(nv) / usual);
    }
    if (times > 20) found.push(`${name}: ${times.toFixed(1)} times`);
  }
  assert(found.length === 0, found.join("\n"));
});
