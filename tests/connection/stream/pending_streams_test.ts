/** Streams of this side until they are open. */

import {
  AwaitedOpening,
  PendingStreams,
} from "../../../connection/stream/pending_streams.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import { StreamInit } from "../../../connection/stream/stream_init.ts";
import { closedBy } from "../../../connection/end_errors.ts";
import { StreamResetError } from "../../../connection/errors.ts";
import { CANCEL, REFUSED_STREAM } from "../../../frame/constants.ts";
import type { Session } from "../../../session.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../../deps.ts";

/** A stream whose end the test causes. */
class FakeState {
  id = 0;
  ticket = 0;
  readonly log: string[] = [];
  readonly init: StreamInit;
  readonly #listeners: (() => void)[] = [];

  constructor(pri: number, unidirectional: boolean) {
    this.init = new StreamInit(true, [], pri, 0, unidirectional, false);
  }

  failed(error: unknown): void {
    this.log.push(`failed: ${(error as Error).message}`);
    this.end();
  }

  reset(statusCode: number, error: Error): void {
    this.log.push(`reset ${statusCode}: ${error.message}`);
  }

  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  end(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

interface OpeningOptions {
  readonly pri?: number;
  readonly unidirectional?: boolean;
  readonly signal?: AbortSignal;
  readonly mover?: object;
}

/** The pending streams of a session, and the states in the order in which it got them. */
class Watched {
  readonly submitted: FakeState[] = [];
  asked = 0;
  /** The next SYN_STREAM is refused by the session. */
  refuses = false;
  readonly pending: PendingStreams = new PendingStreams(
    {
      submitSynStream: (...given: unknown[]) => {
        if (this.refuses) throw new Error("invalid headers");
        this.submitted.push(given[4] as FakeState);
      },
    } as unknown as Session,
    () => this.asked++,
  );

  open(options: OpeningOptions = {}): {
    state: FakeState;
    core: StreamCore;
    promise: Promise<StreamCore>;
  } {
    const { pri = 0, unidirectional = false, signal, mover } = options;
    const opening = new AwaitedOpening((core) => core, signal, mover);
    const state = new FakeState(pri, unidirectional);
    const core = opening.core = state as unknown as StreamCore;
    this.pending.open(opening);
    return { state, core, promise: opening.promise };
  }

  get counts(): number[] {
    const { waiting, queued, occupied, room } = this.pending;
    return [waiting, queued, occupied, room];
  }
}

Deno.test("pending streams: 100 are opened to a silent peer, which is then asked once", () => {
  const watched = new Watched();
  for (let count = 0; count < 100; count++) watched.open();
  assertEquals([watched.counts, watched.asked], [[100, 0, 100, 0], 0]);
  watched.open();
  watched.open();
  assertEquals([watched.counts, watched.asked], [[102, 2, 100, 0], 1]);
  assertEquals(watched.pending.hasRoom, false);
  // It has sent something, but no limit.
  watched.pending.peerResponded();
  assertEquals([watched.submitted.length, watched.pending.queued], [102, 0]);
});

Deno.test("pending streams: the limit of the peer counts, and is not replaced by later frames", () => {
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 2;
  pending.peerResponded();
  assertEquals([pending.limit, pending.room, pending.hasRoom], [2, 2, true]);
  watched.open();
  assertEquals(watched.counts, [1, 0, 1, 1]);
  watched.open();
  watched.open();
  assertEquals([watched.counts, watched.asked], [[3, 1, 2, 0], 0]);
  pending.limit = 3;
  assertEquals(watched.counts, [3, 0, 3, 0]);
});

Deno.test("pending streams: a stream that closes makes room for the next, and room is reported when none waits", () => {
  const watched = new Watched();
  const { pending } = watched;
  let reports = 0;
  pending.onRoom(() => void reports++);
  pending.limit = 1;
  assertEquals(reports, 1);
  const first = watched.open();
  const second = watched.open();
  pending.sent(first.core);
  assertEquals(watched.counts, [1, 1, 1, 0]);
  pending.closed(first.core, undefined);
  assertStrictEquals(watched.submitted[1], second.state);
  assertEquals([watched.counts, reports], [[1, 0, 1, 0], 1]);
  pending.sent(second.core);
  pending.closed(second.core, undefined);
  assertEquals([watched.counts, reports], [[0, 0, 0, 1], 2]);
});

Deno.test("pending streams: each stream gets its own result, in whatever order the session sends or refuses them", async () => {
  const watched = new Watched();
  const { pending } = watched;
  const [first, second, third, fourth] = [1, 2, 3, 4].map(() => watched.open());
  pending.sent(first.core);
  assertStrictEquals(await first.promise, first.core);
  // The last one has taken the place of the first, which is not sent again.
  pending.sent(first.core);
  assertEquals(pending.waiting, 3);
  pending.sent(fourth.core);
  assertStrictEquals(await fourth.promise, fourth.core);
  pending.notSent(second.core, new Error("too large"));
  await assertRejects(() => second.promise, Error, "too large");
  assertEquals(second.state.log, ["failed: too large"]);
  pending.closed(third.core, new Error("parent cancelled"));
  await assertRejects(() => third.promise, Error, "parent cancelled");
  assertEquals(watched.counts.slice(0, 3), [0, 0, 2]);
  // A second report changes nothing.
  pending.notSent(second.core, new Error("again"));
  pending.sent(second.core);
  assertEquals(watched.counts.slice(0, 3), [0, 0, 2]);
});

Deno.test("pending streams: a push to a peer that allows none is refused, and a request waits", () => {
  const watched = new Watched();
  watched.pending.limit = 0;
  const error = assertThrows(
    () => watched.open({ unidirectional: true }),
    StreamResetError,
    "the peer allows none (its MAX_CONCURRENT_STREAMS is 0)",
  );
  assertEquals(
    [error.statusCode, error.initiator, error.streamId],
    [REFUSED_STREAM, "remote", 0],
  );
  watched.open();
  assertEquals(watched.counts, [1, 1, 0, 0]);
});

Deno.test("pending streams: a stream that the session refuses fails alone, and the next takes its place", async () => {
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 1;
  const first = watched.open();
  const second = watched.open();
  watched.refuses = true;
  pending.closed(first.core, undefined);
  await assertRejects(() => second.promise, Error, "invalid headers");
  assertEquals(second.state.log, ["failed: invalid headers"]);
  assertThrows(() => watched.open(), Error, "invalid headers");
  assertEquals(watched.counts, [0, 0, 0, 1]);
});

Deno.test("pending streams: each listener is told of room until it is removed", () => {
  const { pending } = new Watched();
  const told: string[] = [];
  const first = (): void => void told.push("first");
  pending.onRoom(first);
  pending.onRoom(() => void told.push("second"));
  pending.onRoom(first);
  pending.limit = 1;
  assertEquals(told, ["first", "second"]);
  pending.offRoom(first);
  pending.limit = 2;
  assertEquals(told, ["first", "second", "second"]);
});

Deno.test("pending streams: only those of the same mover are given up for another connection, the most urgent first", async () => {
  const mover = {};
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 0;
  watched.open({ pri: 0 });
  watched.open({ pri: 0, mover: {} });
  const later = watched.open({ pri: 3, mover });
  const sooner = watched.open({ pri: 1, mover });
  assertEquals(pending.giveUpNext(mover, new Error("elsewhere")), true);
  await assertRejects(() => sooner.promise, Error, "elsewhere");
  assertEquals(sooner.state.log, ["failed: elsewhere"]);
  assertEquals(pending.giveUpNext(mover, new Error("elsewhere")), true);
  await assertRejects(() => later.promise, Error, "elsewhere");
  assertEquals(pending.giveUpNext(mover, new Error("elsewhere")), false);
  assertEquals(pending.queued, 2);
});

Deno.test("pending streams: the end of the connection fails all that were not sent", async () => {
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 1;
  const submitted = watched.open();
  const queued = watched.open();
  pending.fail(() => closedBy("remote", "gone"));
  for (const { state, promise } of [submitted, queued]) {
    await assertRejects(
      () => promise,
      Error,
      "the stream was not opened: the connection ended: gone",
    );
    assertEquals([state.log.length, state.ticket], [1, 0]);
  }
  assertEquals(pending.waiting, 0);
});

Deno.test("pending streams: one that cannot be sent makes room for the next", async () => {
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 1;
  const refused = watched.open();
  const next = watched.open();
  assertEquals(watched.submitted.length, 1);
  pending.notSent(refused.core, new Error("too large"));
  await assertRejects(() => refused.promise, Error, "too large");
  assertEquals([watched.submitted.length, pending.queued], [2, 0]);
  pending.sent(next.core);
  assertStrictEquals(await next.promise, next.core);
});

Deno.test("pending streams: when the ids are used up, only streams that have no id yet fail", async () => {
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 3;
  const [first, second, third, fourth] = [1, 2, 3, 4].map(() => watched.open());
  second.state.id = 7;
  assertEquals(pending.exhausted, false);
  pending.idsUsedUp(() => closedBy("local", "no ids"));
  assertEquals(pending.exhausted, true);
  for (const { promise } of [first, third, fourth]) {
    await assertRejects(() => promise, Error, "no ids");
  }
  assertEquals([watched.submitted.length, watched.counts.slice(0, 3)], [
    3,
    [1, 0, 1],
  ]);
  pending.sent(second.core);
  assertStrictEquals(await second.promise, second.core);
});

Deno.test("pending streams: an abort ends a stream that waits, that is submitted, or that is open", async () => {
  const watched = new Watched();
  const { pending } = watched;
  pending.limit = 2;
  const aborts = [1, 2, 3, 4].map(() => new AbortController());
  const [open, submitted, queued] = aborts.slice(0, 3).map(({ signal }) =>
    watched.open({ signal })
  );
  pending.sent(open.core);
  await open.promise;
  const reason = new Error("cancelled");
  for (const each of aborts) each.abort(reason);
  assertEquals(open.state.log, [`reset ${CANCEL}: cancelled`]);
  for (const { promise } of [submitted, queued]) {
    await assertRejects(() => promise, Error, "cancelled");
  }
  // What the session has cannot be removed: it is reset when it is sent.
  assertEquals([submitted.state.log, queued.state.log], [
    [],
    ["failed: cancelled"],
  ]);
  pending.sent(submitted.core);
  assertEquals(submitted.state.log, [`reset ${CANCEL}: cancelled`]);
  assertThrows(
    () => watched.open({ signal: aborts[3].signal }),
    Error,
    "cancelled",
  );
  assertEquals(watched.counts, [0, 0, 2, 0]);
});

Deno.test("pending streams: a stream that has ended does not listen to its signal", () => {
  const watched = new Watched();
  const controller = new AbortController();
  const { state, core } = watched.open({ signal: controller.signal });
  watched.pending.sent(core);
  state.end();
  controller.abort(new Error("late"));
  assertEquals(state.log, []);
});
