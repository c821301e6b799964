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
import {
  atDistance,
  randomLists,
  shortPairs,
  similarLists,
} from "./random_headers.ts";

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

  Deno.test(`known output: more short headers than are remembered, ${headerCompression}`, async (context) => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 4; seed++) {
      const lists = shortPairs(new Random(seed), 80);
      const version = seed % 2 === 0 ? PROTO_SPDY2 : PROTO_SPDY3;
      lines.push(
        `seed ${seed}: ${described(lists, version, headerCompression)}`,
      );
    }
    await assertSnapshot(context, lines);
  });
}

Deno.test("known output: connections that begin anew with a block that is too long to match", async (context) => {
  const lines: string[] = [];
  for (let seed = 1; seed <= 6; seed++) {
    const random = new Random(seed);
    const long: NameValue[] = [["x-long", "l".repeat(1 << 16)]];
    const before = similarLists(new Random(seed), 1);
    const lists = similarLists(random, 60).map((list) =>
      list.map(([name, value]): NameValue => [name, value.slice(0, 40)])
    );
    const version = seed % 2 === 0 ? PROTO_SPDY2 : PROTO_SPDY3;
    lines.push(
      `seed ${seed}: ${
        described([...before, long, ...lists], version, "safe")
      }`,
    );
  }
  await assertSnapshot(context, lines);
});

/** Lists whose parts are referred to in different ways. */
const REPEATED: Readonly<Record<string, NameValue[]>> = {
  "public values": [
    ["accept", "text/html,application/xhtml+xml"],
    ["server", "a server with a name of some length"],
  ],
  "a secret": [["authorization", "Bearer 0123456789abcdef"]],
  "a cookie": [["cookie", "sid=0123456789abcdef; theme=dark-and-long"]],
  "an address": [[":path", "/a/path/that/is/long?token=0123456789&page=1"]],
  "everything": [
    [":path", "/a/path/that/is/long?token=0123456789&page=1"],
    ["accept", "text/html,application/xhtml+xml"],
    ["cookie", "sid=0123456789abcdef; theme=dark-and-long"],
    ["server", "a server with a name of some length"],
  ],
};

for (const [name, list] of Object.entries(REPEATED)) {
  Deno.test(`known output: ${name} again, just within the window and just outside`, async (context) => {
    const lines: string[] = [];
    for (
      const [version, lengthSize] of [[PROTO_SPDY2, 2], [
        PROTO_SPDY3,
        4,
      ]] as const
    ) {
      for (let distance = 32764; distance <= 32771; distance++) {
        const lists = (...near: NameValue[][]) =>
          atDistance(new Random(1), list, distance, lengthSize, near);
        const alone = described(lists(), version, "safe");
        // A nearer copy is not as long.
        const part = lists([["date", "9"], ...list.slice(0, 1), ["z", "9"]]);
        const nearer = described(part, version, "safe");
        lines.push(
          `version ${version}, distance ${distance}: ${alone}; ` +
            `with a part of it nearer: ${nearer}`,
        );
      }
    }
    await assertSnapshot(context, lines);
  });
}
