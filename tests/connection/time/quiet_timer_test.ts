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
