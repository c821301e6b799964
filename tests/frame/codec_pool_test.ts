/**
 * The streams of a process share the objects that read their first header blocks.
 * This must not change what any stream reads.
 */

import { ZlibError } from "../../errors.ts";
import { ByteWriter } from "../../frame/byte_writer.ts";
import { writeHeaderBlock } from "../../frame/header_block.ts";
import { HeaderDecoder } from "../../frame/header_decoder.ts";
import { HeaderEncoder } from "../../frame/header_encoder.ts";
import { resolveFrameLimits } from "../../frame/limits.ts";
import { CodecPool } from "../../frame/codec_pool.ts";
import { type NameValue, PROTO_SPDY2, PROTO_SPDY3 } from "../../frame/mod.ts";
import { type VersionTraits, versionTraits } from "../../frame/version.ts";
import { Deflate, Inflate } from "../../zlib/mod.ts";
import { assertEquals, assertThrows, concat } from "../deps.ts";
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
    // More of them than tools are kept, in some rounds.
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
