import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
} from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { Deflate, Inflate } from "../../zlib/mod.ts";
import { type Effort, Tokenizer } from "../../zlib/tokenizer.ts";
import { same } from "./native.ts";

const LAZY: Effort = {
  good: 4,
  lazy: 16,
  nice: 64,
  chain: 32,
  isLazy: true,
  shortest: 4,
};
const EFFORTS: readonly Effort[] = [
  LAZY,
  { ...LAZY, isLazy: false },
  { ...LAZY, shortest: 3 },
  { ...LAZY, chain: 1, good: 258 },
];

/** Appends the decoded tokens to `output[0..length)`; returns the new length. */
function expand(
  output: Uint8Array,
  length: number,
  tokens: Int32Array,
  windowSize: number,
): number {
  for (const token of tokens) {
    if (token < 256) {
      output[length++] = token;
      continue;
    }
    const distance = token & 0xffff;
    assert(token >>> 16 >= 3 && token >>> 16 <= 258);
    assert(distance > 0 && distance <= Math.min(windowSize, length));
    for (let left = token >>> 16; left > 0; left--, length++) {
      output[length] = output[length - distance];
    }
  }
  return length;
}

Deno.test("tokens decode to the bytes, and no block has too many tokens", () => {
  const random = new Random(91);
  for (let round = 0; round < 60; round++) {
    const data = random.pick([
      () => random.bytes(random.int(0, 120_000), random.int(2, 256)),
      () => random.text(random.int(0, 300_000), random.int(5, 5000)),
    ])();
    const windowSize = 1 << random.int(9, 15);
    const tokenizer = new Tokenizer(random.pick(EFFORTS), windowSize);
    const output = new Uint8Array(data.length);
    let length = 0;
    const endBlock = () => {
      const { tokens, count, window, blockStart, position } = tokenizer;
      assertLessOrEqual(count, tokens.length);
      const start = length;
      const list = tokens.subarray(0, count);
      length = expand(output, length, list, windowSize);
      assertEquals(length - start, position - blockStart);
      const source = window.subarray(blockStart, position);
      assert(same(output.subarray(start, length), source));
      tokenizer.startBlock();
    };
    for (const piece of random.pieces(data, random.pick([500, 200_000]))) {
      for (let from = 0; from < piece.length;) {
        const added = tokenizer.add(piece, from);
        from += added;
        const flush = random.chance(0.2);
        while (tokenizer.run(flush)) endBlock();
        if (added === 0) endBlock();
      }
    }
    while (tokenizer.run(true)) endBlock();
    endBlock();
    assert(same(output.subarray(0, length), data), `round ${round}`);
  }
});

Deno.test("a block can become full at any step of lazy matching", () => {
  // Each level reaches the last token of a block at a different length.
  const text = new Random(92).bytes(60_000, 5);
  for (let cut = 0; cut < 40; cut++) {
    const data = text.subarray(cut);
    for (const level of [4, 6, 9]) {
      const packed = new Deflate({ level }).push(data, "finish");
      assertLess(packed.length, data.length / 2);
      assert(same(new Inflate().push(packed), data));
    }
  }
});

Deno.test("a block can become full where each of several bytes has a longer match than the byte before", () => {
  const random = new Random(94);
  const text = Uint8Array.from({ length: 20 }, (_, index) => 200 + index);
  // The longest match at byte `at` of the text is part `at`, of 5 + `at` bytes.
  const parts = Array.from({ length: 8 }, (_, at) => [
    ...text.subarray(at, 5 + 2 * at),
    240 + at,
  ]).flat();
  const unlike = random.bytes(16_384, 200);
  for (let missing = 0; missing < 100; missing++) {
    const data = Uint8Array.from([
      ...parts,
      ...unlike.subarray(missing),
      ...text,
      ...unlike.subarray(0, 10),
    ]);
    for (const level of [7, 8, 9]) {
      const packed = new Deflate({ level }).push(data, "finish");
      assert(same(new Inflate().push(packed), data), `${level}, ${missing}`);
    }
  }
});

Deno.test("a tokenizer of short parts grows only to what its window needs", () => {
  const random = new Random(93);
  for (const windowBits of [9, 11, 15]) {
    const windowSize = 1 << windowBits;
    const tokenizer = new Tokenizer(LAZY, windowSize);
    assertEquals(tokenizer.window.length, 0);
    tokenizer.add(random.text(500), 0);
    assertLessOrEqual(tokenizer.window.length, 2048);
    for (let part = 0; part < 500; part++) {
      const data = random.text(600, 50);
      assertEquals(tokenizer.add(data, 0), data.length);
      tokenizer.run(true);
      tokenizer.startBlock();
    }
    assert(tokenizer.window.length <= 8 * Math.max(1024, windowSize));
  }
});
