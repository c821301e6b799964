/** A signal for the time that several steps take together. */

import { ConnectionClosedError } from "../../../connection/errors.ts";
import { TimeLimit } from "../../../connection/time/time_limit.ts";
import { assert, assertEquals, assertStrictEquals } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

Deno.test("time limit: it aborts after its time with an error that says what took so long", async () => {
  using time = virtualTime();
  const limit = new TimeLimit(1000, undefined, "the proxy did not answer");
  const upgrade = new TimeLimit(2000, undefined);
  await time.advance(999);
  assertEquals(limit.signal.aborted, false);
  await time.advance(1);
  const { reason } = limit.signal;
  assert(reason instanceof ConnectionClosedError);
  assertEquals(reason.message, "the proxy did not answer within 1000 ms");
  assertEquals(reason.initiator, "remote");
  await time.advance(1000);
  assertEquals(
    upgrade.signal.reason.message,
    "the upgrade was not answered within 2000 ms",
  );
});

Deno.test("time limit: 0 sets no timer, and the end stops the timer", async () => {
  using time = virtualTime();
  const never = new TimeLimit(0, undefined);
  assertEquals(time.timers, 0);
  const ended = new TimeLimit(1000, undefined);
  assertEquals(time.timers, 1);
  ended.end();
  assertEquals(time.timers, 0);
  await time.advance(5000);
  assertEquals([never.signal.aborted, ended.signal.aborted], [false, false]);
});

Deno.test("time limit: it aborts with the outer signal and its reason, until its end", () => {
  using _time = virtualTime();
  const reason = new Error("not wanted");
  const outer = new AbortController();
  const running = new TimeLimit(1000, outer.signal);
  const ended = new TimeLimit(1000, outer.signal);
  ended.end();
  outer.abort(reason);
  assertStrictEquals(running.signal.reason, reason);
  assertEquals(ended.signal.aborted, false);
  const late = new TimeLimit(1000, outer.signal);
  assertStrictEquals(late.signal.reason, reason);
  running.end();
  late.end();
});
