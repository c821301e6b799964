import { assert, assertEquals, assertThrows } from "../deps.ts";
import {
  CallbackFailureError,
  CLIENT,
  DATA_FLAG_FIN,
  DataProvider,
  ERR_DEFERRED,
  ERR_INVALID_FRAME,
  GOAWAY_INTERNAL_ERROR,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  READ_EOF,
  type ReadCallback,
  SERVER,
  SETTINGS_INITIAL_WINDOW_SIZE,
  TemporalCallbackFailureError,
} from "../../mod.ts";
import {
  body,
  Harness,
  HEADERS_LIST,
  rstStream,
  settings,
  synReply,
  synStream,
  windowUpdate,
} from "./harness.ts";

function opened(version: 2 | 3 | 4 = PROTO_SPDY3): Harness {
  const harness = new Harness(CLIENT, version);
  harness.session.submitSynStream(0, 0, 3, HEADERS_LIST);
  harness.session.send();
  harness.written();
  harness.told();
  return harness;
}

function provider(readCb: ReadCallback): DataProvider {
  return new DataProvider(undefined, readCb);
}

Deno.test("two bodies on one stream are sent one after the other", () => {
  const harness = opened();
  harness.session.submitData(1, 0, body(20000));
  harness.session.submitData(1, 0, body(5));
  harness.session.submitData(1, DATA_FLAG_FIN, body(7));
  assertEquals(harness.flushNames(), [
    "DATA 1 0 16384",
    "DATA 1 0 3616",
    "DATA 1 0 5",
    "DATA 1 1 7",
  ]);
});

Deno.test("a body waits for a deferred one and is not lost", () => {
  const harness = opened();
  harness.session.submitData(1, 0, body(4, [2]));
  harness.session.submitData(1, DATA_FLAG_FIN, body(1));
  assertEquals(harness.flushNames(), ["DATA 1 0 2"]);
  assertEquals(harness.session.wantWrite(), false);
  harness.session.resumeData(1);
  assertEquals(harness.flushNames(), ["DATA 1 0 2", "DATA 1 1 1"]);
});

Deno.test("bodies of one priority take turns, one frame each", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY2, {
    limits: { maxDataFrameSize: 10 },
  });
  harness.session.submitRequest(1, HEADERS_LIST, body(25));
  harness.session.submitRequest(1, HEADERS_LIST, body(15));
  assertEquals(harness.flushNames().slice(2), [
    "DATA 1 0 10",
    "DATA 3 0 10",
    "DATA 1 0 10",
    "DATA 3 1 5",
    "DATA 1 1 5",
  ]);
});

Deno.test("a more urgent body is sent until it is complete", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY2, {
    limits: { maxDataFrameSize: 10 },
  });
  harness.session.submitRequest(2, HEADERS_LIST, body(15));
  harness.session.submitRequest(1, HEADERS_LIST, body(15));
  assertEquals(harness.flushNames(), [
    "SYN_STREAM 1",
    "DATA 1 0 10",
    "DATA 1 1 5",
    "SYN_STREAM 3",
    "DATA 3 0 10",
    "DATA 3 1 5",
  ]);
});

Deno.test("a resumed body precedes newer ones of its priority", () => {
  const harness = opened();
  const { session } = harness;
  session.submitSynStream(0, 0, 3, HEADERS_LIST);
  session.send();
  session.submitData(1, 0, body(1, [0]));
  session.send();
  session.submitData(3, 0, body(1));
  session.resumeData(1);
  harness.written();
  assertEquals(harness.flushNames(), ["DATA 1 0 1", "DATA 3 0 1"]);
});

Deno.test("an empty read that is not the end waits like ERR_DEFERRED", () => {
  const harness = opened();
  const answers = [new Uint8Array(0), new Uint8Array(3)];
  let reads = 0;
  harness.session.submitData(
    1,
    0,
    provider((_session, _streamId, _length, readCtrl) => {
      const answer = answers[reads++];
      if (reads === 2) readCtrl.flags = READ_EOF;
      return answer;
    }),
  );
  assertEquals(harness.flushNames(), []);
  assertEquals([reads, harness.session.wantWrite()], [1, false]);
  harness.session.resumeData(1);
  assertEquals(harness.flushNames(), ["DATA 1 0 3"]);
});

Deno.test("an empty body is an empty DATA frame", () => {
  const harness = opened();
  harness.session.submitData(1, 0, body(0));
  harness.session.submitData(1, DATA_FLAG_FIN, body(0));
  assertEquals(harness.flushNames(), ["DATA 1 0 0", "DATA 1 1 0"]);
});

Deno.test("the read callback gets stream, room and source, and flags of 0", () => {
  const harness = opened();
  const seen: unknown[] = [];
  harness.session.submitData(
    1,
    0,
    new DataProvider(
      "source",
      (session, streamId, length, readCtrl, source) => {
        seen.push(
          session === harness.session,
          streamId,
          length,
          readCtrl.flags,
          source,
        );
        readCtrl.flags = seen.length === 5 ? 0 : READ_EOF;
        return new Uint8Array(1);
      },
    ),
  );
  harness.session.send();
  assertEquals(seen, [
    true,
    1,
    16384,
    0,
    "source",
    true,
    1,
    16384,
    0,
    "source",
  ]);
});

Deno.test("a temporal failure resets its stream and is reported", () => {
  const harness = opened();
  harness.session.submitData(
    1,
    0,
    provider(() => {
      throw new TemporalCallbackFailureError();
    }),
  );
  harness.session.submitData(1, 0, body(1));
  assertEquals(harness.flushNames(), ["RST_STREAM 1 6"]);
  assertEquals(harness.told().filter((line) => !line.includes("RST")), [
    "onDataNotSend 1 -521",
    "onDataNotSend 1 -511",
    "onStreamClose 1 6",
  ]);
});

Deno.test("a CallbackFailureError of a read callback fails the session", () => {
  const harness = opened();
  const error = new CallbackFailureError("disk gone");
  harness.session.submitData(
    1,
    0,
    provider(() => {
      throw error;
    }),
  );
  assertEquals(assertThrows(() => harness.session.send()), error);
  assertEquals(harness.session.failure, error);
  assertEquals(harness.session.wantWrite(), true);
  assertEquals(harness.flushNames(), [`GOAWAY 0 ${GOAWAY_INTERNAL_ERROR}`]);
  assertEquals(harness.session.wantWrite(), false);
  assertEquals(harness.told()[0], "onDataNotSend 1 -902");
});

Deno.test("a read callback that returns too many bytes, or something else, fails the session", () => {
  const answers: unknown[] = [new Uint8Array(16385), "text", undefined, -1];
  for (const answer of answers) {
    const harness = opened();
    harness.session.submitData(1, 0, provider(() => answer as Uint8Array));
    const error = assertThrows(
      () => harness.session.send(),
      CallbackFailureError,
      "the readCb callback",
    );
    assertEquals(harness.session.failure, error);
  }
});

Deno.test("any other exception of a read callback is rethrown, and the callback is called again", () => {
  const harness = opened();
  let calls = 0;
  harness.session.submitData(
    1,
    DATA_FLAG_FIN,
    provider((_session, _streamId, _length, readCtrl) => {
      if (calls++ === 0) throw new TypeError("once");
      readCtrl.flags = READ_EOF;
      return new Uint8Array(4);
    }),
  );
  assertThrows(() => harness.session.send(), TypeError, "once");
  assertEquals(harness.session.failure, undefined);
  assertEquals(harness.flushNames(), ["DATA 1 1 4"]);
});

Deno.test("the bodies of a stream that closes are each reported once", () => {
  const harness = opened();
  harness.session.submitData(1, 0, body(4, [2]));
  harness.session.submitData(1, 0, body(4));
  harness.session.send();
  harness.told();
  harness.give(rstStream(1));
  assertEquals(harness.told(), [
    "onCtrlRecv RST_STREAM 1 5",
    "onStreamClose 1 5",
    "onDataNotSend 1 -510",
    "onDataNotSend 1 -510",
  ]);
  harness.session.send();
  assertEquals(harness.told(), []);
});

Deno.test("a body whose stream ended before its turn is reported", () => {
  const harness = opened();
  harness.session.submitData(1, DATA_FLAG_FIN, body(1));
  harness.session.submitData(1, 0, body(1));
  assertEquals(harness.flushNames(), ["DATA 1 1 1"]);
  assertEquals(harness.told(), ["onDataSend 1 1 1", "onDataNotSend 1 -512"]);
});

Deno.test("if a stream closes while its DATA is half-written, the frame is finished and the rest reported once", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1));
  harness.session.submitResponse(1, HEADERS_LIST, body(20000));
  harness.session.send();
  harness.written();
  const other = new Harness(SERVER, PROTO_SPDY3);
  other.give(synStream(1));
  other.session.submitResponse(1, HEADERS_LIST, body(20000));
  other.room = 1000;
  other.session.send();
  other.told();
  other.give(rstStream(1));
  assertEquals(other.told().at(-1), "onDataNotSend 1 -510");
  other.room = Infinity;
  assertEquals(other.flushNames().at(-1), "DATA 1 0 16384");
  assertEquals(other.told(), ["onDataSend 0 1 16384"]);
});

Deno.test("a reset queued in onDataSend ends the body", () => {
  const harness = opened();
  const { session } = harness;
  let asked = 0;
  session.submitData(
    1,
    0,
    provider((inner, streamId) => {
      asked++;
      inner.submitRstStream(streamId, 5);
      return new Uint8Array(1);
    }),
  );
  assertEquals(harness.flushNames(), ["DATA 1 0 1", "RST_STREAM 1 5"]);
  assertEquals(asked, 1);
  assert(harness.told().includes("onDataNotSend 1 -511"));
});

Deno.test("a SYN frame that is not sent does not start its body", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  let asked = 0;
  harness.session.submitResponse(
    1,
    HEADERS_LIST,
    provider(() => {
      asked++;
      return ERR_DEFERRED;
    }),
  );
  assertEquals(harness.flushNames(), []);
  assertEquals(asked, 0);
  assertEquals(harness.told(), [
    "onCtrlNotSend SYN_REPLY 1 -510",
    "onDataNotSend 1 -510",
  ]);
});

Deno.test("the body of a request that GOAWAY refuses is reported", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitGoaway(0);
  harness.session.send();
  harness.told();
  harness.session.submitRequest(0, HEADERS_LIST, body(10));
  harness.session.send();
  assertEquals(harness.told(), [
    "onCtrlNotSend SYN_STREAM 1 -516",
    "onDataNotSend 1 -516",
    "onStreamClose 1 6",
  ]);
});

Deno.test("the body of a reply whose stream ends while the reply is half-written is reported", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1));
  harness.session.send();
  harness.written();
  harness.session.submitResponse(1, HEADERS_LIST, body(10));
  harness.room = 10;
  harness.session.send();
  harness.give(rstStream(1));
  harness.told();
  harness.room = Infinity;
  assertEquals(harness.flushNames(), ["SYN_REPLY 1"]);
  assertEquals(harness.told(), [
    "onCtrlSend SYN_REPLY 1",
    "onDataNotSend 1 -510",
  ]);
});

Deno.test("a stream that closes while the last DATA of its body is half-written does not report the body", () => {
  const harness = opened();
  harness.session.submitData(1, DATA_FLAG_FIN, body(100));
  harness.room = 10;
  harness.session.send();
  harness.give(rstStream(1));
  assertEquals(harness.told(), [
    "onCtrlRecv RST_STREAM 1 5",
    "onStreamClose 1 5",
  ]);
  harness.room = Infinity;
  assertEquals(harness.flushNames(), ["DATA 1 1 100"]);
  assertEquals(harness.told(), ["onDataSend 1 1 100"]);
});

Deno.test("a session that fails reports every body that it does not send", () => {
  const harness = opened();
  const { session } = harness;
  const deferred = provider(() => ERR_DEFERRED);
  session.submitData(1, 0, deferred);
  session.submitData(1, DATA_FLAG_FIN, body(1));
  session.submitRequest(0, HEADERS_LIST, deferred);
  session.send();
  harness.written();
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0]));
  session.submitRequest(0, HEADERS_LIST, body(10));
  session.send();
  session.submitRequest(0, HEADERS_LIST, body(10));
  harness.written();
  harness.told();
  session.failSession(GOAWAY_INTERNAL_ERROR);
  assertEquals(harness.flushNames(), [`GOAWAY 0 ${GOAWAY_INTERNAL_ERROR}`]);
  const reported = () =>
    harness.told().filter((line) => line.startsWith("onDataNotSend")).sort();
  assertEquals(reported(), [
    "onDataNotSend 0 -519",
    "onDataNotSend 1 -519",
    "onDataNotSend 1 -519",
    "onDataNotSend 3 -519",
    "onDataNotSend 5 -519",
  ]);
  session.send();
  assertEquals(reported(), []);
  session.submitRequest(0, HEADERS_LIST, body(10));
  session.send();
  assertEquals(reported(), ["onDataNotSend 0 -519"]);
});

Deno.test("a session that fails while it sends reports the bodies before send() returns", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    onDataSend: (session) => session.failSession(GOAWAY_INTERNAL_ERROR),
  });
  const { session } = harness;
  session.submitRequest(0, HEADERS_LIST, body(40_000));
  session.submitRequest(0, HEADERS_LIST, body(10));
  session.submitRequest(7, HEADERS_LIST, provider(() => ERR_DEFERRED));
  session.send();
  assertEquals(session.wantWrite(), false);
  assertEquals(
    harness.told().filter((line) => line.startsWith("onDataNotSend")).sort(),
    ["onDataNotSend 0 -519", "onDataNotSend 1 -519", "onDataNotSend 3 -519"],
  );
});

Deno.test("a session that fails while SYN_REPLY is half written reports its body", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  const { session } = harness;
  harness.give(synStream(1));
  session.submitResponse(1, HEADERS_LIST, body(10));
  harness.room = 10;
  session.send();
  session.failSession(GOAWAY_INTERNAL_ERROR);
  harness.room = Infinity;
  harness.told();
  session.send();
  assertEquals(session.wantWrite(), false);
  assertEquals(harness.told().at(-1), "onDataNotSend 1 -519");
});

Deno.test("after an error of the peer, bodies are reported with the code of the failure", () => {
  const harness = opened();
  harness.session.submitData(1, 0, provider(() => ERR_DEFERRED));
  harness.session.send();
  harness.session.recv(Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 1, 0));
  assertEquals(harness.session.failure?.code, ERR_INVALID_FRAME);
  harness.told();
  harness.session.send();
  assertEquals(harness.told()[0], `onDataNotSend 1 ${ERR_INVALID_FRAME}`);
});

Deno.test("a stream that is closed while its SYN_STREAM is half-written stays closed", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(0, HEADERS_LIST, body(10));
  harness.room = 10;
  harness.session.send();
  harness.give(rstStream(1));
  harness.room = Infinity;
  assertEquals(harness.flushNames(), ["SYN_STREAM 1"]);
  assertEquals(harness.told().slice(-3), [
    "onStreamClose 1 5",
    "onCtrlSend SYN_STREAM 1",
    "onDataNotSend 1 -510",
  ]);
});

Deno.test("a reset queued while SYN_STREAM is half-written keeps the stream closing", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(0, HEADERS_LIST, body(10));
  harness.room = 10;
  harness.session.send();
  harness.session.submitRstStream(1, 5);
  harness.room = Infinity;
  assertEquals(harness.flushNames(), ["SYN_STREAM 1", "RST_STREAM 1 5"]);
});

Deno.test("send windows stop DATA and let it continue", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1);
  const { session } = harness;
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 10]));
  session.submitRequest(0, HEADERS_LIST, body(30));
  assertEquals(harness.flushNames(), ["SYN_STREAM 1", "DATA 1 0 10"]);
  assertEquals(session.wantWrite(), false);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 15]));
  assertEquals(harness.flushNames(), ["DATA 1 0 5"]);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 5]));
  harness.give(windowUpdate(1, 10));
  assertEquals(session.wantWrite(), false, "the window is exactly 0");
  harness.give(windowUpdate(1, 1));
  assertEquals(harness.flushNames(), ["DATA 1 0 1"]);
  harness.give(windowUpdate(1, 100));
  assertEquals(harness.flushNames(), ["DATA 1 1 14"]);
});

Deno.test("the session's window is shared, and both windows must have room", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1);
  const { session } = harness;
  session.submitRequest(0, HEADERS_LIST, body(65000));
  session.submitRequest(1, HEADERS_LIST, body(1000));
  const sent = harness.flushNames();
  assertEquals(sent.at(-1), "DATA 3 0 536");
  assertEquals([session.wantWrite(), session.getOutboundQueueSize()], [
    false,
    0,
  ]);
  harness.give(windowUpdate(0, 100));
  assertEquals([session.wantWrite(), session.getOutboundQueueSize()], [
    true,
    1,
  ]);
  assertEquals(harness.flushNames(), ["DATA 3 0 100"]);
  harness.give(windowUpdate(0, 1000));
  assertEquals(harness.flushNames(), ["DATA 3 1 364"]);
});

Deno.test("an empty last frame also waits for the window", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0]));
  harness.session.submitRequest(0, HEADERS_LIST, body(0));
  assertEquals(harness.flushNames(), ["SYN_STREAM 1"]);
  harness.give(synReply(1), windowUpdate(1, 1));
  assertEquals(harness.flushNames(), ["DATA 1 1 0"]);
});

Deno.test("getOutboundQueueSize counts bodies that wait for another body", () => {
  const harness = opened();
  const { session } = harness;
  session.submitData(1, 0, body(5));
  session.submitData(1, 0, body(7));
  // Room for the first frame and the first byte of the second.
  harness.room = 14;
  assertEquals(harness.flushNames(), ["DATA 1 0 5"]);
  session.submitData(1, 0, body(9));
  session.submitData(1, DATA_FLAG_FIN, body(11));
  assertEquals(session.getOutboundQueueSize(), 2);
  harness.room = Infinity;
  assertEquals(harness.flushNames(), [
    "DATA 1 0 7",
    "DATA 1 0 9",
    "DATA 1 1 11",
  ]);
  assertEquals(session.getOutboundQueueSize(), 0);
});

Deno.test("getOutboundQueueSize forgets all bodies of a stream that closes", () => {
  const harness = opened();
  const { session } = harness;
  for (const length of [20_000, 5, 7]) session.submitData(1, 0, body(length));
  assertEquals(session.getOutboundQueueSize(), 3);
  harness.give(rstStream(1));
  // The first one leaves the queue with the next frames, as in spdylay.
  assertEquals(session.getOutboundQueueSize(), 1);
  assertEquals(harness.flushNames(), []);
  assertEquals(session.getOutboundQueueSize(), 0);
  session.submitSynStream(0, 0, 3, HEADERS_LIST);
  session.submitPing();
  assertEquals(session.getOutboundQueueSize(), 2);
});

Deno.test("resets after read callbacks that fail are no replies to the peer", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1, {
    limits: { maxQueuedReplies: 1 },
  });
  for (let count = 0; count < 5; count++) {
    harness.session.submitRequest(
      3,
      HEADERS_LIST,
      provider(() => {
        throw new TemporalCallbackFailureError("no data");
      }),
    );
  }
  harness.flushNames();
  assertEquals(harness.session.failure, undefined);
});

Deno.test("a callback that returns memory which was transferred fails like one that returns no bytes", () => {
  const gone = (): Uint8Array => {
    const memory = new Uint8Array(5);
    structuredClone(memory, { transfer: [memory.buffer] });
    return memory;
  };
  const harness = opened();
  harness.session.submitData(1, 0, provider(gone));
  assertThrows(
    () => harness.session.send(),
    CallbackFailureError,
    "the readCb callback did not return a Uint8Array",
  );
  const reader = new Harness(CLIENT, PROTO_SPDY3, { recv: gone });
  assertThrows(
    () => reader.session.recv(),
    CallbackFailureError,
    "the recv callback did not return a Uint8Array",
  );
});
