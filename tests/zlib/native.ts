/**
 * The platform's zlib, with which the tests compare ours.
 *
 * Deno's `node:zlib` ignores `dictionary` when it deflates, and when it inflates
 * raw streams. Streams that need a dictionary are in {@linkcode
 * DICTIONARY_STREAMS}.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import type { Inflate, InflateOptions } from "../../zlib/mod.ts";
import { Inflater } from "../../zlib/inflater.ts";

/** Copies bytes into their own ArrayBuffer, which the platform's functions require. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** zlib's strategies. */
export const STRATEGIES: Readonly<Record<string, number>> = {
  default: zlib.constants.Z_DEFAULT_STRATEGY,
  filtered: zlib.constants.Z_FILTERED,
  huffmanOnly: zlib.constants.Z_HUFFMAN_ONLY,
  rle: zlib.constants.Z_RLE,
  fixed: zlib.constants.Z_FIXED,
};

/** The options of zlib's deflate that the tests vary. */
export interface NativeOptions {
  readonly level?: number;
  readonly windowBits?: number;
  readonly memLevel?: number;
  readonly strategy?: number;
  readonly format?: "zlib" | "raw";
}

/** Deflates with the real zlib. */
export function nativeDeflate(
  data: Uint8Array,
  { format, ...options }: NativeOptions = {},
): Bytes {
  return new Uint8Array(
    format === "raw"
      ? zlib.deflateRawSync(data, options)
      : zlib.deflateSync(data, options),
  );
}

/** The result of decompressing a stream. */
export type Outcome =
  | { readonly kind: "whole" | "unfinished"; readonly output: Bytes }
  | { readonly kind: "refused" };

/** Inflates with the real zlib. */
export function nativeInflate(
  packed: Uint8Array,
  options: InflateOptions & { readonly windowBits?: number } = {},
): Outcome {
  const { format = "zlib", ...rest } = options;
  const inflate = format === "raw" ? zlib.inflateRawSync : zlib.inflateSync;
  try {
    const output = inflate(packed, plain(rest));
    return { kind: "whole", output: new Uint8Array(output) };
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (error.code !== "Z_BUF_ERROR") return { kind: "refused" };
  }
  const finishFlush = zlib.constants.Z_SYNC_FLUSH;
  const output = inflate(packed, { ...plain(rest), finishFlush });
  return { kind: "unfinished", output: new Uint8Array(output) };
}

function plain(options: InflateOptions & { readonly windowBits?: number }) {
  const { dictionary, windowBits } = options;
  return {
    ...(dictionary === undefined
      ? {}
      : { dictionary: Buffer.from(dictionary) }),
    ...(windowBits === undefined ? {} : { windowBits }),
  };
}

/** Passes chunks to an `Inflate` and returns its output. */
export function inflateAll(
  inflate: Inflate,
  pieces: Iterable<Uint8Array>,
): Bytes {
  const parts: Bytes[] = [];
  for (const piece of pieces) parts.push(inflate.push(piece));
  return concat(parts);
}

/** Passes a stream to an `Inflater` and takes the output `limit` bytes at a time. */
export function inflateInSteps(packed: Uint8Array, limit: number): Bytes {
  const inflater = new Inflater();
  inflater.feed(packed);
  const parts: Bytes[] = [];
  let whole: boolean;
  do {
    inflater.release();
    whole = inflater.inflate(limit);
    parts.push(inflater.output().slice());
  } while (!whole);
  if (!inflater.finished) throw new Error("stream did not end");
  return concat(parts);
}

/** Splits the data into chunks of one byte. */
export function* singly(bytes: Uint8Array): Generator<Uint8Array> {
  for (let index = 0; index < bytes.length; index++) {
    yield bytes.subarray(index, index + 1);
  }
}

/** Whether two byte arrays are equal; much faster than a deep comparison. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

/** Named samples of each kind of data that compressors treat differently. */
export function samples(): Map<string, Bytes> {
  const random = new Random(20260101);
  const far = random.bytes(40_000);
  // Repetitions at the maximum distance and one byte beyond it.
  far.copyWithin(32_768, 0, 300);
  far.copyWithin(33_800, 1031, 1331);
  return new Map([
    ["empty", new Uint8Array(0)],
    ["one byte", Uint8Array.of(65)],
    ["two bytes", Uint8Array.of(65, 66)],
    ["three equal bytes", Uint8Array.of(65, 65, 65)],
    ["text", random.text(90_000)],
    ["short text", random.text(600)],
    ["random", random.bytes(70_000)],
    ["four letters", random.bytes(50_000, 4)],
    ["zeros", new Uint8Array(140_000)],
    ["long runs", runs(random, 60_000)],
    ["farthest matches", far],
    ["longest codes", skewed(random)],
    [
      "a mixture",
      concat([
        random.bytes(20_000),
        random.text(30_000),
        new Uint8Array(10_000),
        random.bytes(20_000, 3),
      ]),
    ],
  ]);
}

function runs(random: Random, length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let from = 0; from < length;) {
    const run = random.pick([1, 2, 3, 4, 257, 258, 259, 260, 600]);
    bytes.fill(random.int(0, 255), from, from + run);
    from += run;
  }
  return bytes;
}

/** Bytes with Fibonacci frequencies: their optimal code is as deep as possible. */
function skewed(random: Random): Bytes {
  const values: number[] = [];
  for (let [value, one, other] = [0, 1, 1]; value < 21; value++) {
    for (let left = one; left > 0; left--) values.push(value * 11);
    [one, other] = [other, one + other];
  }
  return Uint8Array.from(random.shuffle(values));
}

/** The content of the streams below. */
export const DICTIONARY_TEXT: string =
  "accept-encoding: gzip, deflate\naccept-language: en\nuser-agent: tester\n"
    .repeat(2);

/**
 * {@linkcode DICTIONARY_TEXT} as zlib 1.2.13 deflates it with SPDY/3's
 * dictionary, a sync flush after 50 bytes.
 */
export const DICTIONARY_STREAMS: readonly (readonly [
  name: string,
  format: "zlib" | "raw",
  hex: string,
])[] = [
  [
    "level 1, window 9",
    "zlib",
    "1838e3c6a7c24a4c4e4e2d28d14dcd4bce4fc9cc4bb752001ba700358f0b2a9d9398975e0ab4cc4a21350f000000ffffe32a2d4e2d02d99c5762a550925a5c925a045346a12900f8cb3263",
  ],
  [
    "level 6",
    "zlib",
    "78bbe3c6a7c2422b39ad14c0c62940cde3422b45ad1452f300000000ffff43ca1b560a25c0384d2de2a28e2900f8cb3263",
  ],
  [
    "level 9, window 11, memory 1",
    "zlib",
    "38eae3c6a7c2422b39ad14c0c62940cde3422b45ad1452f300000000ffff43ca1b560a25c0384d2de2a28e2900f8cb3263",
  ],
  [
    "stored",
    "zlib",
    "783fe3c6a7c2003200cdff6163636570742d656e636f64696e673a20677a69702c206465666c6174650a6163636570742d6c616e67756167653a20656e000000ffff015a00a5ff0a757365722d6167656e743a207465737465720a6163636570742d656e636f64696e673a20677a69702c206465666c6174650a6163636570742d6c616e67756167653a20656e0a757365722d6167656e743a207465737465720af8cb3263",
  ],
  [
    "fixed codes",
    "zlib",
    "783fe3c6a7c2422b39ad14c0c62940cde3422b45ad1452f300000000ffff43ca1b560a25c0384d2de2a28e2900f8cb3263",
  ],
  [
    "raw",
    "raw",
    "422b39ad14c0c62940cde3422b45ad1452f300000000ffff43ca1b560a25c0384d2de2a28e2900",
  ],
  [
    "raw, window 9",
    "raw",
    "4a4c4e4e2d28d14dcd4bce4fc9cc4bb752001ba700358f0b2a9d9398975e0ab4cc4a21350f000000ffffe32a2d4e2d02d99c5762a550925a5c925ac4451d5300",
  ],
];
