/** Options that only connections set: what they change, and that they are off by default. */

import {
  CLIENT,
  type CtrlFrame,
  DataProvider,
  InvalidArgumentError,
  type NameValue,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  READ_EOF,
  SERVER,
  Session,
  type SessionOptions,
} from "../../mod.ts";
import {
  CREDIT_ON_ARRIVAL,
  EARLY_STREAMS,
  ESCAPED_HEADERS,
  ON_STREAM_DATA,
  PUSH_BEFORE_PARENT,
  SENT_WITHOUT_HEADERS,
  SETTINGS_FIRST,
  type TransportSettings,
} from "../../session/options.ts";
import { resizeReceiveWindow } from "../../session.ts";
import { assertEquals, assertThrows, concat } from "../deps.ts";
import {
  body,
  data,
  Harness,
  HEADERS_LIST,
  ping,
  rstStream,
  synReply,
  synStream,
} from "./harness.ts";

type Options = SessionOptions & TransportSettings;

function server(options: Options, version: 3 | 4 = PROTO_SPDY3): Harness {
  return new Harness(SERVER, version, options);
}

Deno.test("by default a session copies what a read callback returns", () => {
  const views: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  const session = new Session(CLIENT, PROTO_SPDY3, {
    send: (_session, bytes) => {
      views.push(bytes);
      copies.push(bytes.slice());
      return bytes.length;
    },
  });
  const memory = new Uint8Array(50);
  let pieces = 0;
  session.submitRequest(
    0,
    HEADERS_LIST,
    new DataProvider(undefined, (_session, _streamId, _length, readCtrl) => {
      if (++pieces === 3) readCtrl.flags = READ_EOF;
      return memory.fill(pieces);
    }),
  );
  session.send();
  assertEquals(pieces, 3);
  assertEquals(concat(views), concat(copies));
});

Deno.test("push before its parent: a push is sent before later frames of its stream only with the option", () => {
  for (
    const [isFirst, parent, push, names] of [
      [true, 2, 3, ["SYN_STREAM 2", "SYN_REPLY 1"]],
      [false, 2, 3, ["SYN_REPLY 1", "SYN_STREAM 2"]],
      // A more urgent push keeps its own priority.
      [true, 2, 1, ["SYN_STREAM 2", "HEADERS 3", "SYN_REPLY 1"]],
    ] as const
  ) {
    const harness = server(isFirst ? { [PUSH_BEFORE_PARENT]: true } : {});
    const { session } = harness;
    harness.give(synStream(1, { pri: parent }));
    if (names.length === 3) {
      harness.give(synStream(3, { pri: 1 }));
      session.submitSynReply(0, 3, HEADERS_LIST);
      session.send();
      harness.written();
    }
    session.submitSynStream(2, 1, push, HEADERS_LIST);
    if (names.length === 3) session.submitHeaders(0, 3, HEADERS_LIST);
    session.submitSynReply(0, 1, HEADERS_LIST);
    assertEquals<readonly string[]>(harness.flushNames(), names);
  }
});

Deno.test("escaped headers: values with escaped bytes are refused without the option", () => {
  const list: NameValue[] = [["x", "a\udc80"]];
  const plain = new Harness(CLIENT, PROTO_SPDY3);
  assertThrows(
    () => plain.session.submitRequest(0, list),
    InvalidArgumentError,
  );
  const options: Options = { [ESCAPED_HEADERS]: true };
  const escaped = new Harness(CLIENT, PROTO_SPDY3, options);
  escaped.session.submitRequest(0, list);
  assertEquals(escaped.flushNames(), ["SYN_STREAM 1"]);
});

Deno.test("settings first: only the first SETTINGS are sent before PINGs that are submitted later", () => {
  for (const isFirst of [true, false]) {
    const harness = server(isFirst ? { [SETTINGS_FIRST]: true } : {});
    const { session } = harness;
    session.submitSettings(0, [[1, 0, 5]]);
    session.submitPing();
    harness.give(ping(1));
    const names = ["SETTINGS [[1,0,5]]", "PING 2", "PING 1"];
    if (!isFirst) names.push(names.shift() ?? "");
    assertEquals(harness.flushNames(), names);
    session.submitSettings(0, [[1, 0, 6]]);
    session.submitPing();
    assertEquals(harness.flushNames(), ["PING 4", "SETTINGS [[1,0,6]]"]);
  }
});

Deno.test("sent without headers: only with the option do callbacks get frames without headers", () => {
  for (const isWithout of [true, false]) {
    const lists: unknown[] = [];
    const note = (_session: Session, frame: CtrlFrame): void => {
      lists.push("nv" in frame && frame.nv);
    };
    const options: Options = {
      [SENT_WITHOUT_HEADERS]: isWithout,
      beforeCtrlSend: note,
      onCtrlSend: note,
      onCtrlNotSend: note,
    };
    const { session } = new Harness(CLIENT, PROTO_SPDY3, options);
    session.submitRequest(0, HEADERS_LIST);
    session.submitSynReply(0, 99, HEADERS_LIST);
    session.send();
    const sent = isWithout ? [] : HEADERS_LIST;
    // A frame that was not sent always has them.
    assertEquals(lists, [sent, sent, HEADERS_LIST]);
  }
});

Deno.test("stream data: the callback gets the user data of the stream instead of its id", () => {
  const seen: unknown[] = [];
  const options: Options = {
    [ON_STREAM_DATA]: (userData, { length }) => seen.push([userData, length]),
  };
  const harness = new Harness(CLIENT, PROTO_SPDY3, options);
  harness.session.submitRequest(0, HEADERS_LIST, undefined, "mine");
  harness.flush();
  harness.told();
  harness.give(synReply(1), data(1, 7));
  assertEquals(seen, [["mine", 7]]);
  assertEquals(harness.told().slice(1), [
    "onDataChunkRecv 0 1 7",
    "onDataRecv 0 1 7",
  ]);
});

Deno.test("early streams: more streams than the limit are accepted until the peer knows it", () => {
  for (const early of [undefined, 2]) {
    const harness = server({
      ...early !== undefined && { [EARLY_STREAMS]: early },
      limits: { maxConcurrentStreams: 1 },
    });
    for (let id = 1; id <= 7; id += 2) harness.give(synStream(id));
    const accepted = harness.told().filter((line) => /^onCtrlRecv/.test(line));
    assertEquals(accepted.length, 1 + (early ?? 0));
  }
});

Deno.test("announceStreams false: a server sends no SETTINGS, and refuses streams all the same", () => {
  const harness = server({
    announceStreams: false,
    limits: { maxConcurrentStreams: 1 },
  });
  assertEquals(harness.session.wantWrite(), false);
  harness.give(synStream(1), synStream(3));
  assertEquals(harness.flushNames(), ["RST_STREAM 3 3"]);
});

Deno.test("credit on arrival: the session's window is restored after a quarter of it, whatever its size is", () => {
  const harness = server({
    autoWindowUpdate: false,
    [CREDIT_ON_ARRIVAL]: true,
  }, PROTO_SPDY3_1);
  harness.give(synStream(1), data(1, 16_383));
  assertEquals(harness.flushNames(), []);
  harness.give(data(1, 1));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 16384"]);
  resizeReceiveWindow(harness.session, 0, 200_000 - 65_536);
  harness.flush();
  harness.give(rstStream(1), synStream(3), data(3, 49_999));
  assertEquals(harness.flushNames(), []);
  // The bytes of a stream that has closed count as well.
  harness.give(data(1, 1));
  assertEquals(harness.flushNames(), ["WINDOW_UPDATE 0 50000"]);
});

Deno.test("failure during DATA: a body that has more bytes is not sent after failSession()", () => {
  const options: SessionOptions = {
    onDataSend: (session) => session.failSession(2),
    limits: { maxDataFrameSize: 10 },
  };
  const harness = new Harness(CLIENT, PROTO_SPDY3, options);
  harness.session.submitRequest(0, HEADERS_LIST, body(25));
  assertEquals(harness.flushNames(), [
    "SYN_STREAM 1",
    "DATA 1 0 10",
    "GOAWAY 0 2",
  ]);
});
