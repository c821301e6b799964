/** A pair counts as one that was read before only if every byte is the same. */

import { ByteWriter } from "../../frame/byte_writer.ts";
import { type KnownPair, PairMemory } from "../../frame/pair_memory.ts";
import { assert, assertEquals } from "../deps.ts";

/** A pair in the bytes of a header block. */
interface PlacedPair {
  readonly name: string;
  readonly value: string;
  readonly words: DataView;
  readonly from: number;
  readonly valueAt: number;
  readonly end: number;
}

/** The bytes of a pair as in a block, after `before` other bytes and followed by others. */
function pairAt(
  before: number,
  name: string,
  value: string,
  lengthSize: 2 | 4,
): PlacedPair {
  const out = new ByteWriter();
  out.append(new Uint8Array(before).fill(0x2d));
  for (const text of [name, value]) {
    if (lengthSize === 2) out.uint16(text.length);
    else out.uint32(text.length);
    out.append(new TextEncoder().encode(text));
  }
  const end = out.length;
  out.append(new Uint8Array(32).fill(0x2d));
  const bytes = out.copy();
  return {
    name,
    value,
    words: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    from: before,
    valueAt: end - value.length,
    end,
  };
}

/** Stores the pair, in place of `known` if that is given. */
function keep(
  memory: PairMemory,
  { name, value, words, from, valueAt, end }: PlacedPair,
  known?: KnownPair,
): KnownPair | undefined {
  return memory.keep(known, name, value, words, from, valueAt, end);
}

function textOf(length: number): string {
  return Array.from(
    { length },
    (_, index) => String.fromCharCode(97 + index * 7 % 26),
  ).join("");
}

/** Flips a bit of each byte from `from` to `end` in turn. */
function* withEachByteChanged(
  words: DataView,
  from: number,
  end: number,
): Generator<number> {
  for (let at = from; at < end; at++) {
    const byte = words.getUint8(at);
    words.setUint8(at, byte ^ (at % 2 === 0 ? 0x80 : 1));
    yield at;
    words.setUint8(at, byte);
  }
}

for (const lengthSize of [2, 4] as const) {
  Deno.test(`pair memory: pairs of every length are compared to the last byte, lengths of ${lengthSize} bytes`, () => {
    for (let length = 1; length <= 72; length++) {
      const memory = new PairMemory();
      memory.begin(lengthSize);
      const name = textOf(length);
      const value = textOf(73 - length);
      // Another pair first, so that this one is not at the beginning of the memory.
      keep(memory, pairAt(length % 5, "before", textOf(length), lengthSize));
      const placed = pairAt(length % 9, name, value, lengthSize);
      const { words, from, valueAt, end } = placed;
      const pair = keep(memory, placed)!;
      const nameAt = from + lengthSize;
      assertEquals([pair.name, pair.value], [name, value]);
      assert(memory.isAt(pair, words, from, end), `${length}`);
      assertEquals(memory.find(words, nameAt, length), pair);
      assert(memory.hasValue(pair, words, valueAt, value.length));
      // A block that ends earlier does not have it.
      assert(!memory.isAt(pair, words, from, end - 1));
      assert(!memory.hasValue(pair, words, valueAt, value.length - 1));
      for (const at of withEachByteChanged(words, from, end)) {
        const where = `byte ${at - from} of a name of ${length}`;
        assert(!memory.isAt(pair, words, from, end), where);
        if (at >= valueAt) {
          assert(!memory.hasValue(pair, words, valueAt, value.length), where);
        } else if (at >= nameAt && at < nameAt + length) {
          assertEquals(memory.find(words, nameAt, length), undefined, where);
        }
      }
      assert(memory.isAt(pair, words, from, end));
    }
  });
}

Deno.test("pair memory: a new value of a name replaces the old one, in its room or elsewhere", () => {
  const memory = new PairMemory();
  memory.begin(4);
  const kept = new Map<string, { value: string; pair: KnownPair }>();
  const names = ["a", "bc", "content-type", "x-forwarded-for"];
  for (let round = 0; round < 60; round++) {
    const name = names[round % names.length];
    const value = textOf(1 + round * 13 % 90);
    const placed = pairAt(round % 7, name, value, 4);
    const { words, from } = placed;
    const known = memory.find(words, from + 4, name.length);
    assertEquals(known, kept.get(name)?.pair);
    const pair = keep(memory, placed, known)!;
    kept.set(name, { value, pair });
    for (const [other, { value, pair }] of kept) {
      const now = pairAt(0, other, value, 4);
      assert(memory.isAt(pair, now.words, now.from, now.end), other);
      assertEquals(pair.value, value);
    }
  }
});

Deno.test("pair memory: it keeps 4 KiB at most, and none of its pairs is taken for another", () => {
  const memory = new PairMemory();
  memory.begin(2);
  for (let index = 0; index < 300; index++) {
    const name = `x-${String.fromCharCode(97 + index % 26)}${index % 120}`;
    const value = textOf(index % 90);
    const placed = pairAt(1, name, value, 2);
    const { words, from, end } = placed;
    const known = memory.find(words, from + 2, name.length);
    assert(known === undefined || known.name === name, name);
    const pair = keep(memory, placed, known)!;
    assert(memory.isAt(pair, words, from, end), name);
    assertEquals(memory.find(words, from + 2, name.length), pair);
    assert(pair.at + pair.length <= 4096, `${pair.at}`);
  }
});

Deno.test("pair memory: the shortest pairs, of five to eight bytes", () => {
  for (const value of ["", "b", "bc", "bcd"]) {
    const memory = new PairMemory();
    memory.begin(2);
    const placed = pairAt(1, "a", value, 2);
    const { words, from, end } = placed;
    const pair = keep(memory, placed)!;
    assert(memory.isAt(pair, words, from, end), value);
    for (const at of withEachByteChanged(words, from, end)) {
      assert(!memory.isAt(pair, words, from, end), `byte ${at} of "${value}"`);
    }
  }
});

Deno.test("pair memory: pairs of 1024 bytes are kept, longer ones are not", () => {
  for (const [length, isKept] of [[1024, true], [1025, false]] as const) {
    const memory = new PairMemory();
    memory.begin(4);
    const value = textOf(length - 4 - 1 - 4);
    const placed = pairAt(0, "a", value, 4);
    const { words, from, end } = placed;
    assertEquals(end - from, length);
    const pair = keep(memory, placed);
    assertEquals(pair !== undefined, isKept);
    assertEquals(memory.find(words, from + 4, 1), pair);
  }
});

Deno.test("pair memory: pairs with lengths of another size are forgotten, with their order", () => {
  const memory = new PairMemory();
  const start = memory.begin(2);
  const placed = pairAt(0, "name", "value", 2);
  const { words, from } = placed;
  const pair = keep(memory, placed);
  start.next = pair;
  assertEquals(memory.begin(2).next, pair);
  assertEquals(memory.find(words, from + 2, 4), pair);
  assertEquals(memory.begin(4).next, undefined);
  assertEquals(memory.find(words, from + 2, 4), undefined);
});
