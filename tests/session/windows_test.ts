import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import {
  CLIENT,
  ERR_INVALID_STATE,
  ERR_PROTO,
  InvalidArgumentError,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SERVER,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SpdyError,
} from "../../mod.ts";
import {
  body,
  data,
  Harness,
  HEADERS_LIST,
  rstStream,
  settings,
  synStream,
  windowUpdate,
} from "./harness.ts";

const MANUAL = { autoWindowUpdate: false };

Deno.test("a stream's window accepts its last byte, and one more resets the stream", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, MANUAL);
  harness.give(synStream(1), synStream(3), data(1, 65536), data(3, 65537));
  assertEquals(harness.told().slice(2), [
    "onDataChunkRecv 0 1 65536",
    "onDataRecv 0 1 65536",
  ]);
  assertEquals(harness.flushNames(), ["RST_STREAM 3 7"]);
  assertEquals(harness.told().at(-1), "onStreamClose 3 7");
  harness.give(data(1, 1), data(3, 1));
  assertEquals(harness.told().length, 0);
  assertEquals(harness.flushNames(), ["RST_STREAM 1 7"]);
  assertEquals(harness.session.failure, undefined);
});

Deno.test("automatic updates of the same DATA frame: the session's is sent before the stream's, unless the stream is more urgent", () => {
  for (
    const [pri, names] of [
      [7, ["WINDOW_UPDATE 0 32768", "WINDOW_UPDATE 1 32768"]],
      [3, ["WINDOW_UPDATE 1 32768", "WINDOW_UPDATE 0 32768"]],
    ] as const
  ) {
    const harness = new Harness(SERVER, PROTO_SPDY3_1);
    harness.give(synStream(1, { pri }), data(1, 32768));
    assertEquals<readonly string[]>(harness.flushNames(), names);
  }
});

Deno.test("an excess is detected from the frame's head, however it is cut", () => {
  for (const cut of [false, true]) {
    const harness = new Harness(SERVER, PROTO_SPDY3, MANUAL);
    harness.give(synStream(1));
    harness.told();
    const bytes = Uint8Array.of(
      0,
      0,
      0,
      1,
      0,
      1,
      0,
      1,
      ...new Uint8Array(65537),
    );
    if (cut) {
      for (const byte of bytes) harness.session.recv(Uint8Array.of(byte));
    } else harness.session.recv(bytes);
    assertEquals(harness.told(), []);
    assertEquals(harness.flushNames(), ["RST_STREAM 1 7"]);
  }
});

Deno.test("the session's window: one byte too many ends the session", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, MANUAL);
  harness.give(synStream(1), synStream(3), data(1, 65535), data(3, 1));
  assertEquals(harness.session.failure, undefined);
  harness.give(data(3, 1));
  assertEquals(harness.session.failure?.code, ERR_PROTO);
  assertEquals(harness.session.failure?.initiator, "remote");
  assertEquals(harness.flushNames(), ["GOAWAY 3 1"]);
});

Deno.test("DATA of ended streams counts for the session's window and is granted again", () => {
  for (const options of [{}, MANUAL]) {
    const harness = new Harness(SERVER, PROTO_SPDY3_1, options);
    harness.give(data(9, 32767));
    assertEquals(harness.flushNames(), []);
    harness.give(data(9, 1));
    assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 32768"]);
    for (let count = 0; count < 10; count++) harness.give(data(9, 40000));
    assertEquals(harness.session.failure, undefined);
  }
});

Deno.test("submitWindowUpdate and SETTINGS increase what a peer may send", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, MANUAL);
  harness.give(synStream(1), synStream(3), data(1, 65536), data(3, 65536));
  harness.session.submitWindowUpdate(1, 10);
  harness.session.submitSettings(0, [[
    SETTINGS_INITIAL_WINDOW_SIZE,
    0,
    65536 + 5,
  ]]);
  harness.told();
  harness.give(data(1, 15), data(3, 5), synStream(5), data(5, 65541));
  assertEquals(
    harness.told().filter((line) => line.startsWith("onDataRecv")),
    ["onDataRecv 0 1 15", "onDataRecv 0 3 5", "onDataRecv 0 5 65541"],
  );
  harness.give(data(1, 1), data(3, 1), data(5, 1));
  harness.session.send();
  assertEquals(
    harness.told().filter((line) => line.startsWith("onStreamClose")),
    ["onStreamClose 1 7", "onStreamClose 3 7", "onStreamClose 5 7"],
  );
});

Deno.test("a lowered window applies to new streams once it is written, and never to open ones", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, MANUAL);
  harness.give(synStream(1));
  harness.session.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 10]]);
  harness.give(synStream(3));
  harness.session.send();
  harness.give(synStream(5), data(1, 11), data(3, 11), data(5, 11));
  harness.told();
  harness.session.send();
  assertEquals(
    harness.told().filter((line) => line.startsWith("onStreamClose")),
    [
      "onStreamClose 5 7",
    ],
  );
});

Deno.test("automatic updates are sent at half the window, and not for the last bytes of a stream", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1), data(1, 32767));
  assertEquals(harness.flushNames(), []);
  harness.give(data(1, 1));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 1 32768"]);
  harness.give(data(1, 40000, 1));
  assertEquals(harness.flushNames(), []);
});

Deno.test("consume: windows are restored when half of them is consumed", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, MANUAL);
  const { session } = harness;
  harness.give(synStream(1), data(1, 40000));
  assertEquals(harness.flushNames(), []);
  session.consume(1, 32767);
  assertEquals(harness.flushNames(), []);
  session.consume(1, 1);
  assertEquals(
    harness.flushNames(),
    ["WINDOW_UPDATE 1 32768", "WINDOW_UPDATE 0 32768"].sort((a) =>
      a.startsWith("WINDOW_UPDATE 1") ? -1 : 1
    ),
  );
  session.consume(1, 0);
  session.consume(1, 40000 - 32768);
  assertEquals(harness.flushNames(), []);
});

Deno.test("consume: the session's window is restored for streams that have closed", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, MANUAL);
  harness.give(synStream(1), data(1, 40000), rstStream(1));
  harness.session.consume(1, 40000);
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 40000"]);
});

Deno.test("consume: a stream whose peer has finished gets no update", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, MANUAL);
  harness.give(synStream(1), data(1, 40000, 1));
  harness.session.consume(1, 40000);
  assertEquals(harness.flushNames(), []);
});

Deno.test("consume: its range, the delivered bytes and the option are checked", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1, MANUAL);
  const { session } = harness;
  harness.give(synStream(1), data(1, 10));
  for (
    const [id, size] of [[0, 1], [-1, 1], [1, -1], [1, 0.5], [1, 11], [9, 11]]
  ) {
    assertThrows(
      () => session.consume(id, size),
      InvalidArgumentError,
      undefined,
      `${id} ${size}`,
    );
  }
  session.consume(1, 10);
  assertThrows(() => session.consume(1, 1), InvalidArgumentError, "stream 1");

  const spdy3 = new Harness(SERVER, PROTO_SPDY3, MANUAL);
  spdy3.give(synStream(1), data(1, 10));
  assertThrows(() => spdy3.session.consume(1, 11), InvalidArgumentError);
  spdy3.session.consume(99, 5);

  const automatic = new Harness(SERVER, PROTO_SPDY3_1);
  automatic.give(synStream(1), data(1, 10));
  const error = assertThrows(() => automatic.session.consume(1, 1), SpdyError);
  assertEquals(error.code, ERR_INVALID_STATE);

  const spdy2 = new Harness(SERVER, PROTO_SPDY2, MANUAL);
  spdy2.give(synStream(1), data(1, 10));
  spdy2.session.consume(1, 10);
  assertEquals(spdy2.flushNames(), []);
});

Deno.test("WINDOW_UPDATE: a window grows to 2^31-1 and no further, on streams and on the session", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1);
  const most = 2 ** 31 - 1 - 65536;
  harness.give(synStream(1), windowUpdate(1, most), windowUpdate(0, most));
  harness.told();
  harness.give(windowUpdate(1, 1));
  assertEquals(harness.told(), ["onInvalidCtrlRecv WINDOW_UPDATE 1 1 7"]);
  assertEquals(harness.flushNames(), ["RST_STREAM 1 7"]);
  harness.told();
  harness.give(windowUpdate(0, 1));
  assertEquals(harness.told(), ["onInvalidCtrlRecv WINDOW_UPDATE 0 1 1"]);
  assertEquals(harness.flushNames(), ["GOAWAY 1 1"]);
});

Deno.test("WINDOW_UPDATE: 0, unknown streams and other versions are ignored", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1));
  harness.told();
  // The codec refuses to write a delta of 0.
  harness.session.recv(
    Uint8Array.of(0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0),
  );
  assertEquals(harness.told(), ["onCtrlRecv WINDOW_UPDATE 1 0"]);
  harness.give(windowUpdate(0, 5), windowUpdate(99, 5));
  assertEquals(harness.told(), []);
});

Deno.test("SETTINGS that overflow a stream's window reset that stream", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(
    synStream(1),
    synStream(3),
    windowUpdate(1, 2 ** 31 - 1 - 65536),
  );
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 65537]));
  assertEquals(harness.flushNames(), ["RST_STREAM 1 7"]);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 2 ** 31 - 1]));
  assertEquals(harness.flushNames(), []);
  assertEquals(harness.session.failure, undefined);
});

Deno.test("flowControl false: nothing waits, nothing is enforced, and no WINDOW_UPDATE is sent", () => {
  for (const version of [PROTO_SPDY3, PROTO_SPDY3_1]) {
    for (const autoWindowUpdate of [true, false]) {
      const harness = new Harness(SERVER, version, {
        flowControl: false,
        autoWindowUpdate,
      });
      const { session } = harness;
      harness.give(
        settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 1]),
        settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 2 ** 32 - 1]),
        synStream(1),
        data(1, 200000),
        data(9, 100000),
        windowUpdate(1, 2 ** 31 - 1),
        windowUpdate(1, 2 ** 31 - 1),
        windowUpdate(0, 2 ** 31 - 1),
      );
      if (!autoWindowUpdate) session.consume(1, 200000);
      session.submitResponse(1, HEADERS_LIST, body(100000));
      const names = harness.flushNames();
      assertEquals(names.length, 8);
      assertEquals(names.at(-1), "DATA 1 1 1696");
      assertEquals(session.failure, undefined);
      assertThrows(
        () => session.submitWindowUpdate(1, 1),
        InvalidArgumentError,
        "flow control",
      );
    }
  }
});

Deno.test("SPDY/2 has no windows", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY2);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 1]));
  harness.session.submitRequest(0, HEADERS_LIST, body(100000));
  const names = harness.flushNames();
  assert(names.length === 8, `${names}`);
});

Deno.test("a window of one byte allows one byte: the session's, a stream's, and one that SETTINGS raise", () => {
  const session = new Harness(CLIENT, PROTO_SPDY3_1);
  session.session.submitRequest(0, HEADERS_LIST, body(65535));
  session.session.submitRequest(1, HEADERS_LIST, body(5));
  assertEquals(session.flushNames().at(-1), "DATA 3 0 1");
  assertEquals(session.session.wantWrite(), false);
  session.give(windowUpdate(0, 1));
  assertEquals(session.flushNames(), ["DATA 3 0 1"]);

  const stream = new Harness(CLIENT, PROTO_SPDY3);
  stream.session.submitRequest(0, HEADERS_LIST, body(65540));
  assertEquals(stream.flushNames().at(-1), "DATA 1 0 16384");
  stream.give(windowUpdate(1, 1));
  assertEquals(stream.flushNames(), ["DATA 1 0 1"]);
  stream.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 65537]));
  assertEquals(stream.flushNames(), ["DATA 1 0 1"]);
  stream.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 65538]));
  assertEquals(stream.flushNames(), ["DATA 1 0 1"]);
});

Deno.test("a receive window of one byte is restored byte by byte", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.session.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 1]]);
  harness.session.send();
  harness.written();
  harness.give(synStream(1), data(1, 1));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 1 1"]);
  harness.give(data(1, 1));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 1 1"]);
});

Deno.test("a lower initial window causes no update of a stream whose peer has finished", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1), synStream(3));
  harness.give(data(1, 100), data(3, 100), data(3, 0, 1));
  harness.session.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 10]]);
  assertEquals(harness.flushNames().slice(1), ["WINDOW_UPDATE 1 100"]);
});

Deno.test("bodies take turns even for the last byte of the session's window", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1, {
    limits: { maxDataFrameSize: 65535 },
  });
  harness.session.submitRequest(0, HEADERS_LIST, body(65540));
  harness.session.submitRequest(0, HEADERS_LIST, body(5));
  assertEquals(harness.flushNames().slice(2), [
    "DATA 1 0 65535",
    "DATA 3 0 1",
  ]);
});

Deno.test("SETTINGS that overflow the window of a stream that is being reset send no second reset", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(
    synStream(1),
    synStream(3),
    windowUpdate(1, 2 ** 31 - 1 - 65536),
    windowUpdate(3, 2 ** 31 - 1 - 65537),
  );
  harness.session.submitRstStream(1, 5);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 65537]));
  assertEquals(harness.flushNames(), ["RST_STREAM 1 5"]);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 65538]));
  assertEquals(harness.flushNames(), ["RST_STREAM 3 7"]);
});

Deno.test("resets that SETTINGS of the peer cause count as replies", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, {
    limits: { maxQueuedReplies: 0 },
  });
  harness.give(synStream(1), windowUpdate(1, 2 ** 31 - 1 - 65536));
  assertEquals(harness.session.failure, undefined);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 65537]));
  assertStringIncludes(
    harness.session.failure?.message ?? "",
    "maxQueuedReplies",
  );
});

Deno.test("submitWindowUpdate: the automatic update grants only what is left", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1);
  harness.give(synStream(1), data(1, 20_000));
  harness.session.submitWindowUpdate(1, 15_000);
  harness.session.submitWindowUpdate(0, 5000);
  harness.flush();
  harness.give(data(1, 17_768));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 32768"]);
  harness.give(data(1, 10_000));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 1 32768"]);
});

Deno.test("DATA that makes no update due queues none", () => {
  for (const options of [{}, MANUAL]) {
    const harness = new Harness(SERVER, PROTO_SPDY3_1, options);
    const { session } = harness;
    harness.give(synStream(1), data(1, 10), data(9, 300));
    if (options === MANUAL) session.consume(1, 10);
    assertEquals(session.getOutboundQueueSize(), 0);
  }
});
