/** The policy "none" turns the previous block into the next one by changes. */

import { ByteWriter } from "../../../frame/byte_writer.ts";
import { KeptBlock } from "../../../frame/compression/kept_block.ts";
import { StoredCompressor } from "../../../frame/compression/stored_compressor.ts";
import { writeHeaderBlock } from "../../../frame/header_block.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import {
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
} from "../../../frame/mod.ts";
import { versionTraits } from "../../../frame/version.ts";
import {
  Inflate,
  SPDY2_DICTIONARY,
  SPDY3_DICTIONARY,
} from "../../../zlib/mod.ts";
import { MAX_STORED } from "../../../zlib/constants.ts";
import { assert, assertEquals, assertLess } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { versionName } from "../../helpers/version_name.ts";

/** Sends lists in sequence; each must be inflated to its block. */
class Connection {
  readonly #compressor: StoredCompressor;
  readonly #inflate: Inflate;
  readonly #lengthSize: 2 | 4;
  #headerLength = 0;

  constructor(version: typeof PROTO_SPDY2 | typeof PROTO_SPDY3) {
    const traits = versionTraits(version);
    const dictionary = version === PROTO_SPDY2
      ? SPDY2_DICTIONARY
      : SPDY3_DICTIONARY;
    this.#compressor = new StoredCompressor(traits, dictionary);
    this.#inflate = new Inflate({ dictionary });
    this.#lengthSize = traits.lengthSize;
  }

  send(pairs: readonly NameValue[], what: string): void {
    const block = new ByteWriter();
    writeHeaderBlock(block, pairs, this.#lengthSize);
    const out = new ByteWriter(0);
    const length = this.#compressor.compress(pairs, out);
    assertEquals(length, block.length, what);
    // The header of the stream, 6 bytes, is written once.
    const most = this.#compressor.maxCompressedLength(length) -
      this.#headerLength;
    this.#headerLength = 6;
    assert(out.length <= most, `${out.length} > ${most}: ${what}`);
    assertEquals(this.#inflate.push(out.view()), block.copy(), what);
  }
}

const LIST: readonly NameValue[] = Array.from(
  { length: 8 },
  (_, index) => [`name-${index}`, `value ${index}`],
);

function changed(index: number, pair: NameValue): NameValue[] {
  return LIST.map((old, at) => at === index ? pair : old);
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
  Deno.test(`policy "none": a pair can change at any place, ${versionName(version)}`, () => {
    const connection = new Connection(version);
    for (let index = 0; index < LIST.length; index++) {
      for (
        const pair of [
          [`name-${index}`, "VALUE 9"],
          [`name-${index}`, "longer than before ".repeat(20)],
          [`name-${index}`, ""],
          [`name-${index}`, "h\u00e9"],
          // As many characters as before, none of which is ASCII.
          [`name-${index}`, "\u0080".repeat(7)],
          [`name-${index}`, "\u007f".repeat(7)],
          [`name-${index}`, "\u20ac\u{1f600}"],
          [`NAME-${index}`, `value ${index}`],
          ["a-much-longer-name-".repeat(100), ""],
          ["n", "v"],
        ] as NameValue[]
      ) {
        connection.send(changed(index, pair), `${index} ${pair[0]} ${pair[1]}`);
        connection.send(LIST, `${index} and back`);
      }
    }
  });

  Deno.test(`policy "none": the number of pairs can change, ${versionName(version)}`, () => {
    const connection = new Connection(version);
    for (const count of [0, 0, 1, 8, 3, 0, 8, 7, 8]) {
      connection.send(LIST.slice(0, count), `${count} pairs`);
    }
  });

  Deno.test(`policy "none": a list can change at random, ${versionName(version)}`, () => {
    const random = new Random(20261128 + version);
    const connection = new Connection(version);
    const list = LIST.map((pair) => [...pair] as NameValue);
    for (let step = 0; step < 3000; step++) {
      for (let times = random.int(0, 7); times > 0; times--) {
        const index = random.int(0, list.length - 1);
        const [name, value] = list[index];
        // One in a hundred is longer than the memory that is kept, and longer
        // than a block.
        const most = random.int(0, 99) === 0 ? 70_000 : 40;
        const size = version === PROTO_SPDY2 ? Math.min(most, 20_000) : most;
        list[index] = [
          name,
          random.int(0, 1) === 0
            ? "x".repeat(random.int(0, size))
            : `${step}`.padEnd(
              value.length % size,
              "y\u00e9"[random.int(0, 1)],
            ),
        ];
      }
      connection.send([...list], `step ${step}`);
    }
  });
}

for (const headerCompression of ["none", "full"] as const) {
  Deno.test(`policy "${headerCompression}": the memory of a long block is freed before the next one`, () => {
    const { change } = KeptBlock.prototype;
    const blocks: KeptBlock[] = [];
    KeptBlock.prototype.change = function (pairs): ByteWriter {
      blocks.push(this);
      return change.call(this, pairs);
    };
    try {
      const encoder = new HeaderEncoder(PROTO_SPDY3, { headerCompression });
      encoder.encode(
        [["a", "1"], ["b", "x".repeat(100_000)]],
        new ByteWriter(),
      );
    } finally {
      KeptBlock.prototype.change = change;
    }
    const [block] = blocks;
    assertLess(block.capacity, 20_000);
  });
}

Deno.test('policy "none": a block that fills its stored blocks has no more of them', () => {
  const connection = new Connection(PROTO_SPDY3);
  // Four bytes each for the count, and for the lengths of the name and the value.
  const rest = 3 * 4 + "name".length;
  for (const blocks of [1, 2]) {
    for (const more of [-1, 0, 1]) {
      const size = blocks * MAX_STORED + more - rest;
      connection.send([["name", "v".repeat(size)]], `${blocks} ${more}`);
    }
  }
});
