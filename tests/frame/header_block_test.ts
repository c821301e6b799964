import { ByteWriter } from "../../frame/byte_writer.ts";
import {
  headerBlockLength,
  LengthBound,
  writeHeaderBlock,
} from "../../frame/header_block.ts";
import { readHeaderBlock } from "../../frame/header_block_reader.ts";
import { prepareHeaders, wirePairs } from "../../frame/header_list.ts";
import { resolveFrameLimits } from "../../frame/limits.ts";
import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
  type NameValue,
} from "../../frame/mod.ts";
import { PairMemory } from "../../frame/pair_memory.ts";
import { versionTraits } from "../../frame/version.ts";
import { assertEquals, assertGreaterOrEqual } from "../deps.ts";
import { Random } from "../helpers/random.ts";

const LIMITS = resolveFrameLimits();
const VERSIONS = [2, 3, 4] as const;

/** A block of pairs of raw bytes (Latin-1 text), SPDY/3. */
function blockOf(...pairs: [string, string][]): Uint8Array {
  const out = new ByteWriter();
  out.uint32(pairs.length);
  for (const text of pairs.flat()) {
    out.uint32(text.length);
    out.append(Uint8Array.from(text, (unit) => unit.charCodeAt(0)));
  }
  return out.copy();
}

function read(block: Uint8Array) {
  return readHeaderBlock(block, versionTraits(3), LIMITS, false);
}

function listOf(random: Random): NameValue[] {
  const nv: NameValue[] = [];
  const alphabet = "abc-_:~!XYZ.0";
  const letters = [
    "a",
    " ",
    "~",
    "\t",
    "\u00e9",
    "\u20ac",
    "\u{1f600}",
    "\ufeff",
  ];
  for (let count = random.int(0, 20); count > 0; count--) {
    let name = random.pick([":", ""]);
    const named = ["host", ":path", "url", ":host", "x"];
    if (random.chance(0.3)) name = random.pick(named);
    else {
      for (let left = random.int(1, 20); left > 0; left--) {
        name += alphabet[random.int(0, alphabet.length - 1)];
      }
    }
    let value = "";
    for (let left = random.int(0, 200); left > 0; left--) {
      value += random.chance(0.95) ? "v" : random.pick(letters);
    }
    nv.push([name, value]);
  }
  return nv;
}

Deno.test("reading the blocks of random lists returns the prepared lists", () => {
  const random = new Random(20260611);
  for (let run = 0; run < 2000; run++) {
    const traits = versionTraits(random.pick(VERSIONS));
    const pairs = wirePairs(prepareHeaders(listOf(random), "wire"), traits);
    const out = new ByteWriter(random.int(0, 50));
    writeHeaderBlock(out, pairs, traits.lengthSize);
    assertEquals(headerBlockLength(pairs, traits, true), out.length);
    assertGreaterOrEqual(headerBlockLength(pairs, traits, false), out.length);
    const { errorCode, nv } = readHeaderBlock(
      out.view(),
      traits,
      LIMITS,
      false,
    );
    assertEquals(errorCode, 0);
    assertEquals(
      nv,
      pairs.flatMap(([name, value]) =>
        value.split("\0").map((part) => [name, part])
      ),
    );
  }
});

Deno.test("a block that is truncated at any byte or has extra bytes is invalid", () => {
  const random = new Random(7);
  for (const version of VERSIONS) {
    const traits = versionTraits(version);
    const pairs = wirePairs(
      prepareHeaders([["a", "1"], ["b", "\u00e9"], ["c", ""]]),
      traits,
    );
    const out = new ByteWriter();
    writeHeaderBlock(out, pairs, traits.lengthSize);
    for (let cut = 0; cut < out.length; cut++) {
      assertEquals(
        readHeaderBlock(out.view().subarray(0, cut), traits, LIMITS, true),
        { errorCode: ERR_INVALID_FRAME, nv: [] },
      );
    }
    out.append(random.bytes(1));
    assertEquals(
      readHeaderBlock(out.view(), traits, LIMITS, true).errorCode,
      ERR_INVALID_FRAME,
    );
  }
});

Deno.test("received blocks are sorted, whatever their order", () => {
  assertEquals(read(blockOf(["b", "1\0" + "2"], [":a", "3"], ["a", "4"])), {
    errorCode: 0,
    nv: [[":a", "3"], ["a", "4"], ["b", "1"], ["b", "2"]],
  });
});

Deno.test("names: at least one byte of 0x20..0x7e, and no capitals", () => {
  for (let code = 0; code < 256; code++) {
    const name = `a${String.fromCharCode(code)}`;
    const { errorCode, nv } = read(blockOf([name, "v"]));
    const allowed = code >= 0x20 && code < 0x7f &&
      !(code >= 0x41 && code <= 0x5a);
    assertEquals(errorCode, allowed ? 0 : ERR_INVALID_HEADER_BLOCK);
    assertEquals(nv, [[code < 0x80 ? name : "a\ufffd", "v"]]);
  }
  assertEquals(read(blockOf(["", "v"])).errorCode, ERR_INVALID_HEADER_BLOCK);
});

Deno.test("values: no control characters except tab, and no empty part", () => {
  for (let code = 1; code < 256; code++) {
    const { errorCode } = read(blockOf(["a", String.fromCharCode(code)]));
    const allowed = code === 9 || code >= 0x20 && code !== 0x7f;
    assertEquals(errorCode, allowed ? 0 : ERR_INVALID_HEADER_BLOCK);
  }
  for (
    const [value, parts] of [
      ["\0a", ["", "a"]],
      ["a\0", ["a", ""]],
      ["a\0\0b", ["a", "", "b"]],
      ["\0", ["", ""]],
    ] as const
  ) {
    assertEquals(read(blockOf(["x", value])), {
      errorCode: ERR_INVALID_HEADER_BLOCK,
      nv: parts.map((part): NameValue => ["x", part]),
    });
  }
});

Deno.test("values of every length are read, with any kind of byte at any place", () => {
  // New values, the same values again, and values that differ from the one before.
  const memory = new PairMemory();
  const kinds = ["", "\t", "\xc3\xa9", "\xe9", "\x01", "\x7f", "p\0q"];
  for (let length = 0; length <= 70; length++) {
    for (const kind of kinds) {
      const place = (7 * length) % (length + 1);
      const rest = "b".repeat(length - place);
      const value = "a".repeat(place) + kind + rest;
      const block = blockOf([":path", value], ["x", value]);
      const bytes = Uint8Array.from(value, (unit) => unit.charCodeAt(0));
      const text = new TextDecoder().decode(bytes);
      const isBad = kind === "\x01" || kind === "\x7f";
      const expected = {
        errorCode: isBad ? ERR_INVALID_HEADER_BLOCK : 0,
        nv: [":path", "x"].flatMap((name) =>
          text.split("\0").map((part): NameValue => [name, part])
        ),
      };
      for (let times = 0; times < 2; times++) {
        assertEquals(
          readHeaderBlock(block, versionTraits(3), LIMITS, false, memory),
          expected,
        );
      }
    }
  }
});

Deno.test("a repeated name is invalid, adjacent or not", () => {
  const invalid = ERR_INVALID_HEADER_BLOCK;
  assertEquals(read(blockOf(["a", "1"], ["a", "2"])), {
    errorCode: invalid,
    nv: [["a", "1"], ["a", "2"]],
  });
  // Sorted, because nothing else is wrong.
  assertEquals(read(blockOf(["b", "1"], ["a", "2"], ["b", "3"])), {
    errorCode: invalid,
    nv: [["a", "2"], ["b", "1"], ["b", "3"]],
  });
  // In the received order, because something else is wrong, too.
  assertEquals(read(blockOf(["b", "1"], ["A", "2"], ["b", "3"])), {
    errorCode: invalid,
    nv: [["b", "1"], ["A", "2"], ["b", "3"]],
  });
});

Deno.test("SPDY/2 names are restored after sorting, and only on request", () => {
  const out = new ByteWriter();
  writeHeaderBlock(out, [["url", "/"], ["host", "h"], ["a", "b"]], 2);
  const traits = versionTraits(2);
  assertEquals(readHeaderBlock(out.view(), traits, LIMITS, true).nv, [
    ["a", "b"],
    [":host", "h"],
    [":path", "/"],
  ]);
  assertEquals(readHeaderBlock(out.view(), traits, LIMITS, false).nv, [
    ["a", "b"],
    ["host", "h"],
    ["url", "/"],
  ]);
});

Deno.test("values are UTF-8; other bytes do not throw", () => {
  const nv = [["a", "\ufeffx"], ["b", "\u00e9\u{1f600}"]] as NameValue[];
  const out = new ByteWriter();
  writeHeaderBlock(out, nv, 4);
  assertEquals(read(out.view()), { errorCode: 0, nv });
  assertEquals(read(blockOf(["x", "a\xff\xfe\x80b"])), {
    errorCode: 0,
    nv: [["x", "a\ufffd\ufffd\ufffdb"]],
  });
  assertEquals(read(blockOf(["x", "\xe9\0\xc3\xa9"])).nv, [
    ["x", "\ufffd"],
    ["x", "\u00e9"],
  ]);
});

Deno.test("limits are checked after the structure and before the content", () => {
  const limits = { ...LIMITS, maxHeaderCount: 1 };
  const traits = versionTraits(3);
  const two = blockOf(["A", "\x01"], ["A", "\0"]);
  assertEquals(
    readHeaderBlock(two, traits, limits, false).errorCode,
    ERR_FRAME_TOO_LARGE,
  );
  assertEquals(
    readHeaderBlock(two.subarray(0, -1), traits, limits, false).errorCode,
    ERR_INVALID_FRAME,
  );
});

Deno.test("remembering earlier blocks does not change any result", () => {
  const random = new Random(31);
  const names = ["a", "aa", "b", "A", "", ":path", "path:", "n".repeat(600)];
  const values = ["", "x", "y", "x\0y", "\0", "\x01", "\xe9", "\u0100"];
  for (let run = 0; run < 100; run++) {
    const memory = new PairMemory();
    for (let count = 0; count < 50; count++) {
      const pairs = Array.from(
        { length: random.int(0, 6) },
        (): [string, string] => [
          random.pick(names),
          random.chance(0.1)
            ? "v".repeat(random.int(500, 530))
            : random.pick(values),
        ],
      );
      const block = blockOf(...pairs);
      const traits = versionTraits(random.pick(VERSIONS));
      assertEquals(
        readHeaderBlock(block, traits, LIMITS, false, memory),
        readHeaderBlock(block, traits, LIMITS, false),
      );
    }
  }
});

Deno.test("blocks similar to the previous one are read correctly", () => {
  const random = new Random(32);
  const alphabet = Array.from({ length: 90 }, (_, index) => `h${index}`);
  for (let run = 0; run < 60; run++) {
    const memory = new PairMemory();
    let pairs: [string, string][] = [];
    for (let count = 0; count < 80; count++) {
      // Mostly kept, and changed in every way that could mislead the cache.
      pairs = pairs.filter(() => random.chance(0.9)).map(([name, value]) => [
        random.chance(0.02) ? random.pick(alphabet) : name,
        random.chance(0.1) ? "v".repeat(random.int(0, 90)) : value,
      ]);
      for (let added = random.int(0, 3); added > 0; added--) {
        pairs.push([random.pick(alphabet), "w".repeat(random.int(0, 300))]);
      }
      if (random.chance(0.8)) pairs.sort(([a], [b]) => a < b ? -1 : 1);
      if (pairs.length > 1 && random.chance(0.1)) {
        const at = random.int(0, pairs.length - 1);
        pairs[at] = [pairs[at][0], random.pick(["\x01", "a\0b", "\0"])];
      }
      const block = blockOf(...pairs);
      // As in an inflater's window, there are bytes before and after the block.
      const window = new Uint8Array(block.length + random.int(3, 9));
      window.fill(0x77);
      window.set(block, 3);
      const view = window.subarray(3, 3 + block.length);
      const traits = versionTraits(3);
      assertEquals(
        readHeaderBlock(view, traits, LIMITS, false, memory),
        readHeaderBlock(block, traits, LIMITS, false),
      );
    }
  }
});

Deno.test("values that change to others of the same length are read correctly", () => {
  const random = new Random(33);
  const traits = versionTraits(3);
  const letters = ["a", "b", "=", "\t", "\x7e"];
  for (let run = 0; run < 40; run++) {
    const memory = new PairMemory();
    const lengths = ["a", "b", "c"].map(() => random.int(1, 80));
    let pairs: [string, string][] = [];
    for (let count = 0; count < 60; count++) {
      pairs = ["a", "b", "c"].map((name, index): [string, string] => {
        const old = pairs.at(index)?.[1];
        // A third is repeated: also a value that has just changed.
        if (old !== undefined && random.chance(0.3)) return [name, old];
        const units = Array.from(
          { length: lengths[index] },
          () => random.pick(letters),
        );
        if (random.chance(0.2)) {
          const odd = random.pick(["\x00", "\x1f", "\x7f", "\xe9", "\ufffd"]);
          units[random.int(0, units.length - 1)] = odd;
        }
        return [name, units.join("")];
      });
      const block = blockOf(...pairs);
      const cut = random.chance(0.1)
        ? block.subarray(0, block.length - random.int(1, 90) % block.length)
        : block;
      assertEquals(
        readHeaderBlock(cut, traits, LIMITS, false, memory),
        readHeaderBlock(cut, traits, LIMITS, false),
      );
    }
  }
});

Deno.test("the bound of a list's length is the same after any other list", () => {
  const random = new Random(33);
  for (const version of VERSIONS) {
    const traits = versionTraits(version);
    const bound = new LengthBound();
    let pairs: readonly NameValue[] = [];
    for (let count = 0; count < 300; count++) {
      // Many lists have as many pairs as the previous one, and share some of
      // them.
      pairs = random.chance(0.2)
        ? listOf(random)
        : pairs.map((pair) =>
          random.chance(0.7)
            ? pair
            : random.chance(0.5)
            ? [pair[0], "\u20ac".repeat(random.int(0, 9))]
            : [`${pair[0]}-`, pair[1]]
        );
      assertEquals(
        bound.of(pairs, traits),
        headerBlockLength(pairs, traits, false),
      );
    }
  }
});
