/**
 * The streams of a process share the objects that read their first header blocks.
 * This must not change what any stream reads.
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
  ZlibError,
} from "../../errors.ts";
import { ByteWriter } from "../../frame/byte_writer.ts";
import { exactValue } from "../../frame/escaped_text.ts";
import { writeHeaderBlock } from "../../frame/header_block.ts";
import type { HeaderBlock } from "../../frame/header_block_reader.ts";
import { HeaderDecoder } from "../../frame/header_decoder.ts";
import { HeaderEncoder } from "../../frame/header_encoder.ts";
import { resolveFrameLimits } from "../../frame/limits.ts";
import { CodecPool } from "../../frame/codec_pool.ts";
import { type NameValue, PROTO_SPDY2, PROTO_SPDY3 } from "../../frame/mod.ts";
import { type VersionTraits, versionTraits } from "../../frame/version.ts";
import { Deflate, Inflate } from "../../zlib/mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertThrows,
  concat,
} from "../deps.ts";
import { countedWork } from "../helpers/counted_work.ts";
import { Random } from "../helpers/random.ts";
import { asWirePairs } from "./compression/corpus.ts";
import { randomLists } from "./compression/random_headers.ts";

const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3] as const;
const LIMITS = resolveFrameLimits({ maxHeaderBlock: 100_000 });
/** A block of the reserved type, which is an error. */
const INVALID = Uint8Array.of(0x07);

/** One stream: its blocks, and how many of them have been read. */
interface Stream {
  readonly decoder: HeaderDecoder;
  readonly traits: VersionTraits;
  readonly lists: readonly (readonly NameValue[])[];
  readonly blocks: readonly Uint8Array<ArrayBuffer>[];
  /** The pieces of the block that is being read. */
  pieces: Uint8Array<ArrayBuffer>[] | undefined;
  read: number;
}

function makeStream(random: Random): Stream {
  const version = random.pick(VERSIONS);
  const traits = versionTraits(version);
  const lists = randomLists(random, random.int(1, 7))
    .map((list) => asWirePairs(list, version));
  return {
    decoder: new HeaderDecoder(traits, LIMITS),
    traits,
    lists,
    blocks: compress(random, traits, version, lists),
    pieces: undefined,
    read: 0,
  };
}

function compress(
  random: Random,
  traits: VersionTraits,
  version: typeof VERSIONS[number],
  lists: readonly (readonly NameValue[])[],
): Uint8Array<ArrayBuffer>[] {
  const { dictionary, lengthSize } = traits;
  if (random.chance(0.5)) {
    const encoder = new HeaderEncoder(version);
    return lists.map((pairs) => {
      const out = new ByteWriter();
      encoder.encode(pairs, out);
      return out.copy();
    });
  }
  // Long blocks have codes of their own.
  const deflate = new Deflate({ dictionary, level: 9 });
  return lists.map((pairs) => {
    const block = new ByteWriter();
    writeHeaderBlock(block, pairs, lengthSize);
    return deflate.push(block.copy(), "sync");
  });
}

/** Reads the next piece of a stream; returns false after the last one. */
function step(random: Random, stream: Stream): boolean {
  const { decoder, traits, lists, blocks, read } = stream;
  if (stream.pieces === undefined) {
    if (read === blocks.length) return false;
    decoder.begin(false);
    stream.pieces = random.pieces(blocks[read], random.pick([9, 90, 900]));
    return true;
  }
  const piece = stream.pieces.shift();
  if (piece === undefined) {
    // The names of SPDY/2 would be replaced with those of the other versions.
    const frame = { ...traits, renamesHeaders: false };
    const nv = lists[read].flatMap(([name, value]): NameValue[] =>
      value.split("\0").map((part) => [name, part])
    );
    assertEquals(decoder.finish(frame), { errorCode: 0, nv });
    stream.read++;
    stream.pieces = undefined;
    return true;
  }
  // At some place in a buffer that is used again at once.
  const source = new Uint8Array(piece.length + 5);
  source.set(piece, 3);
  assertEquals(decoder.push(source, 3, 3 + piece.length), undefined);
  decoder.forgetSource();
  source.fill(0xee);
  return true;
}

/** The error of the decoder for an invalid block that follows. */
function failure({ decoder }: Stream): string {
  decoder.begin(false);
  const told = decoder.push(INVALID, 0, INVALID.length);
  return told instanceof Error ? told.message : `${told}`;
}

Deno.test("streams whose blocks arrive in any order and in pieces are read as if each were alone", () => {
  const random = new Random(162);
  for (let round = 0; round < 60; round++) {
    // More of them than codecs are kept, in some rounds.
    const length = round % 12 === 0 ? 40 : 6;
    const streams = Array.from({ length }, () => makeStream(random));
    for (let left = streams; left.length > 0;) {
      const stream = random.pick(left);
      if (!step(random, stream)) left = left.filter((one) => one !== stream);
    }
    for (const stream of streams) {
      const { blocks, decoder, traits } = stream;
      const bytes = concat([...blocks, INVALID]);
      const alone = new Inflate({ dictionary: traits.dictionary });
      const { message } = assertThrows(() => alone.push(bytes), ZlibError);
      assertEquals(failure(stream), message);
      assertEquals(decoder.bytes.compressed, bytes.length);
    }
  }
});

Deno.test("a stream that is abandoned in its first block leaves nothing to the next one", () => {
  const random = new Random(163);
  for (let round = 0; round < 100; round++) {
    const streams = [makeStream(random), makeStream(random)];
    for (const stream of streams) {
      for (let left = random.int(1, 6); left > 0; left--) step(random, stream);
    }
    const next = makeStream(random);
    while (step(random, next));
  }
});

Deno.test("a codec is found by the stream that used it, and those used last are kept", () => {
  const pool = new CodecPool<string>();
  const streams = Array.from({ length: 40 }, () => pool.add());
  assertEquals(new Set(streams).size, streams.length);
  assertEquals(pool.take(streams[0]), undefined);
  assertEquals(pool.takeOldest(), undefined);
  for (const stream of streams) pool.keep(stream, `codec of ${stream}`);
  assertEquals(pool.take(streams[0]), undefined);
  const last = streams.at(-1)!;
  assertEquals(pool.take(last), `codec of ${last}`);
  assertEquals(pool.take(last), undefined);
  // There is room for new ones.
  assertEquals(pool.takeOldest(), undefined);
  pool.keep(last, "again");
  const kept = streams.filter((stream) => {
    const codec = pool.take(stream);
    if (codec !== undefined) pool.keep(stream, codec);
    return codec !== undefined;
  });
  assertEquals(kept, streams.slice(-kept.length));
  assertEquals(pool.takeOldest(), `codec of ${kept[0]}`);
});

/** The bytes of one block, compressed as the first of a stream. */
function firstBlock(
  traits: VersionTraits,
  write: (block: ByteWriter) => void,
): Uint8Array<ArrayBuffer> {
  const block = new ByteWriter();
  write(block);
  return new Deflate({ dictionary: traits.dictionary })
    .push(block.copy(), "sync");
}

function ofPairs(
  traits: VersionTraits,
  pairs: readonly NameValue[],
): Uint8Array<ArrayBuffer> {
  const { lengthSize } = traits;
  return firstBlock(traits, (out) => writeHeaderBlock(out, pairs, lengthSize));
}

/** Reads one block as {@linkcode read}; the zlib stream must be valid. */
function readValid(
  decoder: HeaderDecoder,
  pieces: readonly Uint8Array[],
  frame: VersionTraits,
): HeaderBlock {
  const block = read(decoder, pieces, frame);
  if (typeof block === "string") throw new Error(block);
  return block;
}

/** Reads one block, which arrives in these pieces. */
function read(
  decoder: HeaderDecoder,
  pieces: readonly Uint8Array[],
  frame: VersionTraits,
): HeaderBlock | string {
  decoder.begin(false);
  for (const piece of pieces) {
    const told = decoder.push(piece, 0, piece.length);
    if (told !== undefined) return `${told}`;
  }
  return decoder.finish(frame);
}

const SPDY3 = versionTraits(PROTO_SPDY3);
const PAIRS: readonly NameValue[] = [[":path", "/a"], ["x-b", "c, d"]];

Deno.test("streams that begin with the same block as others are read as if each were alone", () => {
  const random = new Random(165);
  const firsts = [
    ...randomLists(random, 3),
    [...PAIRS],
    [[":path", "/a"]] as NameValue[],
  ].map((list) => asWirePairs(list, PROTO_SPDY3));
  for (let round = 0; round < 400; round++) {
    const first = random.pick(firsts);
    const others = randomLists(random, random.int(0, 6))
      .map((list) => asWirePairs(list, PROTO_SPDY3));
    const lists = [first, ...others];
    const deflate = new Deflate({ dictionary: SPDY3.dictionary });
    const decoder = new HeaderDecoder(SPDY3, LIMITS);
    let compressed = 0;
    let plain = 0;
    for (const pairs of lists) {
      const block = new ByteWriter();
      writeHeaderBlock(block, pairs, SPDY3.lengthSize);
      const bytes = deflate.push(block.copy(), "sync");
      const pieces = random.chance(0.5) ? [bytes] : random.pieces(bytes, 90);
      const nv = pairs.flatMap(([name, value]): NameValue[] =>
        value.split("\0").map((part) => [name, part])
      );
      assertEquals(read(decoder, pieces, SPDY3), { errorCode: 0, nv });
      compressed += bytes.length;
      plain += block.length;
      assertEquals(decoder.bytes, { compressed, plain });
    }
  }
});

Deno.test("a first block equal to the last one is not inflated", () => {
  const reads = (pairs: readonly NameValue[]): number => {
    const bytes = ofPairs(SPDY3, pairs);
    const decoder = new HeaderDecoder(SPDY3, LIMITS);
    return countedWork(() => read(decoder, [bytes], SPDY3)).reads;
  };
  reads([["other", "1"]]);
  assertGreater(reads(PAIRS), 0);
  assertEquals(reads(PAIRS), 0);
  reads([["other", "1"]]);
  assertGreater(reads(PAIRS), 0);
});

Deno.test("a first block with a secret is inflated each time, so that its time does not reveal who sent it before", () => {
  const readsOfSecond = (
    traits: VersionTraits,
    pairs: readonly NameValue[],
  ) => {
    const bytes = ofPairs(traits, pairs);
    const decode = () => {
      const decoder = new HeaderDecoder(traits, LIMITS);
      const { errorCode } = readValid(decoder, [bytes], traits);
      assertEquals(errorCode, 0);
    };
    decode();
    return countedWork(decode).reads;
  };
  for (const version of VERSIONS) {
    const traits = versionTraits(version);
    const path = version === PROTO_SPDY2 ? "url" : ":path";
    const secrets: readonly NameValue[] = [
      ["authorization", "Basic YTpi"],
      ["cookie", "a=1"],
      ["set-cookie", "a=1\0b=2; path=/"],
      [path, "/?access_token=1234"],
      ["x-unknown", "a value of more than 16 characters"],
    ];
    for (const secret of secrets) {
      const pairs: NameValue[] = [["accept", "*/*"], secret];
      assert(readsOfSecond(traits, pairs) > 0, secret.join());
    }
    assertEquals(readsOfSecond(traits, [["accept", "*/*"], [path, "/"]]), 0);
  }
});

Deno.test("changing the headers of a first block does not change those of another stream", () => {
  const bytes = ofPairs(SPDY3, PAIRS);
  for (let stream = 0; stream < 4; stream++) {
    const decoder = new HeaderDecoder(SPDY3, LIMITS);
    const block = readValid(decoder, [bytes], SPDY3);
    assertEquals(block.nv, [...PAIRS]);
    block.nv[0][1] = "changed";
    block.nv.length = 1;
  }
});

Deno.test("a first block equal to the last one is read with the limits and the layout of its own stream", () => {
  const bytes = ofPairs(SPDY3, PAIRS);
  const ok = { errorCode: 0, nv: [...PAIRS] };
  assertEquals(read(new HeaderDecoder(SPDY3, LIMITS), [bytes], SPDY3), ok);
  const few = resolveFrameLimits({ maxHeaderCount: 1 });
  const small = resolveFrameLimits({ maxHeaderBlock: 8 });
  for (const limits of [few, small]) {
    const block = read(new HeaderDecoder(SPDY3, limits), [bytes], SPDY3);
    assertEquals(block, { errorCode: ERR_FRAME_TOO_LARGE, nv: [] });
  }
  assertEquals(read(new HeaderDecoder(SPDY3, LIMITS), [bytes], SPDY3), ok);
  // A frame of SPDY/2 in a session of SPDY/3 has other length fields.
  const spdy2 = versionTraits(PROTO_SPDY2);
  const wrong = readValid(new HeaderDecoder(SPDY3, LIMITS), [bytes], spdy2);
  assert(wrong.errorCode !== 0);
  const lenient = new HeaderDecoder(SPDY3, LIMITS);
  lenient.begin(true);
  assertEquals(lenient.push(bytes, 0, bytes.length), undefined);
  assertEquals(lenient.finish(SPDY3).errorCode, ERR_FRAME_TOO_LARGE);
});

Deno.test("a first block that only begins like the last one is read to its end", () => {
  const bytes = ofPairs(SPDY3, PAIRS);
  const ok = { errorCode: 0, nv: [...PAIRS] };
  assertEquals(read(new HeaderDecoder(SPDY3, LIMITS), [bytes], SPDY3), ok);
  // An empty stored block more, which adds nothing.
  const more = Uint8Array.of(0, 0, 0, 0xff, 0xff);
  const longer = new HeaderDecoder(SPDY3, LIMITS);
  assertEquals(read(longer, [bytes, more], SPDY3), ok);
  assertEquals(longer.bytes.compressed, bytes.length + more.length);
  const invalid = read(new HeaderDecoder(SPDY3, LIMITS), [
    bytes,
    INVALID,
  ], SPDY3);
  assert(typeof invalid === "string");
  // The next stream has one block, and no part of that one.
  assertEquals(read(new HeaderDecoder(SPDY3, LIMITS), [bytes], SPDY3), ok);
  assertEquals(read(new HeaderDecoder(SPDY3, LIMITS), [], SPDY3), {
    errorCode: ERR_INVALID_FRAME,
    nv: [],
  });
});

Deno.test("an invalid first block, and one whose text is not UTF-8, is read each time", () => {
  const upper = ofPairs(SPDY3, [["X-Upper", "a"]]);
  const latin = firstBlock(SPDY3, (block) => {
    block.uint32(1);
    block.uint32(1);
    block.text("a");
    block.uint32(1);
    block.uint8(0xe4);
  });
  for (let stream = 0; stream < 3; stream++) {
    const decoder = new HeaderDecoder(SPDY3, LIMITS);
    const wrong = readValid(decoder, [upper], SPDY3);
    assertEquals(wrong.errorCode, ERR_INVALID_HEADER_BLOCK);
    const other = new HeaderDecoder(SPDY3, LIMITS);
    const exact = readValid(other, [latin], SPDY3);
    assertEquals(exact.nv, [["a", "\ufffd"]]);
    assertEquals(exactValue(exact.nv[0]), "\udce4");
  }
});

Deno.test("a first block equal to the last one has the names of its own session's version", () => {
  const spdy2 = versionTraits(PROTO_SPDY2);
  const block = new ByteWriter();
  writeHeaderBlock(block, [["url", "/a"]], spdy2.lengthSize);
  // Without the dictionary, which differs between the versions.
  const bytes = new Deflate().push(block.copy(), "sync");
  for (const [traits, name] of [[SPDY3, "url"], [spdy2, ":path"]] as const) {
    const decoder = new HeaderDecoder(traits, LIMITS);
    const { nv } = readValid(decoder, [bytes], spdy2);
    assertEquals(nv, [[name, "/a"]]);
  }
});

Deno.test("a stream of few and short blocks shares its codec, and another one has its own", () => {
  const random = new Random(173);
  // Digits, which inflate to about twice as many bytes, or a text that repeats itself.
  const digits = (length: number): string =>
    Array.from({ length }, () => random.int(0, 9)).join("");
  /** What the next block needs to be read after others have used all codecs of the pool. */
  const readsAfter = (values: readonly string[]): number => {
    const deflate = new Deflate({ dictionary: SPDY3.dictionary });
    const decoder = new HeaderDecoder(SPDY3, LIMITS);
    const send = (value: string): void => {
      const block = new ByteWriter();
      writeHeaderBlock(block, [["x-a", value]], SPDY3.lengthSize);
      const bytes = deflate.push(block.copy(), "sync");
      const { nv } = readValid(decoder, [bytes], SPDY3);
      assertEquals(nv, [["x-a", value]]);
    };
    for (const value of values) send(value);
    for (let other = 0; other < 20; other++) {
      const block = ofPairs(SPDY3, [["x-b", `${other}`]]);
      readValid(new HeaderDecoder(SPDY3, LIMITS), [block], SPDY3);
    }
    return countedWork(() => send("b")).reads;
  };
  const own = readsAfter(Array(9).fill("a"));
  const shared = [
    Array(4).fill("abcdefgh"),
    [digits(1800)],
    ["ab".repeat(4000)],
  ];
  for (const values of shared) {
    const reads = readsAfter(values);
    assert(reads > own, `${values.join().slice(0, 20)}: ${reads}, own ${own}`);
  }
  const alone = [
    Array(5).fill("abcdefgh"),
    [digits(2600)],
    [digits(1300), digits(1300)],
    ["ab".repeat(4200)],
    ["ab".repeat(2200), "cd".repeat(2200)],
  ];
  for (const values of alone) {
    const reads = readsAfter(values);
    assert(reads <= own, `${values.join().slice(0, 20)}: ${reads}, own ${own}`);
  }
});
