/** The errors of pending operations: their texts, whose fault it is, and whether to try again. */

import {
  closedBeforeSent,
  closedBy,
  endedBeforeOpened,
  frameNotSent,
  goawayError,
  isPeerGone,
  lazily,
  notOpened,
  peerGone,
  refusedByGoaway,
  resetByPeer,
  sessionFailed,
  tooManyUnread,
  transportFailed,
} from "../../connection/end_errors.ts";
import {
  ConnectionClosedError,
  ProxyError,
  StreamResetError,
} from "../../connection/errors.ts";
import {
  ERR_EOF,
  ERR_FRAME_TOO_LARGE,
  ERR_GOAWAY_ALREADY_SENT,
  ERR_PROTO,
  ERR_STREAM_ID_NOT_AVAILABLE,
  ERR_SYN_STREAM_NOT_ALLOWED,
  SpdyError,
} from "../../errors.ts";
import {
  CANCEL,
  GOAWAY,
  GOAWAY_OK,
  HEADERS,
  INVALID_STREAM,
  PROTO_SPDY3,
  REFUSED_STREAM,
} from "../../frame/constants.ts";
import type { GoawayFrame, HeadersFrame } from "../../frame/types.ts";
import { SENDABLE } from "../../session/stream_states.ts";
import { assertEquals, assertMatch, assertStrictEquals } from "../deps.ts";

const GOAWAY_FRAME: GoawayFrame = {
  frameType: GOAWAY,
  version: PROTO_SPDY3,
  flags: 0,
  length: 8,
  lastGoodStreamId: 1,
  statusCode: GOAWAY_OK,
};

Deno.test("reasons: a stream that is not opened names the first of the causes, and whose it is", () => {
  const cases: [
    [GoawayFrame | undefined, boolean, boolean, boolean],
    string,
    string,
  ][] = [
    [[GOAWAY_FRAME, true, true, true], "the peer sent GOAWAY (OK)", "remote"],
    [[undefined, true, true, true], "this side sent GOAWAY", "local"],
    [
      [undefined, false, true, true],
      "the peer closed its direction of the transport; open a new connection",
      "remote",
    ],
    [
      [undefined, false, false, true],
      "this side has used all of its stream ids; open a new connection",
      "local",
    ],
    [[undefined, false, false, false], "the connection is closed", "local"],
  ];
  for (const [given, why, initiator] of cases) {
    const error = notOpened(...given);
    assertEquals(error.message, `the stream was not opened: ${why}`);
    assertEquals([error.initiator, error.unprocessed], [initiator, true]);
    assertEquals(error.statusCode, given[0]?.statusCode);
  }
});

Deno.test("reasons: a connection that ended names the side and the cause", () => {
  const cause = new Error("broken pipe");
  const closed = closedBy("local", "closed", cause);
  assertEquals(closed.message, "the connection ended: closed");
  assertEquals([closed.initiator, closed.cause], ["local", cause]);
  const goaway = goawayError(1);
  assertEquals(
    goaway.message,
    "the connection ended: the peer sent GOAWAY (PROTOCOL_ERROR)",
  );
  assertEquals([goaway.initiator, goaway.statusCode], ["remote", 1]);
  const failure = new SpdyError("wrong frame", ERR_PROTO, {
    initiator: "remote",
  });
  const failed = sessionFailed(failure);
  assertEquals(failed.message, "the connection ended: wrong frame");
  assertEquals(
    [failed.code, failed.initiator, failed.cause],
    [ERR_PROTO, "remote", failure],
  );
});

Deno.test("reasons: a peer that closed or reset the connection counts as gone, one whose bytes are invalid does not", () => {
  const own = new SpdyError("of this package", ERR_PROTO);
  assertStrictEquals(transportFailed("reading failed", own), own);
  const reset = transportFailed("reading failed", new Error("reset"));
  assertEquals(reset.message, "the connection ended: reading failed (reset)");
  assertEquals([reset.initiator, isPeerGone(reset)], ["remote", true]);
  const text = transportFailed("reading failed", "text");
  assertEquals(text.message, "the connection ended: reading failed (text)");
  const forged = new Deno.errors.InvalidData("decryption failed");
  const record = transportFailed("reading failed", forged);
  assertEquals([record.initiator, isPeerGone(record)], ["remote", false]);
  assertStrictEquals(record.cause, forged);
  assertEquals(isPeerGone(closedBy("remote", "x")), false);
  assertEquals(isPeerGone(peerGone("x")), true);
  assertEquals(isPeerGone(undefined), false);
});

Deno.test("reasons: a stream that was not sent, or not processed, may be sent again", () => {
  const reason = goawayError(2);
  const before = endedBeforeOpened(reason);
  assertEquals(
    before.message,
    `the stream was not opened: ${reason.message}`,
  );
  assertEquals(
    [before.unprocessed, before.statusCode, before.initiator, before.cause],
    [true, 2, "remote", reason],
  );
  const other = endedBeforeOpened(new SpdyError("x", ERR_PROTO));
  assertEquals([other.code, other.statusCode], [ERR_PROTO, undefined]);
  const refused = refusedByGoaway(5, GOAWAY_FRAME);
  assertEquals(
    refused.message,
    "stream 5 was refused: the peer sent GOAWAY (OK) before processing it",
  );
  assertEquals(
    [refused.statusCode, refused.unprocessed, refused.initiator],
    [REFUSED_STREAM, true, "remote"],
  );
  const unsent = closedBeforeSent(4, CANCEL);
  assertEquals(
    unsent.message,
    "stream 4 was closed with CANCEL before its SYN_STREAM was sent: the peer closed its associated stream",
  );
  assertEquals(
    [unsent.streamId, unsent.statusCode, unsent.initiator],
    [4, CANCEL, "remote"],
  );
});

Deno.test("reasons: every code with which the session refuses a frame has its own text", () => {
  const headers: HeadersFrame = {
    frameType: HEADERS,
    version: PROTO_SPDY3,
    flags: 0,
    length: 0,
    streamId: 3,
    nv: [],
  };
  const codes = new Set([
    ...Object.values(SENDABLE).flatMap((row) => Object.values(row)),
    ERR_FRAME_TOO_LARGE,
    ERR_GOAWAY_ALREADY_SENT,
    ERR_STREAM_ID_NOT_AVAILABLE,
    ERR_SYN_STREAM_NOT_ALLOWED,
  ]);
  const texts = new Set<string>();
  for (const code of codes) {
    if (code === 0 || code === "look on") continue;
    const error = frameNotSent(headers, code);
    assertEquals(error.code, code);
    assertMatch(error.message, /^HEADERS of stream 3 was not sent: /);
    assertEquals(error.message.includes("the session refused it"), false);
    texts.add(error.message);
  }
  assertEquals(texts.size, codes.size - 2);
  assertEquals(
    frameNotSent(GOAWAY_FRAME, ERR_PROTO).message,
    "GOAWAY was not sent: the session refused it",
  );
});

Deno.test("reasons: a server learns which streams a client does not accept", () => {
  const reset = (
    id: number,
    own: boolean,
    unidirectional: boolean,
    associatedStreamId: number,
    statusCode = INVALID_STREAM,
  ) =>
    resetByPeer(
      { id, init: { own, unidirectional, associatedStreamId } },
      statusCode,
    ).message;
  const plain = "stream 2 was reset by the peer with INVALID_STREAM";
  const advised =
    `${plain}: a server may open only unidirectional streams that belong to a stream of the client, unless the client sets acceptServerStreams`;
  assertEquals(reset(2, true, false, 1), advised);
  assertEquals(reset(2, true, true, 0), advised);
  assertEquals(reset(2, true, true, 1), plain);
  assertEquals(reset(2, false, false, 0), plain);
  assertEquals(
    reset(2, true, false, 0, CANCEL),
    "stream 2 was reset by the peer with CANCEL",
  );
  assertEquals(
    reset(1, true, false, 0),
    "stream 1 was reset by the peer with INVALID_STREAM",
  );
});

Deno.test("reasons: unread streams are named from the largest, eight at most", () => {
  const streams = (sizes: number[]) =>
    sizes.map((size, index) => ({
      id: 2 * index + 1,
      receiveBuffer: { size },
    }));
  const named = (sizes: number[]): string =>
    tooManyUnread(streams(sizes), 999).message
      .replace(/.*not read: (.*); read or cancel.*/, "$1");
  assertEquals(
    tooManyUnread(streams([7]), 999).message,
    "the connection ended: the application waits for data that can arrive only after more than 999 bytes (maxUnreadBytes) that it has not read: 7 of stream 1; read or cancel these streams first",
  );
  assertEquals(tooManyUnread(streams([7]), 999).initiator, "local");
  assertEquals(named([1, 0, 3]), "3 of stream 5, 1 of stream 1");
  assertEquals(named([8, 7, 6, 5, 4, 3, 2, 1]).split(", ").length, 8);
  assertEquals(
    named([9, 8, 7, 6, 5, 4, 3, 2, 1, 1]).split(", ").slice(7),
    ["2 of stream 15", "more of 2 other streams"],
  );
});

Deno.test("reasons: a lazy error is created once", () => {
  let created = 0;
  const error = lazily(() => {
    created++;
    return new SpdyError("x", ERR_PROTO);
  });
  assertEquals(created, 0);
  assertStrictEquals(error(), error());
  assertEquals(created, 1);
});

Deno.test("errors: the defaults of codes, and of whether a request may be sent again", () => {
  const closed = new ConnectionClosedError();
  assertEquals(
    [closed.message, closed.code, closed.unprocessed, closed.statusCode],
    ["the connection is closed", ERR_EOF, false, undefined],
  );
  const chosen = new ConnectionClosedError("x", {
    code: ERR_PROTO,
    statusCode: 1,
    unprocessed: true,
  });
  assertEquals(
    [chosen.code, chosen.statusCode, chosen.unprocessed],
    [ERR_PROTO, 1, true],
  );
  const reset = (statusCode: number, unprocessed?: boolean) =>
    new StreamResetError("x", { streamId: 1, statusCode, unprocessed })
      .unprocessed;
  assertEquals(reset(REFUSED_STREAM), true);
  assertEquals(reset(REFUSED_STREAM, false), false);
  assertEquals(reset(CANCEL), false);
  assertEquals(reset(CANCEL, true), true);
  const proxy = new ProxyError("x", { status: 407 });
  assertEquals(
    [proxy.status, proxy.code, proxy.initiator],
    [407, ERR_PROTO, "remote"],
  );
  assertEquals(new ProxyError("x", { code: ERR_EOF }).code, ERR_EOF);
});
