/** The tokens of a header block: their number has no limit, whatever kind they are. */

import { constants, inflateRawSync } from "node:zlib";
import { BlockOutput } from "../../../frame/compression/block_output.ts";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import { matchToken } from "../../../zlib/block_writer.ts";
import { assert, assertEquals } from "../../deps.ts";
import { countedWork } from "../../helpers/counted_work.ts";
import { Random } from "../../helpers/random.ts";

/** Appends what a match copies. */
function copy(text: number[], length: number, distance: number): void {
  for (; length > 0; length--) text.push(text[text.length - distance]);
}

function inflated(output: BlockOutput): number[] {
  const out = new ByteWriter();
  output.finish(out);
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return [...inflateRawSync(out.copy(), options)];
}

Deno.test("block output: any number of matches in a row can be inflated", () => {
  const output = new BlockOutput();
  for (const count of [1, 510, 511, 512, 513, 5000]) {
    output.begin();
    const text = [7, 8, 9];
    output.addReversed(Int32Array.of(9, 8, 7), 3);
    for (let index = 0; index < count; index++) {
      // Another distance each time, so that none is merged with the one before.
      const distance = 1 + index % 3;
      output.addMatches(3, distance);
      copy(text, 3, distance);
    }
    assertEquals(inflated(output), text, `${count} matches`);
  }
});

Deno.test("block output: any number of literals and short tokens in a row can be inflated", () => {
  const output = new BlockOutput();
  for (const count of [511, 512, 513, 2000]) {
    output.begin();
    const text: number[] = [];
    const tokens: number[] = [];
    for (let index = 0; index < count; index++) {
      tokens.unshift(index % 200);
      text.push(index % 200);
    }
    output.addReversed(Int32Array.from(tokens), count);
    output.addReversed(Int32Array.of(matchToken(5, 2)), 1);
    copy(text, 5, 2);
    assertEquals(inflated(output), text, `${count} literals`);
  }
});

Deno.test("block output: matches of any length can be inflated, also merged with one before at the same distance", () => {
  const random = new Random(171);
  const output = new BlockOutput();
  for (let round = 0; round < 300; round++) {
    output.begin();
    const text = [1, 2, 3, 4];
    output.addReversed(Int32Array.of(4, 3, 2, 1), 4);
    let last = 0;
    for (let step = random.int(1, 6); step > 0; step--) {
      const distance = random.int(1, 4);
      const rest = distance === last ? 0 : 3;
      const length = random.pick([
        rest,
        3,
        4,
        257,
        258,
        259,
        260,
        261,
        517,
        700,
      ]);
      if (length > 0) last = distance;
      output.addMatches(length, distance);
      copy(text, length, distance);
    }
    assertEquals(inflated(output), text, `round ${round}`);
  }
});

Deno.test("block output: memory for tokens is kept for the next block", () => {
  const output = new BlockOutput();
  const run = (): void => {
    output.begin();
    output.addReversed(Int32Array.of(1), 1);
    for (let index = 0; index < 1000; index++) {
      output.addMatches(3, 1 + index % 2);
    }
  };
  run();
  const { memory } = countedWork(run);
  assert(memory < 100, `${memory} bytes were allocated`);
});
