/** DATA that is put into a buffer at once, in front of the queue. */

import type { DataTarget } from "../../session/data_writer.ts";
import { countersOf, sendNow } from "../../session.ts";
import { CLIENT, PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1 } from "../../mod.ts";
import { assertEquals } from "../deps.ts";
import { body, Harness, HEADERS_LIST, windowUpdate } from "./harness.ts";

/** A buffer with room for so many bytes, and the lengths of the frames in it. */
class Target implements DataTarget {
  room: number;
  readonly frames: number[] = [];
  readonly bytes: number[] = [];

  constructor(room: number) {
    this.room = room;
  }

  appendData(streamId: number, payload: Uint8Array): void {
    assertEquals(streamId, 1);
    this.room -= 8 + payload.length;
    this.frames.push(payload.length);
    this.bytes.push(...payload);
  }
}

/** A client's session with stream 1, whose DATA frames have at most 10 bytes. */
function harnessWithStream(
  version: 2 | 3 | 4 = PROTO_SPDY3_1,
  maxDataFrameSize = 10,
): Harness {
  const harness = new Harness(CLIENT, version, {
    limits: { maxDataFrameSize },
  });
  harness.session.submitSynStream(0, 0, 0, HEADERS_LIST);
  harness.session.send();
  harness.told();
  return harness;
}

Deno.test("sendNow: all bytes are put into the target in frames of the largest size, and are reported", () => {
  for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1] as const) {
    const harness = harnessWithStream(version);
    const target = new Target(1000);
    const data = Uint8Array.from({ length: 25 }, (_, at) => at);
    assertEquals(sendNow(harness.session, 1, data, target), true);
    const told = harness.told().filter((line) => line.startsWith("onDataSend"));
    assertEquals(told.length, 3);
    assertEquals(target.frames, [10, 10, 5]);
    assertEquals(target.bytes, [...data]);
  }
});

Deno.test("sendNow: the frames with their heads must fit into the target", () => {
  const data = new Uint8Array(25);
  for (const [room, isSent] of [[49, true], [48, false]] as const) {
    const { session } = harnessWithStream();
    const target = new Target(room);
    assertEquals(sendNow(session, 1, data, target), isSent);
    assertEquals(target.frames.length, isSent ? 3 : 0);
  }
});

Deno.test("sendNow: the windows of the stream and of the session must have room, and have less afterwards", () => {
  for (const version of [PROTO_SPDY3, PROTO_SPDY3_1] as const) {
    const { session } = harnessWithStream(version, 16_384);
    const send = (size: number): boolean =>
      sendNow(session, 1, new Uint8Array(size), new Target(200_000));
    assertEquals([send(65_537), send(65_530)], [false, true]);
    assertEquals([send(7), send(6), send(1)], [false, true, false]);
  }
  // The window of the session alone is not enough, nor is that of the stream.
  for (const id of [0, 1]) {
    const harness = harnessWithStream(PROTO_SPDY3_1, 16_384);
    harness.give(windowUpdate(id, 1000));
    const data = new Uint8Array(65_537);
    const target = new Target(200_000);
    assertEquals(sendNow(harness.session, 1, data, target), false);
    harness.give(windowUpdate(1 - id, 1000));
    assertEquals(sendNow(harness.session, 1, data, target), true);
  }
});

Deno.test("sendNow: it sends nothing on an unknown stream, on one with a body, after FIN, or while a frame is in the queue", () => {
  const data = new Uint8Array(5);
  const refused = (harness: Harness, id = 1): void => {
    const target = new Target(1000);
    assertEquals(sendNow(harness.session, id, data, target), false);
    assertEquals(target.frames, []);
  };
  refused(harnessWithStream(), 3);
  const queued = harnessWithStream();
  queued.session.submitPing();
  refused(queued);
  queued.session.send();
  assertEquals(sendNow(queued.session, 1, data, new Target(1000)), true);
  const busy = harnessWithStream();
  busy.session.submitData(1, 0, body(20));
  refused(busy);
  const reset = harnessWithStream();
  reset.session.submitRstStream(1, 5);
  reset.session.send();
  refused(reset);
  const failed = harnessWithStream();
  failed.give(windowUpdate(0, 2 ** 31 - 1));
  assertEquals(failed.session.failure === undefined, false);
  failed.session.send();
  refused(failed);
  const half = new Harness(CLIENT, PROTO_SPDY3_1);
  half.session.submitSynStream(1, 0, 0, HEADERS_LIST);
  half.session.send();
  refused(half);
  assertEquals(countersOf(half.session).windowStalls, 0);
});
