import { History, type Seen } from "../../../frame/compression/history.ts";
import { WINDOW_SIZE } from "../../../zlib/constants.ts";
import { assert, assertEquals, assertStrictEquals } from "../../deps.ts";

/** Values that are likely to have the same hash, and others. */
const VALUES: readonly string[] = [
  "",
  "a",
  "b",
  "ab",
  "ba",
  "\u00e9",
  "\u{1f600}",
  ...["a", "b", "c"].flatMap((letter) => [
    letter.repeat(63),
    letter.repeat(64),
    letter.repeat(65),
    // Values that differ in one character, in the middle, at the beginning or
    // at the end.
    "x".repeat(40) + letter + "x".repeat(40),
    letter + "x".repeat(80),
    "x".repeat(80) + letter,
  ]),
  ...Array.from(
    { length: 40 },
    (_, index) => `${"y".repeat(32)}${index}${"y".repeat(40)}`,
  ),
];

Deno.test("history: each value has its own record, also beside values like it", () => {
  for (const secret of [false, true]) {
    const history = new History(() => "public");
    history.begin(0);
    const name = history.name("x");
    const known = secret ? name.hidden : name.shown;
    const records: Seen[] = [];
    VALUES.forEach((value, index) => {
      assertEquals(known.find(value, index), undefined, value);
      records.push(history.note(known, value, undefined, index, value.length));
    });
    VALUES.forEach((value, index) => {
      assertStrictEquals(known.find(value, 1000), records[index], value);
    });
  }
});

Deno.test("history: values of the window before are found, those before it are not", () => {
  const history = new History(() => "public");
  history.begin(0);
  const known = history.name("x").shown;
  const records = VALUES.map((value, index) =>
    history.note(known, value, undefined, WINDOW_SIZE - 100 + index, 1)
  );
  history.begin(WINDOW_SIZE);
  // One of them is recorded again, and the others are still found.
  const position = WINDOW_SIZE + 10;
  history.note(known, VALUES[3], known.find(VALUES[3], position), position, 1);
  VALUES.forEach((value, index) => {
    assertStrictEquals(known.find(value, position + 1), records[index], value);
  });
  history.begin(2 * WINDOW_SIZE);
  history.note(known, "new", undefined, 2 * WINDOW_SIZE, 3);
  const last = 2 * WINDOW_SIZE + 10;
  for (const value of VALUES) {
    const seen = value === VALUES[3] ? records[3] : undefined;
    assertStrictEquals(known.find(value, last), seen, value);
  }
});

Deno.test("history: a name that was not sent in two windows is forgotten, so that names take bounded memory", () => {
  const sensitivities: string[] = [];
  const history = new History((name) => {
    sensitivities.push(name);
    return "public";
  });
  history.begin(0);
  const [used, unused] = [history.name("used"), history.name("unused")];
  history.begin(WINDOW_SIZE);
  assertStrictEquals(history.name("used"), used);
  history.begin(2 * WINDOW_SIZE);
  assertStrictEquals(history.name("used"), used);
  const again = history.name("unused");
  assert(again !== unused && again.id !== unused.id);
  assertEquals(again.last, -1);
  // A name is judged again only if it is new.
  assertEquals(sensitivities, ["used", "unused", "unused"]);
});

Deno.test("history: after clear() no name and no value is known", () => {
  const history = new History(() => "public");
  for (const position of [0, WINDOW_SIZE]) {
    history.begin(position);
    const name = history.name("x");
    history.note(name.shown, "y", undefined, position, 1);
    history.clear();
    history.begin(0);
    const next = history.name("x");
    assert(next !== name);
    assertEquals(next.shown.find("y", 1), undefined);
    const seen = history.note(next.shown, "y", undefined, 0, 1);
    assertEquals([seen.id, seen.generation], [1, 0]);
    history.clear();
  }
});
