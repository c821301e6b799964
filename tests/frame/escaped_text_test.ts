import {
  decodeEscaped,
  encodeEscaped,
  escapedLength,
  exactValue,
  isEscaped,
} from "../../frame/escaped_text.ts";
import { FrameDecoder, FrameEncoder } from "../../frame/mod.ts";
import {
  CTRL_FLAG_FIN,
  PROTO_SPDY2,
  PROTO_SPDY3,
  SYN_REPLY,
} from "../../frame/constants.ts";
import { HeaderEncoder } from "../../frame/header_encoder.ts";
import { ByteWriter } from "../../frame/byte_writer.ts";
import type { NameValue, SynReplyFrame } from "../../frame/types.ts";
import { Inflate, SPDY3_DICTIONARY } from "../../zlib/mod.ts";
import { assert, assertEquals, assertThrows } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { InvalidArgumentError } from "../../errors.ts";

function encode(text: string): Uint8Array {
  const memory = new Uint8Array(text.length * 3);
  return memory.slice(0, encodeEscaped(text, memory));
}

Deno.test("escaped text: any bytes survive escaping and unescaping", () => {
  const random = new Random(7);
  for (let round = 0; round < 3000; round++) {
    // Mostly bytes of UTF-8, so that long sequences are cut and broken.
    const text = random.pick(["a\u00e9\u20ac\u{1f600}z", "\ufeff\ufffd", ""]);
    const bytes = [...new TextEncoder().encode(text)];
    for (let changes = random.int(0, 4); changes > 0; changes--) {
      const at = random.int(0, bytes.length);
      if (random.int(0, 1) === 0) bytes.splice(at, 0, random.int(0, 255));
      else bytes.splice(at, 1);
    }
    const wanted = Uint8Array.from(bytes);
    const escaped = decodeEscaped(wanted);
    assertEquals(encode(escaped), wanted);
    assertEquals(escapedLength(escaped), wanted.length);
    assert(isEscaped(escaped));
    const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
    const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
    try {
      assertEquals(escaped, strict.decode(wanted));
    } catch {
      assert(!escaped.isWellFormed(), lenient.decode(wanted));
    }
  }
});

Deno.test("escaped text: a sequence counts as UTF-8 where the platform decodes it", () => {
  const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  const isUtf8 = (bytes: Uint8Array): boolean => {
    try {
      strict.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  const seconds = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
  const others = [0x7f, 0x80, 0xbf, 0xc0];
  for (let first = 0; first < 256; first++) {
    for (const second of seconds) {
      for (const third of others) {
        for (const fourth of others) {
          const all = Uint8Array.of(first, second, third, fourth);
          for (let length = 1; length <= 4; length++) {
            const bytes = all.subarray(0, length);
            assertEquals(
              decodeEscaped(bytes).isWellFormed(),
              isUtf8(bytes),
              bytes.toString(),
            );
          }
        }
      }
    }
  }
});

Deno.test("escaped text: other lone surrogates have no meaning", () => {
  for (
    const text of [
      "\ud800",
      "\udc00",
      "\udc7f",
      "\udd00",
      "a\ud800\udc80\udc00",
    ]
  ) {
    assertEquals(isEscaped(text), false, JSON.stringify(text));
  }
  assertEquals(isEscaped("\ud83d\ude00\udce9"), true);
});

function block(pairs: [string, number[]][], lengthSize: 2 | 4): number[] {
  const number = (value: number) =>
    lengthSize === 4
      ? [0, 0, value >>> 8, value & 255]
      : [value >>> 8, value & 255];
  return [
    ...number(pairs.length),
    ...pairs.flatMap(([name, value]) => [
      ...number(name.length),
      ...new TextEncoder().encode(name),
      ...number(value.length),
      ...value,
    ]),
  ];
}

Deno.test("a decoder keeps the bytes of values that are not UTF-8, with their text", () => {
  for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
    const decoder = new FrameDecoder(version);
    const encoder = new HeaderEncoder(version, { headerCompression: "none" });
    // The same list twice: at the second time, the pairs are known.
    for (let round = 0; round < 2; round++) {
      const out = new ByteWriter();
      encoder.encode([["a", "\udce9"], ["b", "x\0\udcff\udcc3\0\u00e9"]], out);
      const padding = version === PROTO_SPDY2 ? [0, 0] : [];
      const head = [0x80, version, 0, SYN_REPLY, CTRL_FLAG_FIN, 0, 0];
      const length = 4 + padding.length + out.length;
      decoder.push(Uint8Array.from([
        ...head,
        length,
        ...[0, 0, 0, 1],
        ...padding,
        ...out.view(),
      ]));
      const { nv } = decoder.next() as SynReplyFrame;
      assertEquals(nv, [
        ["a", "\ufffd"],
        ["b", "x"],
        ["b", "\ufffd\ufffd"],
        ["b", "\u00e9"],
      ]);
      assertEquals(nv.map(exactValue), [
        "\udce9",
        "x",
        "\udcff\udcc3",
        "\u00e9",
      ]);
    }
  }
});

Deno.test("every policy writes escaped bytes unchanged", () => {
  const random = new Random(11);
  for (const headerCompression of ["safe", "full", "none"] as const) {
    const encoder = new HeaderEncoder(PROTO_SPDY3, { headerCompression });
    const inflate = new Inflate({ dictionary: SPDY3_DICTIONARY });
    for (let round = 0; round < 200; round++) {
      const value = (length: number): number[] =>
        Array.from({ length }, () => random.pick([0xff, 0xe9, 0x61, 0x62]));
      const pairs: [string, number[]][] = [
        [":status", [0x32, 0x30, 0x30, 0x20, 0xe9, 0xff]],
        ["content-disposition", value(random.int(1, 40))],
        ["cookie", value(random.int(1, 60))],
        ["x-other", value(random.int(1, 60))],
      ];
      const nv = pairs.map(([name, bytes]): NameValue => [
        name,
        decodeEscaped(Uint8Array.from(bytes)),
      ]);
      const out = new ByteWriter();
      encoder.encode(nv, out);
      assertEquals([...inflate.push(out.copy())], block(pairs, 4));
    }
  }
});

Deno.test("a FrameEncoder refuses escaped bytes, because its values are text", () => {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  assertThrows(
    () =>
      encoder.encode({
        frameType: SYN_REPLY,
        version: 3,
        flags: 0,
        length: 0,
        streamId: 1,
        nv: [["a", "\udce9"]],
      }),
    InvalidArgumentError,
    "lone surrogate",
  );
});
