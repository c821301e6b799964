import { RecentArrivals } from "../../../connection/flow/recent_arrivals.ts";
import { assertEquals } from "../../deps.ts";

/** Lets bytes arrive at these times, ms, on a path whose round trip is 100 ms. */
function arrivals(
  begin: number,
  ...pieces: readonly (readonly [at: number, size: number])[]
): RecentArrivals {
  const recent = new RecentArrivals(begin);
  for (const [at, size] of pieces) recent.add(size, at, 100);
  return recent;
}

Deno.test("recent arrivals: all bytes count until two round trips have passed", () => {
  const recent = arrivals(1000, [1000, 1], [1099, 2], [1100, 4], [1199, 8]);
  assertEquals([recent.size, recent.time(1199)], [15, 199]);
});

Deno.test("recent arrivals: after each further round trip, the bytes of the oldest one no longer count", () => {
  const pieces: [number, number][] = [[1000, 1], [1100, 2], [1199, 4]];
  const recent = arrivals(1000, ...pieces, [1200, 8]);
  assertEquals([recent.size, recent.time(1200)], [14, 100]);
  recent.add(16, 1299, 100);
  assertEquals([recent.size, recent.time(1299)], [30, 199]);
  recent.add(32, 1300, 100);
  assertEquals([recent.size, recent.time(1300)], [56, 100]);
});

Deno.test("recent arrivals: a pause counts as time", () => {
  const recent = arrivals(0, [10, 1], [5000, 2]);
  assertEquals([recent.size, recent.time(5000)], [3, 5000]);
  recent.add(4, 5100, 100);
  assertEquals([recent.size, recent.time(5100)], [6, 100]);
});

Deno.test("recent arrivals: while the round trip is unknown, all bytes count", () => {
  const recent = new RecentArrivals(0);
  for (let at = 0; at < 5000; at += 100) recent.add(1, at, Infinity);
  assertEquals([recent.size, recent.time(5000)], [50, 5000]);
});

Deno.test("recent arrivals: at the very beginning, some time has passed, so that the rate is finite", () => {
  assertEquals(arrivals(7, [7, 1]).time(7), 0.001);
});
