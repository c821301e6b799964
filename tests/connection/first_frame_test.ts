/** The error for a peer whose first bytes are wrong. */

import { FirstFrame } from "../../connection/first_frame.ts";
import { ERR_PROTO, SpdyError, UnsupportedVersionError } from "../../errors.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import { CLIENT, SERVER, type Side } from "../../session/constants.ts";
import { assertEquals, assertInstanceOf, assertThrows } from "../deps.ts";

/** The error for these first bytes. */
function faultOf(
  side: Side,
  version: ProtocolVersion,
  bytes: readonly number[],
): SpdyError {
  const first = new FirstFrame(side, version);
  return assertThrows(() => first.take(Uint8Array.from(bytes)), SpdyError);
}

/** RST_STREAM for stream 1, of this version. */
function resetOf(wireVersion: number): number[] {
  return [0x80, wireVersion, 0, 3, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 5];
}

Deno.test("first frame: the error names a frame of this version for a stream that is not open", () => {
  for (
    const [version, wireVersion] of [[PROTO_SPDY2, 2], [PROTO_SPDY3_1, 3]] as [
      ProtocolVersion,
      number,
    ][]
  ) {
    const error = faultOf(CLIENT, version, resetOf(wireVersion));
    assertEquals(error instanceof UnsupportedVersionError, false);
    assertEquals(error.code, ERR_PROTO);
    assertEquals(
      error.message,
      "the server sent RST_STREAM first, for a stream that this side has not opened",
    );
  }
});

Deno.test("first frame: the error for another version names both versions", () => {
  const older = faultOf(SERVER, PROTO_SPDY3_1, resetOf(2));
  assertInstanceOf(older, UnsupportedVersionError);
  assertEquals(
    older.message,
    "the client speaks SPDY/2, but this side speaks SPDY/3.1: set the same `version` on both sides",
  );
  // The second byte alone is not a version.
  assertEquals(
    faultOf(CLIENT, PROTO_SPDY3_1, [0x81, 2, 0, 3, 0, 0, 0, 8, 0, 0, 0, 1])
      .message.includes("SPDY/2"),
    false,
  );
  const newer = faultOf(CLIENT, PROTO_SPDY2, resetOf(3));
  assertInstanceOf(newer, UnsupportedVersionError);
  assertEquals(
    newer.message,
    "the server speaks SPDY/3 or SPDY/3.1, but this side speaks SPDY/2: set the same `version` on both sides",
  );
});

Deno.test("first frame: SETTINGS of HTTP/2 are recognised, and nothing else as such", () => {
  // Length 18, type SETTINGS, no flags, stream 0.
  const settings = [0, 0, 18, 4, 0, 0, 0, 0, 0];
  const begin = "the server does not speak SPDY/3.1: it began with ";
  const message = (bytes: readonly number[]) => {
    const { message } = faultOf(CLIENT, PROTO_SPDY3_1, bytes);
    assertEquals(message.slice(0, begin.length), begin);
    return message.slice(begin.length);
  };
  assertEquals(message(settings), "SETTINGS of HTTP/2");
  assertEquals(message([...settings, 0, 3, 0, 0]), "SETTINGS of HTTP/2");
  assertEquals(message([...settings, 1, 3, 0, 0]), "SETTINGS of HTTP/2");
  assertEquals(
    message(settings.with(5, 1)),
    "the bytes 00 00 12 04 00 01 00 00",
  );
  assertEquals(
    message(settings.slice(0, 8)),
    "the bytes 00 00 12 04 00 00 00 00",
  );
  assertEquals(
    message(settings.with(3, 6)),
    "the bytes 00 00 12 06 00 00 00 00",
  );
  assertEquals(
    message(settings.with(0, 1)),
    "the bytes 01 00 12 04 00 00 00 00",
  );
  assertEquals(
    message(settings.with(8, 1)),
    "the bytes 00 00 12 04 00 00 00 00",
  );
});

Deno.test("first frame: it may name a stream that this side has opened, and no other stream", () => {
  const dataFor = (streamId: number) => [0, 0, 0, streamId, 0, 0, 0, 0];
  const isFine = (side: Side, lastOwn: number, bytes: readonly number[]) => {
    const first = new FirstFrame(side, PROTO_SPDY3_1);
    if (lastOwn > 0) first.opened(lastOwn);
    try {
      return first.take(Uint8Array.from(bytes));
    } catch {
      return false;
    }
  };
  const fineFor = (side: Side, lastOwn: number) =>
    [0, 1, 2, 3, 4, 5, 6].filter((id) => isFine(side, lastOwn, dataFor(id)));
  assertEquals(fineFor(CLIENT, 0), []);
  assertEquals(fineFor(CLIENT, 5), [1, 3, 5]);
  assertEquals(fineFor(SERVER, 4), [2, 4]);
  // WINDOW_UPDATE for the session, and for a stream.
  const update = (
    streamId: number,
  ) => [0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, streamId, 0, 0, 0, 1];
  assertEquals(isFine(CLIENT, 0, update(0)), true);
  assertEquals(isFine(CLIENT, 0, update(1)), false);
  assertEquals(isFine(CLIENT, 1, update(1)), true);
  const reset = resetOf(3).slice();
  reset[11] = 0;
  assertEquals(isFine(SERVER, 2, reset), false);
});

/**
 * The number of bytes, which arrive one by one, after which the first frame is
 * known to be right or wrong.
 */
function decidedAfter(
  bytes: readonly number[],
  { version = PROTO_SPDY3_1, lastOwn = 0 }: {
    version?: ProtocolVersion;
    lastOwn?: number;
  } = {},
): string {
  const first = new FirstFrame(CLIENT, version);
  if (lastOwn > 0) first.opened(lastOwn);
  for (const [index, byte] of bytes.entries()) {
    try {
      // An empty read changes nothing.
      assertEquals(first.take(new Uint8Array(0)), false);
      if (first.take(Uint8Array.of(byte))) return `fine after ${index + 1}`;
    } catch {
      return `wrong after ${index + 1}`;
    }
  }
  return "open";
}

Deno.test("first frame: it is accepted or refused at the first byte that decides", () => {
  const version = PROTO_SPDY2;
  // No stream is open, so the first byte of DATA, or of an HTTP request, is wrong.
  assertEquals(decidedAfter([0x47, 0x45, 0x54]), "wrong after 1");
  assertEquals(decidedAfter([0, 0, 0]), "wrong after 1");
  assertEquals(decidedAfter([0x81, 3]), "wrong after 1");
  assertEquals(decidedAfter([0x80, 2, 0, 4]), "wrong after 2");
  assertEquals(decidedAfter([0x80, 3, 0, 4], { version }), "wrong after 2");
  assertEquals(decidedAfter([0x80, 3]), "open");
  for (const type of [1, 4, 5, 6, 7, 10, 11]) {
    assertEquals(decidedAfter([0x80, 3, 0, type]), "fine after 4", `${type}`);
  }
  // Frames of unknown types are ignored, even if only their low byte is known.
  assertEquals(decidedAfter([0x80, 3, 1, 3]), "fine after 4");
  // SYN_REPLY, RST_STREAM, HEADERS and WINDOW_UPDATE name a stream.
  for (const type of [2, 3, 8, 9]) {
    const bytes = [0x80, 3, 0, type, 0, 0, 0, 8, 0, 0, 0];
    assertEquals(decidedAfter(bytes, { lastOwn: 1 }), "open");
    assertEquals(decidedAfter([...bytes, 1], { lastOwn: 1 }), "fine after 12");
    assertEquals(decidedAfter([...bytes, 3], { lastOwn: 1 }), "wrong after 12");
    assertEquals(decidedAfter([...bytes, 1]), "wrong after 12");
  }
  assertEquals(decidedAfter([0, 0, 0, 1], { lastOwn: 1 }), "fine after 4");
  assertEquals(decidedAfter([0, 0, 0, 3], { lastOwn: 1 }), "wrong after 4");
  const high = { lastOwn: 0x01020301 };
  assertEquals(decidedAfter([1, 2, 3, 1], high), "fine after 4");
  assertEquals(decidedAfter([1, 2, 3, 3], high), "wrong after 4");
});

Deno.test("first frame: any pieces of the input give the same result", () => {
  const settings = [0x80, 3, 0, 4, 0, 0, 0, 100, ...new Array(100).fill(0)];
  for (let cut = 1; cut < settings.length; cut++) {
    const first = new FirstFrame(CLIENT, PROTO_SPDY3_1);
    const isFine = first.take(Uint8Array.from(settings.slice(0, cut))) ||
      first.take(Uint8Array.from(settings.slice(cut)));
    assertEquals(isFine, true, `cut at ${cut}`);
  }
});

Deno.test("first frame: the error names the protocol that the peer speaks instead, and what to do", () => {
  const text = (bytes: string) => [...bytes].map((one) => one.charCodeAt(0));
  const begin = "the client does not speak SPDY/3.1: it began with ";
  for (
    const [bytes, told] of [
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the preface of HTTP/2"],
      [
        "PROXY TCP4 192.0.2.1",
        "a header of the PROXY protocol; give `serve` `proxyProtocol` and `trusted` if a load balancer sends it",
      ],
      [
        "\r\n\r\n\0\r\nQUIT\n!",
        "a header of the PROXY protocol; give `serve` `proxyProtocol` and `trusted` if a load balancer sends it",
      ],
      [
        "HTTP/1.1 400 Bad Request\r\n",
        "an HTTP/1.1 response; use `connectUpgrade` to ask an HTTP/1.1 server for SPDY",
      ],
      ["SSH-2.0-OpenSSH", "SSH"],
      [
        "\x16\x03\x01",
        "a TLS handshake; give `serve` a `cert` and a `key` to accept TLS",
      ],
      ["\x15\x03\x01", "a TLS alert; give `connect` `tls: true` to use TLS"],
      [
        "GET / HTTP/1.1\r\n",
        "an HTTP/1.1 request; give `serve` `upgrade: true` to accept these",
      ],
      // A method that is longer than all bytes that are kept.
      ["A".repeat(100), "the bytes 41 41 41 41 41 41 41 41"],
      ["GET  /", "the bytes 47 45 54 20 20 2f"],
      ["\x80\x04", "the bytes 80 04"],
      ["\x7f", "the bytes 7f"],
    ]
  ) {
    const error = faultOf(SERVER, PROTO_SPDY3_1, text(bytes));
    assertEquals(error instanceof UnsupportedVersionError, false);
    assertEquals([error.code, error.initiator], [ERR_PROTO, "remote"]);
    assertEquals(error.message, begin + told);
  }
});
