/** The memory that matches are searched in. */

import { MatchWindow } from "../../../frame/compression/window.ts";
import { SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import { assert, assertEquals } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";

Deno.test("window: four symbols at once agree as far as one by one, round the ring's end too", () => {
  const random = new Random(7);
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  const words = ["a", "ab", "abcdefgh", "abcdefghijklmnopqrstuvwxyz", "\0"];
  let longest = 0;
  for (let round = 0; round < 40_000; round++) {
    window.reserve(40);
    const target = window.position;
    if (random.int(0, 9) === 0) window.writeHole(random.int(1, 9));
    const begin = window.position;
    if (random.int(0, 3) === 0) {
      window.writeCopy(random.int(Math.max(0, target - 32768), target - 1), 1);
    }
    window.writeText(random.pick(words));
    const end = window.position;
    const source = random.int(Math.max(0, begin - 32768), begin - 1);
    const length = window.matchLength(source, begin, end);
    assertEquals(window.longMatchLength(source, begin, end), length);
    longest = Math.max(longest, length);
  }
  assert(longest >= 26);
  assert(window.position > 3 * (window.mask + 1));
});

Deno.test("window: no match reads a hole", () => {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  window.reserve(100);
  for (let size = 0; size < 20; size++) {
    const source = window.position;
    window.writeText("a".repeat(size));
    window.writeHole(1);
    window.writeText("a".repeat(20));
    const target = window.position;
    window.reserve(100);
    window.writeText("a".repeat(40));
    const end = window.position;
    assertEquals(window.matchLength(source, target, end), size);
    assertEquals(window.longMatchLength(source, target, end), size);
  }
});
