import { constants, deflateRawSync } from "node:zlib";
import { Deflate, Inflate } from "../../zlib/mod.ts";
import { assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";

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
