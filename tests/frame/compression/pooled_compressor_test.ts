/**
 * The streams of a process share the compressor of their first blocks. This must
 * not change the output of any stream.
 */

import { ByteWriter } from "../../../frame/byte_writer.ts";
import type { BlockCompressor } from "../../../frame/compression/block_compressor.ts";
import { PooledCompressor } from "../../../frame/compression/pooled_compressor.ts";
import { SafeCompressor } from "../../../frame/compression/safe_compressor.ts";
import {
  type Sensitivity,
  sensitivityOf,
} from "../../../frame/compression/secret_names.ts";
import { headerBlockLength } from "../../../frame/header_block.ts";
import { type VersionTraits, versionTraits } from "../../../frame/version.ts";
import { type NameValue, PROTO_SPDY2, PROTO_SPDY3 } from "../../../mod.ts";
import { assert, assertEquals } from "../../deps.ts";
import { countedWork } from "../../helpers/counted_work.ts";
import { Random } from "../../helpers/random.ts";
import { asWirePairs } from "./corpus.ts";
import { randomLists, similarLists } from "./random_headers.ts";

const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3] as const;

/** A stream, and next to it one with a compressor of its own that gets the same blocks. */
class Twins {
  readonly #traits: VersionTraits;
  readonly #late: PooledCompressor;
  readonly #alone: SafeCompressor;

  constructor(
    traits: VersionTraits,
    sensitivityOf: (name: string) => Sensitivity,
  ) {
    this.#traits = traits;
    this.#late = new PooledCompressor(traits, sensitivityOf);
    this.#alone = new SafeCompressor(traits, traits.dictionary, sensitivityOf);
  }

  send(pairs: readonly NameValue[]): void {
    const expected = compressed(this.#alone, this.#traits, pairs);
    assertEquals(compressed(this.#late, this.#traits, pairs), expected);
  }
}

function compressed(
  compressor: Pick<BlockCompressor, "compress">,
  traits: VersionTraits,
  pairs: readonly NameValue[],
): { readonly length: number; readonly bytes: Uint8Array } {
  const out = new ByteWriter();
  const atMost = headerBlockLength(pairs, traits, false);
  const length = compressor.compress(pairs, out, atMost);
  return { length, bytes: out.copy() };
}

/** Every second stream has more secrets. */
function sensitivities(index: number): (name: string) => Sensitivity {
  return index % 2 === 0
    ? sensitivityOf
    : (name) => name === "accept" ? "secret" : sensitivityOf(name);
}

Deno.test("streams whose blocks come in any order are compressed as if each were alone", () => {
  const random = new Random(161);
  for (let round = 0; round < 40; round++) {
    // More of them than compressors are kept, in some rounds.
    const length = round % 8 === 0 ? 40 : 6;
    const streams = Array.from({ length }, (_, index) => {
      const version = random.pick(VERSIONS);
      const traits = versionTraits(version);
      const lists = randomLists(random, random.int(1, 7));
      return {
        twins: new Twins(traits, sensitivities(index)),
        blocks: lists.map((list) => asWirePairs(list, version)),
      };
    });
    for (let left = streams; left.length > 0;) {
      const { twins, blocks } = random.pick(left);
      twins.send(blocks.shift()!);
      left = left.filter(({ blocks }) => blocks.length > 0);
    }
  }
});

for (const size of [400, 700, 1500, 2500, 70_000]) {
  Deno.test(`a first block with a value of ${size} characters leaves nothing to the next stream`, () => {
    const random = new Random(size);
    const traits = versionTraits(PROTO_SPDY3);
    const value = Array.from({ length: size }, () => random.int(0, 9)).join("");
    const long: NameValue[] = [["x-a", value], ["x-b", "short"]];
    const first = new Twins(traits, sensitivityOf);
    first.send(long);
    const second = new Twins(traits, sensitivityOf);
    second.send([["x-a", value.slice(0, 200)], ["x-b", "short"]]);
    first.send(long);
    second.send(long);
    const third = new Twins(traits, sensitivityOf);
    third.send(long);
    third.send([["x-b", "short"]]);
  });
}

for (const count of [1, 3, 20, 80, 400]) {
  Deno.test(`a compressor that begins anew after ${count} blocks compresses as a new one does`, () => {
    for (const version of VERSIONS) {
      const traits = versionTraits(version);
      const { dictionary } = traits;
      const used = new SafeCompressor(traits, dictionary, sensitivities(1));
      const random = new Random(count);
      const wire = (lists: NameValue[][]) =>
        lists.map((list) => asWirePairs(list, version));
      for (const pairs of wire(similarLists(random, count))) {
        compressed(used, traits, pairs);
      }
      used.restart(sensitivityOf);
      const fresh = new SafeCompressor(traits, dictionary, sensitivityOf);
      // The same lists as before, in part: what was remembered of them would be found.
      const again = wire(similarLists(new Random(count), 40));
      for (const pairs of [...again, ...wire(randomLists(random, 40))]) {
        assertEquals(
          compressed(used, traits, pairs),
          compressed(fresh, traits, pairs),
        );
      }
    }
  });
}

Deno.test("streams that begin with the same block as others are compressed as if each were alone", () => {
  const random = new Random(164);
  const firsts = [
    ...randomLists(random, 3),
    [["accept", "a value that some streams keep secret"]] as NameValue[],
    [["cookie", "id=0123456789"], ["x-b", "short"]] as NameValue[],
  ];
  for (let round = 0; round < 300; round++) {
    const version = random.pick(VERSIONS);
    const twins = new Twins(
      versionTraits(version),
      sensitivities(random.int(0, 1)),
    );
    // Other lists with the same texts, as those of other connections are.
    const first = structuredClone(random.pick(firsts));
    for (const list of [first, ...randomLists(random, random.int(0, 5))]) {
      twins.send(asWirePairs(list, version));
    }
  }
});

/** How many bytes are read to compress the list as the first block of a stream. */
function readsOf(list: readonly NameValue[]): number {
  const traits = versionTraits(PROTO_SPDY3);
  const stream = new PooledCompressor(traits, sensitivityOf);
  const pairs = asWirePairs(structuredClone(list), PROTO_SPDY3);
  return countedWork(() => compressed(stream, traits, pairs)).reads;
}

Deno.test("a first block equal to the last one is copied, unless it has secrets", () => {
  const open: NameValue[] = [[":status", "200"], ["content-type", "text/html"]];
  const secret: NameValue[] = [...open, ["set-cookie", "id=0123456789"]];
  // Then a new stream finds a compressor that another one has used.
  for (let count = 0; count < 20; count++) readsOf([["a", `${count}`]]);
  const first = readsOf(open);
  const second = readsOf(open);
  assert(second < first / 4, `${first} and ${second} bytes were read`);
  readsOf([["a", "b"]]);
  assertEquals(readsOf(open), first);
  assertEquals(readsOf(secret), readsOf(secret));
});

Deno.test("a stream of long blocks has a compressor of its own, so that none is compressed again", () => {
  const traits = versionTraits(PROTO_SPDY3);
  const random = new Random(165);
  const digits = (length: number): string =>
    Array.from({ length }, () => random.int(0, 9)).join("");
  const short: NameValue[] = [["a", "b"]];
  const readsAfter = (lengths: readonly number[]): number => {
    const stream = new PooledCompressor(traits, sensitivityOf);
    for (const length of lengths) {
      compressed(stream, traits, [["x-a", digits(length)]]);
    }
    // Then other streams have used all compressors that are kept.
    for (let count = 0; count < 20; count++) readsOf([["a", `${count}`]]);
    return countedWork(() => compressed(stream, traits, short)).reads;
  };
  const shared = readsAfter([900, 900]);
  for (const lengths of [[2100], [1100, 1100], [700, 700, 700]]) {
    const own = readsAfter(lengths);
    assert(own < shared / 2, `${lengths}: ${own} of ${shared} reads`);
  }
});
