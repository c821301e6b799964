import { assert, assertEquals, assertMatch } from "../deps.ts";
import {
  CLIENT,
  CTRL_FLAG_FIN,
  ERR_STREAM_CLOSED,
  ERR_STREAM_CLOSING,
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  type SessionOptions,
  type Side,
  StreamClosedError,
} from "../../mod.ts";
import {
  body,
  data,
  Harness,
  headers,
  HEADERS_LIST,
  rstStream,
  SIDES,
  synReply,
  synStream,
  VERSIONS,
  windowUpdate,
} from "./harness.ts";
import { SENDABLE, sendError } from "../../session/stream_states.ts";
import { versionName } from "../helpers/version_name.ts";

/** Ids of the streams that the tests open. */
function ids(side: Side): { own: number; peer: number } {
  return side === CLIENT ? { own: 1, peer: 2 } : { own: 2, peer: 1 };
}

function makeHarness(
  side: Side,
  version: ProtocolVersion,
  limits?: SessionOptions["limits"],
): Harness {
  return new Harness(side, version, { acceptServerStreams: true, limits });
}

/** Opens a stream of this side and returns its id. */
function open({ session }: Harness, side: Side, flags: number): number {
  session.submitSynStream(flags, 0, 0, HEADERS_LIST);
  session.send();
  return ids(side).own;
}

/** Queues RST_STREAM, and returns the id. */
function reset({ session }: Harness, id: number): number {
  session.submitRstStream(id, 5);
  return id;
}

/** Brings a stream into a state and returns its id. */
const STATES: Readonly<
  Record<string, (harness: Harness, side: Side) => number>
> = {
  ownNone: (_harness, side) => ids(side).own + 76,
  peerNone: (_harness, side) => ids(side).peer + 76,
  ownInitial: (harness, side) => {
    harness.session.submitSynStream(0, 0, 0, HEADERS_LIST);
    harness.room = 5;
    harness.session.send();
    return ids(side).own;
  },
  ownOpening: (harness, side) => open(harness, side, 0),
  ownOpened: (harness, side) => {
    const id = STATES.ownOpening(harness, side);
    harness.give(synReply(id));
    return id;
  },
  ownClosing: (harness, side) =>
    reset(harness, STATES.ownOpened(harness, side)),
  ownShutRead: (harness, side) => {
    const id = STATES.ownOpening(harness, side);
    harness.give(synReply(id, CTRL_FLAG_FIN));
    return id;
  },
  ownShutReadClosing: (harness, side) =>
    reset(harness, STATES.ownShutRead(harness, side)),
  peerOpening: (harness, side) => {
    harness.give(synStream(ids(side).peer));
    return ids(side).peer;
  },
  peerOpened: (harness, side) => {
    const id = STATES.peerOpening(harness, side);
    harness.session.submitSynReply(0, id, HEADERS_LIST);
    harness.session.send();
    return id;
  },
  peerClosing: (harness, side) =>
    reset(harness, STATES.peerOpening(harness, side)),
  peerShutRead: (harness, side) => {
    harness.give(synStream(ids(side).peer, { flags: CTRL_FLAG_FIN }));
    return ids(side).peer;
  },
  peerShutReadClosing: (harness, side) =>
    reset(harness, STATES.peerShutRead(harness, side)),
  peerShutWrite: (harness, side) => {
    const id = STATES.peerOpening(harness, side);
    harness.session.submitSynReply(CTRL_FLAG_FIN, id, HEADERS_LIST);
    harness.session.send();
    return id;
  },
  ownShutWrite: (harness, side) => open(harness, side, CTRL_FLAG_FIN),
};

/**
 * Received frames by state, as the protocol reference has it. a: accepted.
 * -: ignored. i: ignored, and counted in `maxIdleIgnored`. t: reported and counted, but
 * without effect. R: RST_STREAM PROTOCOL_ERROR. U: RST_STREAM STREAM_IN_USE (SPDY/2:
 * PROTOCOL_ERROR). F: the session fails. SYN_STREAM has the id of the stream.
 */
// deno-fmt-ignore
const RECEIVED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ownNone:             { SYN_STREAM: "F", SYN_REPLY: "R", HEADERS: "R", DATA: "i", RST_STREAM: "t", WINDOW_UPDATE: "-" },
  peerNone:            { SYN_STREAM: "a", SYN_REPLY: "R", HEADERS: "R", DATA: "i", RST_STREAM: "t", WINDOW_UPDATE: "-" },
  ownInitial:          { SYN_STREAM: "F", SYN_REPLY: "U", HEADERS: "R", DATA: "F", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  ownOpening:          { SYN_STREAM: "F", SYN_REPLY: "a", HEADERS: "R", DATA: "F", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  ownShutWrite:        { SYN_STREAM: "F", SYN_REPLY: "a", HEADERS: "R", DATA: "F", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  ownOpened:           { SYN_STREAM: "F", SYN_REPLY: "U", HEADERS: "a", DATA: "a", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  ownClosing:          { SYN_STREAM: "F", SYN_REPLY: "i", HEADERS: "-", DATA: "-", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  ownShutRead:         { SYN_STREAM: "F", SYN_REPLY: "R", HEADERS: "R", DATA: "F", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  ownShutReadClosing:  { SYN_STREAM: "F", SYN_REPLY: "R", HEADERS: "R", DATA: "i", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  peerOpening:         { SYN_STREAM: "R", SYN_REPLY: "R", HEADERS: "a", DATA: "a", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  peerOpened:          { SYN_STREAM: "R", SYN_REPLY: "R", HEADERS: "a", DATA: "a", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  peerShutWrite:       { SYN_STREAM: "R", SYN_REPLY: "R", HEADERS: "a", DATA: "a", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  peerClosing:         { SYN_STREAM: "R", SYN_REPLY: "R", HEADERS: "-", DATA: "-", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  peerShutRead:        { SYN_STREAM: "R", SYN_REPLY: "R", HEADERS: "R", DATA: "F", RST_STREAM: "a", WINDOW_UPDATE: "a" },
  peerShutReadClosing: { SYN_STREAM: "R", SYN_REPLY: "R", HEADERS: "R", DATA: "i", RST_STREAM: "a", WINDOW_UPDATE: "a" },
};

/** What the session did with the frame. */
function reaction(harness: Harness, frame: string, id: number): string {
  switch (frame) {
    case "SYN_STREAM":
      harness.give(synStream(id));
      break;
    case "SYN_REPLY":
      harness.give(synReply(id));
      break;
    case "HEADERS":
      harness.give(headers(id));
      break;
    case "DATA":
      harness.give(data(id, 3));
      break;
    case "RST_STREAM":
      harness.give(rstStream(id, 5));
      break;
    case "WINDOW_UPDATE":
      harness.give(windowUpdate(id, 1));
      break;
  }
  const told = harness.told();
  if (harness.session.failure !== undefined) return "F";
  // One frame may be ignored: the session fails if this is the second.
  harness.give(rstStream(1001, 5));
  const counted = harness.session.failure !== undefined;
  const [first] = told;
  if (first === undefined) return counted ? "i" : "-";
  if (first.startsWith("onInvalidCtrlRecv")) {
    if (counted) return "refused and counted";
    return first.endsWith(" 8") ? "U" : "R";
  }
  if (frame === "RST_STREAM") {
    const seen = told.includes(`onCtrlRecv RST_STREAM ${id} 5`);
    const closed = told.includes(`onStreamClose ${id} 5`);
    if (!seen || closed === counted) return told.join();
  }
  return counted ? "t" : "a";
}

for (const version of VERSIONS) {
  for (const side of SIDES) {
    const who = `${side === CLIENT ? "client" : "server"}, ${
      versionName(version)
    }`;

    Deno.test(`each received frame has the effect in the table, in each state of a stream: ${who}`, () => {
      for (const [state, row] of Object.entries(RECEIVED)) {
        for (const [frame, expected] of Object.entries(row)) {
          // SPDY/2 has no WINDOW_UPDATE to receive.
          if (version === PROTO_SPDY2 && frame === "WINDOW_UPDATE") continue;
          const harness = makeHarness(side, version, { maxIdleIgnored: 1 });
          const id = STATES[state](harness, side);
          harness.told();
          const wanted = version === PROTO_SPDY2 && expected === "U"
            ? "R"
            : expected;
          assertEquals(
            reaction(harness, frame, id),
            wanted,
            `${frame} in ${state}`,
          );
        }
      }
    });

    Deno.test(`each submitted frame is sent or refused as in the table, in each state of a stream: ${who}`, () => {
      for (const [state, row] of Object.entries(SENT)) {
        for (const [frame, expected] of Object.entries(row)) {
          if (version === PROTO_SPDY2 && frame === "WINDOW_UPDATE") continue;
          const harness = makeHarness(side, version);
          const resetBehind = !(state in STATES);
          const before = resetBehind ? state.replace("Closing", "") : state;
          const id = STATES[before](harness, side);
          harness.told();
          harness.written();
          assertEquals(
            attempt(harness, frame, id, resetBehind),
            expected,
            `${frame} in ${state}`,
          );
        }
      }
    });
  }
}

/**
 * Sent frames by state: 0 means that it is sent, a number is the error code for
 * not sending it, and "dropped" means that nothing is reported. "none", "half" and
 * "reset" are the reasons of the error that the submit call throws: there is no such
 * stream, its half is closed, it is being reset. In the rows that are no name of
 * {@linkcode STATES}, the stream is reset between submitting and sending.
 */
// deno-fmt-ignore
const SENT: Readonly<Record<string, Readonly<Record<string, number | string>>>> = {
  ownNone:            { SYN_REPLY: -510, HEADERS: -510, DATA: "none",  RST_STREAM: 0, WINDOW_UPDATE: "none" },
  peerNone:           { SYN_REPLY: -510, HEADERS: -510, DATA: "none",  RST_STREAM: 0, WINDOW_UPDATE: "none" },
  ownShutWrite:       { SYN_REPLY: -512, HEADERS: -512, DATA: "half",  RST_STREAM: 0, WINDOW_UPDATE: 0 },
  peerShutWrite:      { SYN_REPLY: -512, HEADERS: -512, DATA: "half",  RST_STREAM: 0, WINDOW_UPDATE: 0 },
  ownShutWriteClosing:{ SYN_REPLY: -512, HEADERS: -512, DATA: "half",  RST_STREAM: 0, WINDOW_UPDATE: "dropped" },
  ownInitial:         { SYN_REPLY: -513, HEADERS: 0,    DATA: 0,       RST_STREAM: 0, WINDOW_UPDATE: 0 },
  ownOpening:         { SYN_REPLY: -513, HEADERS: 0,    DATA: 0,       RST_STREAM: 0, WINDOW_UPDATE: 0 },
  ownOpened:          { SYN_REPLY: -513, HEADERS: 0,    DATA: 0,       RST_STREAM: 0, WINDOW_UPDATE: 0 },
  ownShutRead:        { SYN_REPLY: -513, HEADERS: 0,    DATA: 0,       RST_STREAM: 0, WINDOW_UPDATE: 0 },
  ownInitialClosing:  { SYN_REPLY: -513, HEADERS: -511, DATA: -511,    RST_STREAM: 0, WINDOW_UPDATE: "dropped" },
  ownOpenedClosing:   { SYN_REPLY: -513, HEADERS: -511, DATA: -511,    RST_STREAM: 0, WINDOW_UPDATE: "dropped" },
  ownClosing:         { SYN_REPLY: -510, HEADERS: -510, DATA: "reset", RST_STREAM: 0, WINDOW_UPDATE: "dropped" },
  peerOpening:        { SYN_REPLY: 0,    HEADERS: -514, DATA: -514,    RST_STREAM: 0, WINDOW_UPDATE: 0 },
  peerOpened:         { SYN_REPLY: -514, HEADERS: 0,    DATA: 0,       RST_STREAM: 0, WINDOW_UPDATE: 0 },
  peerShutRead:       { SYN_REPLY: 0,    HEADERS: -514, DATA: -514,    RST_STREAM: 0, WINDOW_UPDATE: 0 },
  peerOpeningClosing: { SYN_REPLY: -511, HEADERS: -511, DATA: -511,    RST_STREAM: 0, WINDOW_UPDATE: "dropped" },
  peerClosing:        { SYN_REPLY: -510, HEADERS: -510, DATA: "reset", RST_STREAM: 0, WINDOW_UPDATE: "dropped" },
};

/** The result of a frame that was submitted. */
function attempt(
  harness: Harness,
  frame: string,
  id: number,
  resetBehind: boolean,
): number | string {
  const { session } = harness;
  try {
    switch (frame) {
      case "SYN_REPLY":
        session.submitSynReply(0, id, HEADERS_LIST);
        break;
      case "HEADERS":
        session.submitHeaders(0, id, HEADERS_LIST);
        break;
      case "DATA":
        session.submitData(id, 0, body(3));
        break;
      case "RST_STREAM":
        session.submitRstStream(id, 3);
        break;
      case "WINDOW_UPDATE":
        session.submitWindowUpdate(id, 1);
        break;
    }
  } catch (error) {
    assert(error instanceof StreamClosedError);
    const { message } = error as StreamClosedError;
    if (message.endsWith("is not open")) return "none";
    if (message.includes("ended its half")) return "half";
    return message.endsWith("is being reset") ? "reset" : message;
  }
  if (resetBehind) session.submitRstStream(id, 5);
  harness.room = Infinity;
  const frames = harness.flushNames();
  if (frame === "RST_STREAM") frame = `RST_STREAM ${id} 3`;
  if (frames.some((sent) => sent.startsWith(frame))) return 0;
  const refused = harness.told().find((line) => line.includes("NotSend"));
  return refused === undefined ? "dropped" : Number(refused.split(" ").at(-1));
}

// Sending does not reach these cells: no callback is told of a refused WINDOW_UPDATE, and
// a stream is closing as soon as RST_STREAM is submitted.
Deno.test("a refused WINDOW_UPDATE has the reason as its code, and RST_STREAM is never refused", () => {
  const { RST_STREAM, WINDOW_UPDATE } = SENDABLE;
  assertEquals(sendError(WINDOW_UPDATE, undefined), ERR_STREAM_CLOSED);
  assertEquals(sendError(RST_STREAM, undefined), 0);
  for (const own of [true, false]) {
    for (const shutRead of [true, false]) {
      for (const shutWrite of [true, false]) {
        const condition = { own, shutRead, shutWrite };
        for (const state of ["initial", "opening", "opened"] as const) {
          const stream = { ...condition, state };
          assertEquals(sendError(WINDOW_UPDATE, stream), 0);
          assertEquals(sendError(RST_STREAM, stream), 0);
        }
        const closing = { ...condition, state: "closing" } as const;
        assertEquals(sendError(WINDOW_UPDATE, closing), ERR_STREAM_CLOSING);
        assertEquals(sendError(RST_STREAM, closing), 0);
      }
    }
  }
});

Deno.test("HEADERS with FIN end the half of the peer in each state that accepts them", () => {
  for (const side of SIDES) {
    for (const [state, { HEADERS }] of Object.entries(RECEIVED)) {
      // With both halves shut, the stream is gone.
      if (HEADERS !== "a" || state === "peerShutWrite") continue;
      const harness = makeHarness(side, PROTO_SPDY3_1);
      const id = STATES[state](harness, side);
      harness.give(headers(id, CTRL_FLAG_FIN));
      assertEquals(harness.session.failure, undefined, state);
      harness.give(data(id, 3));
      const { message } = harness.session.failure!;
      assertMatch(message, /DATA on stream \d after its FIN/, state);
    }
  }
});

Deno.test("RST_STREAM counts as a frame without effect only if there is no such stream", () => {
  for (const side of SIDES) {
    for (const state of Object.keys(STATES)) {
      const harness = new Harness(side, PROTO_SPDY3_1, {
        acceptServerStreams: true,
        limits: { maxIdleIgnored: 1 },
      });
      const id = STATES[state](harness, side);
      harness.give(rstStream(id, 5));
      harness.give(rstStream(77, 5));
      assertEquals(
        harness.session.failure === undefined,
        !state.endsWith("None"),
        state,
      );
    }
  }
});

Deno.test("WINDOW_UPDATE never counts as a frame without effect: it has a limit of its own", () => {
  for (const side of SIDES) {
    for (const state of Object.keys(STATES)) {
      const harness = new Harness(side, PROTO_SPDY3_1, {
        acceptServerStreams: true,
        limits: { maxIdleIgnored: 1 },
      });
      const id = STATES[state](harness, side);
      for (let count = 0; count < 3; count++) harness.give(windowUpdate(id, 1));
      assertEquals(harness.session.failure, undefined, state);
    }
  }
});
