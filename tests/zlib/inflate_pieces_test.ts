import { Deflate, Inflate } from "../../zlib/mod.ts";
import { assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";

Deno.test("inflate keeps the bits of an earlier piece when the fast loop stops at once", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const plain = random.text(70000, 50);
    const packed = new Deflate({ format: "raw", level: 3, windowBits: 10 })
      .push(plain, "finish");
    const inflate = new Inflate({ format: "raw" });
    const parts = random.pieces(packed, 7).map((piece) => inflate.push(piece));
    assertEquals(concat(parts), plain);
    assertEquals(inflate.finished, true);
  }
});
