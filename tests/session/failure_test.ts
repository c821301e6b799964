import { assert, assertEquals, assertThrows } from "../deps.ts";
import {
  CallbackFailureError,
  CLIENT,
  DataProvider,
  ERR_GOAWAY_ALREADY_SENT,
  ERR_INVALID_FRAME,
  ERR_PROTO,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  InvalidArgumentError,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SERVER,
  Session,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../mod.ts";
import {
  body,
  data,
  goaway,
  Harness,
  headers,
  HEADERS_LIST,
  ping,
  rstStream,
  settings,
  SIDES,
  synReply,
  synStream,
  VERSIONS,
  windowUpdate,
} from "./harness.ts";

function assertFailed(
  harness: Harness,
  code: number,
  ...words: string[]
): void {
  const { failure } = harness.session;
  assertEquals([failure?.code, failure?.initiator], [code, "remote"]);
  for (const word of words) {
    assert(failure?.message.includes(word), failure?.message);
  }
}

Deno.test("failSession: GOAWAY precedes all queued frames, and nothing follows it", () => {
  for (const version of VERSIONS) {
    const harness = new Harness(SERVER, version);
    const { session } = harness;
    harness.give(synStream(1, { flags: 1 }));
    session.submitResponse(1, HEADERS_LIST, body(100));
    session.submitPing();
    session.failSession(1);
    assertEquals([session.wantRead(), session.wantWrite()], [false, true]);
    assertEquals(harness.flushNames(), [
      `GOAWAY 1 ${version === PROTO_SPDY2 ? 0 : 1}`,
    ]);
    assertEquals([session.wantRead(), session.wantWrite()], [false, false]);
    session.submitPing();
    assertEquals(harness.flushNames(), []);
    assertEquals(session.failure, undefined, "nobody's fault");
    assertThrows(
      () => session.failSession(-1),
      InvalidArgumentError,
      "statusCode",
    );
  }
});

Deno.test("failSession after a GOAWAY was sent: wantWrite is true until the second GOAWAY is reported as not sent", () => {
  for (const version of VERSIONS) {
    for (const side of SIDES) {
      const harness = new Harness(side, version);
      harness.flush();
      harness.session.submitGoaway(0);
      harness.flush();
      harness.told();
      harness.session.failSession(1);
      const { session } = harness;
      assertEquals(session.getOutboundQueueSize(), 1);
      assertEquals([session.wantRead(), session.wantWrite()], [false, true]);
      assertEquals(harness.flushNames(), []);
      const status = version === PROTO_SPDY2 ? 0 : 1;
      assertEquals(harness.told(), [
        `onCtrlNotSend GOAWAY 0 ${status} ${ERR_GOAWAY_ALREADY_SENT}`,
      ]);
      assertEquals(session.getOutboundQueueSize(), 0);
      assertEquals([session.wantRead(), session.wantWrite()], [false, false]);
    }
  }
});

Deno.test("failSession drops a queued GOAWAY of the application without a callback, and sends its own", () => {
  for (const version of VERSIONS) {
    const harness = new Harness(CLIENT, version);
    harness.session.submitGoaway(0);
    harness.session.failSession(1);
    const status = version === PROTO_SPDY2 ? 0 : 1;
    assertEquals(harness.flushNames(), [`GOAWAY 0 ${status}`]);
    assertEquals(
      harness.told().filter((line) => line.startsWith("onCtrlNotSend")),
      [],
    );
  }
});

Deno.test("a second failSession sends no second GOAWAY: it is reported as not sent, as in spdylay", () => {
  for (const version of VERSIONS) {
    const status = (code: number) => version === PROTO_SPDY2 ? 0 : code;
    const byApplication = new Harness(CLIENT, version);
    byApplication.session.failSession(1);
    byApplication.session.failSession(2);
    const byPeer = new Harness(CLIENT, version);
    byPeer.session.recv(Uint8Array.of(0x80, version, 0, 6, 0, 0, 0, 0));
    byPeer.told();
    byPeer.session.failSession(2);
    for (const harness of [byApplication, byPeer]) {
      const { session } = harness;
      assertEquals(session.getOutboundQueueSize(), 2);
      assertEquals([session.wantRead(), session.wantWrite()], [false, true]);
      assertEquals(harness.flushNames(), [`GOAWAY 0 ${status(1)}`]);
      assertEquals(
        harness.told().filter((line) => line.startsWith("onCtrlNotSend")),
        [`onCtrlNotSend GOAWAY 0 ${status(2)} ${ERR_GOAWAY_ALREADY_SENT}`],
      );
      assertEquals([session.wantRead(), session.wantWrite()], [false, false]);
    }
    assertEquals(byPeer.session.failure?.code, ERR_INVALID_FRAME);
  }
});

Deno.test("failSession with no stream open: wantWrite stays true until the GOAWAY is written", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.failSession(2);
  harness.room = 3;
  harness.session.send();
  assertEquals(harness.session.wantWrite(), true);
  harness.room = Infinity;
  assertEquals(harness.flushNames(), ["GOAWAY 0 2"]);
  assertEquals(harness.session.wantWrite(), false);
});

Deno.test("a frame that is half-written is finished before the GOAWAY of a failure", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(0, HEADERS_LIST, body(50000));
  harness.room = 100;
  harness.session.send();
  harness.session.failSession(1);
  harness.room = Infinity;
  const names = harness.flushNames();
  assertEquals(names.at(-1), "GOAWAY 0 1");
  assert(names.length <= 3, names.join());
});

Deno.test("input after a session error is discarded, and no second failure is reported", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  const bad = Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 0);
  harness.session.recv(bad);
  harness.give(synStream(1), ping(1), data(5, 4));
  harness.session.recv(bad);
  assertEquals(harness.told(), [
    `onCtrlRecvParseError 6 0 ${ERR_INVALID_FRAME}`,
  ]);
  assertFailed(harness, ERR_INVALID_FRAME, "PING");
  assertEquals(harness.flushNames(), ["GOAWAY 0 1"]);
});

Deno.test("recv() does not read from the transport of a failed session", () => {
  let asked = 0;
  const session = new Session(SERVER, PROTO_SPDY3, {
    recv: () => {
      asked++;
      return Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 0);
    },
  });
  session.recv();
  session.recv();
  assertEquals(asked, 1);
});

Deno.test("failSession inside a callback stops the parsing there", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  const seen: number[] = [];
  const session: Session = new Session(SERVER, PROTO_SPDY3, {
    onCtrlRecv: (inner, frame) => {
      seen.push(frame.frameType);
      inner.failSession(2);
    },
  });
  session.recv(Uint8Array.of(
    ...[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1],
    ...[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 3],
  ));
  assertEquals(seen, [6]);
  assertEquals(harness.session.failure, undefined);
});

Deno.test("every kind of session error ends in GOAWAY 1 and a failure with the reason", () => {
  const cases: [string, number, (harness: Harness) => void, string][] = [
    [
      "length",
      ERR_INVALID_FRAME,
      ({ session }) =>
        session.recv(Uint8Array.of(0x80, 3, 0, 3, 0, 0, 0, 1, 0)),
      "RST_STREAM",
    ],
    [
      "version",
      ERR_UNSUPPORTED_VERSION,
      ({ session }) =>
        session.recv(Uint8Array.of(0x80, 9, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0)),
      "SETTINGS",
    ],
    [
      "zlib",
      ERR_ZLIB,
      ({ session }) =>
        session.recv(
          Uint8Array.of(0x80, 3, 0, 8, 0, 0, 0, 8, 0, 0, 0, 1, 1, 2, 3, 4),
        ),
      "HEADERS",
    ],
    [
      "own parity",
      ERR_PROTO,
      (harness) => harness.give(synStream(2)),
      "opened stream 2",
    ],
    [
      "lower id",
      ERR_PROTO,
      (harness) => harness.give(synStream(5), synStream(3)),
      "stream 3 after stream 5",
    ],
    [
      "data after FIN",
      ERR_PROTO,
      (harness) => harness.give(synStream(1, { flags: 1 }), data(1, 0)),
      "after its FIN",
    ],
    [
      "window",
      ERR_PROTO,
      (harness) =>
        harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 2 ** 31])),
      "2147483648",
    ],
    [
      "session window",
      ERR_PROTO,
      (harness) => harness.give(windowUpdate(0, 2 ** 31 - 1)),
      "WINDOW_UPDATE",
    ],
  ];
  for (const [name, code, provoke, word] of cases) {
    const harness = new Harness(SERVER, PROTO_SPDY3_1);
    provoke(harness);
    assertFailed(harness, code, word);
    assertEquals(harness.session.wantRead(), false, name);
    const [frame, ...rest] = harness.flushNames();
    assert(/^GOAWAY \d+ 1$/.test(frame), `${name}: ${frame}`);
    assertEquals(rest, []);
  }
});

Deno.test("DATA before SYN_REPLY at the stream's creator ends the session", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(0, HEADERS_LIST);
  harness.session.send();
  harness.give(data(1, 1));
  assertFailed(harness, ERR_PROTO, "before its SYN_REPLY");
});

Deno.test("an INITIAL_WINDOW_SIZE that no window can have is refused and ignored", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0xffffffff]));
  assertEquals(harness.told(), [
    "onInvalidCtrlRecv SETTINGS [[7,0,4294967295]] 1",
  ]);
  const spdy2 = new Harness(SERVER, PROTO_SPDY2);
  spdy2.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 0xffffffff]));
  assertEquals(spdy2.session.failure, undefined, "SPDY/2 has no windows");
});

Deno.test("the first of two SETTINGS entries with the same id is used, and unknown ids are ignored", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.give({
    ...settings([4, 0, 1], [4, 0, 100], [77, 0, 5]),
  });
  harness.session.submitRequest(0, HEADERS_LIST);
  harness.session.submitRequest(0, HEADERS_LIST);
  assertEquals(harness.flushNames(), ["SYN_STREAM 1"]);
});

Deno.test("stream errors reset the stream and do not affect the session", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(
    synStream(1, { assoc: 3 }),
    synStream(3, { flags: 2 }),
    synReply(3),
    headers(99),
    synStream(5),
    synStream(5),
  );
  assertEquals(
    harness.told().filter((line) => line.includes("Invalid")),
    [
      "onInvalidCtrlRecv SYN_STREAM 1 1",
      "onInvalidCtrlRecv SYN_STREAM 3 1",
      "onInvalidCtrlRecv SYN_REPLY 3 1",
      "onInvalidCtrlRecv HEADERS 99 1",
      "onInvalidCtrlRecv SYN_STREAM 5 1",
    ],
  );
  assertEquals(harness.session.failure, undefined);
  // The frames of an open stream have its priority, the highest.
  assertEquals(harness.flushNames(), [
    "RST_STREAM 5 1",
    "RST_STREAM 1 1",
    "RST_STREAM 3 1",
    "RST_STREAM 3 1",
    "RST_STREAM 99 1",
  ]);
});

Deno.test("pushes: a client accepts valid ones and resets the others", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(0, HEADERS_LIST);
  harness.session.send();
  harness.give(
    synStream(2, { flags: 2, assoc: 1 }),
    synStream(4, { flags: 2 }),
    synStream(6, { assoc: 1 }),
    synStream(8, { flags: 2, assoc: 99 }),
    synStream(10, { flags: 3, assoc: 1 }),
    data(2, 3, 1),
  );
  assertEquals(harness.told().slice(2), [
    "onCtrlRecv SYN_STREAM 2",
    "onInvalidCtrlRecv SYN_STREAM 4 2",
    "onInvalidCtrlRecv SYN_STREAM 6 1",
    "onInvalidCtrlRecv SYN_STREAM 8 1",
    "onCtrlRecv SYN_STREAM 10",
    "onRequestRecv 10",
    "onStreamClose 10 0",
    "onDataChunkRecv 1 2 3",
    "onDataRecv 1 2 3",
    "onRequestRecv 2",
    "onStreamClose 2 0",
  ]);
});

Deno.test("acceptServerStreams: a client accepts streams of the server in both directions", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    acceptServerStreams: true,
  });
  harness.give(
    synStream(2),
    synStream(4, { flags: 2 }),
    synStream(6, { assoc: 99 }),
  );
  assertEquals(harness.told(), [
    "onCtrlRecv SYN_STREAM 2",
    "onCtrlRecv SYN_STREAM 4",
    "onInvalidCtrlRecv SYN_STREAM 6 1",
  ]);
  harness.session.submitResponse(2, HEADERS_LIST, body(3));
  assertEquals(
    harness.flushNames(),
    ["SYN_REPLY 2", "RST_STREAM 6 1", "DATA 2 1 3"].sort((a, b) =>
      Number(a.startsWith("RST")) - Number(b.startsWith("RST"))
    ),
  );
});

/** A client that requested stream 1, for which the server pushes 2 and 4. */
function clientWithPushes(): Harness {
  const client = new Harness(CLIENT, PROTO_SPDY3);
  client.session.submitRequest(0, HEADERS_LIST);
  client.session.send();
  client.give(
    synStream(2, { flags: 2, assoc: 1 }),
    synStream(4, { flags: 2, assoc: 1 }),
  );
  return client;
}

Deno.test("CANCEL of a request ends its pushes on both sides", () => {
  const server = new Harness(SERVER, PROTO_SPDY3);
  server.give(synStream(1), synStream(3));
  server.session.submitSynStream(2, 1, 0, HEADERS_LIST);
  server.session.submitSynStream(2, 1, 0, HEADERS_LIST);
  server.session.submitSynStream(2, 3, 0, HEADERS_LIST);
  server.session.send();
  server.session.submitData(2, 1, body(10, [0]));
  server.session.send();
  server.told();
  server.give(rstStream(1, 5));
  assertEquals(server.told(), [
    "onCtrlRecv RST_STREAM 1 5",
    "onStreamClose 2 5",
    "onDataNotSend 2 -510",
    "onStreamClose 4 5",
    "onStreamClose 1 5",
  ]);
  server.give(rstStream(3, 1));
  assertEquals(server.told(), [
    "onCtrlRecv RST_STREAM 3 1",
    "onStreamClose 3 1",
  ]);

  const client = clientWithPushes();
  client.give(data(2, 1, 1));
  client.session.submitRstStream(1, 5);
  client.told();
  client.session.send();
  assertEquals(client.told().slice(-2), [
    "onStreamClose 4 5",
    "onStreamClose 1 5",
  ]);
});

Deno.test("CANCEL of a fully answered request ends its pushes on both sides", () => {
  const server = new Harness(SERVER, PROTO_SPDY3);
  server.give(synStream(1, { flags: 1 }), synStream(3, { flags: 1 }));
  server.session.submitSynStream(2, 1, 0, HEADERS_LIST);
  server.session.submitSynStream(2, 3, 0, HEADERS_LIST);
  server.session.submitResponse(1, HEADERS_LIST);
  server.session.submitResponse(3, HEADERS_LIST);
  server.session.send();
  server.session.submitData(2, 1, body(100_000));
  server.session.submitData(4, 1, body(100_000));
  server.session.send();
  server.told();
  // The client cancelled its request before the answer arrived.
  server.give(rstStream(1, 5));
  assertEquals(server.told(), [
    "onCtrlRecv RST_STREAM 1 5",
    "onStreamClose 2 5",
    "onDataNotSend 2 -510",
  ]);
  // Another status does not affect the pushes.
  server.give(rstStream(3, 1));
  assertEquals(server.told(), ["onCtrlRecv RST_STREAM 3 1"]);
  // Nor does a status for a stream that the client did not open.
  server.give(rstStream(2, 5));
  assertEquals(server.told(), ["onCtrlRecv RST_STREAM 2 5"]);

  const client = clientWithPushes();
  client.session.submitRstStream(1, 5);
  // The stream ends for another reason while CANCEL waits to be written.
  client.give(rstStream(1, 6));
  client.written();
  client.told();
  assertEquals(client.flushNames(), ["RST_STREAM 1 5"]);
  assertEquals(client.told().filter((line) => line.startsWith("onStream")), [
    "onStreamClose 2 5",
    "onStreamClose 4 5",
  ]);
});

Deno.test("a SYN_STREAM with a valid id uses it up, even if its headers are refused", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, {
    limits: { maxHeaderCount: 1 },
  });
  harness.give(synStream(5));
  assertEquals(harness.told(), ["onInvalidCtrlRecv SYN_STREAM 5 11"]);
  harness.give(synStream(5));
  assertEquals(harness.told(), ["onInvalidCtrlRecv SYN_STREAM 5 11"]);
  harness.give({ ...synStream(3), nv: [] } as ReturnType<typeof synStream>);
  assertFailed(harness, ERR_PROTO, "stream 3 after stream 5");
});

Deno.test("GOAWAY received: streams continue, PING is answered, and wantWrite reports it", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1, { flags: 1 }), goaway(0, 0));
  const { session } = harness;
  assertEquals([session.wantRead(), session.wantWrite()], [true, false]);
  harness.give(synStream(3), goaway(0, 0));
  session.submitResponse(1, HEADERS_LIST);
  assertEquals(harness.flushNames(), ["SYN_REPLY 1"]);
  assertEquals([session.wantRead(), session.wantWrite()], [false, false]);
  harness.give(ping(1));
  assertEquals(session.wantWrite(), true);
  assertEquals(harness.flushNames(), ["PING 1"]);
  assertEquals(
    harness.told().filter((line) => /SYN_STREAM|GOAWAY/.test(line)),
    [
      "onCtrlRecv SYN_STREAM 1",
      "onCtrlRecv GOAWAY 0 0",
      "onCtrlRecv GOAWAY 0 0",
    ],
  );
});

Deno.test("PING: every one of the peer is answered, and every one of ours is recognised", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitPing();
  harness.session.submitPing();
  harness.session.send();
  harness.written();
  harness.told();
  harness.give(ping(2), ping(2), ping(0), ping(99), ping(1), ping(3), ping(3));
  assertEquals(harness.told(), [
    "onCtrlRecv PING 2",
    "onCtrlRecv PING 2",
    "onCtrlRecv PING 1",
    "onCtrlRecv PING 3",
  ]);
  assertEquals(harness.flushNames(), ["PING 2", "PING 2"]);
});

Deno.test("a SYN_STREAM of the other version is refused with UNSUPPORTED_VERSION", () => {
  // No name/value pair: apart from the count, it reads the same in both
  // versions.
  const harness = new Harness(SERVER, PROTO_SPDY3);
  const seen: string[] = [];
  const spdy2 = new Session(CLIENT, PROTO_SPDY2, {
    headerCompression: "none",
    send: (_session, bytes) => {
      harness.session.recv(bytes.slice());
      return bytes.length;
    },
  });
  spdy2.submitRequest(0, HEADERS_LIST);
  spdy2.send();
  seen.push(...harness.told());
  assertEquals(seen.length, 1);
  assert(
    /onInvalidCtrlRecv SYN_STREAM 1 4|onCtrlRecvParseError 1/.test(seen[0]),
    seen[0],
  );
});

Deno.test("failures after failSession are neither reported nor sent", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, {
    recv(session) {
      session.failSession(2);
      throw new CallbackFailureError("behind it");
    },
  });
  assertThrows(() => harness.session.recv(), CallbackFailureError, "behind it");
  assertEquals(harness.session.failure, undefined);
  assertEquals(harness.session.getOutboundQueueSize(), 1);
  assertEquals(harness.flushNames(), ["GOAWAY 0 2"]);
});

Deno.test("a read callback that fails after its own failSession adds no second GOAWAY", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  const source = new DataProvider(undefined, (session) => {
    session.failSession(2);
    throw new CallbackFailureError("behind it");
  });
  session.submitRequest(0, HEADERS_LIST, source);
  harness.room = 0;
  assertThrows(
    () => {
      session.send();
      harness.room = Infinity;
      session.send();
    },
    CallbackFailureError,
    "behind it",
  );
  assertEquals(session.failure, undefined);
  assertEquals(session.getOutboundQueueSize(), 1);
  assertEquals(harness.flushNames().at(-1), "GOAWAY 0 2");
});

Deno.test("a stream id of the wrong parity: the failure names the right one", () => {
  const server = new Harness(SERVER, PROTO_SPDY3);
  server.give(synStream(2));
  assertFailed(server, ERR_PROTO, "increase and be odd");
  const client = new Harness(CLIENT, PROTO_SPDY3);
  client.give(synStream(1));
  assertFailed(client, ERR_PROTO, "increase and be even");
});

Deno.test("CANCEL of a push does not end the pushes for it, whichever end sends it", () => {
  for (const isOurs of [true, false]) {
    const client = new Harness(CLIENT, PROTO_SPDY3);
    client.session.submitRequest(0, HEADERS_LIST);
    client.session.send();
    client.give(
      synStream(2, { flags: 2, assoc: 1 }),
      synStream(4, { flags: 2, assoc: 2 }),
    );
    if (isOurs) {
      client.session.submitRstStream(2, 5);
      client.session.send();
    } else client.give(rstStream(2, 5));
    const closed = client.told().filter((line) => /^onStreamClose/.test(line));
    assertEquals(closed, ["onStreamClose 2 5"]);
  }
});

Deno.test("a stream that closes while its HEADERS are half-written stays closed", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitSynStream(0, 0, 0, HEADERS_LIST);
  harness.session.send();
  harness.session.submitHeaders(1, 1, HEADERS_LIST);
  harness.room = 10;
  harness.session.send();
  harness.give(rstStream(1));
  harness.written();
  harness.told();
  harness.room = Infinity;
  assertEquals(harness.flushNames(), ["HEADERS 1"]);
  assertEquals(harness.told(), ["onCtrlSend HEADERS 1"]);
});

Deno.test("HEADERS with FIN end this side's half of the stream", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  session.submitSynStream(0, 0, 0, HEADERS_LIST);
  session.send();
  harness.give(synReply(1, 1));
  session.submitHeaders(0, 1, HEADERS_LIST);
  session.send();
  assertEquals(harness.told().at(-1), "onCtrlSend HEADERS 1");
  session.submitHeaders(1, 1, HEADERS_LIST);
  session.send();
  assertEquals(harness.told().at(-1), "onStreamClose 1 0");
});

Deno.test("a stream that is reset in the middle of a DATA frame reports neither the frame nor its FIN", () => {
  for (const autoWindowUpdate of [true, false]) {
    const harness = new Harness(SERVER, PROTO_SPDY3_1, {
      autoWindowUpdate,
      onDataChunkRecv: (session, _flags, streamId) =>
        session.submitRstStream(streamId, 5),
    });
    harness.give(synStream(1), data(1, 10, 1));
    assertEquals(harness.told(), ["onCtrlRecv SYN_STREAM 1"]);
    assertEquals(harness.flushNames(), ["RST_STREAM 1 5"]);
  }
});

Deno.test("HEADERS of the peer with FIN end its half of the stream", () => {
  const server = new Harness(SERVER, PROTO_SPDY3);
  server.give(synStream(1), headers(1), headers(1, 1));
  assertEquals(server.told().slice(1), [
    "onCtrlRecv HEADERS 1",
    "onCtrlRecv HEADERS 1",
    "onRequestRecv 1",
  ]);
  server.session.submitResponse(1, HEADERS_LIST);
  server.session.send();
  assertEquals(server.told().at(-1), "onStreamClose 1 0");
});

Deno.test("a frame that cannot be read: the failure says which it is, and where it begins", () => {
  const cases: readonly (readonly [number[], string])[] = [
    [
      [0x80, 3, 0, 8, 0, 0, 0, 8, 0, 0, 0, 7, 1, 2, 3, 4],
      "HEADERS frame for stream 7 at byte 12 of its frames: its header block",
    ],
    [
      [0x80, 3, 0, 3, 0, 0, 0, 5, 0, 0, 0, 9, 0],
      "RST_STREAM frame for stream 9 at byte 12 of its frames: its length",
    ],
    [
      [0x80, 3, 0, 2, 0, 0, 0, 3, 0, 0, 0],
      "SYN_REPLY frame at byte 12 of its frames: its length",
    ],
    [
      [0x80, 3, 0, 7, 0, 0, 0, 4, 0, 0, 0, 9],
      "GOAWAY frame at byte 12 of its frames: its length",
    ],
  ];
  for (const [bytes, words] of cases) {
    const harness = new Harness(SERVER, PROTO_SPDY3);
    harness.give(ping(1));
    harness.session.recv(Uint8Array.from(bytes));
    const message = harness.session.failure?.message;
    assert(message?.startsWith(`the peer sent an invalid ${words}`), message);
  }
});
