import { date } from "../../connection/time/clock.ts";
import { nextPause, pauseAfter } from "../../cli/get/retry.ts";
import { assertEquals } from "../deps.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

Deno.test("the pause before another attempt is that of retry-after, in seconds or as a date", () => {
  using _time = virtualTime();
  const inTime = (ms: number): string => new Date(date() + ms).toUTCString();
  for (
    const [value, pause] of [
      ["3", 3000],
      ["0", 7],
      ["-1", 7],
      ["", 7],
      ["soon", 7],
      ["1000000", 600_000],
      [inTime(5000), 5000],
      [inTime(-5000), 7],
      [inTime(0), 7],
      [inTime(3_600_000), 600_000],
    ] as const
  ) {
    const headers = new Headers({ "retry-after": value });
    assertEquals(pauseAfter(headers, 7), pause, value);
  }
  assertEquals(pauseAfter(new Headers(), 7), 7);
});

Deno.test("the pause without retry-after doubles, up to ten minutes", () => {
  assertEquals([1000, 300_000, 400_000].map(nextPause), [
    2000,
    600_000,
    600_000,
  ]);
});
