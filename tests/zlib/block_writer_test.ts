import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
} from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { Inflate } from "../../zlib/mod.ts";
import { BitWriter } from "../../zlib/bit_writer.ts";
import {
  matchToken,
  writeBlock,
  writeFixed,
  writeStored,
  writeSyncMarker,
} from "../../zlib/block_writer.ts";
import {
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  distanceCode,
  LENGTH_BASE,
  LENGTH_CODE,
  LENGTH_EXTRA,
} from "../../zlib/constants.ts";
import {
  buildCode,
  FIXED_DISTANCE_CODE,
  FIXED_LITERAL_CODE,
  prefixCode,
  reverseBits,
} from "../../zlib/huffman.ts";
import { type Bytes, nativeInflate } from "./native.ts";

/** Decodes the tokens to bytes. */
function expand(tokens: readonly number[]): Bytes {
  const bytes: number[] = [];
  for (const token of tokens) {
    if (token < 256) bytes.push(token);
    else {
      for (let left = token >>> 16; left > 0; left--) {
        bytes.push(bytes[bytes.length - (token & 0xffff)]);
      }
    }
  }
  return Uint8Array.from(bytes);
}

/** Writes the tokens as a raw stream of one block and asserts that all inflate it. */
function assertBlock(tokens: readonly number[]): Bytes {
  const source = expand(tokens);
  const list = Int32Array.from(tokens);
  const writer = new BitWriter();
  writeBlock(writer, list, list.length, source, 0, source.length, true);
  writer.align();
  const packed = writer.take();
  const inflate = new Inflate({ format: "raw" });
  assertEquals(inflate.push(packed), source);
  assert(inflate.finished);
  assertEquals(
    nativeInflate(packed, { format: "raw" }),
    { kind: "whole", output: source },
  );
  return packed;
}

Deno.test("a block can encode every length and every distance", () => {
  const random = new Random(61);
  const tokens: number[] = [...random.bytes(32_768)];
  for (let length = 3; length <= 258; length++) {
    tokens.push(matchToken(length, random.int(1, 32_768)));
  }
  for (let code = 0; code < 30; code++) {
    tokens.push(matchToken(3, DISTANCE_BASE[code]));
    const last = DISTANCE_BASE[code] + (1 << DISTANCE_EXTRA[code]) - 1;
    tokens.push(matchToken(258, last));
  }
  assertBlock(tokens);
});

Deno.test("a block can have distance codes of 15 bits", () => {
  const tokens: number[] = new Array(130).fill(matchToken(258, 1));
  tokens.unshift(0);
  for (let [code, one, other] = [29, 1, 1]; code >= 8; code--) {
    for (let left = one; left > 0; left--) {
      tokens.push(matchToken(3, DISTANCE_BASE[code] + left % 5));
    }
    [one, other] = [other, one + other];
  }
  assertBlock(tokens);
});

Deno.test("a block is written as the shortest type", () => {
  const random = new Random(62);
  const formOf = (tokens: readonly number[]) =>
    assertBlock(tokens)[0] >>> 1 & 3;
  assertEquals(formOf([...random.bytes(500)]), 0);
  assertEquals(formOf([65, 66, 67]), 1);
  assertEquals(formOf([...random.bytes(500, 4)]), 2);
  assertEquals(formOf([]), 1);
});

/** Number of bits that writing takes. */
function bitsOf(write: (writer: BitWriter) => void): number {
  const writer = new BitWriter();
  write(writer);
  return writer.length * 8 + writer.held;
}

Deno.test("a block is never larger than its fixed or its stored form, however close these are", () => {
  const random = new Random(64);
  let close = 0;
  for (let run = 0; run < 300; run++) {
    // A match saves bits and a literal of nine bits costs one: about as many of
    // either make the fixed form and the stored form equally large.
    const tokens: number[] = [...random.bytes(300)];
    const matches = random.int(1, 3);
    for (let left = matches; left > 0; left--) {
      const [length, saved] = random.pick([[3, -1], [11, 62], [19, 125]]);
      tokens.push(matchToken(length, random.int(257, 300)));
      const literals = Math.max(0, saved - 60 + random.int(-12, 12));
      for (let more = literals; more > 0; more--) {
        tokens.push(random.int(144, 255));
      }
    }
    const source = expand(tokens);
    const list = Int32Array.from(tokens);
    const { length } = list;
    const chosen = bitsOf((writer) =>
      writeBlock(writer, list, length, source, 0, source.length, true)
    );
    const fixed = bitsOf((writer) => writeFixed(writer, list, length, true));
    const stored = bitsOf((writer) =>
      writeStored(writer, source, 0, source.length, true)
    );
    if (Math.abs(fixed - stored) < 20) close++;
    assert(chosen <= fixed && chosen <= stored, `${chosen} ${fixed} ${stored}`);
  }
  assert(close > 10, `${close} were close`);
});

Deno.test("matches of three bytes far away take more bits than the bytes themselves", () => {
  const source = new Random(65).bytes(32_768);
  const far = [...source, ...new Array(39).fill(matchToken(3, 32_768))];
  const whole = expand(far);
  const list = Int32Array.from(far.slice(-39));
  const writer = new BitWriter();
  writeBlock(writer, list, 39, whole, source.length, whole.length, true);
  // The type of the block, bits 1 and 2: stored.
  assertEquals(writer.view()[0] & 0b110, 0);
});

Deno.test("a dynamic block is considered from 40 tokens on", () => {
  for (const [count, type] of [[39, 1], [40, 2]]) {
    const tokens = new Array(count).fill(200);
    const writer = new BitWriter();
    const source = expand(tokens);
    writeBlock(writer, Int32Array.from(tokens), count, source, 0, count, true);
    writer.align();
    assertEquals([writer.view()[0] >> 1 & 3, count], [
      type === 1 ? 0 : 2,
      count,
    ]);
  }
});

Deno.test("stored data of more than 65535 bytes takes several blocks", () => {
  const source = new Random(63).bytes(150_000);
  const writer = new BitWriter();
  writeStored(writer, source, 0, source.length, true);
  const packed = writer.take();
  assertEquals(packed.length, source.length + 3 * 5);
  const inflate = new Inflate({ format: "raw" });
  assertEquals(inflate.push(packed).length, source.length);
  assert(inflate.finished);
});

Deno.test("blocks and sync markers can start at any bit", () => {
  const writer = new BitWriter();
  const parts: Bytes[] = [];
  const inflate = new Inflate({ format: "raw" });
  for (let count = 1; count < 40; count++) {
    const tokens = Int32Array.from({ length: count }, (_, index) => 60 + index);
    writeFixed(writer, tokens, count, false);
    writeSyncMarker(writer);
    assertEquals(writer.held, 0);
    const output = inflate.push(writer.take());
    assertEquals(output, Uint8Array.from(tokens));
    parts.push(output);
  }
});

Deno.test("BitWriter keeps the bits of an unfinished byte over take and clear", () => {
  const writer = new BitWriter();
  writer.reserve(4);
  writer.write(0b101, 3);
  assertEquals(writer.take().length, 0);
  assertEquals(writer.held, 3);
  writer.write(0xffff, 16);
  assertEquals([...writer.view()], [0b11111101, 0xff]);
  writer.clear();
  writer.align();
  assertEquals([...writer.take()], [0b111]);
  writer.write(0xabcdef, 24);
  assertEquals([...writer.take()], [0xef, 0xcd, 0xab]);
});

Deno.test("BitWriter.take returns small and large output", () => {
  for (const length of [10, 65_535, 65_536, 200_000]) {
    const writer = new BitWriter();
    const bytes = new Random(length).bytes(length);
    writer.writeBytes(bytes);
    const taken = writer.take();
    assertEquals(taken.length, length);
    // The caller owns large output: the writer does not keep it in memory.
    const isLarge = length >= 65_536;
    assertEquals(writer.words.byteLength === 0, isLarge);
    writer.writeBytes(Uint8Array.of(1));
    assertEquals(taken[0], bytes[0]);
    assertEquals([...writer.take()], [1]);
  }
});

/** The sum of 2^-length: 1 when the code is complete. */
function kraftSum(lengths: Uint8Array): number {
  return lengths.reduce(
    (sum, length) => sum + (length > 0 ? 2 ** -length : 0),
    0,
  );
}

/** Cost of the optimal code without a length limit, by Huffman's algorithm. */
function bestCost(frequencies: readonly number[]): number {
  const weights = frequencies.filter((frequency) => frequency > 0);
  let cost = 0;
  while (weights.length > 1) {
    weights.sort((one, other) => other - one);
    const sum = weights.pop()! + weights.pop()!;
    weights.push(sum);
    cost += sum;
  }
  return cost;
}

Deno.test("codes are complete, optimal and prefix-free", () => {
  const random = new Random(64);
  for (let round = 0; round < 300; round++) {
    const symbols = random.int(2, 286);
    const frequencies = Int32Array.from(
      { length: symbols },
      () => random.chance(0.3) ? 0 : random.int(1, random.pick([2, 10, 300])),
    );
    const code = prefixCode(symbols);
    buildCode(code, frequencies, 15);
    assertEquals(kraftSum(code.lengths), 1);
    if (frequencies.filter((frequency) => frequency > 0).length < 2) continue;
    let cost = 0;
    frequencies.forEach((frequency, symbol) => {
      assertEquals(frequency > 0, code.lengths[symbol] > 0);
      cost += frequency * code.lengths[symbol];
    });
    assertEquals(cost, bestCost([...frequencies]));
    const texts = [...code.lengths.keys()].filter((s) => code.lengths[s] > 0)
      .map((s) =>
        reverseBits(code.codes[s], code.lengths[s]).toString(2)
          .padStart(code.lengths[s], "0")
      ).sort();
    for (let index = 1; index < texts.length; index++) {
      assert(!texts[index].startsWith(texts[index - 1]));
    }
  }
});

Deno.test("length-limited codes are complete and near the optimum", () => {
  for (const limit of [7, 9, 15]) {
    const frequencies = new Int32Array(30);
    let [one, other] = [1, 1];
    for (let symbol = 0; symbol < 30; symbol++) {
      frequencies[symbol] = one;
      [one, other] = [other, one + other];
    }
    const code = prefixCode(30);
    buildCode(code, frequencies, limit);
    assertEquals(Math.max(...code.lengths), limit);
    assertEquals(kraftSum(code.lengths), 1);
  }
});

Deno.test("a code has at least two symbols", () => {
  for (const used of [[], [0], [1], [7]]) {
    const frequencies = new Int32Array(10);
    for (const symbol of used) frequencies[symbol] = 5;
    const code = prefixCode(10);
    buildCode(code, frequencies, 15);
    assertEquals(kraftSum(code.lengths), 1);
    for (const symbol of used) assertEquals(code.lengths[symbol], 1);
  }
});

Deno.test("the fixed codes are those of RFC 1951, section 3.2.6", () => {
  const { codes, lengths } = FIXED_LITERAL_CODE;
  const text = (symbol: number) =>
    reverseBits(codes[symbol], lengths[symbol]).toString(2)
      .padStart(lengths[symbol], "0");
  assertEquals(text(0), "00110000");
  assertEquals(text(143), "10111111");
  assertEquals(text(144), "110010000");
  assertEquals(text(255), "111111111");
  assertEquals(text(256), "0000000");
  assertEquals(text(279), "0010111");
  assertEquals(text(280), "11000000");
  assertEquals(text(287), "11000111");
  assertEquals([...FIXED_DISTANCE_CODE.lengths], new Array(30).fill(5));
  assertEquals(FIXED_DISTANCE_CODE.codes[1], 0b10000);
});

Deno.test("every length and distance is in the range of its symbol", () => {
  for (let length = 3; length <= 258; length++) {
    const code = LENGTH_CODE[length];
    assertGreaterOrEqual(length, LENGTH_BASE[code]);
    assertLess(length - LENGTH_BASE[code], 1 << LENGTH_EXTRA[code]);
  }
  assertEquals(LENGTH_CODE[258], 28);
  for (let distance = 1; distance <= 32_768; distance++) {
    const code = distanceCode(distance);
    assertGreaterOrEqual(distance, DISTANCE_BASE[code]);
    assertLess(distance - DISTANCE_BASE[code], 1 << DISTANCE_EXTRA[code]);
  }
});
