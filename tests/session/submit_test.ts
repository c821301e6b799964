import { assert, assertEquals, assertThrows } from "../deps.ts";
import {
  CLIENT,
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA_FLAG_FIN,
  DataProvider,
  FLAG_SETTINGS_CLEAR_SETTINGS,
  ID_FLAG_SETTINGS_PERSIST_VALUE,
  InvalidArgumentError,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SERVER,
  Session,
  SETTINGS_CLIENT_CERTIFICATE_VECTOR_SIZE,
  SETTINGS_CURRENT_CWND,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  type SettingsEntry,
  StreamClosedError,
  SYN_STREAM,
} from "../../mod.ts";
import {
  body,
  data,
  Harness,
  HEADERS_LIST,
  rstStream,
  settings,
  synReply,
  synStream,
  VERSIONS,
} from "./harness.ts";

const BAD_NUMBERS = [-1, 1.5, NaN, Infinity, 2 ** 32];

function refuses(call: () => void, ...words: string[]): void {
  const error = assertThrows(call, InvalidArgumentError);
  for (const word of words) assert(error.message.includes(word), error.message);
  assertEquals(error.code, -501);
}

Deno.test("submitRequest: a request without a body ends with its SYN_STREAM", () => {
  for (const version of VERSIONS) {
    const harness = new Harness(CLIENT, version);
    harness.session.submitRequest(0, HEADERS_LIST);
    const [frame] = harness.flush();
    const expected = {
      frameType: SYN_STREAM,
      version: version === PROTO_SPDY2 ? 2 : 3,
      flags: CTRL_FLAG_FIN,
      streamId: 1,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv: HEADERS_LIST,
    };
    assertEquals({ ...frame, length: 0 }, { ...expected, length: 0 });
    assertEquals(harness.told(), [
      "beforeCtrlSend SYN_STREAM 1",
      "onCtrlSend SYN_STREAM 1",
    ]);
  }
});

Deno.test("submitRequest: a body follows and ends with FIN", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(3, HEADERS_LIST, body(20000));
  assertEquals(harness.flushNames(), [
    "SYN_STREAM 1",
    "DATA 1 0 16384",
    "DATA 1 1 3616",
  ]);
});

Deno.test("submitRequest: user data can be read from beforeCtrlSend until the stream has closed", () => {
  const seen: unknown[] = [];
  const session: Session = new Session(CLIENT, PROTO_SPDY3, {
    beforeCtrlSend: (_session, frame) => {
      if (frame.frameType === SYN_STREAM) {
        seen.push(session.getStreamUserData(frame.streamId));
      }
    },
    onStreamClose: (_session, streamId) => {
      seen.push(session.getStreamUserData(streamId));
    },
  });
  const userData = { request: 1 };
  session.submitRequest(0, HEADERS_LIST, undefined, userData);
  assertEquals(session.getStreamUserData(1), undefined);
  session.send();
  session.submitRstStream(1, 5);
  session.send();
  assertEquals(seen, [userData, userData]);
  assertEquals(session.getStreamUserData(1), undefined);
});

Deno.test("getStreamUserData and resumeData refuse impossible stream ids", () => {
  const { session } = new Harness(CLIENT, PROTO_SPDY3);
  for (const id of [-1, 0.5, 2 ** 31, NaN]) {
    assertThrows(() => session.getStreamUserData(id), InvalidArgumentError);
    assertThrows(
      () => session.resumeData(id),
      InvalidArgumentError,
      "streamId",
    );
  }
  assertEquals(session.getStreamUserData(2 ** 31 - 1), undefined);
});

Deno.test("getStreamUserData: it is undefined for streams of the peer and unknown ones", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1));
  assertEquals(harness.session.getStreamUserData(1), undefined);
  assertEquals(harness.session.getStreamUserData(99), undefined);
});

Deno.test("streams get their ids in the order of priority, when they are sent", () => {
  for (const version of VERSIONS) {
    const harness = new Harness(CLIENT, version);
    const { session } = harness;
    for (const pri of [3, 0, 2, 0]) {
      session.submitRequest(pri, [["n", `${pri}`]], undefined, pri);
    }
    const pairs = harness.flush().map((frame) =>
      frame.frameType === SYN_STREAM ? [frame.streamId, frame.pri] : []
    );
    assertEquals(pairs, [[1, 0], [3, 0], [5, 2], [7, 3]]);
    assertEquals(session.getStreamUserData(5), 2);
  }
});

Deno.test("a priority below the lowest is refused and not clamped", () => {
  for (const version of VERSIONS) {
    const session = new Session(CLIENT, version);
    const lowest = version === PROTO_SPDY2 ? 3 : 7;
    assertEquals(session.getPriLowest(), lowest);
    session.submitRequest(lowest, HEADERS_LIST);
    for (const pri of [lowest + 1, ...BAD_NUMBERS]) {
      refuses(() => session.submitRequest(pri, HEADERS_LIST), "pri", `${pri}`);
      refuses(() => session.submitSynStream(0, 0, pri, HEADERS_LIST), "pri");
    }
    assertEquals(session.getOutboundQueueSize(), 1);
  }
});

Deno.test("headers: they are sent in lower case and sorted, and an empty list is allowed", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const nv: NameValue[] = [["X-b", "2"], ["a", ""], ["x-b", "1"], [
    ":path",
    "/",
  ]];
  harness.session.submitRequest(0, nv);
  harness.session.submitRequest(0, []);
  const lists = harness.flush().map((frame) =>
    frame.frameType === SYN_STREAM ? frame.nv : undefined
  );
  assertEquals(lists, [
    [[":path", "/"], ["a", ""], ["x-b", "2"], ["x-b", "1"]],
    [],
  ]);
  assertEquals(nv[0], ["X-b", "2"], "the given list is left alone");
});

Deno.test("headers that no receiver accepts are refused at once", () => {
  const session = new Session(CLIENT, PROTO_SPDY3);
  const bad: unknown[] = [
    undefined,
    "x",
    [["", "1"]],
    [["a b", "1"]],
    [["a\0b", "1"]],
    [["\u00e9", "1"]],
    [["a", "1\r\nb: 2"]],
    [["a", "\x7f"]],
    [["a", "\0"]],
    [["a", undefined]],
    [["a", null]],
    [["a"]],
    [[1, "a"]],
    [undefined],
  ];
  for (const nv of bad) {
    const list = nv as NameValue[];
    refuses(() => session.submitRequest(0, list));
    refuses(() => session.submitResponse(1, list));
    refuses(() => session.submitHeaders(0, 1, list));
    refuses(() => session.submitSynReply(0, 1, list));
    refuses(() => session.submitSynStream(0, 0, 0, list));
  }
  assertEquals(session.getOutboundQueueSize(), 0);
});

Deno.test("SPDY/2 refuses what its 16-bit lengths cannot represent before it compresses", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY2, {
    headerCompression: "full",
  });
  const { session } = harness;
  refuses(() => session.submitRequest(0, [["a", "x".repeat(65536)]]), "65536");
  refuses(() => session.submitRequest(0, [["a", "\u20ac".repeat(21846)]]));
  refuses(() =>
    session.submitRequest(0, [["a", "x".repeat(40000)], [
      "a",
      "y".repeat(40000),
    ]])
  );
  session.submitRequest(0, [["a", "\u20ac".repeat(21845)]]);
  session.submitRequest(0, [["a", "x".repeat(65535)]]);
  assertEquals(harness.flushNames(), ["SYN_STREAM 1", "SYN_STREAM 3"]);
});

Deno.test("a frame above 2^24-1 bytes is reported, and does not change the compressor", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    headerCompression: "none",
  });
  harness.session.submitRequest(0, [["a", "x".repeat(0x1000000)]]);
  harness.session.submitRequest(1, HEADERS_LIST);
  assertEquals(harness.flushNames(), ["SYN_STREAM 3"]);
  assertEquals(harness.told().slice(0, 1), ["onCtrlNotSend SYN_STREAM 1 -522"]);
});

Deno.test("submitResponse: it works with and without a body", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(
    synStream(1, { flags: CTRL_FLAG_FIN }),
    synStream(3, { flags: 1 }),
  );
  harness.session.submitResponse(1, HEADERS_LIST);
  harness.session.submitResponse(3, HEADERS_LIST, body(3));
  harness.told();
  assertEquals(harness.flushNames(), [
    "SYN_REPLY 1",
    "SYN_REPLY 3",
    "DATA 3 1 3",
  ]);
  assertEquals(harness.told(), [
    "beforeCtrlSend SYN_REPLY 1",
    "onCtrlSend SYN_REPLY 1",
    "onStreamClose 1 0",
    "beforeCtrlSend SYN_REPLY 3",
    "onCtrlSend SYN_REPLY 3",
    "onDataSend 1 3 3",
    "onStreamClose 3 0",
  ]);
});

Deno.test("submitSynStream: flags are masked, and the server pushes for a stream of the client", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1));
  harness.session.submitSynStream(0xff, 1, 2, HEADERS_LIST);
  harness.session.submitSynStream(CTRL_FLAG_UNIDIRECTIONAL, 1, 2, HEADERS_LIST);
  harness.told();
  const frames = harness.flush();
  assertEquals(
    frames.map((frame) =>
      frame.frameType === SYN_STREAM
        ? [frame.streamId, frame.flags, frame.assocStreamId]
        : []
    ),
    [[2, 3, 1], [4, 2, 1]],
  );
  assertEquals(harness.told().filter((line) => line.includes("Close")), [
    "onStreamClose 2 0",
  ]);
});

Deno.test("submitSynStream: a client's associated stream is ignored, and a server's own is refused", () => {
  const client = new Harness(CLIENT, PROTO_SPDY3);
  client.session.submitSynStream(0, 5, 0, HEADERS_LIST);
  const [frame] = client.flush();
  assert(frame.frameType === SYN_STREAM && frame.assocStreamId === 0);

  const server = new Session(SERVER, PROTO_SPDY3);
  refuses(
    () => server.submitSynStream(0, 2, 0, HEADERS_LIST),
    "assocStreamId 2",
  );
  for (const bad of [...BAD_NUMBERS, 2 ** 31]) {
    refuses(() => server.submitSynStream(0, bad, 0, HEADERS_LIST));
    refuses(() => server.submitSynStream(bad === 2 ** 31 ? -1 : bad, 0, 0, []));
  }
});

Deno.test("submitSynStream: a push for an ended stream is reported and closes", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1), rstStream(1));
  harness.session.submitSynStream(2, 1, 0, HEADERS_LIST, "push");
  harness.told();
  assertEquals(harness.flushNames(), []);
  assertEquals(harness.told(), [
    "onCtrlNotSend SYN_STREAM 2 -510",
    "onStreamClose 2 6",
  ]);
});

Deno.test("submitHeaders and submitSynReply mask their flags", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(synStream(1));
  harness.session.submitSynReply(0xfe, 1, HEADERS_LIST);
  harness.session.submitHeaders(0xff, 1, HEADERS_LIST);
  assertEquals(harness.flush().map(({ flags }) => flags), [0, 1]);
});

Deno.test("submitData needs a provider and a stream that accepts DATA", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  session.submitRequest(0, HEADERS_LIST);
  session.submitSynStream(0, 0, 1, HEADERS_LIST);
  session.send();
  refuses(() => session.submitData(3, 0, undefined as unknown as DataProvider));
  refuses(() => session.submitData(3, 0, {} as DataProvider));
  refuses(() => session.submitData(-1, 0, body(1)), "-1");
  for (const id of [0, 1, 2, 5, 77]) {
    assertThrows(() => session.submitData(id, 0, body(1)), StreamClosedError);
  }
  session.submitRstStream(3, 5);
  assertThrows(() => session.submitData(3, 0, body(1)), StreamClosedError);
});

Deno.test("requests and responses need a real provider as well", () => {
  const session = new Session(CLIENT, PROTO_SPDY3);
  const bad = { source: 1 } as DataProvider;
  refuses(() => session.submitRequest(0, HEADERS_LIST, bad), "DataProvider");
  refuses(() => session.submitResponse(1, HEADERS_LIST, bad), "DataProvider");
  refuses(() =>
    new DataProvider(1, undefined as unknown as DataProvider["readCb"])
  );
});

Deno.test("DataProvider: source and readCb can be read and written", () => {
  const provider = body(1);
  const other = body(2);
  provider.source = other.source;
  provider.readCb = other.readCb;
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitRequest(0, HEADERS_LIST, provider);
  assertEquals(harness.flushNames().at(-1), "DATA 1 1 2");
});

Deno.test("submitRstStream: any id and any 32-bit status are allowed, and the stream closes when it is written", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  session.submitSynStream(0, 0, 0, HEADERS_LIST);
  session.send();
  harness.written();
  harness.told();
  session.submitRstStream(1, 0xffffffff);
  session.submitRstStream(99, 0);
  assertEquals(harness.told(), []);
  assertEquals(harness.flushNames(), [
    "RST_STREAM 1 4294967295",
    "RST_STREAM 99 0",
  ]);
  assertEquals(harness.told().filter((line) => line.includes("Close")), [
    "onStreamClose 1 4294967295",
  ]);
  for (const bad of BAD_NUMBERS) {
    refuses(() => session.submitRstStream(1, bad), "statusCode");
    refuses(() => session.submitRstStream(bad, 1), "streamId");
  }
});

Deno.test("submitPing: it uses ids of this side and precedes other frames", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.session.submitGoaway(0);
  harness.session.submitSettings(0, []);
  harness.session.submitPing();
  harness.session.submitPing();
  assertEquals(harness.flushNames(), [
    "PING 2",
    "PING 4",
    "SETTINGS []",
    "GOAWAY 0 0",
  ]);
});

Deno.test("submitGoaway: it contains the last stream at the time of the call, once", () => {
  for (const version of VERSIONS) {
    const harness = new Harness(SERVER, version);
    const { session } = harness;
    harness.give(synStream(1));
    session.submitGoaway(7);
    harness.give(synStream(3));
    harness.told();
    const status = version === PROTO_SPDY2 ? 0 : 7;
    assertEquals(harness.flushNames(), [`GOAWAY 1 ${status}`]);
    session.submitGoaway(1);
    harness.told();
    assertEquals(harness.flushNames(), []);
    assertEquals(harness.told(), [
      `onCtrlNotSend GOAWAY 3 ${version === PROTO_SPDY2 ? 0 : 1} -517`,
    ]);
    for (const bad of BAD_NUMBERS) refuses(() => session.submitGoaway(bad));
  }
});

Deno.test("after GOAWAY no stream is opened or accepted, and open ones continue", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  session.submitSynStream(0, 0, 0, HEADERS_LIST);
  session.submitGoaway(0);
  session.send();
  harness.written();
  assertEquals([session.wantRead(), session.wantWrite()], [true, false]);
  session.submitRequest(0, HEADERS_LIST);
  session.submitData(1, DATA_FLAG_FIN, body(3));
  harness.told();
  assertEquals(harness.flushNames(), ["DATA 1 1 3"]);
  assertEquals(harness.told(), [
    "onCtrlNotSend SYN_STREAM 3 -516",
    "onStreamClose 3 6",
    "onDataSend 1 1 3",
  ]);
  harness.give(synStream(4, { flags: 2, assoc: 1 }));
  assertEquals(harness.told(), []);
  harness.give(synReply(1, CTRL_FLAG_FIN));
  assertEquals([session.wantRead(), session.wantWrite()], [false, false]);
});

Deno.test("submitSettings: entries are sorted, and flags are sent unchanged", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const iv: SettingsEntry[] = [
    [SETTINGS_CLIENT_CERTIFICATE_VECTOR_SIZE, 0, 1],
    [SETTINGS_MAX_CONCURRENT_STREAMS, ID_FLAG_SETTINGS_PERSIST_VALUE, 100],
    [SETTINGS_CURRENT_CWND, 255, 0xffffffff],
  ];
  harness.session.submitSettings(FLAG_SETTINGS_CLEAR_SETTINGS, iv);
  const [frame] = harness.flush();
  assertEquals(frame.flags, 1);
  assertEquals(
    harness.told().at(-1),
    "onCtrlSend SETTINGS [[4,1,100],[5,255,4294967295],[8,0,1]]",
  );
  assertEquals(iv[0][0], 8, "the given list is left alone");
});

Deno.test("submitSettings: ids, flags and values are checked", () => {
  const session = new Session(CLIENT, PROTO_SPDY3);
  const bad: unknown[] = [
    undefined,
    [[0, 0, 1]],
    [[9, 0, 1]],
    [[-1, 0, 1]],
    [[4, 0, 1], [4, 0, 2]],
    [[4, 256, 1]],
    [[4, 0, -1]],
    [[4, 0, 2 ** 32]],
    [[7, 0, 2 ** 31]],
    [[4, 0]],
    [4],
    [["4", 0, 1]],
  ];
  for (const iv of bad) {
    refuses(() => session.submitSettings(0, iv as SettingsEntry[]));
  }
  refuses(() => session.submitSettings(256, []), "flags 256");
  session.submitSettings(0, [[7, 0, 2 ** 31 - 1]]);
  assertEquals(session.getOutboundQueueSize(), 1);
});

Deno.test("submitWindowUpdate: range, stream and version are checked", () => {
  for (const version of VERSIONS) {
    const harness = new Harness(SERVER, version);
    const { session } = harness;
    harness.give(synStream(1));
    harness.written();
    if (version === PROTO_SPDY2) {
      refuses(() => session.submitWindowUpdate(1, 1), "SPDY/2");
      continue;
    }
    for (const delta of [0, 2 ** 31, ...BAD_NUMBERS]) {
      refuses(() => session.submitWindowUpdate(1, delta), `${delta}`);
    }
    assertThrows(() => session.submitWindowUpdate(3, 1), StreamClosedError);
    session.submitWindowUpdate(1, 2 ** 31 - 1);
    if (version === PROTO_SPDY3_1) {
      session.submitWindowUpdate(0, 1);
      assertEquals(harness.flushNames(), [
        "WINDOW_UPDATE 1 2147483647",
        "WINDOW_UPDATE 0 1",
      ]);
    } else {
      assertThrows(() => session.submitWindowUpdate(0, 1), StreamClosedError);
      assertEquals(harness.flushNames(), ["WINDOW_UPDATE 1 2147483647"]);
    }
  }
});

Deno.test("resumeData: it accepts only bodies that the application deferred", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  refuses(() => session.resumeData(1), "stream 1");
  harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 4]));
  session.submitRequest(0, HEADERS_LIST, body(10, [2]));
  assertEquals(harness.flushNames(), ["SYN_STREAM 1", "DATA 1 0 2"]);
  assertEquals([session.wantWrite(), session.getOutboundQueueSize()], [
    false,
    0,
  ]);
  session.resumeData(1);
  assertEquals([session.wantWrite(), session.getOutboundQueueSize()], [
    true,
    1,
  ]);
  refuses(() => session.resumeData(1));
  assertEquals(harness.flushNames(), ["DATA 1 0 2"]);
  refuses(() => session.resumeData(1), "stream 1 has no deferred DATA");
});

Deno.test("getOutboundQueueSize counts frames that wait for their turn", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3_1);
  const { session } = harness;
  assertEquals(session.getOutboundQueueSize(), 0);
  session.submitPing();
  session.submitRequest(0, HEADERS_LIST);
  session.submitSynStream(0, 0, 1, HEADERS_LIST);
  assertEquals(session.getOutboundQueueSize(), 3);
  session.send();
  assertEquals(session.getOutboundQueueSize(), 0);
  session.submitData(3, 0, body(1));
  session.submitData(3, 0, body(1));
  session.submitData(3, 0, body(10, [0]));
  session.submitData(3, 0, body(1));
  assertEquals(session.getOutboundQueueSize(), 4);
  session.send();
  assertEquals(session.getOutboundQueueSize(), 0, "the third is deferred");
  session.resumeData(3);
  assertEquals(session.getOutboundQueueSize(), 2);
  harness.give(data(3, 0));
});

Deno.test("the peer's MAX_CONCURRENT_STREAMS delays streams, not other frames", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  harness.give(settings([SETTINGS_MAX_CONCURRENT_STREAMS, 0, 1]));
  session.submitRequest(0, HEADERS_LIST);
  session.submitRequest(0, HEADERS_LIST);
  assertEquals(harness.flushNames(), ["SYN_STREAM 1"]);
  assertEquals([session.wantWrite(), session.getOutboundQueueSize()], [
    false,
    1,
  ]);
  session.submitPing();
  assertEquals(harness.flushNames(), ["PING 1"]);
  harness.give(synReply(1, CTRL_FLAG_FIN));
  assertEquals(session.wantWrite(), true);
  assertEquals(harness.flushNames(), ["SYN_STREAM 3"]);
});

Deno.test("lists of a wrong shape: the error says what a list consists of", () => {
  const { session } = new Harness(CLIENT, PROTO_SPDY3);
  for (const nv of [undefined, "ab", [["a"]], ["ab"], [["a", "b", "c"]]]) {
    refuses(
      () => session.submitRequest(0, nv as NameValue[]),
      "nv is not a list of [name, value] pairs",
    );
  }
  for (const entry of [4, [4, 0], [4, 0, 1, 9], "401"]) {
    refuses(
      () => session.submitSettings(0, [entry] as unknown as SettingsEntry[]),
      "an entry of iv is not [id, flags, value]",
    );
  }
  refuses(
    () => session.submitSettings(0, {} as SettingsEntry[]),
    "iv is not a list",
  );
  refuses(() => session.submitWindowUpdate(-1, 1), "streamId -1");
  refuses(() => session.submitSettings(0, [[4, -1, 1]]), "flags");
  refuses(() => session.submitSettings(0, [[7, 0, 2 ** 31]]), "INITIAL_WINDOW");
  session.submitSettings(0, [[7, 0, 0], [1, 255, 0]]);
  assertEquals(session.getOutboundQueueSize(), 1);
});

Deno.test("bodies for streams that accept none: the error says why", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  const { session } = harness;
  session.submitRequest(0, HEADERS_LIST);
  session.submitSynStream(0, 0, 0, HEADERS_LIST);
  session.send();
  session.submitRstStream(3, 5);
  for (
    const [id, reason] of [
      [9, "is not open"],
      [1, "has already ended its half of stream 1"],
      [3, "is being reset"],
    ] as const
  ) {
    assertThrows(
      () => session.submitData(id, 0, body(1)),
      StreamClosedError,
      reason,
    );
  }
});

Deno.test("a SYN_STREAM that is too large does not count as an open stream", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3, {
    headerCompression: "none",
  });
  const { session } = harness;
  harness.give(settings([SETTINGS_MAX_CONCURRENT_STREAMS, 0, 1]));
  session.submitRequest(0, [["a", "x".repeat(0x1000000)]], undefined, "mine");
  session.submitRequest(1, HEADERS_LIST);
  assertEquals(harness.flushNames(), ["SYN_STREAM 3"]);
  assertEquals(session.getStreamUserData(1), undefined);
});
