/**
 * What the header compression asks of the engine for known header lists, to the byte
 * and to the look-up: a change that takes more memory or does more work does not go
 * unnoticed, even if the output is the same. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/frame/compression/known_work_test.ts -- --update
 */

import { ByteWriter } from "../../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import {
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
} from "../../../frame/mod.ts";
import { assertSnapshot } from "../../deps.ts";
import { countedWork, describeWork } from "../../helpers/counted_work.ts";
import { Random } from "../../helpers/random.ts";
import { asWirePairs, corpus } from "./corpus.ts";
import { randomLists, shortPairs, similarLists } from "./random_headers.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];
const LONG: readonly NameValue[] = [["x-long", "l".repeat(1 << 16)]];

type Version = typeof PROTO_SPDY2 | typeof PROTO_SPDY3;

/**
 * The work of a connection's blocks: of the first, of the second, and of all others.
 * Everything is encoded twice before, so that the memory which all connections share
 * has its size, and the second encoder of the process has made the one that is kept.
 */
function workOf(
  lists: readonly (readonly NameValue[])[],
  version: Version,
  headerCompression: HeaderCompression,
): string[] {
  const blocks = lists.map((list) => asWirePairs(list, version));
  let parts: string[] = [];
  for (let round = 0; round < 3; round++) {
    // The first block would also be copied from the round before.
    useKeptCompressors(version);
    const out = new ByteWriter(1 << 21);
    let encoder: HeaderEncoder;
    const work = (run: () => void): string => describeWork(countedWork(run));
    parts = [
      work(() => {
        encoder = new HeaderEncoder(version, { headerCompression });
        encoder.encode(blocks[0], out);
      }),
      work(() => encoder.encode(blocks[1], out)),
      work(() => {
        for (const pairs of blocks.slice(2)) encoder.encode(pairs, out);
      }),
    ];
  }
  return parts;
}

/**
 * Uses each compressor that is kept for other streams, so that a new stream always finds
 * one of the same version, whatever ran before. The last of these streams begins with a
 * block that no list here has.
 */
function useKeptCompressors(version: Version): void {
  for (let count = 0; count < 20; count++) {
    const pairs: NameValue[] = [["other", `${count}`]];
    new HeaderEncoder(version).encode(pairs, new ByteWriter());
  }
}

for (const headerCompression of POLICIES) {
  Deno.test(`known work: the corpus, ${headerCompression}`, async (context) => {
    const lines = corpus().flatMap(({ name, lists }) => {
      const version = name.includes("1") ? PROTO_SPDY2 : PROTO_SPDY3;
      return workOf(lists.slice(0, 30), version, headerCompression)
        .map((part) => `${name}: ${part}`);
    });
    await assertSnapshot(context, lines);
  });

  Deno.test(`known work: similar, misleading and many headers, ${headerCompression}`, async (context) => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 2; seed++) {
      const version = seed % 2 === 0 ? PROTO_SPDY2 : PROTO_SPDY3;
      for (
        const [name, lists] of [
          ["similar", similarLists(new Random(seed), 100)],
          ["misleading", randomLists(new Random(seed), 40)],
          ["many", shortPairs(new Random(seed), 40)],
        ] as const
      ) {
        const parts = workOf(lists, version, headerCompression);
        lines.push(...parts.map((part) => `${name}, seed ${seed}: ${part}`));
      }
    }
    await assertSnapshot(context, lines);
  });

  Deno.test(`known work: before and after a block that is too long to match, ${headerCompression}`, async (context) => {
    const { lists } = corpus()[4];
    const some = lists.slice(0, 12);
    const parts = workOf(
      [...some, LONG, ...some, LONG, ...some],
      PROTO_SPDY3,
      headerCompression,
    );
    await assertSnapshot(context, parts);
  });
}

Deno.test("known work: connections with one block each", async (context) => {
  const parts: string[] = [];
  for (const { name, lists } of corpus()) {
    const blocks = lists.slice(0, 4).map((list) =>
      asWirePairs(list, PROTO_SPDY3)
    );
    const out = new ByteWriter(1 << 16);
    useKeptCompressors(PROTO_SPDY3);
    for (let round = 0; round < 2; round++) {
      for (const pairs of blocks) {
        const work = countedWork(() =>
          new HeaderEncoder(PROTO_SPDY3).encode(pairs, out)
        );
        if (round > 0) parts.push(`${name}: ${describeWork(work)}`);
      }
    }
  }
  await assertSnapshot(context, parts);
});
