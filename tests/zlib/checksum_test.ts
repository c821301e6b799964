import { assertEquals, encodeHex } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { adler32, SPDY2_DICTIONARY, SPDY3_DICTIONARY } from "../../zlib/mod.ts";
import { adler32Range } from "../../zlib/adler32.ts";
import { nativeDeflate } from "./native.ts";

/** The sum at the end of zlib's own stream. */
function nativeAdler32(data: Uint8Array): number {
  const packed = nativeDeflate(data, { level: 0 });
  return new DataView(packed.buffer).getUint32(packed.length - 4);
}

Deno.test("adler32 equals zlib's for every length and for the largest sums", () => {
  const random = new Random(71);
  assertEquals(adler32(new Uint8Array(0)), 1);
  for (let length = 0; length < 100; length++) {
    const data = random.bytes(length);
    assertEquals(adler32(data), nativeAdler32(data), `${length} bytes`);
  }
  for (const length of [3799, 3800, 3801, 7600, 65_536, 1_000_000]) {
    const data = new Uint8Array(length).fill(255);
    assertEquals(adler32(data), nativeAdler32(data), `${length} bytes of 255`);
  }
});

Deno.test("adler32 continues from any sum", () => {
  const data = new Random(72).bytes(20_000);
  const whole = adler32(data);
  for (const cut of [0, 1, 3800, 19_999, 20_000]) {
    const begin = adler32(data.subarray(0, cut));
    assertEquals(adler32(data.subarray(cut), begin), whole);
    assertEquals(adler32Range(data, cut, data.length, begin), whole);
  }
  // The largest possible sums at the start of the longest run.
  const largest = 65_520 << 16 | 65_520;
  const high = new Uint8Array(3800).fill(255);
  let [low, sum] = [65_520, 65_520];
  for (const byte of high) {
    low = (low + byte) % 65_521;
    sum = (sum + low) % 65_521;
  }
  assertEquals(adler32(high, largest >>> 0), (sum << 16 | low) >>> 0);
});

const RECORDED = new URL("../vectors/spdylay/", import.meta.url);

for (
  const [name, dictionary, sum, digest] of [
    [
      "dictionary-spdy2.bin",
      SPDY2_DICTIONARY,
      0xdfa251b2,
      "0088d05d3b07b510aae796d67857c83308247ae79078d5743f412e483c23fbc6",
    ],
    [
      "dictionary-spdy3.bin",
      SPDY3_DICTIONARY,
      0xe3c6a7c2,
      "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02",
    ],
  ] as const
) {
  Deno.test(`the dictionary is the one of ${name}`, async () => {
    const recorded = await Deno.readFile(new URL(name, RECORDED));
    assertEquals(dictionary, recorded);
    assertEquals(adler32(dictionary), sum);
    const hash = await crypto.subtle.digest("SHA-256", recorded);
    assertEquals(encodeHex(hash), digest);
  });
}
