/** What the error says about a peer whose first bytes are wrong. */

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

/** RST_STREAM for stream 1, of a version. */
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

Deno.test("first frame: it may be for an own stream, and for no other", () => {
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
