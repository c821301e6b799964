/** The output of every policy is ordinary zlib, and inflates to exactly the input. */

import { constants, inflateSync } from "node:zlib";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import { writeHeaderBlock } from "../../../frame/header_block.ts";
import { MatchWindow } from "../../../frame/compression/window.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import {
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
} from "../../../frame/mod.ts";
import { versionTraits } from "../../../frame/version.ts";
import {
  Inflate,
  SPDY2_DICTIONARY,
  SPDY3_DICTIONARY,
} from "../../../zlib/mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  concat,
  stub,
} from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { versionName } from "../../helpers/version_name.ts";
import { asWirePairs, corpus } from "./corpus.ts";
import { randomLists, similarLists } from "./random_headers.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];
const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3] as const;
const SYNC_MARKER = Uint8Array.of(0, 0, 0xff, 0xff);

/** One direction of a connection, with its complete input and output. */
class Direction {
  readonly #version: ProtocolVersion;
  readonly #encoder: HeaderEncoder;
  readonly #dictionary: Uint8Array;
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];

  constructor(version: ProtocolVersion, headerCompression: HeaderCompression) {
    this.#version = version;
    this.#encoder = new HeaderEncoder(version, { headerCompression });
    this.#dictionary = version === PROTO_SPDY2
      ? SPDY2_DICTIONARY
      : SPDY3_DICTIONARY;
  }

  /** Encodes a list and returns the size. */
  send(list: readonly NameValue[]): number {
    const pairs = asWirePairs(list, this.#version);
    const block = new ByteWriter();
    writeHeaderBlock(block, pairs, versionTraits(this.#version).lengthSize);
    this.#blocks.push(block.copy());
    const out = new ByteWriter();
    this.#encoder.encode(pairs, out);
    assertEquals(out.view().slice(-4), SYNC_MARKER);
    assertLessOrEqual(out.length, this.#encoder.maxEncodedLength(block.length));
    this.#pieces.push(out.copy());
    return out.length;
  }

  /**
   * Inflates the first `count` pieces with node:zlib; the result must be the
   * first `count` blocks.
   */
  checkNative(count: number = this.#blocks.length): void {
    const inflated = inflateSync(concat(this.#pieces.slice(0, count)), {
      dictionary: this.#dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    const wanted = concat(this.#blocks.slice(0, count));
    assertEquals(inflated.length, wanted.length);
    assert(inflated.equals(wanted), "native zlib inflates something else");
  }

  /** Inflates piece by piece: each piece must give its complete block. */
  checkPieces(): void {
    const inflate = new Inflate({ dictionary: this.#dictionary });
    this.#pieces.forEach((piece, index) => {
      assertEquals(inflate.push(piece), this.#blocks[index]);
    });
  }
}

for (const version of VERSIONS) {
  for (const policy of POLICIES) {
    Deno.test(`"${policy}", ${versionName(version)}: native zlib inflates the corpus to the exact blocks`, () => {
      for (const { lists } of corpus()) {
        const direction = new Direction(version, policy);
        for (const list of lists) direction.send(list);
        for (let count = 1; count <= Math.min(3, lists.length); count++) {
          direction.checkNative(count);
        }
        direction.checkNative();
        direction.checkPieces();
      }
    });

    Deno.test(`"${policy}", ${versionName(version)}: native zlib inflates random connections to the exact blocks`, () => {
      for (let seed = 1; seed <= 15; seed++) {
        const random = new Random(seed);
        const direction = new Direction(version, policy);
        for (const list of randomLists(random, random.int(1, 100))) {
          direction.send(list);
        }
        direction.checkNative();
        direction.checkPieces();
      }
    });

    Deno.test(`"${policy}", ${versionName(version)}: a connection that wraps the window many times stays in step`, () => {
      const random = new Random(99);
      const direction = new Direction(version, policy);
      const stories = corpus();
      let size = 0;
      while (size < 20 * 32768) {
        const { lists } = random.pick(stories);
        const from = random.int(0, lists.length - 1);
        for (const list of lists.slice(from, from + random.int(1, 40))) {
          direction.send(list);
          size += list.flat().join("").length;
        }
        for (const list of randomLists(random, 3)) direction.send(list);
      }
      direction.checkNative();
    });
  }

  Deno.test(`"safe", ${versionName(version)}: blocks have any size up to beyond the window, with small ones between them`, () => {
    const random = new Random(5);
    const direction = new Direction(version, "safe");
    const text = new TextDecoder().decode(random.text(400_000, 300))
      .replaceAll("\n", " ");
    const longest = version === PROTO_SPDY2 ? 60_000 : 300_000;
    for (let size = 1; size < longest; size = Math.ceil(size * 2.3)) {
      const from = random.int(0, text.length - size);
      const value = text.slice(from, from + size);
      direction.send([["x-a", value], ["cookie", value]]);
      direction.send([[":path", "/"], ["cookie", `a=1; b=${size}`]]);
      direction.send([["x-a", value], ["x-b", "1"], ["x-c", value]]);
    }
    direction.checkNative();
    direction.checkPieces();
  });
}

Deno.test('"safe": pairs of the block before that a long new one has pushed out of the window', () => {
  const random = new Random(32);
  const tail: NameValue[] = [
    ["authorization", "Bearer 0123456789"],
    ["cookie", "sid=abcdefgh; theme=dark-and-long"],
    ["user-agent", "an agent with a name of some length"],
  ];
  // Around the window's 32 KiB, and up to the largest block that is matched.
  for (const size of [32_400, 32_600, 32_700, 32_768, 33_000, 50_000, 65_000]) {
    const direction = new Direction(PROTO_SPDY3, "safe");
    const long = new TextDecoder().decode(random.bytes(size, 0x5f))
      .replace(
        /[^]/g,
        (char) => String.fromCharCode(0x20 + char.charCodeAt(0)),
      );
    direction.send([["a", ""], ...tail]);
    for (let more = 0; more < 40; more++) {
      direction.send([["a", long.slice(more * 4)], ...tail]);
      direction.send([["a", ""], ...tail]);
    }
    direction.checkNative();
    direction.checkPieces();
  }
});

Deno.test('"safe": a block larger than can be matched is stored, and forgets the blocks before it', () => {
  const direction = new Direction(PROTO_SPDY3, "safe");
  const small: NameValue[] = [[":path", "/index.html"], [
    "x-a",
    "b".repeat(50),
  ]];
  const fresh = direction.send(small) - 6;
  const again = direction.send(small);
  assertLess(again, fresh / 2);
  const large = "l".repeat(1 << 16);
  assertGreater(direction.send([["x-large", large]]), large.length);
  // The dictionary cannot be reached either, so the block may be longer than
  // the first time.
  assertGreaterOrEqual(direction.send(small), fresh);
  assertEquals(direction.send(small), again);
  direction.checkNative();
  direction.checkPieces();
});

Deno.test('"safe": lists of every length after blocks that make it forget', () => {
  const random = new Random(31);
  const direction = new Direction(PROTO_SPDY3, "safe");
  const large = "l".repeat(1 << 16);
  for (let round = 0; round < 12; round++) {
    direction.send([["x-large", large]]);
    for (let left = random.int(5, 120); left > 0; left--) {
      const names = random.shuffle([..."abcdefghijklmnopqrst"]);
      direction.send(
        names.slice(0, random.int(1, 20)).sort().map((
          name,
        ): NameValue => [name, random.pick(["1", "22", "333", random.word()])]),
      );
    }
  }
  direction.checkNative();
  direction.checkPieces();
});

Deno.test('"safe": lists take as many bytes after each block that makes it forget', () => {
  const direction = new Direction(PROTO_SPDY3, "safe");
  const large = "l".repeat(1 << 16);
  const random = new Random(33);
  const shared = random.word(60, 60);
  const lists = Array.from({ length: 500 }, (_, index): NameValue[] => [
    [":host", "a.example"],
    [":path", `/${shared}/${random.word(4, 4)}`],
    ["x-a", index === 490 ? shared.slice(20) : random.word(8, 8)],
  ]);
  const others = Array.from(
    { length: 61 },
    (_, index): NameValue => [`n${index}`, "1"],
  );
  const sizes = [1, 2, 3].map(() => {
    direction.send([["x-large", large]]);
    const sizes = lists.map((list) => direction.send(list));
    // With these there are 64 names in each round, so that some of them share a
    // slot of a cache.
    direction.send(others);
    return sizes;
  });
  assertEquals(sizes[1], sizes[0]);
  assertEquals(sizes[2], sizes[0]);
  direction.checkNative();
  direction.checkPieces();
});

Deno.test('"safe": more pairs in a block than are remembered', () => {
  const random = new Random(32);
  for (const version of VERSIONS) {
    const direction = new Direction(version, "safe");
    for (const count of [3, 3000, 2047, 2048, 5, 3000, 2049, 1, 64, 63]) {
      direction.send(
        Array.from({ length: count }, (_, index): NameValue => [
          `n${index}`,
          random.pick(["", "1", "22"]),
        ]),
      );
    }
    direction.checkNative();
    direction.checkPieces();
  }
});

Deno.test('"safe": empty lists, empty values, and values of NULs between parts', () => {
  const direction = new Direction(PROTO_SPDY3, "safe");
  for (let round = 0; round < 3; round++) {
    direction.send([]);
    direction.send([["cookie", ""], ["x-a", ""]]);
    direction.send([["cookie", "; ; =; ;"], ["set-cookie", ";;"]]);
    direction.send([["set-cookie", "a=1"], ["set-cookie", "b=2; Path=/"]]);
    direction.send([["cookie", "a=1"], ["cookie", "b=2"], ["x-a", "1"]]);
  }
  direction.checkNative();
  direction.checkPieces();
});

Deno.test("safe: a repeated value after many new ones of its name takes one match more at most", () => {
  const random = new Random(3);
  const text = (): string =>
    Array.from({ length: 60 }, () => random.pick([..."0123456789abcdef"])).join(
      "",
    );
  const direction = new Direction(PROTO_SPDY3, "safe");
  const send = (path: string): number =>
    direction.send([[":method", "GET"], [":path", path], ["accept", "*/*"]]);
  const paths = Array.from({ length: 60 }, text);
  const sizes = paths.map(send);
  const last = paths[paths.length - 1];
  const again = [last, last, last].map(send);
  const earlier = [paths[10], paths[51], paths[52]].map(send);
  assert(Math.min(...sizes.slice(20)) > 35, `new ones: ${sizes}`);
  assert(Math.max(...again) <= 14, `the same again: ${again}`);
  assert(Math.max(...earlier) <= 18, `earlier ones: ${earlier}`);
  direction.checkNative();
});

for (const version of VERSIONS) {
  Deno.test(`"safe", ${versionName(version)}: counts and lengths may look like the hole of a secret`, () => {
    const random = new Random(21);
    const direction = new Direction(version, "safe");
    // 255 pairs: the count ends in a byte like a hole, and the text after an
    // earlier hole follows.
    const many = Array.from(
      { length: 255 },
      (_, index): NameValue => [`b${index + 100}`, "the same value"],
    );
    direction.send([["authorization", "Basic abcdefgh"], many[0], many[1]]);
    direction.send(many);
    direction.send([["authorization", "Basic abcdefgi"], many[0], many[1]]);
    direction.send(many);
    const lengths = [255, 254, 256, 511, 0x5ff, 0x2ff, 0x1ff, 5, 3, 1];
    for (let round = 0; round < 300; round++) {
      const value = (): string =>
        random.pick(["a", "ab", "z"]).repeat(random.pick(lengths))
          .slice(0, random.pick(lengths));
      direction.send([
        ["cookie", `a=${value()}; b=${value()}`],
        ["date", value()],
        ["x-key", value()],
        ["x-next", value()],
        [`x-${"n".repeat(253)}`, random.pick(["1", "2"])],
      ]);
    }
    direction.checkNative();
    direction.checkPieces();
  });
}

Deno.test("safe: a cookie of ten thousand crumbs can be repeated many times", () => {
  const cookie = "a; ".repeat(9899) + "b=1";
  const direction = new Direction(PROTO_SPDY3, "safe");
  for (let round = 0; round < 12; round++) {
    direction.send([[":path", `/${round}`], ["cookie", cookie]]);
  }
  direction.checkNative();
});

Deno.test("a reference to a secret can extend over a long public part up to the end of the block", () => {
  const attributes =
    "; Path=/a/rather/long/path/that/comes/again; Domain=.a.long.domain.example";
  const lists = ["", "; Secure", "; HttpOnly", "; Secure"].map((
    end,
  ): NameValue[] => [[
    "set-cookie",
    `sid=0123456789abcdef${attributes}${end}`,
  ]]);
  const direction = new Direction(PROTO_SPDY3, "safe");
  for (const list of lists) direction.send(list);
  direction.checkNative();
  direction.checkPieces();
});

Deno.test('"safe": after a long block nothing refers to what was before it', () => {
  for (const seed of [1, 2, 3, 4]) {
    const random = new Random(seed);
    const direction = new Direction(PROTO_SPDY3, "safe");
    // Public values of a few names are repeated in ever new combinations.
    const names = Array.from({ length: 6 }, (_, index) => `x-${index}`);
    const send = (count: number) => {
      for (let block = 0; block < count; block++) {
        const list: NameValue[] = names
          .filter(() => random.chance(0.6))
          .map((name) => [name, `v${random.int(0, 30)}`]);
        direction.send(list);
      }
    };
    for (let round = 0; round < 6; round++) {
      send(250);
      // More than the window: the compressor forgets everything.
      direction.send([["x-long", "v".repeat(70_000)]]);
    }
    send(100);
    direction.checkNative();
  }
});

Deno.test("what is remembered of an old block is not taken for a part of a newer one in its place", () => {
  // If one more byte were reserved for its end, a block of these sizes would be
  // exactly where one of an earlier round was remembered.
  for (const size of [7, 15, 31, 63]) {
    const random = new Random(size);
    const direction = new Direction(PROTO_SPDY3, "safe");
    const values = ["a", "bb", "gzip, deflate", "text/html", "no-cache"];
    for (let block = 0; block < 3000 / size; block++) {
      const count = random.chance(0.3) ? random.int(1, size) : size;
      direction.send(Array.from({ length: count }, (_, index) => [
        `x-${String.fromCharCode(97 + index % 26)}${index}`,
        random.chance(0.2)
          ? `${random.int(10, 99)}${
            "0123456789abcdefghij".slice(random.int(0, 3))
          }`
          : random.pick(values),
      ]));
    }
    direction.checkNative();
  }
});

Deno.test('"safe": positions stay small on a connection that lasts', () => {
  const windows: MatchWindow[] = [];
  const { of } = MatchWindow;
  using _ = stub(MatchWindow, "of", (dictionary: Uint8Array) => {
    const window = of(dictionary);
    windows.push(window);
    return window;
  });
  const direction = new Direction(PROTO_SPDY3, "safe");
  const send = (seed: number): void => {
    for (const list of similarLists(new Random(seed), 120)) {
      direction.send(list);
    }
  };
  send(1);
  const window = windows.reduce((one, other) =>
    one.position > other.position ? one : other
  );
  // As if half a gigabyte had been sent since; the index has 16 bits of a position.
  const shift = 2 ** 29 - 2 ** 17;
  window.base += shift;
  window.position += shift;
  send(1);
  send(2);
  assertLess(window.position, 2 ** 20);
  direction.checkNative();
  direction.checkPieces();
});

for (const policy of POLICIES) {
  Deno.test(`blocks of any length around powers of two inflate to the input, "${policy}"`, () => {
    // Names and text that cannot be secrets, which are not searched.
    const words = new TextDecoder().decode(new Random(172).text(400_000, 300))
      .replaceAll("\n", " ");
    let from = 0;
    const text = (length: number): string => words.slice(from, from += length);
    for (const power of [512, 1024, 2048]) {
      for (let length = power - 24; length <= power + 4; length++) {
        // Text that is new, so that nearly all of the block is one gap.
        const direction = new Direction(PROTO_SPDY3, policy);
        direction.send([["accept", text(length)]]);
        direction.checkNative();
      }
    }
  });
}
