import { assert, assertEquals } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import {
  adler32,
  Inflate,
  type InflateOptions,
  SPDY2_DICTIONARY,
  SPDY3_DICTIONARY,
  ZlibError,
} from "../../zlib/mod.ts";
import { BitWriter } from "../../zlib/bit_writer.ts";
import { CODE_LENGTH_ORDER } from "../../zlib/constants.ts";
import { assignCodes, prefixCode } from "../../zlib/huffman.ts";
import {
  type Bytes,
  inflateAll,
  nativeDeflate,
  nativeInflate,
  singly,
} from "./native.ts";

const ZLIB_HEADER = [0x78, 0x9c];

/** Packs `[value, count]` pairs into a stream, each value's lowest bit first. */
function stream(...bits: readonly (readonly [number, number])[]): Bytes {
  const writer = new BitWriter();
  for (const [value, count] of bits) {
    writer.reserve(2);
    writer.write(value, count);
  }
  writer.align();
  return writer.view().slice();
}

/**
 * Makes a raw stream of one dynamic block with these code lengths. A number is
 * sent as a length, `[16 | 17 | 18, extra]` as a run.
 */
function dynamicBlock(
  literals: number,
  distances: number,
  lengths: readonly (number | readonly [number, number])[],
  rest: readonly (readonly [number, number])[] = [],
): Bytes {
  // 16 symbols of 5 bits and three of 1, 3 and 3: 16/32 + 1/4 + 1/8 + 1/8.
  const code = prefixCode(19);
  code.lengths.fill(5);
  code.lengths.set([2, 3, 3], 16);
  assignCodes(code);
  const bits: (readonly [number, number])[] = [
    [1 | 2 << 1, 3],
    [literals - 257, 5],
    [distances - 1, 5],
    [19 - 4, 4],
    ...[...CODE_LENGTH_ORDER].map((symbol) =>
      [code.lengths[symbol], 3] as const
    ),
  ];
  for (const item of lengths) {
    const [symbol, extra] = typeof item === "number" ? [item, 0] : item;
    bits.push([code.codes[symbol], code.lengths[symbol]]);
    if (symbol >= 16) bits.push([extra, [2, 3, 7][symbol - 16]]);
  }
  return stream(...bits, ...rest);
}

/** 256 unused literals, as runs. */
const NO_LITERALS: (readonly [number, number])[] = [
  [18, 127],
  [18, 107],
];

interface Fault {
  readonly name: string;
  readonly input: Uint8Array;
  readonly offset: number;
  readonly message: RegExp;
  readonly options?: InflateOptions;
  /** Bytes of output before the error; absent where they do not matter. */
  readonly before?: number;
}

const RAW: InflateOptions = { format: "raw" };
const hello = nativeDeflate(new TextEncoder().encode("hello"));
const asked = Uint8Array.of(
  0x78,
  0xbb,
  0xe3,
  0xc6,
  0xa7,
  0xc2,
  3,
  0,
  0,
  0,
  0,
  1,
);

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at < 0 ? copy.length + at : at] = value;
  return copy;
}

const FAULTS: readonly Fault[] = [
  {
    name: "zlib header with a wrong checksum",
    input: changed(hello, 1, 0x9d),
    offset: 0,
    message: /header has a wrong checksum/,
  },
  {
    name: "zlib header with another method",
    input: Uint8Array.of(0x77, 0x85, 3, 0, 0, 0, 0, 1),
    offset: 0,
    message: /compression method 7/,
  },
  {
    name: "zlib header with too large a window",
    input: Uint8Array.of(0x88, 0x1c, 3, 0, 0, 0, 0, 1),
    offset: 0,
    message: /window of 2\^16 bytes/,
  },
  {
    name: "dictionary missing",
    input: asked,
    offset: 2,
    message: /0xe3c6a7c2, but none was set/,
  },
  {
    name: "another dictionary",
    input: asked,
    offset: 2,
    message: /0xe3c6a7c2, but 0xdfa251b2 was set/,
    options: { dictionary: SPDY2_DICTIONARY },
  },
  {
    name: "reserved block type",
    input: stream([1 | 3 << 1, 3]),
    offset: 0,
    message: /reserved type 3/,
    options: RAW,
  },
  {
    name: "reserved block type of a later block",
    input: Uint8Array.of(0, 2, 0, 0xfd, 0xff, 65, 66, 0x06),
    offset: 7,
    message: /reserved type 3/,
    options: RAW,
  },
  {
    name: "stored length without its complement",
    input: Uint8Array.of(...ZLIB_HEADER, 1, 2, 0, 0xfd, 0xfe, 65, 66),
    offset: 3,
    message: /complement/,
  },
  {
    name: "too many literal/length symbols",
    input: stream([1 | 2 << 1, 3], [30, 5], [0, 5], [0, 4], [0, 16]),
    offset: 0,
    message: /287 literal\/length and 1 distance symbols/,
    options: RAW,
  },
  {
    name: "too many distance symbols",
    input: stream([1 | 2 << 1, 3], [0, 5], [30, 5], [0, 4], [0, 16]),
    offset: 0,
    message: /257 literal\/length and 31 distance symbols/,
    options: RAW,
  },
  {
    name: "over-subscribed code for code lengths",
    input: stream(
      [1 | 2 << 1, 3],
      [0, 14],
      ...[1, 1, 1, 1].map((bits) => [bits, 3] as const),
      [0, 16],
    ),
    offset: 0,
    message: /code for code lengths is over-subscribed/,
    options: RAW,
  },
  {
    name: "incomplete code for code lengths",
    input: stream([1 | 2 << 1, 3], [0, 14], [2, 3], [2, 3], [0, 6], [0, 16]),
    offset: 0,
    message: /code for code lengths is incomplete/,
    options: RAW,
  },
  {
    name: "code for code lengths of one symbol",
    input: stream([1 | 2 << 1, 3], [0, 14], [0, 9], [1, 3], [0, 16], [0, 16]),
    offset: 0,
    message: /code for code lengths is incomplete/,
    options: RAW,
  },
  {
    name: "code for code lengths without a symbol",
    input: Uint8Array.of(1 | 2 << 1, ...new Array(40).fill(0)),
    offset: 0,
    message: /code for code lengths is incomplete/,
    options: RAW,
  },
  {
    name: "repeated code length without one before it",
    input: dynamicBlock(257, 1, [[16, 0]]),
    offset: 9,
    message: /repeated, but there is none before/,
    options: RAW,
  },
  {
    name: "repeated code lengths beyond the last symbol",
    input: dynamicBlock(257, 1, [[18, 127], [18, 127]]),
    offset: 10,
    message: /exceed the block's 258/,
    options: RAW,
  },
  {
    name: "no end of block",
    input: dynamicBlock(257, 1, [1, 1, [18, 127], [18, 105], 0, 1]),
    offset: 0,
    message: /no end-of-block/,
    options: RAW,
  },
  {
    name: "over-subscribed literal/length code",
    input: dynamicBlock(257, 1, [1, 1, [18, 127], [18, 105], 1, 1]),
    offset: 0,
    message: /literal\/length code is over-subscribed/,
    options: RAW,
  },
  {
    name: "incomplete literal/length code",
    input: dynamicBlock(257, 1, [2, 2, [18, 127], [18, 105], 2, 1]),
    offset: 0,
    message: /literal\/length code is incomplete/,
    options: RAW,
  },
  {
    name: "over-subscribed distance code",
    input: dynamicBlock(257, 3, [...NO_LITERALS, 1, 1, 1, 1]),
    offset: 0,
    message: /distance code is over-subscribed/,
    options: RAW,
  },
  {
    name: "incomplete distance code",
    input: dynamicBlock(257, 2, [...NO_LITERALS, 1, 2, 2]),
    offset: 0,
    message: /distance code is incomplete/,
    options: RAW,
  },
  {
    name: "literal without a code",
    input: dynamicBlock(257, 1, [...NO_LITERALS, 1, 1], [[1, 1], [0, 8]]),
    offset: 13,
    message: /invalid literal.length code/,
    options: RAW,
  },
  {
    name: "fixed literal/length code 286",
    input: stream([1 | 1 << 1, 3], [0b01100011, 8], [0, 8]),
    offset: 0,
    message: /invalid literal.length code/,
    options: RAW,
  },
  {
    name: "fixed distance code 30",
    input: stream([1 | 1 << 1, 3], [0b1000000, 7], [0b01111, 5], [0, 16]),
    offset: 1,
    message: /invalid distance code/,
    options: RAW,
  },
  {
    name: "distance where the block has none",
    input: dynamicBlock(258, 1, [...NO_LITERALS, 1, 1, 0], [[1, 1], [0, 8]]),
    offset: 13,
    message: /invalid distance code/,
    options: RAW,
  },
  {
    name: "distance before the first byte",
    input: stream([1 | 1 << 1, 3], [0b1000000, 7], [0, 5], [0, 16]),
    offset: 1,
    message: /distance 1 exceeds the 0 bytes/,
    options: RAW,
  },
  {
    name: "distance before the dictionary",
    input: stream(
      [1 | 1 << 1, 3],
      [0b1000000, 7],
      [0b10000, 5], // distance symbol 1, so 2
      [0, 16],
    ),
    offset: 1,
    message: /distance 2 exceeds the 1 bytes/,
    options: { format: "raw", dictionary: Uint8Array.of(65) },
  },
  {
    name: "wrong Adler-32",
    input: changed(hello, -1, 0),
    offset: hello.length - 4,
    message: /0x062c0215, but the stream says 0x062c0200/,
    before: 5,
  },
];

/** The error thrown when the chunks are pushed. */
function errorOf(
  pieces: Iterable<Uint8Array>,
  options?: InflateOptions,
): ZlibError {
  const inflate = new Inflate(options);
  try {
    inflateAll(inflate, pieces);
  } catch (error) {
    if (!(error instanceof ZlibError)) throw error;
    assert(!inflate.finished);
    // Every later call throws the same error.
    try {
      inflate.push(new Uint8Array(10));
    } catch (later) {
      assert(later === error);
      return error;
    }
    throw new Error("the failed stream takes more");
  }
  throw new Error("no error was thrown");
}

for (const fault of FAULTS) {
  Deno.test(`Inflate refuses: ${fault.name}`, () => {
    const { input, options } = fault;
    const padded = new Uint8Array(input.length + 16);
    padded.set(input);
    // With more bytes after the error the fast decoder finds it, without them the slow one.
    for (const pieces of [[input], singly(input), [padded], singly(padded)]) {
      const error = errorOf(pieces, options);
      assertEquals(error.offset, fault.offset, error.message);
      assertEquals(error.code, -502);
      assertEquals(error.initiator, "remote");
      assert(fault.message.test(error.message), error.message);
    }
    if (options?.dictionary === undefined && fault.offset !== 2) {
      assertEquals(nativeInflate(input, options).kind, "refused");
    }
  });
}

Deno.test("Inflate refuses a bit without a code, also as the last bit of the input", () => {
  for (let zeros = 0; zeros < 8; zeros++) {
    // Each length that is not part of a run moves what follows by five bits.
    const literals = [[18, 127], [18, 107 - zeros]] as const;
    const lengths = [...literals, ...new Array<number>(zeros).fill(0), 1, 1];
    const input = dynamicBlock(257, 1, lengths, [[1, 1]]);
    const error = errorOf([input], RAW);
    assert(/invalid literal.length code/.test(error.message), error.message);
  }
});

Deno.test("Inflate takes a block with a single distance code of one bit", () => {
  // The codes are 10 for literal 0, 11 for the end, 0 for length 3, 0 for distance 1.
  const lengths = [2, [18, 127], [18, 106], 2, 1, 1] as const;
  const input = dynamicBlock(258, 1, lengths, [
    [0b01, 2],
    [0b0, 1],
    [0b0, 1],
    [0b11, 2],
  ]);
  const output = new Inflate(RAW).push(input);
  assertEquals(output, new Uint8Array(4));
  assertEquals(nativeInflate(input, RAW), { kind: "whole", output });
});

Deno.test("Inflate reports the offset of an error in a stream of many chunks", () => {
  const data = new Random(11).text(200_000);
  const packed = nativeDeflate(data);
  packed[packed.length - 1] ^= 1;
  for (const longest of [100, 5000, 1_000_000]) {
    const pieces = new Random(12).pieces(packed, longest);
    assertEquals(errorOf(pieces).offset, packed.length - 4);
  }
});

Deno.test("Inflate agrees with zlib on mutated streams and on their output", () => {
  const random = new Random(13);
  for (let round = 0; round < 4000; round++) {
    const data = random.pick([
      () => random.text(random.int(0, 3000), 60),
      () => random.bytes(random.int(0, 600), random.int(1, 256)),
      () => new Uint8Array(random.int(0, 5000)),
    ])();
    const format = random.pick(["zlib", "raw"] as const);
    const packed = nativeDeflate(data, {
      format,
      level: random.int(0, 9),
      windowBits: random.int(9, 15),
      memLevel: random.int(1, 9),
      strategy: random.int(0, 4),
    });
    mutate(packed, random);
    // Deno's zlib does not report a missing dictionary.
    if (format === "zlib" && packed.length > 1 && packed[1] & 0x20) continue;
    assertAgreement(packed, { format }, random, `round ${round}`);
  }
});

Deno.test("Inflate agrees with zlib on random bytes", () => {
  const random = new Random(14);
  for (let round = 0; round < 6000; round++) {
    const input = random.bytes(random.int(0, 200));
    // Block type 2, so that the decoder reads codes as often as possible.
    if (input.length > 0 && random.chance(0.7)) {
      input[0] = input[0] & ~7 | 4 | random.int(0, 1);
    }
    assertAgreement(input, RAW, random, `round ${round}`);
  }
});

function mutate(bytes: Uint8Array, random: Random): void {
  for (let left = random.int(1, 3); left > 0; left--) {
    const at = random.chance(0.5)
      ? random.int(0, Math.min(40, bytes.length - 1))
      : random.int(0, bytes.length - 1);
    bytes[at] = random.chance(0.5)
      ? bytes[at] ^ 1 << random.int(0, 7)
      : random.int(0, 255);
  }
}

function assertAgreement(
  input: Bytes,
  options: InflateOptions,
  random: Random,
  message: string,
): void {
  const native = nativeInflate(input, options);
  for (const longest of [input.length, random.int(1, 20)]) {
    const inflate = new Inflate(options);
    try {
      const pieces = longest === input.length
        ? [input]
        : random.pieces(input, longest);
      const output = inflateAll(inflate, pieces);
      const kind = inflate.finished ? "whole" : "unfinished";
      assertEquals({ kind, output }, native, message);
    } catch (error) {
      if (!(error instanceof ZlibError)) throw error;
      assertEquals(native.kind, "refused", `${message}: ${error.message}`);
      const offset = error.offset ?? -1;
      assert(offset >= 0 && offset <= input.length, message);
    }
  }
}

Deno.test("Inflate distinguishes a missing dictionary from a wrong one", () => {
  assertEquals(adler32(SPDY3_DICTIONARY), 0xe3c6a7c2);
  const inflate = new Inflate({ dictionary: SPDY3_DICTIONARY });
  assertEquals(inflate.push(asked).length, 0);
  assert(inflate.finished);
});
