/** The state of a stream, without a connection. */

import { StreamResetError } from "../../../connection/errors.ts";
import {
  StreamCore,
  type StreamHost,
} from "../../../connection/stream/stream_core.ts";
import { StreamInit } from "../../../connection/stream/stream_init.ts";
import { InvalidArgumentError, StreamClosedError } from "../../../errors.ts";
import {
  CANCEL,
  FLOW_CONTROL_ERROR,
  FRAME_TOO_LARGE,
  INVALID_STREAM,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "../../../frame/constants.ts";
import type { Session } from "../../../session.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../deps.ts";

interface Kind {
  readonly id?: number;
  readonly own?: boolean;
  readonly associated?: number;
  readonly unidirectional?: boolean;
  readonly fin?: boolean;
}

/** A stream, and what it does to its connection. */
class Watched {
  readonly log: string[] = [];
  hasRoom = true;
  /** How often the connection was told that the application waits. */
  reconsidered = 0;
  readonly core: StreamCore;

  constructor(kind: Kind = {}) {
    const {
      id = 1,
      own = true,
      associated = 0,
      unidirectional = false,
      fin = false,
    } = kind;
    const log = (what: string) => void this.log.push(what);
    const host: StreamHost = {
      session: {
        submitRstStream: (id: number, status: number) =>
          log(`RST_STREAM ${id} ${status}`),
      } as unknown as Session,
      options: { trailersRoom: 200, version: PROTO_SPDY3_1 },
      scheduler: {
        reserve: () => true,
        release: () => {},
        flush: () => log("flush"),
        add: () => log("schedule"),
        sendNow: () => false,
        collect: () => {},
        writerContinues: () => {},
      },
      receiveFlow: {
        reconsider: () => void this.reconsidered++,
        consumed: (_state, size) => log(`consumed ${size}`),
        released: () => log("released from windows"),
      },
      heldBytes: {
        headers: () => this.hasRoom,
        release: () => log("released from held bytes"),
      },
      later: () => {},
      afterFill: () => {},
      push: () => Promise.reject(new Error("not used")),
      readingSince: () => undefined,
      readingTime: () => 0,
    };
    const init = new StreamInit(
      own,
      [],
      0,
      associated,
      unidirectional,
      fin,
    );
    this.core = new StreamCore(host, id, init);
  }
}

Deno.test("stream state: which halves are open follows from who opened it and how", () => {
  const halves = (kind: Kind) => {
    const { sendBuffer, remoteEnded } = new Watched(kind).core;
    return [!sendBuffer.ended, !remoteEnded];
  };
  const both = { unidirectional: true, fin: true };
  assertEquals(halves({}), [true, true]);
  assertEquals(halves({ fin: true }), [false, true]);
  assertEquals(halves({ unidirectional: true }), [true, false]);
  assertEquals(halves(both), [false, false]);
  assertEquals(halves({ own: false }), [true, true]);
  assertEquals(halves({ own: false, fin: true }), [true, false]);
  assertEquals(halves({ own: false, unidirectional: true }), [false, true]);
  assertEquals(halves({ own: false, ...both }), [false, false]);
});

Deno.test("stream state: streams without a response say why", async () => {
  const push = new Watched({ id: 2, unidirectional: true });
  await assertRejects(
    () => push.core.response.promise,
    InvalidArgumentError,
    "stream 2 is unidirectional: the peer sends no reply on it",
  );
  const peers = new Watched({ id: 3, own: false });
  await assertRejects(
    () => peers.core.response.promise,
    InvalidArgumentError,
    "stream 3 was opened by the peer and has no response: answer it with reply()",
  );
});

Deno.test("stream state: what the application waits for", () => {
  const waits = (begin: (core: StreamCore) => unknown) => {
    const { core } = new Watched();
    begin(core);
    const wait = core.wait;
    core.readInBackground = true;
    return [wait, core.wait];
  };
  assertEquals(waits(() => {}), ["none", "none"]);
  assertEquals(waits((core) => core.closed.promise), ["watch", "none"]);
  assertEquals(waits((core) => core.response.promise), ["need", "none"]);
  assertEquals(waits((core) => core.trailers.promise), ["need", "none"]);
  assertEquals(waits((core) => core.headAwaited = true), ["need", "none"]);
  const read = (core: StreamCore) => core.receiveBuffer.read(new Uint8Array(1));
  assertEquals(waits(read), ["need", "none"]);
});

Deno.test("stream state: each listener is called once at the end, at once after it, and not after its removal", () => {
  const { core } = new Watched();
  const called: string[] = [];
  const listen = (name: string) => core.onEnd(() => called.push(name));
  listen("first");
  const remove = listen("removed");
  listen("last");
  remove();
  assertEquals([called, core.ended], [[], false]);
  core.failed(new Error("cut"));
  assertEquals([called, core.ended], [["first", "last"], true]);
  listen("late")();
  core.failed(new Error("again"));
  core.sessionClosed(0);
  assertEquals(called, ["first", "last", "late"]);
});

Deno.test("stream state: its memory is released with its last user", () => {
  const { core, log } = new Watched();
  assertEquals(core.isShared, false);
  core.addUser();
  assertEquals(core.isShared, true);
  core.removeUser();
  assertEquals([core.isShared, log], [false, []]);
  core.removeUser();
  assertEquals(log, ["released from held bytes", "released from windows"]);
});

Deno.test("stream state: a reset is sent, unless the session has no stream for it", async () => {
  const reset = (kind: Kind) => {
    const { core, log } = new Watched(kind);
    core.reset(REFUSED_STREAM);
    return { state: core, log };
  };
  const { state: core, log } = reset({ id: 5 });
  assertEquals(log, ["RST_STREAM 5 3", "flush"]);
  const error = await assertRejects(
    () => core.response.promise,
    StreamResetError,
  );
  assertEquals(
    error.message,
    "stream 5 was reset by this side with REFUSED_STREAM",
  );
  assertEquals([error.streamId, error.statusCode], [5, REFUSED_STREAM]);
  assertThrows(() => core.checkOpen(), StreamResetError, error.message);
  assertEquals(reset({ id: 0 }).log, []);
  const push = { id: 2, own: false, unidirectional: true };
  assertEquals(reset({ ...push, fin: true }).log, []);
  assertEquals(reset(push).log, ["RST_STREAM 2 3", "flush"]);
  const request = { own: false, fin: true };
  assertEquals(reset(request).log, ["RST_STREAM 1 3", "flush"]);
  // After its end, nothing is sent.
  const ended = new Watched();
  ended.core.sessionClosed(0);
  ended.core.reset(CANCEL);
  assertEquals(ended.log, []);
});

Deno.test("stream state: the end with both halves rejects what cannot happen any more", async () => {
  const { core } = new Watched({ id: 7 });
  core.sessionClosed(0);
  assertEquals(await core.closed.promise, 0);
  assertEquals([core.ended, core.failure], [true, undefined]);
  const error = await assertRejects(
    () => core.response.promise,
    StreamResetError,
    "stream 7 ended before the peer sent a response",
  );
  assertEquals([error.streamId, error.statusCode], [7, 0]);
  assertEquals(await core.trailers.promise, []);
  const over = assertThrows(
    () => core.checkOpen(),
    StreamResetError,
    "stream 7 has already ended",
  );
  assertEquals(over.statusCode, 0);
  const answered = new Watched().core;
  answered.replyReceived([["ok", "1"]], true);
  answered.sessionClosed(0);
  assertEquals(await answered.response.promise, [["ok", "1"]]);
});

Deno.test("stream state: after its end, an error does not change it, and unread bytes can be read", async () => {
  const { core } = new Watched({ id: 7 });
  core.replyReceived([["ok", "1"]], false);
  core.receiveBuffer.push(Uint8Array.of(1, 2));
  core.sessionClosed(0);
  core.failed(new Error("the connection ended"));
  const into = new Uint8Array(9);
  assertEquals(await core.receiveBuffer.read(into), 2);
  assertEquals(await core.receiveBuffer.read(into), null);
  assertThrows(
    () => core.checkOpen(),
    StreamResetError,
    "stream 7 has already ended",
  );
});

Deno.test("stream state: an early end names the side and the status", async () => {
  const closed = async (kind: Kind, byPeer: boolean, status: number) => {
    const { core } = new Watched(kind);
    core.resetByPeer = byPeer;
    core.sessionClosed(status);
    const error = core.failure as StreamResetError;
    assertEquals([core.ended, error.initiator], [true, "remote"]);
    return [await core.closed.promise, error.message];
  };
  assertEquals(await closed({}, true, CANCEL), [
    CANCEL,
    "stream 1 was reset by the peer with CANCEL",
  ]);
  assertEquals(await closed({}, true, 0), [
    PROTOCOL_ERROR,
    "stream 1 was reset by the peer with status 0",
  ]);
  assertEquals(await closed({}, false, PROTOCOL_ERROR), [
    PROTOCOL_ERROR,
    "stream 1 was reset by this side with PROTOCOL_ERROR because of what the peer sent on it",
  ]);
  const [, tooLarge] = await closed({}, false, FRAME_TOO_LARGE);
  assertStringIncludes(String(tooLarge), "limits.maxHeaderBlock");
  const [, tooMuch] = await closed({}, false, FLOW_CONTROL_ERROR);
  assertStringIncludes(String(tooMuch), "set flowControl: false");
  const hinted = async (kind: Kind, status: number) => {
    const [, message] = await closed(kind, true, status);
    return String(message).includes("acceptServerStreams");
  };
  const push = { id: 2, unidirectional: true, associated: 1 };
  assertEquals(await hinted({ id: 2 }, INVALID_STREAM), true);
  assertEquals(await hinted({ ...push, associated: 0 }, INVALID_STREAM), true);
  assertEquals(await hinted(push, INVALID_STREAM), false);
  assertEquals(await hinted({ id: 2 }, CANCEL), false);
  assertEquals(await hinted({ id: 3 }, INVALID_STREAM), false);
  assertEquals(await hinted({ id: 2, own: false }, INVALID_STREAM), false);
});

Deno.test("stream state: headers for which there is no room reset it with FRAME_TOO_LARGE", () => {
  const noRoom =
    "stream 1 was reset by this side with FRAME_TOO_LARGE: with the headers that the peer sent on it, the streams of the connection hold more than maxHeldBytes";
  for (const kind of ["reply", "headers"]) {
    const watched = new Watched();
    const { core, log } = watched;
    watched.hasRoom = false;
    core.onHeaders = () => log.push("handled");
    if (kind === "reply") core.replyReceived([["a", "b"]], true);
    else core.headersReceived([["a", "b"]], true);
    assertEquals(log, [`RST_STREAM 1 ${FRAME_TOO_LARGE}`, "flush"]);
    const error = core.failure as StreamResetError;
    assertEquals([error.message, error.initiator], [noRoom, "remote"]);
    assertEquals(error.statusCode, FRAME_TOO_LARGE);
  }
  const { core, log } = new Watched();
  core.headersReceived([["a", "x".repeat(71)]], false);
  assertEquals(log, []);
  core.headersReceived([], true);
  assertEquals(log, [`RST_STREAM 1 ${FRAME_TOO_LARGE}`, "flush"]);
});

Deno.test("stream state: cancelling and aborting reset with the status of the reason, or with CANCEL", () => {
  const cause = (statusCode: number) =>
    new StreamResetError("x", { streamId: 9, statusCode });
  for (
    const [reason, status] of [
      [undefined, CANCEL],
      [new Error("x"), CANCEL],
      [cause(0), CANCEL],
      [cause(1), 1],
      [cause(REFUSED_STREAM), REFUSED_STREAM],
    ] as const
  ) {
    const aborted = new Watched();
    aborted.core.aborted(reason);
    assertEquals(aborted.log, [`RST_STREAM 1 ${status}`, "flush"]);
    const cancelled = new Watched();
    cancelled.core.cancelled(reason, 0);
    assertEquals(cancelled.log, aborted.log);
  }
  const kept = new Watched();
  kept.core.keepOnCancel = true;
  kept.core.cancelled(undefined, 8);
  kept.core.cancelled(undefined, 1);
  assertEquals(kept.log, ["consumed 8", "consumed 1"]);
  const ended = new Watched();
  ended.core.endRemote();
  ended.core.cancelled(undefined, 0);
  assertEquals(ended.log, []);
});

Deno.test("stream state: a dropped body fails its reader with the reason, unless there is none", async () => {
  const dropped = new Watched({ id: 3 }).core;
  dropped.receiveBuffer.push(Uint8Array.of(1));
  dropped.dropBody("nobody reads it");
  const error = await assertRejects(
    async () => await dropped.receiveBuffer.read(new Uint8Array(1)),
    StreamClosedError,
    "stream 3: the bytes that the peer sent were dropped: nobody reads it",
  );
  assertEquals(error.initiator, "local");
  const empty = new Watched().core;
  empty.endRemote();
  empty.dropBody("nobody reads it");
  assertEquals(await empty.receiveBuffer.read(new Uint8Array(1)), null);
});

Deno.test("stream state: it begins in no list and with nothing counted", () => {
  const { core } = new Watched();
  const { ticket, grown, pendingUpdate, discounted, held } = core;
  assertEquals([ticket, grown, pendingUpdate, discounted, held], [
    0,
    0,
    0,
    0,
    0,
  ]);
  const { isScheduled, isListedOpen, resetByPeer, countedWhenClosed } = core;
  assertEquals(
    [isScheduled, isListedOpen, resetByPeer, countedWhenClosed],
    [false, false, false, false],
  );
});

Deno.test("stream state: the connection is told when the application waits for something of the peer", () => {
  const watched = new Watched();
  const { core } = watched;
  core.promiseOf(core.closed);
  assertEquals(watched.reconsidered, 1);
  core.awaitResponse({ resolved: () => {}, rejected: () => {} });
  assertEquals([watched.reconsidered, core.wait], [2, "need"]);
});
