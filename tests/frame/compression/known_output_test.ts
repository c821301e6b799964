/**
 * The compressed form of known header lists, to the byte, so that a change that
 * makes blocks larger, or only different, is noticed. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/frame/compression/known_output_test.ts -- --update
 */

import { ByteWriter } from "../../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import {
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
} from "../../../frame/mod.ts";
import { adler32 } from "../../../zlib/mod.ts";
import { assertSnapshot } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { asWirePairs, corpus } from "./corpus.ts";
import { randomLists, similarLists } from "./random_headers.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];

/** Size and checksum of all blocks of one direction. */
function described(
  lists: readonly (readonly NameValue[])[],
  version: typeof PROTO_SPDY2 | typeof PROTO_SPDY3,
  headerCompression: HeaderCompression,
): string {
  const encoder = new HeaderEncoder(version, { headerCompression });
  let size = 0;
  let sum = 1;
  for (const list of lists) {
    const out = new ByteWriter();
    encoder.encode(asWirePairs(list, version), out);
    size += out.length;
    sum = adler32(out.view(), sum);
  }
  return `${size} bytes, ${sum.toString(16)}`;
}

for (const headerCompression of POLICIES) {
  Deno.test(`known output: the corpus, ${headerCompression}`, async (context) => {
    const lines = corpus().map(({ name, lists }) => {
      const some = lists.slice(0, 60);
      const version = name.includes("1") ? PROTO_SPDY2 : PROTO_SPDY3;
      return `${name}: ${described(some, version, headerCompression)}`;
    });
    await assertSnapshot(context, lines);
  });

  Deno.test(`known output: similar headers on long connections, ${headerCompression}`, async (context) => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 4; seed++) {
      const lists = similarLists(new Random(seed), 250);
      const version = seed % 2 === 0 ? PROTO_SPDY2 : PROTO_SPDY3;
      lines.push(
        `seed ${seed}: ${described(lists, version, headerCompression)}`,
      );
    }
    await assertSnapshot(context, lines);
  });

  Deno.test(`known output: misleading headers, ${headerCompression}`, async (context) => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const lists = randomLists(new Random(seed), 40);
      const version = seed % 2 === 0 ? PROTO_SPDY2 : PROTO_SPDY3;
      lines.push(
        `seed ${seed}: ${described(lists, version, headerCompression)}`,
      );
    }
    await assertSnapshot(context, lines);
  });
}
