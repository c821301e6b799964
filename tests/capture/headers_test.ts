import { assertEquals, concat } from "../deps.ts";
import { explainBlock } from "../../capture/header_fault.ts";
import { Deflate, SPDY3_DICTIONARY } from "../../zlib/mod.ts";
import { ascii, read, words } from "./reading.ts";

/** A header block; names and values are bytes. */
function block(...pairs: [string, string][]): Uint8Array {
  const number = (value: number): Uint8Array =>
    new Uint8Array([0, 0, value >> 8, value & 255]);
  return concat([
    number(pairs.length),
    ...pairs.flatMap(([name, value]) =>
      [name, value].flatMap((text) => [number(text.length), ascii(text)])
    ),
  ]);
}

Deno.test("an invalid header block is reported with the name or value, and the reason", () => {
  const cases: [Uint8Array, string | undefined][] = [
    [block(["a", "b"]), undefined],
    [block(["Host", "b"]), 'the name "Host" has a capital letter'],
    [block(["", "b"]), "a header name is empty"],
    [block(["a\tb", "c"]), 'the name "a\\tb" has the byte 0x09'],
    [block(["a", "b\r\nc"]), 'the value of "a" has the byte 0x0d at 1'],
    [
      block(["a", "b\0\0c"]),
      'the value of "a" has an empty part beside a NUL',
    ],
    [block(["a", "\0c"]), 'the value of "a" has an empty part beside a NUL'],
    [block(["a", "b\0c"]), undefined],
    [block(["a", "b"], ["a", "c"]), 'the name "a" occurs twice'],
    [
      block(["A", "b"], ["a", "\x01"]),
      'the name "A" has a capital letter; the value of "a" has the byte 0x01 at 0',
    ],
    [
      block(...Array.from({ length: 9 }, () => ["", ""] as [string, string])),
      'a header name is empty; a header name is empty; the name "" occurs twice; and 14 more',
    ],
    [
      block(["a", "b"]).subarray(0, 6),
      "header block ends in the name of header 1 of 1",
    ],
    [
      block(["a", "bcd"]).subarray(0, -1),
      'header block ends in the value of header 1 of 1, "a": the value should have 3 bytes, 2 are there',
    ],
    [
      concat([block(["a", "b"]), ascii("xy")]),
      "2 bytes follow the last of 1 headers",
    ],
    [
      new Uint8Array(2),
      "header block has 2 bytes, too few for the count of headers",
    ],
  ];
  for (const [bytes, wanted] of cases) {
    assertEquals(explainBlock(bytes, 4), wanted);
  }
});

Deno.test("a frame with an invalid header shows its headers and the reason", async () => {
  const deflate = new Deflate({ dictionary: SPDY3_DICTIONARY });
  const frame = (streamId: number, plain: Uint8Array): Uint8Array => {
    const packed = deflate.push(plain, "sync");
    return concat([
      new Uint8Array([0x80, 3, 0, 2, 0, 0, 0, packed.length + 4]),
      new Uint8Array([0, 0, 0, streamId]),
      packed,
    ]);
  };
  const reading = await read([
    concat([frame(1, block(["Host", "x"])), frame(3, block(["host", "y"]))]),
  ]);
  assertEquals(words(reading).map((text) => text.slice(2)), [
    'SYN_REPLY 1 ! the name "Host" has a capital letter',
    "SYN_REPLY 3",
  ]);
  assertEquals(
    reading.frames.map(({ frame }) =>
      frame !== undefined && "nv" in frame ? frame.nv : []
    ),
    [[["Host", "x"]], [["host", "y"]]],
  );
});
