import { date } from "../../connection/time/clock.ts";
import {
  nextPause,
  pauseAfter,
  pauseUnlessAborted,
} from "../../cli/get/retry.ts";
import { assertEquals, assertRejects, spy } from "../deps.ts";
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

Deno.test("a pause leaves no listener on the signal, and ends early with its reason", async () => {
  using time = virtualTime();
  const controller = new AbortController();
  const { signal } = controller;
  using added = spy(signal, "addEventListener");
  using removed = spy(signal, "removeEventListener");
  for (let attempt = 1; attempt <= 3; attempt++) {
    const pause = pauseUnlessAborted(1000, signal);
    assertEquals(removed.calls.length, attempt - 1);
    await time.advance(1000);
    await pause;
    assertEquals(added.calls.length, attempt);
    assertEquals(removed.calls.length, attempt);
    assertEquals(
      removed.calls.at(-1)?.args.slice(0, 2),
      added.calls.at(-1)?.args.slice(0, 2),
    );
  }
  const pause = assertRejects(
    () => pauseUnlessAborted(1000, signal),
    Error,
    "enough",
  );
  controller.abort(new Error("enough"));
  await pause;
  assertEquals(time.next, undefined);
  // An abort before the pause ends it as well.
  await assertRejects(() => pauseUnlessAborted(1000, signal), Error, "enough");
  assertEquals(time.next, undefined);
});
