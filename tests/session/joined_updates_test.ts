/** WINDOW_UPDATEs of the session that wait in the queue become one. */

import { type CtrlFrame, PROTO_SPDY3_1, SERVER } from "../../mod.ts";
import { Application } from "../../session/application.ts";
import { SessionCore } from "../../session/core.ts";
import { CREDIT_ON_ARRIVAL, resolveSettings } from "../../session/options.ts";
import { Outbound } from "../../session/outbound.ts";
import { assertEquals } from "../deps.ts";
import { data, Harness, rstStream, synStream } from "./harness.ts";

const ON_ARRIVAL = { autoWindowUpdate: false, [CREDIT_ON_ARRIVAL]: true };

Deno.test("joined updates: the session grants in one frame what arrived before it is sent", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, ON_ARRIVAL);
  harness.give(synStream(1), data(1, 20_000), data(1, 20_000));
  harness.give(data(1, 20_000));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 60000"]);
  // What was sent is not changed any more, and the whole window is there again.
  harness.give(rstStream(1), synStream(3), data(3, 30_000), data(3, 30_000));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 60000"]);
  assertEquals(harness.session.failure, undefined);
});

Deno.test("joined updates: a stream's frames and those of the application stay as they are", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, ON_ARRIVAL);
  harness.give(synStream(1), data(1, 32_768));
  harness.session.submitWindowUpdate(0, 7);
  harness.session.consume(1, 32_768);
  harness.give(data(1, 20_000));
  assertEquals(harness.flushNames().sort(), [
    "WINDOW_UPDATE 0 52768",
    "WINDOW_UPDATE 0 7",
    "WINDOW_UPDATE 1 32768",
  ]);
});

Deno.test("joined updates: many reads while nothing is sent cause one frame, which is no flood", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, {
    ...ON_ARRIVAL,
    limits: { maxQueuedReplies: 4 },
  });
  harness.give(synStream(1));
  for (let count = 0; count < 64; count++) {
    // The peer knows of its window from elsewhere: nothing is sent here.
    harness.give(data(1, 16_384));
    harness.session.consume(1, 16_384);
  }
  assertEquals(harness.session.failure, undefined);
  assertEquals(
    harness.flushNames().filter((name) => name.startsWith("WINDOW_UPDATE 0")),
    [`WINDOW_UPDATE 0 ${64 * 16_384}`],
  );
});

Deno.test("joined updates: one frame grants at most 2^31-1 bytes", () => {
  const most = 2 ** 31 - 1;
  for (
    const [first, second, deltas] of [
      [most - 1, 1, [most]],
      [most, 1, [most, 1]],
    ] as const
  ) {
    const sent: number[] = [];
    const core = new SessionCore<null>(
      SERVER,
      PROTO_SPDY3_1,
      resolveSettings({ ...ON_ARRIVAL, announceStreams: false }),
      new Application<null>(null, {
        onCtrlSend: (_session: null, frame: CtrlFrame) => {
          if ("deltaWindowSize" in frame) sent.push(frame.deltaWindowSize);
        },
      }),
    );
    core.pushWindowUpdate(0, first, true);
    core.pushWindowUpdate(0, second, true);
    new Outbound(core, PROTO_SPDY3_1).send();
    assertEquals<readonly number[]>(sent, deltas);
  }
});
