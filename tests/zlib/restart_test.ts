import { ZlibError } from "../../errors.ts";
import { Inflater, type InflaterOptions } from "../../zlib/inflater.ts";
import {
  Deflate,
  type DeflateOptions,
  SPDY3_DICTIONARY,
} from "../../zlib/mod.ts";
import { assert, assertEquals, assertThrows } from "../deps.ts";
import { Random } from "../helpers/random.ts";

const random = new Random(164);
const TEXT = random.text(3000, 100);
const OTHER = random.text(2000, 50);

/** All kinds of blocks: stored ones, and ones with fixed and with dynamic codes. */
const KINDS: readonly (DeflateOptions & InflaterOptions)[] = [
  { level: 0 },
  { level: 6 },
  { level: 6, format: "raw" },
  { level: 9, dictionary: SPDY3_DICTIONARY },
  { level: 9, format: "raw", dictionary: SPDY3_DICTIONARY },
];

function deflated(
  data: Uint8Array,
  { level, format, dictionary }: DeflateOptions,
): Uint8Array<ArrayBuffer> {
  return new Deflate({ level, format, dictionary }).push(data, "finish");
}

for (const kind of KINDS) {
  const name = [
    kind.format ?? "zlib",
    `level ${kind.level}`,
    ...kind.dictionary ? ["with a dictionary"] : [],
  ].join(", ");
  Deno.test(`an inflater that restarts after any byte reads the next stream as a new one does, ${name}`, () => {
    const { format, dictionary } = kind;
    const packed = deflated(TEXT, kind);
    const short = deflated(TEXT.subarray(0, 20), kind);
    const next = deflated(OTHER, kind);
    const inflater = new Inflater({ format, dictionary });
    for (let cut = 0; cut <= packed.length; cut += cut < 200 ? 1 : 23) {
      inflater.feed(packed, 0, cut);
      inflater.inflate(Infinity);
      inflater.restart();
      assertEquals(inflater.outputLength, 0);
      // Blocks that end early, and a checksum.
      inflater.feed(cut % 2 === 0 ? next : short);
      assert(inflater.inflate(Infinity));
      assert(inflater.finished);
      const expected = cut % 2 === 0 ? OTHER : TEXT.subarray(0, 20);
      assertEquals(inflater.output(), expected);
      inflater.restart();
    }
  });
}

Deno.test("an inflater that restarts after an error has the offsets of the new stream", () => {
  const inflater = new Inflater();
  const packed = deflated(TEXT, { level: 6 });
  const wrong = packed.slice();
  wrong[packed.length - 1] ^= 1;
  const fail = (bytes: Uint8Array): ZlibError =>
    assertThrows(() => {
      inflater.feed(bytes);
      inflater.inflate(Infinity);
    }, ZlibError);
  const first = fail(wrong);
  // Without a restart, it always fails.
  assertEquals(fail(packed), first);
  inflater.restart();
  assertEquals(fail(wrong).message, first.message);
  inflater.restart();
  inflater.feed(packed);
  assert(inflater.inflate(Infinity));
  assertEquals(inflater.output(), TEXT);
});

Deno.test("an inflater that restarts keeps no byte of the stream before", () => {
  const inflater = new Inflater();
  inflater.feed(deflated(TEXT, { level: 6 }));
  assert(inflater.inflate(Infinity));
  inflater.restart();
  assert(inflater.outputMemory.bytes.every((byte) => byte === 0));
});
