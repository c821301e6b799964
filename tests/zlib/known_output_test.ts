/**
 * The output of Deflate for known input, to the byte, so that a change that makes
 * it larger, or only different, is noticed. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/zlib/known_output_test.ts -- --update
 */

import { adler32, Deflate, SPDY3_DICTIONARY } from "../../zlib/mod.ts";
import { assertSnapshot, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";

const HEADERS = await Deno.readFile(
  new URL("../corpus/headers/story_02.json", import.meta.url),
);

/** Bytes with matches of every length from 3 on, at many distances. */
function repeats(): Uint8Array<ArrayBuffer> {
  const random = new Random(71);
  let bytes = random.bytes(2000);
  for (let length = 3; length <= 300; length++) {
    const from = random.int(0, bytes.length - length);
    const match = bytes.slice(from, from + length);
    bytes = concat([bytes, match, random.bytes(random.int(0, 3))]);
  }
  return bytes;
}

const INPUTS: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  text: () => new Random(72).text(60_000),
  headers: () => HEADERS,
  repeats,
  "three letters": () => new Random(73).bytes(30_000, 3),
  "hardly compressible": () => new Random(74).bytes(40_000, 200),
  zeros: () => new Uint8Array(70_000),
};

function described(parts: readonly Uint8Array[]): string {
  const bytes = concat(parts);
  return `${bytes.length} bytes, ${adler32(bytes).toString(16)}`;
}

for (const [name, make] of Object.entries(INPUTS)) {
  Deno.test(`known output: ${name}, at every level`, async (context) => {
    const input = make();
    const lines: string[] = [];
    for (const windowBits of [9, 12, 15]) {
      for (let level = 0; level <= 9; level++) {
        const deflate = new Deflate({ level, windowBits });
        const packed = deflate.push(input, "finish");
        lines.push(
          `window ${windowBits}, level ${level}: ${described([packed])}`,
        );
      }
    }
    await assertSnapshot(context, lines);
  });

  Deno.test(`known output: ${name}, in pieces, with flushes and a dictionary`, async (context) => {
    const lines: string[] = [];
    for (const level of [1, 4, 6, 9]) {
      const random = new Random(75);
      const deflate = new Deflate({ level, dictionary: SPDY3_DICTIONARY });
      const parts = random.pieces(make(), 3000).map((piece) =>
        deflate.push(piece, random.chance(0.3) ? "sync" : "none").slice()
      );
      parts.push(deflate.push(new Uint8Array(), "finish"));
      lines.push(`level ${level}: ${described(parts)}`);
    }
    await assertSnapshot(context, lines);
  });
}
