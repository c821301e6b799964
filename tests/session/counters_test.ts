/** The counters of windows that a connection reads. */

import {
  CLIENT,
  FrameEncoder,
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  SERVER,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../mod.ts";
import { countersOf, resizeReceiveWindow } from "../../session.ts";
import { assertEquals } from "../deps.ts";
import {
  body,
  data,
  Harness,
  HEADERS_LIST,
  settings,
  synStream,
  windowUpdate,
} from "./harness.ts";

const FULL = { available: 65_536, unconsumed: 0, span: 65_536 };

Deno.test("counters: windows include the bytes of a frame that is under way, and the peer's updates", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, {
    autoWindowUpdate: false,
  });
  const { session } = harness;
  harness.give(
    settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 1000]),
    synStream(1),
    synStream(3, { flags: 1 }),
    windowUpdate(1, 50),
    windowUpdate(0, 7),
  );
  const frame = new FrameEncoder(PROTO_SPDY3_1).encode(data(1, 100));
  session.recv(frame.subarray(0, 8 + 40));
  const used = { available: 65_436, unconsumed: 40, span: 65_536 };
  assertEquals(countersOf(session), {
    sendWindow: 65_543,
    receiveWindow: used,
    streams: [
      { id: 1, open: true, sendWindow: 1050, receiveWindow: used },
      { id: 3, open: false, sendWindow: 1000, receiveWindow: FULL },
    ],
    windowStalls: 0,
  });
  session.submitRstStream(1, 5);
  assertEquals(countersOf(session).streams[0].open, false);
});

Deno.test("counters: each time that a body waits for a window counts", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1);
  const { session } = harness;
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 10]));
  session.submitRequest(0, HEADERS_LIST, body(30));
  session.send();
  assertEquals(countersOf(session).windowStalls, 1);
  // The window is still 0, so the body is not even tried.
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 10]));
  session.send();
  assertEquals(countersOf(session).windowStalls, 1);
  harness.give(windowUpdate(1, 1));
  session.send();
  assertEquals(countersOf(session).windowStalls, 2);
});

Deno.test("counters: a session without windows has no receive window and an infinite send window", () => {
  const { session } = new Harness(CLIENT, PROTO_SPDY2);
  session.submitSynStream(0, 0, 0, HEADERS_LIST);
  session.send();
  const { sendWindow, receiveWindow, streams } = countersOf(session);
  assertEquals([sendWindow, receiveWindow], [Infinity, undefined]);
  assertEquals(streams[0].receiveWindow, undefined);
});

Deno.test("resizeReceiveWindow: what changes nothing sends nothing, and an unknown stream is ignored", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1);
  const { session } = harness;
  harness.give(synStream(1));
  resizeReceiveWindow(session, 99, 1000);
  resizeReceiveWindow(session, 1, 0);
  resizeReceiveWindow(session, 1, -500);
  resizeReceiveWindow(session, 1, 500);
  assertEquals(session.getOutboundQueueSize(), 0);
  assertEquals(countersOf(session).streams[0].receiveWindow, FULL);
  resizeReceiveWindow(session, 1, 1);
  resizeReceiveWindow(session, 0, -1);
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 1 1"]);
  assertEquals(countersOf(session).receiveWindow?.span, 65_535);
});
