/** Which streams submit before a write, and what ends if one of them fails. */

import { SendScheduler } from "../../../connection/flow/send_scheduler.ts";
import type { IoLoop } from "../../../connection/io_loop.ts";
import type { OpenStreams } from "../../../connection/stream/open_streams.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import { StreamClosedError } from "../../../errors.ts";
import { INTERNAL_ERROR } from "../../../frame/constants.ts";
import type { Session } from "../../../session.ts";
import { assertEquals, assertStrictEquals } from "../../deps.ts";

const session = {} as Session;

/** A stream that throws `error` when it submits, and records what is done with it. */
function stream(id: number, log: string[], error?: Error): StreamCore {
  const submit = (to: Session) => {
    assertStrictEquals(to, session);
    log.push(`submit ${id}`);
    if (error !== undefined) throw error;
  };
  return {
    id,
    isScheduled: false,
    sender: { submit },
    reset: (status: number, reason: unknown) =>
      log.push(`reset ${id} ${status} ${(reason as Error).message}`),
  } as unknown as StreamCore;
}

/** A scheduler with these streams, and the number of its requests to the loops. */
function schedulerOf(
  listed: readonly StreamCore[],
): { scheduler: SendScheduler; requests: { flush: number; collect: number } } {
  const requests = { flush: 0, collect: 0 };
  const io = {
    out: { length: 0 },
    flush: () => requests.flush++,
    collect: () => requests.collect++,
  } as unknown as IoLoop;
  const streams = {
    get: (id: number) => listed.find((each) => each.id === id),
  } as unknown as OpenStreams;
  const scheduler = new SendScheduler(io, session, streams, 1000);
  return { scheduler, requests };
}

Deno.test("send scheduler: a stream submits once before a write, in the order of asking", () => {
  const log: string[] = [];
  const [first, second] = [stream(1, log), stream(3, log)];
  const { scheduler, requests } = schedulerOf([first, second]);
  scheduler.add(second);
  scheduler.add(first);
  scheduler.add(second);
  assertEquals([scheduler.ready, requests.flush], [2, 2]);
  scheduler.submit();
  assertEquals(log, ["submit 3", "submit 1"]);
  assertEquals(scheduler.ready, 0);
  scheduler.add(first);
  scheduler.submit();
  assertEquals(log, ["submit 3", "submit 1", "submit 1"]);
  scheduler.flush();
  assertEquals(requests, { flush: 4, collect: 0 });
  scheduler.collect();
  assertEquals(requests, { flush: 4, collect: 1 });
  scheduler.add(first);
  scheduler.clear();
  scheduler.submit();
  assertEquals(log.length, 3);
});

Deno.test("send scheduler: an error resets its stream only, unless the session is closing that stream", () => {
  const log: string[] = [];
  const closed = () => new StreamClosedError("closed", { initiator: "local" });
  const closing = stream(1, log, closed());
  const unlisted = stream(3, log, closed());
  const broken = stream(5, log, new TypeError("broken"));
  const sound = stream(7, log);
  const { scheduler } = schedulerOf([closing, broken, sound]);
  for (const each of [closing, unlisted, broken, sound]) scheduler.add(each);
  scheduler.submit();
  assertEquals(log, [
    "submit 1",
    "submit 3",
    `reset 3 ${INTERNAL_ERROR} closed`,
    "submit 5",
    `reset 5 ${INTERNAL_ERROR} broken`,
    "submit 7",
  ]);
});

Deno.test("send scheduler: streams can copy as many bytes as are allowed, and no more", () => {
  const { scheduler } = schedulerOf([]);
  assertEquals(scheduler.copied, 0);
  assertEquals([scheduler.reserve(1001), scheduler.copied], [false, 0]);
  assertEquals([scheduler.reserve(1000), scheduler.copied], [true, 1000]);
  assertEquals(scheduler.reserve(1), false);
  scheduler.release(400);
  assertEquals([scheduler.reserve(400), scheduler.copied], [true, 1000]);
});

Deno.test("send scheduler: the connection copies bytes up to its limit", () => {
  const unused = undefined as never;
  const scheduler = new SendScheduler(unused, unused, unused, 1000);
  let released = 0;
  scheduler.onRelease = () => released++;
  assertEquals([scheduler.reserve(600), scheduler.reserve(400)], [true, true]);
  assertEquals([scheduler.reserve(1), scheduler.copied], [false, 1000]);
  scheduler.release(600);
  assertEquals([scheduler.reserve(601), scheduler.reserve(600)], [false, true]);
  assertEquals([scheduler.copied, released], [1000, 1]);
});
