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
  type Frame,
  type Limits,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SERVER,
  SpdyError,
} from "../../mod.ts";
import { resizeReceiveWindow } from "../../session.ts";
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
  synReply,
  synStream,
  VERSIONS,
  windowUpdate,
} from "./harness.ts";
import { versionName } from "../helpers/version_name.ts";

function makeServer(limits: Limits): Harness {
  return new Harness(SERVER, PROTO_SPDY3_1, { limits });
}

function assertOver(harness: Harness, limit: string): void {
  const { failure } = harness.session;
  assertEquals([failure?.code, failure?.initiator], [ERR_PROTO, "remote"]);
  assert(failure?.message.includes(`limits.${limit}`), failure?.message);
  assertEquals(harness.session.wantRead(), false);
  const [first, ...rest] = harness.flushNames();
  assert(/^GOAWAY \d+ 1$/.test(first), first);
  assertEquals(rest, []);
  assertEquals(harness.session.wantWrite(), false);
}

/** Passes frames one by one: the first `allowed` pass, and the next one ends the session. */
function assertEdge(
  harness: Harness,
  limit: string,
  allowed: number,
  frame: (index: number) => Frame | Frame[],
): void {
  for (let index = 0; index < allowed; index++) {
    harness.give(...[frame(index)].flat());
    assertEquals(harness.session.failure, undefined, `frame ${index}`);
  }
  harness.give(...[frame(allowed)].flat());
  assertOver(harness, limit);
}

Deno.test("maxConcurrentStreams: one more stream is refused, and the session continues", () => {
  const harness = makeServer({ maxConcurrentStreams: 2 });
  harness.give(synStream(1), synStream(3), synStream(5));
  assertEquals(harness.told(), [
    "onCtrlRecv SYN_STREAM 1",
    "onCtrlRecv SYN_STREAM 3",
    "onInvalidCtrlRecv SYN_STREAM 5 3",
  ]);
  harness.give(rstStream(1), synStream(7));
  assertEquals(harness.told().at(-1), "onCtrlRecv SYN_STREAM 7");
  assertEquals(harness.session.failure, undefined);
});

Deno.test("maxConcurrentStreams: the default is 100, also for pushes to a client", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    limits: { maxConcurrentStreams: 100 },
  });
  harness.session.submitRequest(0, HEADERS_LIST);
  harness.session.send();
  for (let id = 2; id <= 202; id += 2) {
    harness.give(synStream(id, { flags: 2, assoc: 1 }));
  }
  const told = harness.told();
  assertEquals(
    told.filter((line) => line.startsWith("onCtrlRecv")).length,
    100,
  );
  assertEquals(told.at(-1), "onInvalidCtrlRecv SYN_STREAM 202 3");
});

Deno.test("maxDataFrameSize: no DATA frame is longer", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    limits: { maxDataFrameSize: 7 },
  });
  harness.session.submitRequest(0, HEADERS_LIST, body(15));
  assertEquals(harness.flushNames().slice(1), [
    "DATA 1 0 7",
    "DATA 1 0 7",
    "DATA 1 1 1",
  ]);
});

Deno.test("maxQueuedReplies: PINGs of a peer that does not read are limited", () => {
  const harness = makeServer({ maxQueuedReplies: 5 });
  harness.room = 0;
  for (let count = 0; count < 5; count++) harness.give(ping(1));
  assertEquals(harness.session.failure, undefined);
  harness.room = Infinity;
  harness.session.send();
  harness.written();
  assertEdge(harness, "maxQueuedReplies", 5, () => ping(1));
});

Deno.test("maxQueuedReplies: a peer that reads may send PINGs forever", () => {
  const harness = makeServer({ maxQueuedReplies: 1 });
  for (let count = 0; count < 2000; count++) {
    harness.give(ping(1));
    harness.session.send();
  }
  assertEquals(harness.session.failure, undefined);
});

Deno.test("maxQueuedReplies: RST_STREAMs and WINDOW_UPDATEs count as well", () => {
  assertEdge(
    makeServer({ maxQueuedReplies: 3 }),
    "maxQueuedReplies",
    3,
    () => headers(99),
  );
  const harness = makeServer({ maxQueuedReplies: 3 });
  harness.give(synStream(1));
  // Each causes an update of the stream and one of the session.
  harness.give(data(1, 32768));
  assertEquals(harness.session.failure, undefined);
  harness.give(data(1, 32768));
  assertOver(harness, "maxQueuedReplies");
});

Deno.test("maxQueuedReplies: resets of streams whose peer ignored their windows count", () => {
  const harness = makeServer({ maxQueuedReplies: 5 });
  for (const id of [1, 3, 5]) {
    // Each causes a reset and an update of the session.
    assertEquals(harness.session.failure, undefined);
    // The window of the session is large enough, that of the stream is not.
    resizeReceiveWindow(harness.session, 0, 100_000);
    harness.give(synStream(id), data(id, 65_537));
  }
  assertOver(harness, "maxQueuedReplies");
});

Deno.test("maxQueuedReplies: what the application grants does not count", () => {
  const harness = makeServer({ maxQueuedReplies: 1 });
  harness.give(synStream(1));
  for (let count = 0; count < 5; count++) {
    resizeReceiveWindow(harness.session, 1, 1000);
    harness.session.submitWindowUpdate(1, 1);
  }
  harness.give(ping(1));
  assertEquals(harness.session.failure, undefined);
});

Deno.test("maxOutstandingPings: replies to the peer's PINGs do not count", () => {
  const harness = makeServer({ maxOutstandingPings: 2 });
  // The same id several times: each PING is answered.
  for (let count = 0; count < 4; count++) {
    harness.give(ping(1));
    assertEquals(harness.flushNames(), ["PING 1"]);
  }
  harness.session.submitPing();
  harness.session.submitPing();
  assertThrows(
    () => harness.session.submitPing(),
    SpdyError,
    "maxOutstandingPings",
  );
});

Deno.test("maxOutstandingPings: the call reports it, and nothing else happens", () => {
  const harness = makeServer({ maxOutstandingPings: 2 });
  harness.session.submitPing();
  harness.session.submitPing();
  const error = assertThrows(
    () => harness.session.submitPing(),
    SpdyError,
    "maxOutstandingPings",
  );
  assertEquals(error.code, ERR_INVALID_STATE);
  harness.session.send();
  harness.give(ping(4));
  harness.session.submitPing();
  assertEquals(harness.session.failure, undefined);
});

Deno.test("maxRapidResets: streams that are opened and reset at once are limited", () => {
  assertEdge(
    makeServer({ maxRapidResets: 4 }),
    "maxRapidResets",
    4,
    (index) => [
      synStream(2 * index + 1),
      rstStream(2 * index + 1),
    ],
  );
});

Deno.test("maxRapidResets: replies and streams that end without an error restore the budget", () => {
  const harness = makeServer({ maxRapidResets: 2 });
  for (let id = 1; id < 200; id += 4) {
    harness.give(synStream(id), rstStream(id), synStream(id + 2, { flags: 1 }));
    harness.session.submitResponse(id + 2, HEADERS_LIST);
    harness.session.send();
  }
  assertEquals(harness.session.failure, undefined);
  const busy = makeServer({ maxRapidResets: 2 });
  for (let id = 1; id < 200; id += 2) {
    busy.give(synStream(id));
    busy.session.submitSynReply(0, id, HEADERS_LIST);
    busy.session.send();
    busy.give(rstStream(id));
  }
  assertEquals(
    busy.session.failure,
    undefined,
    "a cancelled download is no attack",
  );
});

Deno.test("maxRapidResets: streams that had a reply are not counted, however many are reset at once", () => {
  const harness = makeServer({ maxRapidResets: 2 });
  const ids = Array.from({ length: 20 }, (_, index) => 2 * index + 1);
  harness.give(...ids.map((id) => synStream(id)));
  for (const id of ids) harness.session.submitSynReply(0, id, HEADERS_LIST);
  harness.session.send();
  harness.give(...ids.map((id) => rstStream(id)));
  assertEquals(harness.session.failure, undefined);
});

Deno.test("maxRapidResets: bytes do not restore the budget", () => {
  assertEdge(
    makeServer({ maxRapidResets: 4 }),
    "maxRapidResets",
    4,
    (index) => [
      synStream(2 * index + 1),
      data(2 * index + 1, 10000),
      rstStream(2 * index + 1),
    ],
  );
});

Deno.test("maxRapidResets: refused streams and resets that the peer causes are counted", () => {
  assertEdge(
    makeServer({ maxRapidResets: 4, maxConcurrentStreams: 0 }),
    "maxRapidResets",
    4,
    (index) => synStream(2 * index + 1),
  );
  assertEdge(
    makeServer({ maxRapidResets: 4 }),
    "maxRapidResets",
    4,
    (index) => [
      synStream(2 * index + 1, { flags: 1 }),
      headers(2 * index + 1),
    ],
  );
});

Deno.test("maxIdleSettings: SETTINGS without end are limited", () => {
  assertEdge(
    makeServer({ maxIdleSettings: 3 }),
    "maxIdleSettings",
    3,
    () => settings(),
  );
});

Deno.test("maxIdleWindowUpdates: WINDOW_UPDATEs without end are limited", () => {
  const harness = makeServer({ maxIdleWindowUpdates: 3 });
  harness.give(synStream(1));
  assertEdge(
    harness,
    "maxIdleWindowUpdates",
    3,
    (index) => windowUpdate(index % 2, 1),
  );
});

Deno.test("maxIdleEmptyData: empty DATA without end is limited", () => {
  const harness = makeServer({ maxIdleEmptyData: 3 });
  harness.give(synStream(1));
  assertEdge(harness, "maxIdleEmptyData", 3, () => data(1, 0));
});

Deno.test("maxIdleHeaders: HEADERS without end are limited", () => {
  const harness = makeServer({ maxIdleHeaders: 3 });
  harness.give(synStream(1));
  assertEdge(harness, "maxIdleHeaders", 3, () => headers(1));
  // The frame that ended the session was not reported.
  const told = harness.told().filter((line) => line.includes("HEADERS"));
  assertEquals(told, Array(3).fill("onCtrlRecv HEADERS 1"));
});

Deno.test("maxIdleHeaders: pushes that never become a stream are counted", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    limits: { maxIdleHeaders: 3 },
  });
  harness.session.submitRequest(0, HEADERS_LIST);
  harness.session.send();
  for (let id = 2; id <= 8; id += 2) {
    harness.give(synStream(id, { flags: 3, assoc: 1 }));
  }
  assertStringIncludes(
    harness.session.failure?.message ?? "",
    "limits.maxIdleHeaders",
  );
});

Deno.test("maxIdleIgnored: all ignored frames are counted", () => {
  const unknown = Uint8Array.of(0x80, 3, 0, 77, 0, 0, 0, 0);
  const noop = Uint8Array.of(0x80, 3, 0, 5, 0, 0, 0, 0);
  const credential = Uint8Array.of(0x80, 3, 0, 10, 0, 0, 0, 0);
  const otherVersion = Uint8Array.of(0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1);
  for (const bytes of [unknown, noop, credential, otherVersion]) {
    const harness = makeServer({ maxIdleIgnored: 3 });
    for (let count = 0; count < 3; count++) harness.session.recv(bytes);
    assertEquals(harness.session.failure, undefined);
    harness.session.recv(bytes);
    assertOver(harness, "maxIdleIgnored");
  }
  const frames: [string, Frame][] = [
    ["reset of nothing", rstStream(99)],
    ["small DATA for nothing", data(99, 255)],
    ["PING 0", ping(0)],
    ["an answer to no PING", ping(2)],
  ];
  for (const [name, frame] of frames) {
    const harness = makeServer({ maxIdleIgnored: 3 });
    for (let count = 0; count < 3; count++) harness.give(frame);
    assertEquals(harness.session.failure, undefined, name);
    harness.give(frame);
    assertOver(harness, "maxIdleIgnored");
  }
  const late = makeServer({ maxIdleIgnored: 3 });
  late.give(goaway());
  assertEdge(late, "maxIdleIgnored", 3, (index) => synStream(2 * index + 1));
  const goaways = makeServer({ maxIdleIgnored: 3 });
  goaways.give(goaway());
  assertEdge(goaways, "maxIdleIgnored", 3, () => goaway());
  const replies = new Harness(CLIENT, PROTO_SPDY3, {
    limits: { maxIdleIgnored: 3 },
  });
  replies.session.submitSynStream(0, 0, 0, HEADERS_LIST);
  replies.session.send();
  replies.session.submitRstStream(1, 5);
  for (let count = 0; count < 4; count++) replies.give(synReply(1));
  assertStringIncludes(
    replies.session.failure?.message ?? "",
    "maxIdleIgnored",
  );
});

Deno.test("the rest of a large body whose stream was reset is not a flood", () => {
  const harness = new Harness(SERVER, PROTO_SPDY2, {
    limits: { maxIdleIgnored: 3 },
  });
  for (let count = 0; count < 100; count++) {
    harness.give(data(99, 4096), data(99, 256));
  }
  assertEquals(harness.session.failure, undefined);
});

Deno.test("bytes in either direction restore budgets", () => {
  const harness = makeServer({
    maxIdleSettings: 2,
    maxIdleIgnored: 2,
    maxIdleEmptyData: 2,
  });
  harness.give(synStream(1));
  for (let count = 0; count < 100; count++) {
    harness.give(data(1, 300), settings(), ping(0), data(1, 0));
  }
  assertEquals(harness.session.failure, undefined);
  const sender = makeServer({ maxIdleWindowUpdates: 2 });
  sender.give(synStream(1));
  sender.session.submitResponse(1, HEADERS_LIST, body(1 << 20));
  for (let count = 0; count < 100; count++) {
    sender.session.send();
    sender.give(windowUpdate(1, 1000), windowUpdate(0, 1000));
  }
  assertEquals(sender.session.failure, undefined);
});

Deno.test("maxRecvCtrlFrameBuffer limits frames and header blocks", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, {
    maxRecvCtrlFrameBuffer: 8192,
  });
  const large = (id: number, length: number): Frame => ({
    ...synStream(id),
    // Under an unknown name, the value would be secret, and not be compressed.
    nv: [["te", "x".repeat(length)]],
  } as Frame);
  // Count, two lengths and the name take 14 bytes of the block.
  harness.give(large(1, 8192 - 14), large(3, 8192 - 13), synStream(5));
  assertEquals(harness.told(), [
    "onCtrlRecv SYN_STREAM 1",
    "onInvalidCtrlRecv SYN_STREAM 3 11",
    "onCtrlRecv SYN_STREAM 5",
  ]);
});

Deno.test("frame limits apply in the session: headers, names, values, SETTINGS entries", () => {
  const make = (limits: Limits): Harness => makeServer(limits);
  const with_ = (
    nv: [string, string][],
  ): Frame => ({ ...synStream(1), nv } as Frame);
  const cases: [Limits, Frame, Frame][] = [
    [
      { maxHeaderCount: 2 },
      with_([["a", "1"], ["b", "2"]]),
      with_([["a", "x\0y\0z"]]),
    ],
    [{ maxHeaderNameLength: 3 }, with_([["abc", "1"]]), with_([["abcd", "1"]])],
    [
      { maxHeaderValueLength: 3 },
      with_([["a", "123"]]),
      with_([["a", "1234"]]),
    ],
    [
      { maxHeaderBlock: 20 },
      with_([["a", "1234567"]]),
      with_([["a", "12345678"]]),
    ],
  ];
  for (const [limits, good, bad] of cases) {
    const harness = make(limits);
    harness.give(good);
    assertEquals(harness.told(), ["onCtrlRecv SYN_STREAM 1"]);
    const other = make(limits);
    other.give(bad);
    assertEquals(other.told(), ["onInvalidCtrlRecv SYN_STREAM 1 11"]);
  }
  const harness = make({ maxSettingsEntries: 2 });
  harness.give(settings([1, 0, 1], [2, 0, 1]));
  assertEquals(harness.session.failure, undefined);
  harness.give(settings([1, 0, 1], [2, 0, 1], [3, 0, 1]));
  assertEquals(harness.session.failure?.initiator, "remote");
});

Deno.test("the frame that exceeds a limit is not reported: SETTINGS and WINDOW_UPDATE", () => {
  for (
    const [frame, name] of [
      [settings([1, 0, 1]), "SETTINGS"],
      [windowUpdate(0, 1), "WINDOW_UPDATE"],
    ] as const
  ) {
    const harness = makeServer({ maxIdleSettings: 2, maxIdleWindowUpdates: 2 });
    harness.give(frame, frame, frame);
    assert(harness.session.failure !== undefined);
    const told = harness.told().filter((line) => line.includes(name));
    assertEquals(told.length, 2, told.join());
  }
});

Deno.test("maxQueuedReplies: frames of the application neither count nor make room", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1, {
    limits: { maxQueuedReplies: 1 },
  });
  const { session } = harness;
  const submit = (): void => {
    session.submitRequest(0, HEADERS_LIST, body(3));
    session.submitHeaders(0, 99, HEADERS_LIST);
    session.submitSynReply(0, 99, HEADERS_LIST);
    session.submitSettings(0, []);
    session.submitRstStream(99, 5);
    session.submitPing();
  };
  submit();
  submit();
  assertEquals(session.failure, undefined);
  session.send();
  session.submitGoaway(0);
  session.submitGoaway(0);
  session.send();
  assertEquals(session.failure, undefined);
  harness.give(ping(2));
  assertEquals(session.failure, undefined);
  harness.give(ping(2));
  assert(session.failure !== undefined);
});

Deno.test("maxQueuedReplies: updates that SETTINGS of the application cause do not count", () => {
  for (const autoWindowUpdate of [true, false]) {
    const harness = new Harness(SERVER, PROTO_SPDY3, {
      autoWindowUpdate,
      limits: { maxQueuedReplies: 0 },
    });
    const { session } = harness;
    harness.give(synStream(1), data(1, 100), synStream(3));
    if (!autoWindowUpdate) session.consume(1, 100);
    session.submitSettings(0, [[7, 0, 10]]);
    assertEquals(session.failure, undefined);
    // Stream 3 received nothing, so nothing is due.
    assertEquals(session.getOutboundQueueSize(), 2);
    assertEquals(harness.flushNames(), [
      "SETTINGS [[7,0,10]]",
      "WINDOW_UPDATE 1 100",
    ]);
  }
});

Deno.test("maxRapidResets: a client does not count resets of its own requests", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    limits: { maxRapidResets: 1 },
  });
  for (let id = 1; id < 11; id += 2) {
    harness.session.submitRequest(0, HEADERS_LIST);
    harness.session.send();
    harness.give(rstStream(id));
  }
  assertEquals(harness.session.failure, undefined);
});

Deno.test("maxRapidResets: a reply restores one unit, and a stream that ends without a reset another", () => {
  const limits = { maxRapidResets: 1 };
  const server = makeServer(limits);
  for (let id = 1; id < 21; id += 4) {
    server.give(synStream(id), rstStream(id), synStream(id + 2));
    server.session.submitSynReply(0, id + 2, HEADERS_LIST);
    server.session.send();
  }
  assertEquals(server.session.failure, undefined, "a reply is enough");
  server.written();
  server.give(synStream(21), rstStream(21), synStream(23), rstStream(23));
  assertOver(server, "maxRapidResets");

  const client = new Harness(CLIENT, PROTO_SPDY3, { limits });
  client.session.submitRequest(0, HEADERS_LIST);
  client.session.send();
  for (let id = 2; id < 20; id += 2) {
    client.give(synStream(id, { flags: 2, assoc: 1 }), rstStream(id));
    client.session.submitRequest(0, HEADERS_LIST);
    client.session.send();
    client.give(synReply(id + 1, 1));
  }
  assertEquals(client.session.failure, undefined, "the end of a stream is");
});

Deno.test("maxIdleIgnored: HEADERS for a stream that was reset have a limit of their own", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, {
    limits: { maxIdleIgnored: 0, maxIdleHeaders: 3 },
  });
  harness.give(synStream(1));
  harness.session.submitRstStream(1, 5);
  harness.give(headers(1), headers(1), headers(1));
  assertEquals(harness.session.failure, undefined);
  harness.give(headers(1));
  assertOver(harness, "maxIdleHeaders");
});

Deno.test("maxIdleEmptyData: empty DATA with FIN is not counted", () => {
  const harness = makeServer({ maxIdleEmptyData: 0 });
  for (let id = 1; id < 11; id += 2) {
    harness.give(synStream(id), data(id, 0, 1));
  }
  assertEquals(harness.session.failure, undefined);
  harness.give(synStream(11), data(11, 1), data(11, 0));
  assertOver(harness, "maxIdleEmptyData");
});

Deno.test("maxTinyData: frames that the peer's windows cut below 256 bytes are limited", () => {
  const sender = (): Harness => {
    const harness = new Harness(SERVER, PROTO_SPDY3, {
      limits: { maxTinyData: 2 },
    });
    harness.give(settings([7, 0, 0]), synStream(1, { flags: 1 }));
    harness.session.submitResponse(1, HEADERS_LIST, body(100_000));
    harness.session.send();
    return harness;
  };
  const step = (harness: Harness, size: number): void => {
    harness.give(windowUpdate(1, size));
    harness.session.send();
  };
  const slow = sender();
  for (let count = 0; count < 2; count++) step(slow, 255);
  assertEquals(slow.session.failure, undefined);
  step(slow, 255);
  assertStringIncludes(
    slow.session.failure?.message ?? "",
    "limits.maxTinyData",
  );
  const large = sender();
  for (let count = 0; count < 10; count++) step(large, 256);
  assertEquals(large.session.failure, undefined);
});

Deno.test("maxTinyData: frames that this side keeps below 256 bytes itself are not counted", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3, {
    limits: { maxTinyData: 2, maxDataFrameSize: 100 },
  });
  harness.give(synStream(1, { flags: 1 }));
  harness.session.submitResponse(1, HEADERS_LIST, body(2000));
  harness.session.send();
  assertEquals(harness.session.failure, undefined);
});

for (const version of VERSIONS) {
  Deno.test(`only a SYN_STREAM uses up an id, and only a higher one, if its header block exceeds a limit, ${versionName(version)}`, () => {
    const harness = new Harness(SERVER, version, {
      limits: { maxHeaderCount: HEADERS_LIST.length },
    });
    const nv: NameValue[] = [...HEADERS_LIST, ["y", "2"]];
    harness.give({ ...headers(5), nv } as Frame);
    harness.give(synStream(5));
    assertEquals(
      harness.told().at(-1),
      "onCtrlRecv SYN_STREAM 5",
      "5 was not used up",
    );
    harness.give({ ...synStream(7), nv } as Frame);
    harness.give({ ...synStream(3), nv } as Frame);
    harness.give(synStream(7));
    assertEquals(
      harness.told().filter((line) => line.startsWith("onCtrlRecv ")),
      [],
      "7 was used up by the refused SYN_STREAM, and 3 does not change this",
    );
  });
}
