import { assertEquals, assertThrows } from "../deps.ts";
import { InvalidArgumentError, type NameValue } from "../../frame/mod.ts";
import { HeaderChecker } from "../../frame/header_checker.ts";
import {
  type NameRule,
  prepareHeaders,
  wirePairs,
} from "../../frame/header_list.ts";
import { versionTraits } from "../../frame/version.ts";
import { Random } from "../helpers/random.ts";

const SPDY3 = versionTraits(3);

const NAMES = [":path", ":Host", "accept", "X-A", "x-a", "x-b", "cookie", "e"];
const VALUES = ["", "a", "/index.html", "a\0b", "\u00e9", "\ttab", "a, b"];
const BAD_NAMES = ["", "a\n", "b\u00e9", "(x)"];
const BAD_VALUES = ["a\nb", "\0", "a\0", "\ud800", "\x7f"];

/** A list, and sometimes a similar one: with a pair removed, added, changed or moved. */
function* lists(random: Random, count: number): Generator<NameValue[]> {
  let list: NameValue[] = [];
  const pair = (): NameValue => [random.pick(NAMES), random.pick(VALUES)];
  for (let left = count; left > 0; left--) {
    list = list.map(([name, value]) => [name, value]);
    switch (random.int(0, 7)) {
      case 0:
        list = Array.from({ length: random.int(0, 9) }, pair);
        break;
      case 1:
        list.splice(random.int(0, list.length), 1);
        break;
      case 2:
        list.splice(random.int(0, list.length), 0, pair());
        break;
      case 3:
        list = random.shuffle(list);
        break;
      case 4:
        if (list.length > 0) random.pick(list)[1] = random.pick(VALUES);
        break;
      case 5:
        if (list.length > 0) random.pick(list)[0] = random.pick(NAMES);
        break;
    }
    yield list;
  }
}

for (const rule of ["token", "wire"] satisfies NameRule[]) {
  Deno.test(`HeaderChecker, "${rule}": each list equals that of prepareHeaders, whatever was checked before`, () => {
    const random = new Random(20);
    const prepares = new HeaderChecker(rule);
    const checks = new HeaderChecker(rule);
    for (const list of lists(random, 3000)) {
      const given = structuredClone(list);
      const prepared = prepareHeaders(list, rule);
      assertEquals(prepares.prepare(list), prepared);
      assertEquals(
        wirePairs(checks.check(list).pairs, SPDY3),
        wirePairs(prepared, SPDY3),
      );
      assertEquals(list, given);
    }
  });

  Deno.test(`HeaderChecker, "${rule}": it refuses what prepareHeaders refuses, with the same message, and continues`, () => {
    const random = new Random(21);
    const checker = new HeaderChecker(rule);
    for (const list of lists(random, 1000)) {
      assertEquals(checker.prepare(list), prepareHeaders(list, rule));
      if (list.length === 0) continue;
      const wrong = structuredClone(list);
      const pair = random.pick(wrong);
      if (random.chance(0.5)) pair[0] = random.pick(BAD_NAMES);
      else pair[1] = random.pick(BAD_VALUES);
      let expected: string | undefined;
      try {
        prepareHeaders(wrong, rule);
      } catch (error) {
        if (error instanceof InvalidArgumentError) expected = error.message;
      }
      for (let twice = 0; twice < 2; twice++) {
        if (expected === undefined) {
          assertEquals(checker.prepare(wrong), prepareHeaders(wrong, rule));
        } else {
          assertThrows(
            () => checker.prepare(wrong),
            InvalidArgumentError,
            expected,
          );
        }
      }
    }
  });
}

Deno.test("HeaderChecker: anything but a list of pairs of strings is refused", () => {
  const checker = new HeaderChecker("token");
  const good: NameValue[] = [["a", "1"], ["b", "2"]];
  // deno-lint-ignore no-explicit-any
  const wrong: any[] = [
    undefined,
    {},
    "ab",
    [undefined],
    [["a", "1"], "b2"],
    [["a", "1"], ["b"]],
    [["a", "1"], ["b", 2]],
    [["a", "1"], [2, "2"]],
    [["a", "1"], []],
    new Array(2),
  ];
  for (const list of wrong) {
    checker.prepare(good);
    assertThrows(() => checker.prepare(list), InvalidArgumentError);
    checker.check(good);
    assertThrows(() => checker.check(list), InvalidArgumentError);
    assertEquals(checker.prepare(good), good);
  }
});

Deno.test("HeaderChecker: the result of prepare belongs to the caller", () => {
  const checker = new HeaderChecker("token");
  const list: NameValue[] = [["a", "1"], ["b", "2"]];
  const first = checker.prepare(list);
  const second = checker.prepare([["a", "3"], ["b", "2"]]);
  first[1][1] = "changed";
  second.pop();
  list[0][1] = "4";
  assertEquals(first, [["a", "1"], ["b", "changed"]]);
  assertEquals(checker.prepare(list), [["a", "4"], ["b", "2"]]);
});

Deno.test("HeaderChecker: lists that are too large are not remembered", () => {
  const checker = new HeaderChecker("token");
  const many = Array.from({ length: 1000 }, (_, i): NameValue => [`x${i}`, ""]);
  const long: NameValue[] = [["b", "1"], ["a", "v".repeat(50_000)]];
  for (const list of [many, long, many, [], long]) {
    assertEquals(checker.prepare(list), prepareHeaders(list));
    assertEquals(checker.check(list).pairs, prepareHeaders(list));
  }
});

Deno.test("HeaderChecker: it works with more names and characters than it remembers", () => {
  const random = new Random(22);
  const prepares = new HeaderChecker("token");
  const checks = new HeaderChecker("wire");
  for (let round = 0; round < 2000; round++) {
    const most = random.pick([60, 400]);
    const list = Array.from({ length: random.int(0, 30) }, (): NameValue => [
      `${random.pick(["x", "X"])}-${random.int(0, most)}`,
      random.chance(0.01) ? "v".repeat(9000) : random.pick(VALUES),
    ]);
    const prepared = prepareHeaders(list);
    assertEquals(prepares.prepare(list), prepared);
    assertEquals(
      wirePairs(checks.check(list).pairs, SPDY3),
      wirePairs(prepared, SPDY3),
    );
  }
});

Deno.test("HeaderChecker: a list can have another one checked while it is read", () => {
  const checker = new HeaderChecker("token");
  checker.prepare([["a", "0"], ["b", "0"]]);
  const list: NameValue[] = [["a", "1"], ["b", "1"]];
  let inner: NameValue[] | undefined;
  const odd = Object.defineProperty([...list], 1, {
    get(): NameValue {
      inner ??= checker.prepare([["a", "2"], ["c", "2"]]);
      return ["b", "1"];
    },
  });
  assertEquals(checker.prepare(odd), list);
  assertEquals(inner, [["a", "2"], ["c", "2"]]);
  assertEquals(checker.prepare(list), list);
});

Deno.test("HeaderChecker: a list that fails after it had another one checked leaves no wrong value behind", () => {
  const checker = new HeaderChecker("token");
  checker.prepare([["a", "0"], ["b", "0"], ["c", "0"]]);
  const list: NameValue[] = [["a", "0"], ["b", "outer"], ["c", "\n"]];
  const odd = Object.defineProperty([...list], 0, {
    get(): NameValue {
      checker.prepare([["a", "0"], ["b", "inner"], ["c", "0"]]);
      return list[0];
    },
  });
  assertThrows(() => checker.prepare(odd), InvalidArgumentError);
  const next: NameValue[] = [["a", "0"], ["b", "outer"], ["c", "0"]];
  assertEquals(checker.prepare(next), next);
});

Deno.test("HeaderChecker: random lists that have others checked while they are read", () => {
  const random = new Random(31);
  const checker = new HeaderChecker("token");
  const names = ["a", "b", "c", "d"];
  let depth = 0;
  /** Checks a list, and others during that check, and compares the results. */
  const check = () => {
    const plain = names.slice(0, random.int(2, 4)).map((name): NameValue => [
      name,
      random.chance(0.05) ? "\n" : `${random.int(0, 2)}`,
    ]);
    const list = plain.map((pair) => pair);
    if (depth < 2 && random.chance(0.5)) {
      const index = random.int(0, list.length - 1);
      Object.defineProperty(list, index, {
        get(): NameValue {
          depth++;
          check();
          depth--;
          return plain[index];
        },
      });
    }
    if (plain.some(([, value]) => value === "\n")) {
      assertThrows(() => checker.prepare(list), InvalidArgumentError);
    } else {
      assertEquals(checker.prepare(list), plain);
    }
  };
  for (let round = 0; round < 3000; round++) check();
});

Deno.test("HeaderChecker: it remembers values of up to 16,384 characters, also after longer and shorter ones", () => {
  const checker = new HeaderChecker("wire");
  const list = (length: number): NameValue[] => [
    ["a", "v".repeat(length)],
    ["b", "1"],
  ];
  const isRemembered = (length: number): boolean =>
    checker.checkLike(list(length)) !== undefined;
  // The first list is not remembered.
  checker.check(list(0));
  assertEquals(isRemembered(0), false);
  checker.check(list(0));
  for (let round = 0; round < 5; round++) {
    for (const length of [0, 5, 16_383, 100]) {
      assertEquals(isRemembered(length), true, `${length} characters`);
    }
  }
  // With one character more, everything is forgotten.
  assertEquals(isRemembered(16_384), false);
  assertEquals(isRemembered(5), false);
  checker.check(list(16_384));
  assertEquals(isRemembered(16_384), false);
  checker.check(list(5));
  assertEquals(isRemembered(16_383), true);
});

Deno.test("HeaderChecker: it remembers up to 128 names, in any lists", () => {
  const list = (count: number, from = 0): NameValue[] =>
    Array.from({ length: count }, (_, index) => [`n${from + index}`, "1"]);
  for (const count of [127, 128, 129]) {
    const checker = new HeaderChecker("wire");
    checker.check([]);
    checker.check(list(count));
    const isRemembered = checker.checkLike(list(count)) !== undefined;
    assertEquals(isRemembered, count <= 128, `${count} names`);
  }
  const checker = new HeaderChecker("wire");
  checker.check([]);
  for (let from = 0; from < 128; from += 16) checker.check(list(16, from));
  assertEquals(checker.checkLike(list(16, 112)) !== undefined, true);
  checker.check(list(1, 128));
  assertEquals(checker.checkLike(list(1, 128)), undefined);
});

Deno.test("HeaderChecker: a list that is alike is checked without sorting it again, and others are not alike", () => {
  const checker = new HeaderChecker("wire");
  checker.check([]);
  const before = checker.check([["b", "1"], ["a", "2"]]);
  // The same result, not only an equal one.
  assertEquals(checker.checkLike([["b", "1"], ["a", "2"]]) === before, true);
  assertEquals(checker.checkLike([["b", "1"], ["a", "3"]])?.pairs, [
    ["a", "3"],
    ["b", "1"],
  ]);
  assertEquals(checker.checkLike([["b", "1"], ["c", "3"]]), undefined);
  // The last list was not alike, so there is no list to compare this one with.
  assertEquals(checker.checkLike([["b", "1"], ["a", "3"]]), undefined);
});
