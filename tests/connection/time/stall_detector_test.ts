/** Waits that end when no bytes have moved for some time. */

import { StallDetector } from "../../../connection/time/stall_detector.ts";
import { assertEquals } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

const NEVER = new Promise<void>(() => {});

Deno.test("progress: a wait ends when no bytes have moved for the whole time, and not before", async () => {
  using time = virtualTime();
  const progress = new StallDetector();
  let result: boolean | undefined;
  progress.unlessStalled(1000, NEVER).then((inTime) => {
    result = inTime;
  });
  for (let touch = 0; touch < 3; touch++) {
    await time.advance(999);
    progress.touch();
  }
  await time.advance(999);
  assertEquals(result, undefined);
  await time.advance(1);
  assertEquals([result, time.timers], [false, 0]);
});

Deno.test("progress: a wait ends with its promise, and leaves no timer", async () => {
  using time = virtualTime();
  const progress = new StallDetector();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = progress.unlessStalled(1000, promise);
  await time.advance(500);
  resolve();
  assertEquals([await waiting, time.timers], [true, 0]);
  // Without a wait, bytes are not counted, and a later wait begins anew.
  progress.touch();
  assertEquals(time.timers, 0);
});

Deno.test("progress: a wait may have begun earlier, and has no limit with 0", async () => {
  using time = virtualTime();
  await time.advance(5000);
  const progress = new StallDetector();
  const ended: string[] = [];
  const wait = (name: string, quiet: number, since?: number) =>
    progress.unlessStalled(quiet, NEVER, since).then(() => {
      ended.push(`${name} at ${time.now()}`);
    });
  wait("earlier", 1000, 4300);
  wait("now", 1000);
  wait("unlimited", 0);
  await time.advance(100_000);
  assertEquals(ended, ["earlier at 5300", "now at 6000"]);
  assertEquals(time.timers, 0);
});

Deno.test("progress: a watch calls back after each silence until ignore(), which does not stop other watches", async () => {
  using time = virtualTime();
  const progress = new StallDetector();
  const called: string[] = [];
  const watch = (name: string, quiet: number) =>
    progress.watch(quiet, () => called.push(`${name} at ${time.now()}`));
  const first = watch("first", 100);
  const second = watch("second", 150);
  await time.advance(210);
  assertEquals(called.splice(0), [
    "first at 100",
    "second at 150",
    "first at 200",
  ]);
  progress.ignore(first);
  progress.ignore(undefined);
  let touchedAfter = 0;
  first.touch = () => touchedAfter++;
  progress.touch();
  assertEquals(touchedAfter, 0);
  await time.advance(149);
  assertEquals(called, []);
  await time.advance(1);
  assertEquals(called, ["second at 360"]);
  progress.ignore(second);
  assertEquals(time.timers, 0);
});
