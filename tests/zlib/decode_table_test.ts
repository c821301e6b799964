/** How much memory the tables of a decoder take. */

import {
  buildTable,
  DISTANCE_ENTRIES,
  DISTANCE_KINDS,
  DISTANCE_ROOT,
} from "../../zlib/decode_table.ts";
import { assert, assertEquals, assertLessOrEqual } from "../deps.ts";

Deno.test("decode table: each second table has only the index bits that its own codes need", () => {
  // With 8 index bits, the first two codes of 9 bits share a second table. The third
  // one shares another with all longer codes.
  const lengths = [1, 2, 3, 4, 5, 6, 7, 9, 9, 9, 10, 11, 12, 13, 14, 15, 15];
  const untouched = -1;
  const table = new Int32Array(2 * DISTANCE_ENTRIES).fill(untouched);
  const result = buildTable(
    table,
    DISTANCE_ROOT,
    Uint8Array.from(lengths),
    0,
    lengths.length,
    DISTANCE_KINDS,
  );
  assertEquals(result, "ok");
  const used = table.indexOf(untouched);
  assertEquals(used, 2 ** DISTANCE_ROOT + 2 ** (9 - 8) + 2 ** (15 - 8));
  assert(table.subarray(used).every((entry) => entry === untouched));
  assertLessOrEqual(used, DISTANCE_ENTRIES);
});
