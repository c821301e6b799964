import { assertEquals, assertNotEquals } from "../deps.ts";
import { ByteWriter } from "../../frame/byte_writer.ts";
import {
  readUint16,
  readUint24,
  readUint31,
  readUint32,
} from "../../frame/byte_reader.ts";

Deno.test("numbers are written and read big-endian, up to their limits", () => {
  const out = new ByteWriter(0);
  out.uint8(0xab);
  out.uint16(0xfffe);
  out.uint32(0xfffffffd);
  out.uint32(0x80000001);
  assertEquals([...out.view()], [
    ...[0xab, 0xff, 0xfe],
    ...[0xff, 0xff, 0xff, 0xfd, 0x80, 0, 0, 1],
  ]);
  assertEquals(readUint16(out.bytes, 1), 0xfffe);
  assertEquals(readUint24(out.bytes, 0), 0xabfffe);
  assertEquals(readUint32(out.bytes, 3), 0xfffffffd);
  assertEquals(readUint32(out.bytes, 7), 0x80000001);
  assertEquals(readUint31(out.bytes, 7), 1);
});

Deno.test("text is written as UTF-8, wherever a character is not ASCII", () => {
  for (
    const text of ["", "abc", "\u00e9", "ab\u20accd", "a\u{1f600}", "\ud800"]
  ) {
    const out = new ByteWriter(1);
    out.uint8(1);
    const bytes = new TextEncoder().encode(text);
    assertEquals(out.text(text), bytes.length);
    assertEquals([...out.view()], [1, ...bytes]);
  }
});

Deno.test("growing keeps the written bytes, and a copy does not share memory", () => {
  const out = new ByteWriter(1);
  for (let byte = 0; byte < 1000; byte++) out.uint8(byte);
  out.append(new Uint8Array(5000).fill(3));
  assertEquals(out.length, 6000);
  assertEquals(
    out.bytes.subarray(0, 1000),
    Uint8Array.from({ length: 1000 }, (_, byte) => byte),
  );
  const copy = out.copy();
  out.bytes[0] = 9;
  assertNotEquals(copy[0], 9);
  out.length = 2;
  assertEquals(out.view().length, 2);
});

Deno.test("text: the first and the last character of each UTF-8 length are correct", () => {
  for (
    const text of [
      "\x00",
      "\x7f",
      "\x80",
      "\u07ff",
      "\u0800",
      "\uffff",
      "\u{10000}",
    ]
  ) {
    for (const whole of [text, `ascii${text}`, `${text}ascii`]) {
      const writer = new ByteWriter();
      writer.text(whole);
      assertEquals(writer.copy(), new TextEncoder().encode(whole));
    }
  }
});
