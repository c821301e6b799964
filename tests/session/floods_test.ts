/** The arithmetic of budgets against floods, and of late DATA. */

import { Floods } from "../../session/floods.ts";
import { LateData } from "../../session/late_data.ts";
import { DEFAULT_SESSION_LIMITS } from "../../session/limits.ts";
import { assertEquals } from "../deps.ts";

const LIMIT = 5;

/** Budgets of which all units of two are spent. */
function spent(): Floods {
  const floods = new Floods({
    ...DEFAULT_SESSION_LIMITS,
    maxIdleSettings: LIMIT,
    maxRapidResets: LIMIT,
  });
  for (const budget of ["maxIdleSettings", "maxRapidResets"] as const) {
    assertEquals(left(floods, budget, LIMIT), LIMIT);
  }
  return floods;
}

/** How many units can be spent, at most `most`. */
function left(
  floods: Floods,
  budget: "maxIdleSettings" | "maxRapidResets",
  most = 100,
): number {
  let count = 0;
  while (count < most && floods.spend(budget)) count++;
  return count;
}

Deno.test("floods: a frame of payload restores one unit, and one for each 256 bytes", () => {
  for (
    const [size, units] of [[0, 1], [255, 1], [256, 2], [511, 2], [512, 3]]
  ) {
    const floods = spent();
    floods.transferred(size);
    assertEquals(left(floods, "maxIdleSettings"), units, `${size} bytes`);
    assertEquals(left(floods, "maxRapidResets"), 0);
  }
});

Deno.test("floods: a reply, and a stream that ends without a reset, restore one unit of each budget", () => {
  const floods = spent();
  floods.exchanged();
  assertEquals(left(floods, "maxIdleSettings"), 1);
  const resets = spent();
  resets.exchanged();
  resets.exchanged();
  assertEquals(left(resets, "maxRapidResets"), 2);
});

Deno.test("floods: no work restores more than was spent", () => {
  const floods = spent();
  floods.transferred(1_000_000);
  assertEquals(left(floods, "maxIdleSettings"), LIMIT);
});

Deno.test("floods: work before the first useless frame does not raise the budget", () => {
  const floods = new Floods({ ...DEFAULT_SESSION_LIMITS, maxIdleSettings: 2 });
  floods.transferred(100_000);
  assertEquals(left(floods, "maxIdleSettings"), 2);
});

Deno.test("late DATA: a stream's window and one byte for FIN are excused, and an empty frame costs one", () => {
  const late = new LateData();
  assertEquals(late.excuses(0), false);
  late.expect(10);
  assertEquals([12, 11, 0].map((size) => late.excuses(size)), [
    false,
    true,
    false,
  ]);
  for (const window of [0, -5]) {
    late.expect(window);
    assertEquals([late.excuses(0), late.excuses(0)], [true, false]);
  }
  late.expect(1);
  assertEquals([0, 0, 0].map((size) => late.excuses(size)), [
    true,
    true,
    false,
  ]);
});

Deno.test("late DATA: 4 MiB are assumed without a window, and 16 MiB are the most", () => {
  const late = new LateData();
  const size = 4 << 20;
  late.expect(undefined);
  assertEquals([size + 2, size + 1, 0].map((each) => late.excuses(each)), [
    false,
    true,
    false,
  ]);
  for (let count = 0; count < 5; count++) late.expect(undefined);
  const most = 16 << 20;
  assertEquals([most + 1, most, 0].map((each) => late.excuses(each)), [
    false,
    true,
    false,
  ]);
});
