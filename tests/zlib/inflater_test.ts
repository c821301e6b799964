import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertThrows,
} from "../deps.ts";
import { Random } from "../helpers/random.ts";
import {
  Deflate,
  Inflate,
  SPDY3_DICTIONARY,
  ZlibError,
} from "../../zlib/mod.ts";
import { Inflater } from "../../zlib/inflater.ts";
import { type Bytes, nativeDeflate, same, singly } from "./native.ts";

/** Header-like blocks, deflated as one stream with a sync flush after each. */
function blocksOf(count: number): { blocks: Bytes[]; packed: Bytes[] } {
  const random = new Random(51);
  const deflate = new Deflate({ dictionary: SPDY3_DICTIONARY });
  const blocks = Array.from(
    { length: count },
    () => random.text(random.int(0, 1500), 300),
  );
  return { blocks, packed: blocks.map((block) => deflate.push(block, "sync")) };
}

Deno.test("Inflater keeps the output of a part contiguous, however the input is cut", () => {
  const { blocks, packed } = blocksOf(120);
  for (const longest of [1, 10, 10_000]) {
    const inflater = new Inflater({ dictionary: SPDY3_DICTIONARY });
    const random = new Random(52);
    blocks.forEach((block, index) => {
      inflater.release();
      for (const piece of random.pieces(packed[index], longest)) {
        inflater.feed(piece);
        assert(inflater.inflate(65536));
      }
      assertEquals(inflater.outputLength, block.length);
      assert(same(inflater.output(), block), `block ${index}`);
    });
  }
});

Deno.test("Inflater stops when the output exceeds the limit, not when it equals it", () => {
  const { blocks, packed } = blocksOf(60);
  const inflater = new Inflater({ dictionary: SPDY3_DICTIONARY });
  blocks.forEach((block, index) => {
    const limit = index % 3 === 0 ? block.length : block.length >> 1;
    inflater.release();
    inflater.feed(packed[index]);
    assertEquals(inflater.inflate(limit), block.length <= limit);
    assert(same(inflater.output(), block.subarray(0, limit)));
    // It continues with a higher limit, or drops the output.
    if (index % 2 === 0) {
      assert(inflater.inflate(block.length));
      assert(same(inflater.output(), block));
    } else {
      inflater.skip();
      assertEquals(inflater.outputLength, 0);
    }
  });
});

Deno.test("Inflater stops at any limit of any stream and can continue", () => {
  const random = new Random(53);
  const data = random.text(3000, 40);
  for (const level of [0, 1, 9]) {
    const packed = nativeDeflate(data, { level });
    for (let limit = 0; limit < data.length; limit += random.int(1, 40)) {
      const inflater = new Inflater();
      let blocked = false;
      for (const piece of random.pieces(packed, 300)) {
        inflater.feed(piece);
        if (inflater.inflate(limit)) continue;
        // From the second time on, the output is already longer than the limit.
        if (!blocked) assertEquals(inflater.outputLength, limit);
        blocked = true;
        const held = inflater.outputLength;
        assert(!inflater.inflate(limit));
        assertEquals(inflater.outputLength, held);
        assert(inflater.inflate(data.length));
      }
      assert(blocked && inflater.finished);
      assert(same(inflater.output(), data));
    }
  }
});

Deno.test("Inflater neither produces nor allocates more than the limit for a bomb", () => {
  const bomb = nativeDeflate(new Uint8Array(50_000_000), { level: 9 });
  const inflater = new Inflater();
  inflater.feed(bomb);
  assert(!inflater.inflate(100_000));
  assertEquals(inflater.outputLength, 100_000);
  assertLess(inflater.output().buffer.byteLength, 500_000);
  inflater.skip();
  assert(inflater.finished);
  assertLess(inflater.output().buffer.byteLength, 500_000);
});

Deno.test("Inflater keeps no more than the window for small blocks", () => {
  const inflater = new Inflater({ dictionary: SPDY3_DICTIONARY });
  assertEquals(inflater.output().buffer.byteLength, 0);
  const { packed } = blocksOf(300);
  inflater.feed(packed[0]);
  inflater.inflate(65536);
  assertLessOrEqual(inflater.output().buffer.byteLength, 8192);
  for (const piece of packed.slice(1)) {
    inflater.release();
    inflater.feed(piece);
    inflater.inflate(65536);
  }
  assertLessOrEqual(inflater.output().buffer.byteLength, 80_000);
});

Deno.test("Inflater frees a large window when its output is released", () => {
  const data = new Random(54).text(300_000);
  const deflate = new Deflate();
  const inflater = new Inflater();
  inflater.feed(deflate.push(data, "sync"));
  assert(inflater.inflate(Infinity));
  assert(same(inflater.output(), data));
  inflater.release();
  assertLess(inflater.output().buffer.byteLength, 50_000);
  const again = data.subarray(-30_000);
  inflater.feed(deflate.push(again, "sync"));
  assert(inflater.inflate(Infinity));
  assert(same(inflater.output(), again));
});

Deno.test("Inflater can skip the checksum", () => {
  const packed = nativeDeflate(new Random(55).text(1000));
  packed[packed.length - 1] ^= 1;
  const unchecked = new Inflater({ verify: false });
  unchecked.feed(packed);
  assert(unchecked.inflate(Infinity));
  assert(unchecked.finished);
  const checked = new Inflater();
  checked.feed(packed);
  assertThrows(() => checked.inflate(Infinity), ZlibError, "Adler-32");
});

Deno.test("Inflate applies maxOutput to the whole stream", () => {
  const bomb = nativeDeflate(new Uint8Array(5_000_000));
  const inflate = new Inflate({ maxOutput: 100_000 });
  const error = assertThrows(
    () => inflate.push(bomb),
    ZlibError,
    "decompressed output is longer than maxOutput, 100000 bytes",
  );
  assert(!inflate.finished);
  assert(error.offset !== undefined && error.offset < 400, `${error.offset}`);
  assertThrows(() => inflate.push(new Uint8Array(0)), ZlibError, "maxOutput");

  const data = new Random(56).text(5000);
  const packed = nativeDeflate(data);
  for (const maxOutput of [0, 1, 4999, 5000, 5001]) {
    const capped = new Inflate({ maxOutput });
    let length = 0;
    const run = () => {
      for (const byte of singly(packed)) length += capped.push(byte).length;
    };
    if (maxOutput < data.length) {
      assertThrows(run, ZlibError, `maxOutput, ${maxOutput} bytes`);
      assertLessOrEqual(length, maxOutput);
    } else {
      run();
      assert(capped.finished);
    }
  }
});

Deno.test("Inflate with maxOutput 0 accepts an empty stream", () => {
  const inflate = new Inflate({ maxOutput: 0 });
  assertEquals(inflate.push(nativeDeflate(new Uint8Array(0))).length, 0);
  assert(inflate.finished);
});

/** Bits, least significant first, as bytes. */
function bytesOf(bits: readonly (0 | 1)[]): Bytes {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, index) => bytes[index >> 3] |= bit << (index & 7));
  return bytes;
}

Deno.test("an empty stored block is read after every bit offset, with any padding, wherever the input is cut", () => {
  const end: readonly (0 | 1)[] = Array(7).fill(0);
  // Codes of the letter "0", of eight bits, and of the byte 0xff, of nine.
  const zero: readonly (0 | 1)[] = [0, 1, 1, 0, 0, 0, 0, 0];
  const high: readonly (0 | 1)[] = Array(9).fill(1);
  for (let highs = 0; highs < 9; highs++) {
    for (const padding of [0, 1] as const) {
      for (const last of [0, 1] as const) {
        for (const wrong of [-1, 0, 1, 2, 3]) {
          const bits: (0 | 1)[] = [0, 1, 0, ...zero];
          for (let count = 0; count < highs; count++) bits.push(...high);
          bits.push(...end, last, 0, 0);
          while (bits.length % 8 > 0) bits.push(padding);
          const empty = [0, 0, 0xff, 0xff];
          if (wrong >= 0) empty[wrong] ^= 0x10;
          const start = bytesOf(bits);
          const packed = Uint8Array.from([...start, ...empty, 3, 0]);
          const where = `${highs} ${padding} ${last} ${wrong}`;
          for (let cut = 0; cut <= packed.length; cut++) {
            const inflater = new Inflater({ format: "raw" });
            const inflate = () => {
              // In the array, the rest follows the chunk, which ends before it.
              for (const [from, to] of [[0, cut], [cut, packed.length]]) {
                inflater.feed(packed, from, to);
                assert(inflater.inflate(100));
              }
            };
            if (wrong >= 0) {
              const error = assertThrows(inflate, ZlibError, "complement");
              assertEquals(error.offset, start.length, where);
            } else {
              inflate();
              assert(inflater.finished, where);
              assertEquals(inflater.outputLength, 1 + highs, where);
            }
          }
        }
      }
    }
  }
});

Deno.test("Inflater tells which bytes at the end of a part are copies of periods before", () => {
  const random = new Random(53);
  let copied = 0;
  for (let round = 0; round < 30; round++) {
    const deflate = new Deflate({ dictionary: SPDY3_DICTIONARY });
    const inflater = new Inflater({ dictionary: SPDY3_DICTIONARY });
    const memory = inflater.outputMemory;
    const period = random.int(16, 900);
    const plain = random.bytes(period, random.pick([3, 60]));
    for (let part = 0; part < 80; part++) {
      for (let changes = random.int(0, 3); changes > 0; changes--) {
        plain[random.int(0, period - 1)] = random.int(0, 255);
      }
      const periods = random.int(0, 4);
      inflater.release();
      inflater.expectCopies(period, period * periods);
      const packed = deflate.push(plain, "sync");
      for (const piece of random.pieces(packed, random.pick([5, 9999]))) {
        inflater.feed(piece);
        assert(inflater.inflate(65536));
      }
      const { bytes, copyFrom, copyEnd } = memory;
      assertLessOrEqual(copyEnd, memory.end);
      if (periods === 0) assertEquals(copyFrom, copyEnd);
      for (let at = Math.max(copyFrom, memory.start); at < copyEnd; at++) {
        let back = 1;
        while (back < periods && bytes[at - back * period] !== bytes[at]) {
          back++;
        }
        assertEquals(bytes[at - back * period], bytes[at]);
        copied++;
      }
    }
  }
  assert(copied > 100_000, `${copied} bytes`);
});
