/** Header values with NUL, which joins several values of one name. */

import { InvalidArgumentError } from "../../errors.ts";
import {
  FrameDecoder,
  FrameEncoder,
  HEADERS,
  PROTO_SPDY3,
} from "../../frame/mod.ts";
import { assertEquals, assertThrows } from "../deps.ts";

function encoded(value: string): Uint8Array {
  return new FrameEncoder(PROTO_SPDY3).encode({
    frameType: HEADERS,
    version: 3,
    flags: 0,
    length: 0,
    streamId: 1,
    nv: [["name", value]],
  });
}

Deno.test("joined values: none of several parts may be empty", () => {
  for (const value of ["\0", "\0a", "a\0", "a\0\0b", "a\0b\0"]) {
    const text = 'value of header "name" has an empty part beside a NUL';
    assertThrows(() => encoded(value), InvalidArgumentError, text);
  }
});

Deno.test("joined values: a single empty value and non-empty parts are valid", () => {
  for (const value of ["", "a", "a\0b", "a\0b\0c"]) {
    const decoder = new FrameDecoder(PROTO_SPDY3);
    decoder.push(encoded(value));
    const frame = decoder.next();
    if (frame?.frameType !== HEADERS) throw new Error("no HEADERS");
    assertEquals(
      frame.nv.map(([, each]) => each),
      value.split("\0"),
    );
  }
});
