/**
 * The compressed form of known header lists, to the byte, so that a change that
 * makes blocks larger, or only different, is noticed. After an intended change:
 *
 *     deno run -A tools/std.ts test -A tests/frame/compression/known_output_test.ts -- --update
 */

import { constants, inflateSync } from "node:zlib";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import { writeHeaderBlock } from "../../../frame/header_block.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import {
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
} from "../../../frame/mod.ts";
import { versionTraits } from "../../../frame/version.ts";
import { adler32 } from "../../../zlib/mod.ts";
import { assert, assertEquals, assertSnapshot } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { asWirePairs, corpus } from "./corpus.ts";
import {
  atDistance,
  randomLists,
  shortPairs,
  similarLists,
} from "./random_headers.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];

/** Size and checksum of all blocks of one direction, which zlib must be able to read. */
function described(
  lists: readonly (readonly NameValue[])[],
  version: typeof PROTO_SPDY2 | typeof PROTO_SPDY3,
  headerCompression: HeaderCompression,
): string {
  const encoder = new HeaderEncoder(version, { headerCompression });
  const { dictionary, lengthSize } = versionTraits(version);
  const out = new ByteWriter();
  const plain = new ByteWriter();
  for (const list of lists) {
    const pairs = asWirePairs(list, version);
    encoder.encode(pairs, out);
    writeHeaderBlock(plain, pairs, lengthSize);
  }
  const inflated = inflateSync(out.view(), {
    dictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  assert(inflated.equals(plain.view()), "zlib reads something else");
  assertEquals(encoder.bytes.plain, plain.length);
  return `${out.length} bytes, ${adler32(out.view()).toString(16)}`;
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

/** A value that has nothing in common with others. */
function unlike(random: Random, size: number): string {
  return Array.from(
    { length: size },
    () => String.fromCharCode(random.int(0x21, 0x7e)),
  ).join("");
}

/** Requests of which each has one of the secrets, beside headers that change and others. */
function withSecrets(secrets: readonly string[]): NameValue[][] {
  return secrets.flatMap((secret, index): NameValue[][] => [
    [["a", `${index}`], ["authorization", secret], ["x-a", "1"]],
    [["a", `${index}`], ["authorization", secret], ["x-a", "2"]],
    [["a", "again"], ["authorization", secret], ["x-a", "2"]],
    [["authorization", secret], ["cookie", `n=1; s=${secret}`]],
    [["a", "again"], ["authorization", ""], ["x-a", "2"]],
  ]);
}

/** Lists of one connection, by what they try. */
const CASES: Readonly<Record<string, () => NameValue[][]>> = {
  "secrets around the least length of a reference": () =>
    withSecrets(
      [1, 2, 5, 6, 7, 8, 9, 10, 7, 8, 9, 8].map((size) => "s".repeat(size)),
    ),
  "secrets with few public bytes between them": () =>
    ["sig", "code", "token", "secret", "api_key"].flatMap((name) =>
      ["a", "bb", "ccc"].map((value): NameValue[] => [[
        ":path",
        `/?${name}=${value}&${name}=${value}x&${name}=y${value}`,
      ]])
    ),
  "a secret that is recorded again with its units": () => {
    const random = new Random(9);
    const path = "/a/path?page=1&token=0123456789abcdef&sig=fedcba9876543210";
    const list: NameValue[] = [
      [":path", path],
      ["cookie", "theme=dark-and-long; sid=0123456789abcdef"],
      ["set-cookie", "sid=0123456789abcdef; Path=/; other=0123456789abcdef"],
    ];
    const filler = (): NameValue[] => [["z", unlike(random, 5000)]];
    return [
      ...Array.from(
        { length: 20 },
        (_, index) => index % 3 === 0 ? filler() : list,
      ),
      [[":path", "/other?token=0123456789abcdef"]],
      [["cookie", "sid=0123456789abcdef"]],
      [["set-cookie", "other=0123456789abcdef"]],
    ];
  },
};

for (const [name, lists] of Object.entries(CASES)) {
  Deno.test(`known output: ${name}`, async (context) => {
    await assertSnapshot(context, [
      described(lists(), PROTO_SPDY2, "safe"),
      described(lists(), PROTO_SPDY3, "safe"),
    ]);
  });
}

Deno.test("known output: blocks as long as the window, and as the longest that is matched", async (context) => {
  const lines: string[] = [];
  const sizes = [32766, 32767, 32768, 32769, 32770, 65535, 65536, 65537];
  for (const size of sizes) {
    const random = new Random(size);
    // The parts of a block besides the last value take 40 bytes in SPDY/3.
    const lists = Array.from({ length: 10 }, (): NameValue[] => [
      ["a", unlike(random, 8)],
      ["b", "1"],
      ["c", unlike(random, size - 40)],
    ]);
    const last = lists[9];
    lines.push(
      `${size}: ${described([...lists, last, last], PROTO_SPDY3, "safe")}`,
    );
  }
  await assertSnapshot(context, lines);
});
