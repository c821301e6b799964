/** A timer that fires after silence. */

import { QuietTimer } from "../../../connection/time/quiet_timer.ts";
import { assertEquals } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

Deno.test("quiet timer: it fires only after silence", async () => {
  using time = virtualTime();
  const fired: number[] = [];
  const timer = new QuietTimer(40, () => fired.push(time.now()));
  await time.advance(25);
  timer.touch();
  await time.advance(39);
  assertEquals(fired, []);
  await time.advance(1);
  timer.stop();
  await time.advance(100);
  assertEquals(fired, [65]);
});

Deno.test("quiet timer: silence counts from a time before it was started, and it fires again after each silence", async () => {
  using time = virtualTime();
  await time.advance(1000);
  const fired: number[] = [];
  const timers = [990, 960, 100].map((since) =>
    new QuietTimer(40, () => fired.push(time.now()), since)
  );
  // Two of them have been silent for long enough already.
  await time.advance(0);
  assertEquals(fired.splice(0), [1000, 1000]);
  await time.advance(30);
  assertEquals(fired.splice(0), [1030]);
  await time.advance(10);
  assertEquals(fired.splice(0), [1040, 1040]);
  await time.advance(30);
  assertEquals(fired.splice(0), [1070]);
  for (const timer of timers) timer.stop();
  assertEquals(time.timers, 0);
  const never = new QuietTimer(0, () => fired.push(0));
  never.touch();
  assertEquals(time.timers, 0);
});
