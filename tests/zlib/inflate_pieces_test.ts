import { constants, deflateRawSync } from "node:zlib";
import { BitWriter } from "../../zlib/bit_writer.ts";
import { matchToken, writeFixed } from "../../zlib/block_writer.ts";
import { Deflate, Inflate } from "../../zlib/mod.ts";
import { assert, assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { same } from "./native.ts";

Deno.test("inflate gives the same output when the code that ends a block is cut in two", () => {
  // The end of a block is its rarest symbol, so its code is long in a large block.
  const random = new Random(1);
  const plain = random.text(100000, 50);
  const middle = 50000;
  const first = deflateRawSync(plain.subarray(0, middle), {
    memLevel: 9,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const second = deflateRawSync(plain.subarray(middle));
  const packed = concat([Uint8Array.from(first), Uint8Array.from(second)]);
  for (let cut = first.length - 16; cut <= first.length; cut++) {
    const inflate = new Inflate({ format: "raw" });
    const parts = [
      inflate.push(packed.subarray(0, cut)),
      inflate.push(packed.subarray(cut)),
    ];
    assertEquals(inflate.finished, true, `cut at ${cut}`);
    assertEquals(concat(parts), plain, `cut at ${cut}`);
  }
});

Deno.test("inflate copies matches of every length at every short distance", () => {
  const random = new Random(3);
  const origin = random.bytes(64);
  for (let distance = 1; distance <= 64; distance++) {
    const tokens = Int32Array.from(origin);
    const writer = new BitWriter();
    const plain = [...origin];
    writeFixed(writer, tokens, tokens.length, false);
    for (let length = 3; length <= 258; length++) {
      const match = Int32Array.of(matchToken(length, distance), length & 0xff);
      writeFixed(writer, match, 2, length === 258);
      for (let left = length; left > 0; left--) {
        plain.push(plain[plain.length - distance]);
      }
      plain.push(length & 0xff);
    }
    writer.align();
    const packed = writer.take();
    for (const size of [packed.length, 3, 4, 50]) {
      const inflate = new Inflate({ format: "raw" });
      const parts: Uint8Array[] = [];
      for (let at = 0; at < packed.length; at += size) {
        parts.push(inflate.push(packed.subarray(at, at + size)));
      }
      assertEquals(inflate.finished, true);
      assert(same(concat(parts), Uint8Array.from(plain)), `${distance}`);
    }
  }
});

Deno.test("inflate reads the same array again after its resizable buffer has changed its length", () => {
  const plain = new Random(2).text(6000, 50);
  const packed = new Deflate().push(plain, "finish");
  for (const first of [400, 1000]) {
    const buffer = new ArrayBuffer(first, { maxByteLength: packed.length });
    const array = new Uint8Array(buffer);
    const inflate = new Inflate();
    const parts: Uint8Array[] = [];
    for (let at = 0; at < packed.length;) {
      const size = Math.min(at === 0 ? first : 700, packed.length - at);
      buffer.resize(size);
      array.set(packed.subarray(at, at + size));
      parts.push(inflate.push(array));
      at += size;
    }
    assertEquals(inflate.finished, true);
    assertEquals(concat(parts), plain);
  }
});
