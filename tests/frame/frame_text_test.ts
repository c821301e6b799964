/** Frames in words, as `spdy decode` and the page of captures show them. */

import { frameText } from "../../frame/frame_text.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../frame/constants.ts";
import { assertEquals } from "../deps.ts";

const nv: [string, string][] = [["a", "b"]];
const common = { version: 3, length: 10 } as const;

Deno.test("frame text: each frame has its type, stream, flags and fields", () => {
  const table: [Parameters<typeof frameText>[0], string, string][] = [
    [
      { frameType: DATA, streamId: 1, flags: 1, length: 10 },
      "DATA 1 [FIN]",
      "",
    ],
    [
      {
        ...common,
        frameType: SYN_STREAM,
        streamId: 4,
        flags: 3,
        assocStreamId: 1,
        pri: 2,
        slot: 5,
        nv,
      },
      "SYN_STREAM 4 [FIN UNIDIRECTIONAL] a: b",
      "pri 2, belongs to 1, slot 5",
    ],
    [
      {
        ...common,
        frameType: SYN_STREAM,
        streamId: 3,
        flags: 2,
        assocStreamId: 0,
        pri: 0,
        slot: 0,
        nv,
      },
      "SYN_STREAM 3 [UNIDIRECTIONAL] a: b",
      "pri 0",
    ],
    [
      { ...common, frameType: SYN_REPLY, streamId: 1, flags: 0, nv },
      "SYN_REPLY 1 [] a: b",
      "",
    ],
    [
      { ...common, frameType: HEADERS, streamId: 1, flags: 1, nv },
      "HEADERS 1 [FIN] a: b",
      "",
    ],
    [
      {
        ...common,
        frameType: RST_STREAM,
        streamId: 7,
        flags: 0,
        statusCode: 5,
      },
      "RST_STREAM 7 []",
      "CANCEL",
    ],
    [
      {
        ...common,
        frameType: SETTINGS,
        flags: 1,
        iv: [[4, 1, 100], [7, 2, 65536], [5, 3, 1], [6, 0, 2]],
      },
      "SETTINGS - [CLEAR_SETTINGS]",
      "MAX_CONCURRENT_STREAMS = 100 (PERSIST_VALUE), " +
      "INITIAL_WINDOW_SIZE = 65536 (PERSISTED), " +
      "CURRENT_CWND = 1 (PERSIST_VALUE, PERSISTED), " +
      "DOWNLOAD_RETRANS_RATE = 2",
    ],
    [
      { ...common, frameType: PING, flags: 0, uniqueId: 9 },
      "PING - []",
      "id 9",
    ],
    [
      {
        ...common,
        frameType: GOAWAY,
        flags: 0,
        lastGoodStreamId: 5,
        statusCode: 1,
      },
      "GOAWAY - []",
      "last stream 5, PROTOCOL_ERROR",
    ],
    [
      {
        ...common,
        frameType: WINDOW_UPDATE,
        streamId: 0,
        flags: 0,
        deltaWindowSize: 6,
      },
      "WINDOW_UPDATE 0 []",
      "+6 for the session",
    ],
    [
      {
        ...common,
        frameType: WINDOW_UPDATE,
        streamId: 1,
        flags: 0,
        deltaWindowSize: 6,
      },
      "WINDOW_UPDATE 1 []",
      "+6",
    ],
  ];
  for (const [frame, head, detail] of table) {
    const text = frameText(frame);
    const headers = (text.headers ?? []).map(([name, value]) =>
      ` ${name}: ${value}`
    );
    assertEquals(
      `${text.type} ${text.streamId ?? "-"} [${text.flags.join(" ")}]${
        headers.join("")
      }`,
      head,
    );
    assertEquals([text.detail, text.length], [detail, 10], head);
  }
});

Deno.test("frame text: flags without a name are one number in hex, after those with names", () => {
  const flagsOf = (flags: number): readonly string[] =>
    frameText({ frameType: DATA, streamId: 1, flags, length: 0 }).flags;
  assertEquals(flagsOf(0), []);
  assertEquals(flagsOf(1), ["FIN"]);
  assertEquals(flagsOf(2), ["0x02"]);
  assertEquals(flagsOf(0x81), ["FIN", "0x80"]);
  assertEquals(flagsOf(0xfe), ["0xfe"]);
});
