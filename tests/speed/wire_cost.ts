/**
 * What a byte on the wire costs. Header compression can turn one byte into a
 * thousand, so the cost of a request with such headers is divided by its compressed
 * size.
 */

import {
  FrameDecoder,
  FrameEncoder,
  type NameValue,
  PROTO_SPDY3_1,
  RST_STREAM,
  SYN_REPLY,
  SYN_STREAM,
} from "../../mod.ts";
import { assert, concat } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";
import { readAll, request } from "./readers/messages.ts";
import { KIB } from "./readers/reader.ts";

/** Requests of one measurement: fewer than may be open at once. */
const REQUESTS = 50;

/** Most times an ordinary byte's cost that any byte may cost. */
const MOST = 20;

/** SYN_STREAMs with the same headers or similar ones, compressed by zlib as far as possible. */
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

/** Time that a byte of these requests takes `serve` and a handler that reads all headers, ms. */
async function costOfByte(nv: (index: number) => NameValue[]): Promise<number> {
  await using pair = await httpPair((request) => {
    readAll(request);
    return new Response("x");
  });
  // The first one contains the headers, and the others only refer to them.
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

/** Counts the requests that were answered or reset. */
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

/** A request of a browser, with another path each time. */
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
  // The first run is for the compiler.
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
    const value = before +
      filling.repeat(60_000 / new TextEncoder().encode(filling).length);
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
    for (let again = 0; again < 3 && times > MOST; again++) {
      times = Math.min(times, await costOfByte(nv) / usual);
    }
    if (times > MOST) found.push(`${name}: ${times.toFixed(1)} times`);
  }
  assert(found.length === 0, found.join("\n"));
});
