/** The memory in which matches are searched. */

import { MatchWindow } from "../../../frame/compression/window.ts";
import { SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
} from "../../deps.ts";
import { Random } from "../../helpers/random.ts";

/** Indexes `at` and searches its matches, as the parser of gaps does. */
function searchAt(
  window: MatchWindow,
  at: number,
  most: number,
  tries: number,
  nice: number,
  found: Int32Array,
): number {
  const distance = window.indexOne(at);
  return distance === 0 || most < 3
    ? 0
    : window.search(at, distance, most, tries, nice, found);
}

const HOLE = 0x100;

/** A window, and all symbols of its stream next to it, one by one. */
class Twin {
  readonly window = MatchWindow.of(SPDY3_DICTIONARY);
  readonly symbols: number[] = [...SPDY3_DICTIONARY];

  text(text: string): void {
    this.window.writeText(text);
    this.symbols.push(...new TextEncoder().encode(text));
  }

  number(value: number): void {
    this.window.writeNumber(value, 4);
    for (let shift = 24; shift >= 0; shift -= 8) {
      this.symbols.push(value >>> shift & 0xff);
    }
  }

  hole(size: number): void {
    this.window.writeHole(size);
    this.symbols.push(...new Array(size).fill(HOLE));
  }

  copy(source: number, size: number): void {
    this.window.writeCopy(source, size);
    this.symbols.push(...this.symbols.slice(source, source + size));
  }

  /** How many symbols are equal, none of them a hole. */
  matchLength(source: number, target: number, end: number): number {
    const { symbols } = this;
    let length = 0;
    while (
      target + length < end &&
      symbols[source + length] === symbols[target + length]
    ) length++;
    return length;
  }

  matchBefore(source: number, target: number, begin: number): number {
    const { symbols } = this;
    let length = 0;
    while (
      target - length > begin && source - length > 0 &&
      symbols[source - length - 1] === symbols[target - length - 1]
    ) length++;
    return length;
  }
}

for (const alike of [false, true]) {
  Deno.test(`window: matches are as long as symbols agree, as it grows and slides${alike ? ", with lengths that look like holes" : ""}`, () => {
    const random = new Random(7);
    const twin = new Twin();
    const { window } = twin;
    const texts = [
      "a",
      "ab",
      "abcdefgh",
      "abcdefghijklmnopqrst",
      "\0",
      "\xff\xe9",
      "\x80abcd\x80",
      "\x80\x80\x80\x80",
      "a".repeat(150),
    ];
    let longest = 0;
    let slides = 0;
    for (let round = 0; round < 12_000; round++) {
      const { base } = window;
      window.reserve(1000);
      if (window.base > base) slides++;
      if (random.int(0, 5) === 0) twin.hole(random.int(1, 9));
      const begin = window.position;
      if (random.int(0, 3) === 0) {
        const source = random.int(Math.max(0, begin - 32768), begin - 1);
        const size = random.int(1, Math.min(200, begin - source));
        // Everything that is repeated is public.
        if (!twin.symbols.slice(source, source + size).includes(HOLE)) {
          twin.copy(source, size);
        }
      }
      if (random.int(0, 3) === 0) {
        twin.number(random.int(0, alike ? 0x5ff : 0xfe));
      }
      twin.text(random.pick(texts));
      const end = window.position;
      assertEquals(end, twin.symbols.length);
      const source = random.int(Math.max(0, begin - 32768), begin - 1);
      const length = window.matchLength(source, begin, end);
      const most = twin.matchLength(source, begin, end);
      const before = window.matchBefore(source, end, begin);
      const mostBefore = twin.matchBefore(source, end, begin);
      if (alike) {
        // The search may stop at such a length, and only there.
        assert(
          length === most ||
            twin.symbols[begin + length] === 0xff && length < most,
        );
        assert(
          before === mostBefore ||
            twin.symbols[end - before - 1] === 0xff && before < mostBefore,
        );
      } else {
        assertEquals(length, most);
        assertEquals(before, mostBefore);
      }
      longest = Math.max(longest, length);
    }
    assertGreaterOrEqual(longest, 26);
    assertGreaterOrEqual(slides, 3);
  });
}

Deno.test("window: a match is at the reported place", () => {
  const random = new Random(11);
  const twin = new Twin();
  const { window } = twin;
  const found = new Int32Array(64);
  let matches = 0;
  for (let round = 0; round < 4000; round++) {
    window.reserve(400);
    if (random.int(0, 3) === 0) twin.hole(random.int(1, 20));
    const begin = window.position;
    for (let count = random.int(1, 12); count > 0; count--) {
      twin.text(random.pick(["abc", "bcde", "xyz/", "0", "17", "GMT"]));
    }
    if (random.int(0, 4) === 0) twin.number(random.pick([255, 511, 65535, 7]));
    const end = window.position;
    for (let at = begin; at + 4 <= end; at++) {
      const count = searchAt(window, at, end - at, 30, 258, found);
      let longest = 2;
      for (let index = 0; index < count; index += 2) {
        const [length, distance] = found.subarray(index, index + 2);
        assert(length > longest && distance > 0 && distance <= 32768);
        assert(length <= twin.matchLength(at - distance, at, end));
        longest = length;
        matches++;
      }
    }
  }
  assert(matches > 20_000, `${matches} matches`);
});

Deno.test("window: no match reads a hole", () => {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  for (let size = 0; size < 20; size++) {
    window.reserve(100);
    const source = window.position;
    window.writeText("a".repeat(size));
    window.writeHole(1);
    window.writeText("a".repeat(20));
    const target = window.position;
    window.reserve(100);
    window.writeText("a".repeat(40));
    const end = window.position;
    assertEquals(window.matchLength(source, target, end), size);
  }
});

Deno.test("window: a length that looks like a hole does not match a hole", () => {
  const alike = MatchWindow.of(SPDY3_DICTIONARY);
  alike.reserve(100);
  const hole = alike.position;
  alike.writeNumber(0, 2);
  alike.writeHole(5);
  // 00 00 00 ff, where 00 00 and the hole are.
  alike.writeNumber(0xff, 4);
  const last = alike.position;
  assertEquals(alike.matchLength(hole + 1, last - 2, last), 1);
  assertEquals(alike.matchBefore(hole + 3, last, last - 4), 0);

  const window = MatchWindow.of(SPDY3_DICTIONARY);
  window.reserve(100);
  window.writeText("ab");
  const source = window.position;
  window.writeNumber(5, 4);
  window.writeHole(5);
  window.writeText("cd");
  window.index(source, source + 4);
  // 00 00 05 ff, at a place with 00 00 00 05 followed by the hole.
  const target = window.position;
  window.writeNumber(0x5ff, 4);
  const end = window.position;
  assertEquals(window.matchLength(source + 1, target, end), 3);
  assertEquals(window.matchBefore(source + 5, end, target), 0);
  const found = new Int32Array(64);
  window.index(source + 1, source + 5);
  for (
    let index = 0;
    index < searchAt(window, target, 4, 9, 9, found);
    index++
  ) {
    assertEquals(found[0], 3);
  }
});

Deno.test("window: a value whose bytes look like a hole does not match a hole", () => {
  // The byte 0xff as escaped text, at the end and between other characters.
  for (
    const [value, before] of [["a\udcff\udcff", 1], [
      "\udcff\udcff",
      0,
    ]] as const
  ) {
    const window = MatchWindow.of(SPDY3_DICTIONARY);
    window.reserve(100);
    window.writeText("a");
    const source = window.position - before;
    window.writeHole(5);
    const target = window.position;
    window.writeText(value);
    assertEquals(window.matchLength(source, target, window.position), before);
    assertEquals(
      window.matchBefore(source + before + 2, window.position, target),
      0,
    );
  }
});

Deno.test("window: a value that looks like a hole does not match one with fewer characters before it", () => {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  window.clear();
  window.writeHole(5);
  window.writeText("abcdefghi\udcff\udcff");
  const end = window.position;
  assertEquals(window.matchLength(0, end - 2, end), 0);
});

Deno.test("window: after clear() positions begin anew, and nothing earlier is found", () => {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  const random = new Random(8);
  // More bytes than it contains, one of which looks like a hole.
  window.writeNumber(0xff, 4);
  for (let count = 0; count < 200; count++) {
    window.reserve(1000);
    window.writeText(random.word(1000, 1000));
  }
  window.writeText("method");
  window.clear();
  assertEquals(window.position, 0);
  assertLess(window.bytes.length, 4096);
  window.reserve(1000);
  window.writeText("method, and method, and path");
  assertEquals(window.position, 28);
  assertEquals(
    new TextDecoder().decode(window.bytes.subarray(0, 28)),
    "method, and method, and path",
  );
  assertEquals([window.at(0), window.at(27)], [0x6d, 0x68]);
  const found = new Int32Array(20);
  window.index(0, 12);
  assertEquals(searchAt(window, 2, 6, 100, 32, found), 0);
  assertEquals(searchAt(window, 12, 16, 100, 32, found), 2);
  assertEquals([...found.subarray(0, 2)], [12, 12]);
  assertEquals(window.matchBefore(12, 24, 12), 12);
});

Deno.test("window: after clear() the dictionary is not searched", () => {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  window.clear();
  window.reserve(2000);
  // The dictionary's bytes are at their places, but not indexed.
  window.writeText(new TextDecoder().decode(SPDY3_DICTIONARY));
  const at = window.position;
  window.writeText("accept-charset");
  const found = new Int32Array(20);
  assertEquals(searchAt(window, at, 14, 100, 32, found), 0);
});

Deno.test("window: memory that is just enough is kept", () => {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  for (let round = 0; round < 6; round++) {
    const { bytes, room } = window;
    window.reserve(room);
    assert(window.bytes === bytes);
    window.writeHole(room);
    assertEquals(window.room, 0);
    window.reserve(1);
    assertGreater(window.room, 0);
  }
  // It slides, and has all that a match can reach.
  assertEquals(window.position - window.base, 32768);
  assertEquals(window.room, 32768);
});

Deno.test("window: text is written as UTF-8, whatever its characters and wherever they are", () => {
  for (
    const other of ["", "\x7f", "\x80", "\0", "\u07ff", "\u0800", "\u{10ffff}"]
  ) {
    for (let length = 0; length < 12; length++) {
      for (let at = 0; at <= length; at++) {
        const text = "a".repeat(at) + other.repeat(4) + "b".repeat(length - at);
        const window = MatchWindow.of(SPDY3_DICTIONARY);
        window.reserve(100);
        const begin = window.position;
        window.writeText(text);
        const written = window.bytes.slice(begin, window.position);
        assertEquals(new TextDecoder().decode(written), text);
      }
    }
  }
});
