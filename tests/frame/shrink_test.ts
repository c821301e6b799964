/**
 * Memory of the header compression is released in the middle of a stream. The peer must
 * not notice more than longer blocks.
 */

import { Buffer } from "node:buffer";
import { constants, inflateSync } from "node:zlib";
import { ByteWriter } from "../../frame/byte_writer.ts";
import { zlibHeader } from "../../frame/compression/zlib_header.ts";
import {
  headerBlockLength,
  writeHeaderBlock,
} from "../../frame/header_block.ts";
import { HeaderDecoder } from "../../frame/header_decoder.ts";
import {
  type HeaderCompression,
  HeaderEncoder,
} from "../../frame/header_encoder.ts";
import { resolveFrameLimits } from "../../frame/limits.ts";
import {
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
} from "../../frame/mod.ts";
import { versionTraits } from "../../frame/version.ts";
import { assert, assertEquals, assertGreater, assertLess } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { asWirePairs } from "./compression/corpus.ts";
import { randomLists, similarLists } from "./compression/random_headers.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];

function plainBlock(
  pairs: readonly NameValue[],
  version: ProtocolVersion,
): Uint8Array {
  const traits = versionTraits(version);
  const block = new ByteWriter(headerBlockLength(pairs, traits, true));
  writeHeaderBlock(block, pairs, traits.lengthSize);
  return block.copy();
}

/** Compresses blocks one by one. */
class Sender {
  readonly encoder: HeaderEncoder;
  readonly #out = new ByteWriter();

  constructor(version: ProtocolVersion, headerCompression: HeaderCompression) {
    this.encoder = new HeaderEncoder(version, { headerCompression });
  }

  send(pairs: readonly NameValue[]): Uint8Array {
    this.#out.length = 0;
    this.encoder.encode(pairs, this.#out);
    return this.#out.copy();
  }
}

for (const policy of POLICIES) {
  Deno.test(`shrink: "${policy}": zlib and our decoder read the stream, whenever both ends release memory`, () => {
    const random = new Random(0x5417);
    for (let round = 0; round < 30; round++) {
      const version = random.pick([PROTO_SPDY2, PROTO_SPDY3]);
      const traits = versionTraits(version);
      const lists = round % 3 === 0
        ? similarLists(random, 40)
        : randomLists(random, 60);
      const often = random.pick([0.02, 0.2, 1]);
      const sender = new Sender(version, policy);
      const decoder = new HeaderDecoder(traits, resolveFrameLimits({}));
      const plain: Uint8Array[] = [];
      const packed: Uint8Array[] = [];
      for (const list of lists) {
        const pairs = asWirePairs(list, version);
        const block = sender.send(pairs);
        plain.push(plainBlock(pairs, version));
        packed.push(block);
        decoder.begin(false);
        const middle = random.int(0, block.length);
        assertEquals(decoder.push(block, 0, middle), undefined);
        if (random.chance(often)) decoder.shrink();
        assertEquals(decoder.push(block, middle, block.length), undefined);
        const before = decoder.bytes.plain;
        decoder.finish(traits);
        assertEquals(decoder.bytes.plain - before, plain.at(-1)!.length);
        if (random.chance(often)) decoder.shrink();
        if (random.chance(often)) sender.encoder.shrink();
      }
      const inflated = inflateSync(Buffer.concat(packed), {
        dictionary: traits.dictionary,
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      assert(Buffer.concat(plain).equals(inflated), `round ${round}`);
    }
  });

  Deno.test(`shrink: "${policy}": the next block refers to the last block, and to nothing before it`, () => {
    const random = new Random(0x5418);
    for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
      const sender = new Sender(version, policy);
      const lists = similarLists(random, 80).map((list) =>
        asWirePairs(list, version)
      );
      for (const pairs of lists) sender.send(pairs);
      const last = lists.at(-1)!;
      const repeated = sender.send(last).length;
      sender.encoder.shrink();
      // A second time, as after a silence without any block.
      sender.encoder.shrink();
      const block = sender.send(last);
      const dictionary = plainBlock(last, version);
      // In Deno, node:zlib ignores the dictionary of raw deflate.
      const head = zlibHeader(dictionary, 15, 2);
      const inflated = inflateSync(Buffer.concat([head, block]), {
        dictionary,
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      assert(Buffer.from(dictionary).equals(inflated));
      // The last block is still known.
      assertLess(block.length, repeated + 40);
      assertLess(sender.send(last).length, repeated + 8);
    }
  });
}

Deno.test("shrink: before the first block, nothing changes", () => {
  for (const policy of POLICIES) {
    const pairs = asWirePairs([["accept", "text/html"]], PROTO_SPDY3);
    const expected = new Sender(PROTO_SPDY3, policy).send(pairs);
    const sender = new Sender(PROTO_SPDY3, policy);
    // Creates the compressor.
    sender.encoder.maxEncodedLength(100);
    sender.encoder.shrink();
    assertEquals(sender.send(pairs), expected);
  }
});

Deno.test("shrink: a long last block is not kept", () => {
  const random = new Random(0x5419);
  const pairs = asWirePairs(
    [[
      ":path",
      `/${Array.from({ length: 900 }, () => random.word()).join("")}`,
    ]],
    PROTO_SPDY3,
  );
  const sender = new Sender(PROTO_SPDY3, "safe");
  for (let count = 0; count < 5; count++) sender.send(pairs);
  assertLess(sender.send(pairs).length, 100);
  sender.encoder.shrink();
  assertGreater(sender.send(pairs).length, 3000);
  assertLess(sender.send(pairs).length, 100);
});
