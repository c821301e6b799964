import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertThrows,
  concat,
  encodeHex,
} from "../deps.ts";
import { Random } from "../helpers/random.ts";
import {
  Deflate,
  type DeflateOptions,
  Inflate,
  InvalidArgumentError,
  SPDY2_DICTIONARY,
  SPDY3_DICTIONARY,
} from "../../zlib/mod.ts";
import {
  type Bytes,
  nativeDeflate,
  nativeInflate,
  same,
  samples,
  singly,
} from "./native.ts";

const NOTHING = new Uint8Array(0);
/** The end of a sync flush. */
const SYNC = [0, 0, 0xff, 0xff];

function deflateAll(
  pieces: Iterable<Uint8Array>,
  options?: DeflateOptions,
): Bytes {
  const deflate = new Deflate(options);
  const parts: Bytes[] = [];
  for (const piece of pieces) parts.push(deflate.push(piece));
  parts.push(deflate.push(NOTHING, "finish"));
  assert(deflate.finished);
  return concat(parts);
}

/** Asserts that both zlib and `Inflate` restore the data. */
function assertInflates(
  packed: Uint8Array,
  data: Uint8Array,
  options: DeflateOptions,
  message: string,
): void {
  const { format, dictionary, windowBits } = options;
  const inflate = new Inflate({ format, dictionary });
  assert(same(inflate.push(packed), data), message);
  assert(inflate.finished, message);
  // Deno's zlib ignores the dictionary of raw data.
  if (format === "raw" && dictionary !== undefined) return;
  const outcome = nativeInflate(packed, { format, dictionary, windowBits });
  if (outcome.kind !== "whole") {
    throw new Error(`${message}: zlib says ${outcome.kind}`);
  }
  assert(same(outcome.output, data), message);
}

for (const [name, data] of samples()) {
  Deno.test(`zlib decompresses Deflate's output of ${name}, at every level and window`, () => {
    for (const format of ["zlib", "raw"] as const) {
      for (let level = 0; level <= 9; level++) {
        for (const windowBits of [9, 12, 15]) {
          const options = { format, level, windowBits };
          const packed = new Deflate(options).push(data, "finish");
          const message = `${format}, level ${level}, window ${windowBits}`;
          assertInflates(packed, data, options, message);
          // The size limit: stored blocks, each as long as a block has tokens.
          const bound = data.length + 5 * Math.ceil(data.length / 16384 + 1) +
            6;
          assert(packed.length <= bound, message);
        }
      }
    }
  });

  Deno.test(`zlib decompresses Deflate's output of ${name}, with each dictionary`, () => {
    const halves = data.slice(data.length >> 1);
    for (const dictionary of [SPDY2_DICTIONARY, SPDY3_DICTIONARY, halves]) {
      for (const level of [0, 1, 6, 9]) {
        for (const windowBits of [9, 15]) {
          for (const format of ["zlib", "raw"] as const) {
            const options = { format, level, windowBits, dictionary };
            const packed = new Deflate(options).push(data, "finish");
            const message = `${format}, level ${level}, window ${windowBits}`;
            assertInflates(packed, data, options, message);
          }
        }
      }
    }
  });

  Deno.test(`zlib decompresses Deflate's output of ${name} in chunks with flushes between them`, () => {
    const random = new Random(data.length + 1);
    for (const level of [0, 1, 6]) {
      const options = { level };
      assertInflates(
        deflateAll(singly(data), options),
        data,
        options,
        "singly",
      );
      for (const longest of [30, 700, 40_000]) {
        const pieces = random.pieces(data, longest);
        const message = `level ${level}, pieces of ${longest}`;
        assertInflates(deflateAll(pieces, options), data, options, message);

        const deflate = new Deflate(options);
        const inflate = new Inflate();
        for (const piece of pieces) {
          const packed = deflate.push(piece, "sync");
          assert(same(inflate.push(packed), piece), message);
          if (piece.length > 0) assertEquals([...packed.slice(-4)], SYNC);
        }
        inflate.push(deflate.push(NOTHING, "finish"));
        assert(inflate.finished, message);
      }
    }
  });
}

Deno.test("Deflate compresses about as well as zlib does", () => {
  const random = new Random(31);
  const bodies = [random.text(200_000), random.bytes(100_000, 6)];
  for (const data of bodies) {
    for (let level = 1; level <= 9; level++) {
      const ours = new Deflate({ level }).push(data, "finish").length;
      const native = nativeDeflate(data, { level }).length;
      assert(ours <= native * 1.05, `level ${level}: ${ours} for ${native}`);
    }
  }
});

Deno.test("higher levels of Deflate do not produce more bytes", () => {
  const data = new Random(32).text(200_000);
  const size = (level: number) =>
    new Deflate({ level }).push(data, "finish").length;
  assertLessOrEqual(size(9), size(6));
  assertLess(size(6), size(3));
  assertLess(size(3), size(1));
  assertLess(size(1), size(0));
});

Deno.test("Deflate still finds matches after its window has moved", () => {
  const random = new Random(33);
  const page = random.bytes(20_000);
  for (const windowBits of [9, 11, 15]) {
    const part = page.subarray(0, (1 << windowBits) - 200);
    const deflate = new Deflate({ windowBits });
    const inflate = new Inflate();
    let packed = 0;
    for (let round = 0; round < 30; round++) {
      const output = deflate.push(part, "sync");
      assert(same(inflate.push(output), part));
      if (round > 0) packed += output.length;
    }
    // A match has at most 258 bytes, and a flush adds 5 bytes.
    const bound = 29 * (part.length / 32 + 15);
    assert(packed < bound, `window ${windowBits}: ${packed}`);
  }
});

Deno.test("Deflate's first bytes are those of spdylay's zlib", () => {
  const begin = (level: number, dictionary: Uint8Array) => {
    const deflate = new Deflate({ level, windowBits: 11, dictionary });
    return encodeHex(deflate.push(NOTHING));
  };
  assertEquals(begin(0, SPDY2_DICTIONARY), "3830dfa251b2");
  assertEquals(begin(9, SPDY2_DICTIONARY), "38eadfa251b2");
  assertEquals(begin(0, SPDY3_DICTIONARY), "3830e3c6a7c2");
  assertEquals(begin(9, SPDY3_DICTIONARY), "38eae3c6a7c2");
});

Deno.test("Deflate writes zlib's header for every level and window", () => {
  for (let level = 0; level <= 9; level++) {
    for (let windowBits = 8; windowBits <= 15; windowBits++) {
      const ours = new Deflate({ level, windowBits }).push(NOTHING);
      const native = nativeDeflate(NOTHING, { level, windowBits });
      assertEquals(ours, native.subarray(0, 2), `${level}, ${windowBits}`);
    }
  }
});

Deno.test("Deflate at level 0 writes stored blocks, and a sync marker after each flush", () => {
  const deflate = new Deflate({ level: 0, format: "raw" });
  const packed = deflate.push(Uint8Array.of(1, 2, 3), "sync");
  assertEquals(encodeHex(packed), "000300fcff010203000000ffff");
  assertEquals(
    encodeHex(deflate.push(Uint8Array.of(4), "finish")),
    "010100feff04",
  );
});

Deno.test("Deflate returns nothing for a second flush without data", () => {
  const deflate = new Deflate();
  const first = deflate.push(NOTHING, "sync");
  assertEquals(encodeHex(first), "789c000000ffff");
  assertEquals(deflate.push(NOTHING, "sync").length, 0);
  assertEquals(deflate.push(NOTHING, "none").length, 0);
  assertEquals(deflate.push(NOTHING, "sync").length, 0);
  assertEquals(deflate.push(Uint8Array.of(65)).length, 0);
  assertGreater(deflate.push(NOTHING, "sync").length, 4);
  assertEquals(
    encodeHex(deflate.push(NOTHING, "finish")),
    "030000420042",
  );
});

Deno.test("Deflate and zlib compress empty input to the same bytes", () => {
  assertEquals(
    new Deflate().push(NOTHING, "finish"),
    nativeDeflate(NOTHING),
  );
});

Deno.test("Deflate treats an empty dictionary as none", () => {
  const packed = new Deflate({ dictionary: NOTHING }).push(NOTHING, "finish");
  assertEquals(packed, nativeDeflate(NOTHING));
});

Deno.test("Deflate's output belongs to the caller, and its input is not modified", () => {
  const data = new Random(34).text(100_000);
  const before = data.slice();
  const deflate = new Deflate();
  const parts = new Random(35).pieces(data, 5000).map((piece) => {
    const part = deflate.push(piece, "sync");
    const copy = part.slice();
    part.fill(0);
    return copy;
  });
  parts.push(deflate.push(NOTHING, "finish"));
  assert(same(data, before));
  assert(same(new Inflate().push(concat(parts)), data));
});

Deno.test("Deflate refuses levels and windows out of range", () => {
  for (const level of [-1, 10, 1.5, NaN]) {
    assertThrows(() => new Deflate({ level }), InvalidArgumentError, "level");
  }
  for (const windowBits of [7, 16, 9.5, NaN]) {
    assertThrows(() => new Deflate({ windowBits }), InvalidArgumentError);
  }
  const windowBits = 8;
  new Deflate({ windowBits });
  assertThrows(
    () => new Deflate({ windowBits, format: "raw" }),
    InvalidArgumentError,
    "from 9 to 15",
  );
});

Deno.test("Deflate refuses data after the end", () => {
  const deflate = new Deflate();
  deflate.push(NOTHING, "finish");
  assertThrows(() => deflate.push(NOTHING), InvalidArgumentError, "ended");
});

Deno.test("pushView returns the same bytes as push, in any sequence of both", () => {
  const random = new Random(5);
  for (const level of [0, 1, 6]) {
    const options = { level, dictionary: SPDY3_DICTIONARY };
    const expected = new Deflate(options);
    const deflate = new Deflate(options);
    for (let round = 0; round < 200; round++) {
      const text = random.pick(["", "abc", "GET /index", "x".repeat(70_000)]);
      const data = new TextEncoder().encode(text + random.int(0, 99));
      const viewed = random.int(0, 1) === 0;
      const bytes = viewed
        ? deflate.pushView(data, "sync").slice()
        : deflate.push(data, "sync");
      assert(same(bytes, expected.push(data, "sync")));
    }
    const last = deflate.push(NOTHING, "finish");
    assert(same(last, expected.push(NOTHING, "finish")));
  }
});
