import { deflateRawSync } from "node:zlib";
import { Inflate } from "../../zlib/mod.ts";
import { assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";

Deno.test("inflate gives the same output wherever the input is cut in two", () => {
  // Small blocks, so that many cuts fall into the code that ends a block.
  const plain = new Random(1).text(20000, 300);
  const packed = Uint8Array.from(deflateRawSync(plain, { memLevel: 1 }));
  for (let cut = 0; cut <= packed.length; cut++) {
    const inflate = new Inflate({ format: "raw" });
    const parts = [
      inflate.push(packed.subarray(0, cut)),
      inflate.push(packed.subarray(cut)),
    ];
    assertEquals(inflate.finished, true, `cut at ${cut}`);
    const output = concat(parts);
    if (output.some((byte, index) => byte !== plain[index])) {
      assertEquals(output, plain, `cut at ${cut}`);
    }
  }
});
