/**
 * A header block that copies much of the blocks before it, of the same length or not, is
 * read as if it were alone.
 */

import { ERR_INVALID_HEADER_BLOCK } from "../../errors.ts";
import { ByteWriter } from "../../frame/byte_writer.ts";
import { writeHeaderBlock } from "../../frame/header_block.ts";
import {
  type HeaderBlock,
  readHeaderBlock,
} from "../../frame/header_block_reader.ts";
import { HeaderDecoder } from "../../frame/header_decoder.ts";
import { LastBlock } from "../../frame/last_block.ts";
import { resolveFrameLimits } from "../../frame/limits.ts";
import { type NameValue, PROTO_SPDY2, PROTO_SPDY3 } from "../../frame/mod.ts";
import { type VersionTraits, versionTraits } from "../../frame/version.ts";
import { Deflate } from "../../zlib/mod.ts";
import type { OutputMemory } from "../../zlib/output_window.ts";
import { assert, assertEquals, assertGreater } from "../deps.ts";
import { Random } from "../helpers/random.ts";

const LIMITS = resolveFrameLimits({ maxHeaderBlock: 2000, maxHeaderCount: 12 });
const NAMES = [":host", ":path", "accept", "b", "cookie", "date", "etag", "x"];

/** A value of that length; there are few of each length, so that they repeat. */
function valueOf(random: Random, length: number): string {
  const kind = random.int(0, 5);
  return Array.from(
    { length },
    (_, index) => String.fromCharCode(97 + (index * 7 + kind) % 26),
  ).join("");
}

/** Pairs that follow these: mostly the same with other values, and sometimes others. */
function nextPairs(random: Random, pairs: readonly NameValue[]): NameValue[] {
  const next = pairs.map(([name, value]): NameValue => [name, value]);
  for (let changes = random.int(0, 3); changes > 0; changes--) {
    const pair = random.pick(next);
    const length = random.int(0, 4) === 0 ? random.int(1, 90) : pair[1].length;
    pair[1] = valueOf(random, length);
  }
  switch (random.int(0, 40)) {
    case 0:
      next.splice(random.int(0, next.length), 1);
      break;
    case 1:
      next.reverse();
      break;
    case 2:
      random.pick(next)[1] = "\0";
      break;
    case 3:
      random.pick(next)[1] = "a\0b";
      break;
    case 4:
      random.pick(next)[1] = "a\nb";
      break;
    case 5:
      random.pick(next)[1] = "\u20ac";
      break;
    case 6:
      random.pick(next)[1] = valueOf(random, 2500);
      break;
    case 7:
      return Array.from({ length: 14 }, (_, index) => [`n${index}`, "value"]);
    case 8:
      return firstPairs(random);
  }
  return next.length > 0 ? next : firstPairs(random);
}

function firstPairs(random: Random): NameValue[] {
  return NAMES.slice(0, random.int(2, NAMES.length))
    .map((name) => [name, valueOf(random, random.int(8, 120))]);
}

function plainOf(pairs: readonly NameValue[], traits: VersionTraits) {
  const out = new ByteWriter();
  writeHeaderBlock(out, pairs, traits.lengthSize);
  return out.copy();
}

function push(
  decoder: HeaderDecoder,
  pieces: readonly Uint8Array[],
  traits: VersionTraits,
): HeaderBlock {
  decoder.begin(false);
  for (const piece of pieces) {
    assertEquals(decoder.push(piece, 0, piece.length), undefined);
  }
  return decoder.finish(traits);
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
  Deno.test(`blocks that copy each other are read as if each were alone, SPDY/${version}`, () => {
    const random = new Random(1100 + version);
    const traits = versionTraits(version);
    for (let round = 0; round < 40; round++) {
      const deflate = new Deflate({ dictionary: traits.dictionary });
      const decoder = new HeaderDecoder(traits, LIMITS);
      // Blocks of the same list are copied from further back as well.
      const lists = [firstPairs(random), firstPairs(random)];
      for (let block = 0; block < 120; block++) {
        const place = random.int(0, 9) === 0 ? 1 : 0;
        let pairs = nextPairs(random, lists[place]);
        const plain = plainOf(pairs, traits);
        // A count that is too large, or lengths that are wrong, after the same bytes.
        if (random.int(0, 50) === 0) {
          plain[traits.lengthSize - 1] += random.pick([1, 100]);
        }
        const packed = deflate.push(plain, "sync");
        const pieces = random.int(0, 5) === 0
          ? random.pieces(packed, 20)
          : [packed];
        const read = push(decoder, pieces, traits);
        assertEquals(
          read,
          plain.length > LIMITS.maxHeaderBlock
            ? { errorCode: read.errorCode, nv: [] }
            : readHeaderBlock(plain, traits, LIMITS, true),
        );
        if (read.errorCode !== 0) pairs = firstPairs(random);
        if (random.int(0, 3) > 0 || read.errorCode !== 0) lists[place] = pairs;
      }
    }
  });
}

/** Reads blocks one after another, and returns the last one as it is read after them. */
function lastOf(blocks: readonly Uint8Array<ArrayBuffer>[]): HeaderBlock {
  const traits = versionTraits(PROTO_SPDY3);
  const deflate = new Deflate({ dictionary: traits.dictionary });
  const decoder = new HeaderDecoder(traits, LIMITS);
  let last: HeaderBlock | undefined;
  for (const block of blocks) {
    last = push(decoder, [deflate.push(block, "sync")], traits);
  }
  return last!;
}

const SPDY3 = versionTraits(PROTO_SPDY3);
const pairsOf = (path: string, cookie: string): NameValue[] => [
  [":path", path.repeat(30)],
  ["accept", "c".repeat(50)],
  ["cookie", cookie.repeat(40)],
  ["etag", cookie.repeat(30)],
];

Deno.test("a block that is like the one before the last is not taken for the last", () => {
  const a = plainOf(pairsOf("a", "x"), SPDY3);
  const b = plainOf(pairsOf("a", "y"), SPDY3);
  // With one of each before, and when the last blocks were all alike for some time.
  for (
    const before of [[a, b], [a, a, a, b], [a, b, b, b, b], [a, b, a, b, b]]
  ) {
    for (const next of [a, b]) {
      assertEquals(
        lastOf([...before, next]),
        readHeaderBlock(next, SPDY3, LIMITS, false),
      );
    }
  }
});

Deno.test("a block with an error between blocks that are alike does not change how the next one is read", () => {
  const a = plainOf(pairsOf("a", "x"), SPDY3);
  const b = plainOf(pairsOf("a", "y"), SPDY3);
  const tooMany = b.slice();
  tooMany[3] = 100;
  const bad = b.slice();
  bad[bad.length - 1] = 1;
  assertEquals(
    readHeaderBlock(bad, SPDY3, LIMITS, false).errorCode,
    ERR_INVALID_HEADER_BLOCK,
  );
  // Its headers are dropped.
  const tooLong = plainOf(pairsOf("a".repeat(70), "y"), SPDY3);
  assertGreater(tooLong.length, LIMITS.maxHeaderBlock);
  for (const between of [tooMany, bad, tooLong]) {
    for (const next of [a, b]) {
      assertEquals(
        lastOf([a, a, a, a, a, a, between, next]),
        readHeaderBlock(next, SPDY3, LIMITS, false),
      );
    }
  }
});

Deno.test("a block with more pairs than the last, but the same bytes after the count, is wrong", () => {
  const a = plainOf(pairsOf("a", "x"), SPDY3);
  const more = a.slice();
  more[3]++;
  const expected = readHeaderBlock(more, SPDY3, LIMITS, false);
  assert(expected.errorCode !== 0);
  assertEquals(lastOf([a, a, a, a, a, a, more]), expected);
});

/** The first index from which a block of 100 bytes at 500 is the same, if it copies from `copyFrom` to `copyEnd`. */
function sameFrom(last: LastBlock, copyFrom: number, copyEnd: number): number {
  const block = { end: 600, copyFrom, copyEnd } as OutputMemory;
  return last.sameFrom(block);
}

Deno.test("last block: nothing is known at first, and after it was forgotten", () => {
  const last = new LastBlock();
  assertEquals([last.length, last.count, last.reach], [0, 0, 0]);
  assertEquals(sameFrom(last, 500, 600), 600);
  last.set(100, 3, -1);
  assertEquals([last.length, last.count, last.reach], [100, 3, 100]);
  last.forget();
  assertEquals([last.length, last.reach], [0, 0]);
});

Deno.test("last block: a block that is copied to its end is the same as far as the copy goes", () => {
  const last = new LastBlock();
  last.set(100, 3, -1);
  assertEquals(sameFrom(last, 510, 600), 510);
  assertEquals(sameFrom(last, 500, 600), 500);
  // A copy may begin before the block.
  assertEquals(sameFrom(last, 450, 600), 500);
  assertEquals(sameFrom(last, 510, 599), 601);
});

Deno.test("last block: copies from older blocks count while all have the same last bytes", () => {
  const last = new LastBlock();
  last.set(100, 3, -1);
  // The first of them says how many bytes those are.
  last.set(100, 3, 40);
  assertEquals([last.reach, sameFrom(last, 510, 600)], [200, 560]);
  last.set(100, 3, 40);
  assertEquals([last.reach, sameFrom(last, 510, 600)], [300, 560]);
  last.set(100, 3, 70);
  assertEquals([last.reach, sameFrom(last, 510, 600)], [400, 560]);
  // With fewer, only copies from the last block count, and all of its bytes do.
  last.set(100, 3, 39);
  assertEquals([last.reach, sameFrom(last, 510, 600)], [100, 510]);
  last.set(100, 3, 0);
  assertEquals([last.reach, sameFrom(last, 510, 600)], [200, 600]);
  last.set(100, 3, 0);
  assertEquals(last.reach, 300);
  last.set(100, 3, -1);
  last.set(100, 3, 40);
  last.set(100, 3, 39);
  assertEquals([last.reach, sameFrom(last, 510, 600)], [100, 510]);
  last.set(120, 4, -1);
  assertEquals([last.length, last.count, last.reach], [120, 4, 120]);
});
