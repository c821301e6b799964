/**
 * There is never a reference to a secret of fewer than eight bytes, so nothing
 * may show whether it was sent before: neither the size of its block, nor that of
 * any later block.
 */

import { assertEquals, assertGreaterOrEqual } from "../../deps.ts";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import { type NameValue, PROTO_SPDY3 } from "../../../frame/mod.ts";
import { Random } from "../../helpers/random.ts";

/** A list with a place of this many bytes for each short secret. */
interface Plan {
  readonly pairs: readonly NameValue[];
  /** The bytes of each secret, by the index of its pair. */
  readonly secrets: ReadonlyMap<number, number>;
}

const SECRET_NAMES = ["authorization", "cookie", "set-cookie", "x-pin"];
const PUBLIC_NAMES = [
  ":host",
  ":method",
  ":path",
  "accept",
  "cache-control",
  "etag",
  "referer",
  "server",
  "user-agent",
  "vary",
  "via",
];

/** Lists whose public values are repeated in ever new combinations. */
function plans(random: Random, count: number): Plan[] {
  const values = Array.from(
    { length: 40 },
    () => random.word() + "/" + "~".repeat(random.int(0, 20)) + random.word(),
  );
  return Array.from({ length: count }, () => {
    if (random.chance(0.3)) {
      values[random.int(0, values.length - 1)] = random.word() + random.word();
    }
    const named = new Map<string, string | number>();
    for (let left = random.int(4, 9); left > 0; left--) {
      named.set(random.pick(PUBLIC_NAMES), random.pick(values));
    }
    for (let left = random.int(1, 3); left > 0; left--) {
      named.set(random.pick(SECRET_NAMES), random.int(1, 7));
    }
    const secrets = new Map<number, number>();
    const pairs = [...named].sort(([a], [b]) => a < b ? -1 : 1).map(
      ([name, value], index): NameValue => {
        if (typeof value === "string") return [name, value];
        secrets.set(index, value);
        return [name, ""];
      },
    );
    return { pairs, secrets };
  });
}

/** Sizes of the blocks of one connection. */
function sizes(
  planned: readonly Plan[],
  secret: (bytes: number) => string,
): number[] {
  const encoder = new HeaderEncoder(PROTO_SPDY3);
  const out = new ByteWriter();
  return planned.map(({ pairs, secrets }) => {
    out.length = 0;
    encoder.encode(
      pairs.map(([name, value], index): NameValue => {
        const bytes = secrets.get(index);
        return [name, bytes === undefined ? value : secret(bytes)];
      }),
      out,
    );
    return out.length;
  });
}

/**
 * Lists with the same names, whose values are few and change slowly. What the
 * compressor knows about a value is then found by its number among all values, so
 * whatever gets a number shows: when short secrets got one, 0.2 % of these blocks
 * had another size.
 */
function steadyPlans(random: Random, count: number): Plan[] {
  let made = 0;
  const fresh = (): string => (made++).toString(36).repeat(3);
  const names = PUBLIC_NAMES.slice(-7);
  const pools = names.map(() => [fresh(), fresh(), fresh(), fresh()]);
  return Array.from({ length: count }, () => ({
    pairs: [
      ...names.map((name, index): NameValue => {
        if (random.chance(0.02)) pools[index][random.int(0, 3)] = fresh();
        return [name, random.pick(pools[index])];
      }),
      ["x-otp", ""],
      ["x-pin", ""],
      ["x-sid", ""],
    ],
    secrets: new Map([[7, 6], [8, 6], [9, 6]]),
  }));
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

Deno.test("short secrets: new, repeated or alternating, all blocks have the same sizes", () => {
  let blocks = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const planned = plans(new Random(seed), 300);
    const wanted = sizes(planned, (bytes) => "0".repeat(bytes));
    for (let way = 0; way < 4; way++) {
      const random = new Random(1000 * seed + way);
      const few = ["abcdefg", "bcdefgh", "7654321"];
      const got = sizes(planned, (bytes) => {
        // In turn: all secrets are new; one of three; one of three or new; of
        // two letters.
        const letters = way === 3 ? "ab" : ALPHABET;
        return way === 1 || (way === 2 && random.chance(0.5))
          ? random.pick(few).slice(0, bytes)
          : Array.from({ length: bytes }, () => random.pick([...letters]))
            .join("");
      });
      assertEquals(got, wanted, `seed ${seed}, way ${way}`);
      blocks += got.length;
    }
  }
  assertGreaterOrEqual(blocks, 72_000);
});

Deno.test("short secrets: they do not influence the numbers of public values", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const planned = steadyPlans(new Random(seed), 2500);
    const random = new Random(seed + 7777);
    assertEquals(
      sizes(planned, () => `${random.int(100_000, 999_999)}`),
      sizes(planned, () => "123456"),
      `seed ${seed}`,
    );
  }
});

Deno.test("short secrets: every order of three of them in four blocks leaves later blocks unchanged", () => {
  const secrets = ["1234", "2345", "3456"];
  const publics = (round: number): NameValue[] => [
    [":path", `/${round % 3}`],
    ["accept", `text/${round % 2}`],
    ["etag", `"${round % 5}"`],
  ];
  let wanted: number[] | undefined;
  for (let order = 0; order < 3 ** 4; order++) {
    const encoder = new HeaderEncoder(PROTO_SPDY3);
    const out = new ByteWriter();
    const got: number[] = [];
    for (let round = 0; round < 12; round++) {
      const pairs = publics(round);
      if (round < 4) {
        pairs.push(["x-pin", secrets[Math.floor(order / 3 ** round) % 3]]);
      }
      out.length = 0;
      encoder.encode(pairs, out);
      got.push(out.length);
    }
    wanted ??= got;
    assertEquals(got, wanted, `order ${order}`);
  }
});
