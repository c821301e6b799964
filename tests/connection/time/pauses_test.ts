import { Pauses } from "../../../connection/time/pauses.ts";
import { assertEquals } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

Deno.test("pauses: they keep the process alive unless unref was called", async () => {
  using time = virtualTime();
  const pauses = new Pauses();
  let ended = 0;
  const pause = (milliseconds: number): void => {
    pauses.pause(milliseconds).then(() => ended++);
  };
  pause(5);
  assertEquals(time.timers, 1);
  await time.advance(5);
  assertEquals([ended, time.next], [1, undefined]);
  pauses.unref();
  pauses.unref();
  assertEquals(time.next, undefined);
  pause(10);
  assertEquals([time.timers, time.next], [0, 15]);
  await time.advance(10);
  assertEquals(ended, 2);
  pauses.ref();
  pause(5);
  assertEquals(time.timers, 1);
  await time.advance(5);
  assertEquals([ended, time.next], [3, undefined]);
});

Deno.test("pauses: one that has begun changes with ref and unref, and ends at its time", async () => {
  using time = virtualTime();
  const pauses = new Pauses();
  let ended = 0;
  pauses.pause(100).then(() => ended++);
  await time.advance(30);
  pauses.unref();
  assertEquals([time.timers, time.next], [0, 100]);
  await time.advance(30);
  pauses.ref();
  assertEquals([time.timers, time.next], [1, 100]);
  await time.advance(39);
  assertEquals(ended, 0);
  await time.advance(1);
  assertEquals([ended, time.next], [1, undefined]);
});
