/**
 * Seeded random header lists: some try to mislead the compressor (secrets, their
 * parts and their neighbours occur everywhere), and some have many similar
 * values, so that there is much to search.
 *
 * @module
 */

import type { NameValue } from "../../../frame/mod.ts";
import type { Random } from "../../helpers/random.ts";

const SECRET_NAMES: readonly string[] = [
  "cookie",
  "set-cookie",
  "authorization",
  "x-csrf-token",
  "x-token",
];
const PUBLIC_NAMES = [":host", ":path", "accept", "referer", "x-a", "x-b"];
const ATTRIBUTES = [
  "Path=/",
  "HttpOnly",
  "Secure",
  "expires=Thu, 01-Jan-1970",
  "Domain=.example",
  "x-odd=1",
  "Domain=.a.rather.long.domain.that.comes.again.example",
  "Path=/a/rather/long/path/that/comes/again/and/again",
];

/** `count` lists of one connection, in which values are repeated completely and in part. */
export function randomLists(random: Random, count: number): NameValue[][] {
  const texts = Array.from({ length: 12 }, () => randomText(random));
  return Array.from({ length: count }, () => {
    if (random.chance(0.2)) {
      texts[random.int(0, texts.length - 1)] = randomText(random);
    }
    const list: NameValue[] = [];
    for (let left = random.int(0, 12); left > 0; left--) {
      const name = random.chance(0.4)
        ? random.pick(SECRET_NAMES)
        : random.chance(0.1)
        ? `x-${random.word()}`
        : random.pick(PUBLIC_NAMES);
      list.push([name, randomValue(random, name, texts)]);
    }
    return list;
  });
}

function randomText(random: Random): string {
  const length = random.chance(0.1) ? random.int(250, 800) : random.int(0, 40);
  switch (random.int(0, 3)) {
    case 0:
      return random.pick(["a", "0", "~", "\u00e9", "\u20ac"]).repeat(length);
    case 1:
      return new TextDecoder().decode(random.text(length, 20))
        .replaceAll("\n", " ").trim();
    case 2:
      return Array.from(random.bytes(length), (byte) => byte.toString(16))
        .join("");
    default:
      return String.fromCodePoint(
        ...Array.from({ length }, () => random.int(0xa1, 0x2fff)),
      );
  }
}

function randomValue(
  random: Random,
  name: string,
  texts: readonly string[],
): string {
  const piece = (): string => {
    const text = random.pick(texts);
    if (random.chance(0.7)) return text;
    const from = random.int(0, text.length);
    return text.slice(from, random.int(from, text.length));
  };
  if ((name === ":path" || name === "referer") && random.chance(0.5)) {
    return `/${piece()}?q=${piece()}&token=${piece()}&z=${piece()};sig=${piece()}`;
  }
  if (!name.endsWith("cookie")) {
    return random.chance(0.3) ? `; ${piece()}; ${piece()}` : piece();
  }
  const crumbs = Array.from(
    { length: random.int(1, 5) },
    () => `${random.pick(["a", "sid", "theme"])}=${piece()}`,
  );
  if (name === "set-cookie") {
    for (let left = random.int(0, 3); left > 0; left--) {
      crumbs.push(random.pick(ATTRIBUTES));
    }
  }
  return crumbs.join(random.chance(0.9) ? "; " : ";");
}

/** Most of their values are public, so that matches are searched in them. */
const SIMILAR_NAMES = [
  ":host",
  ":path",
  "accept",
  "cache-control",
  "cookie",
  "etag",
  "if-none-match",
  "link",
  "referer",
  "server",
  "server-timing",
  "user-agent",
  "vary",
  "via",
  "warning",
  "x-cache",
  "x-powered-by",
  "x-request-id",
  "x-short",
  "x-unknown",
  "x-via",
];
const SEPARATORS = ["/", "-", "=", "&", ", ", "; ", "."];

/**
 * `count` lists of one connection. Most values are similar to earlier ones: a
 * word was replaced, added or removed. Complete lists are repeated at once, and
 * after more bytes than the window contains.
 */
export function similarLists(random: Random, count: number): NameValue[][] {
  const words = Array.from({ length: 40 }, () => random.word());
  // A byte that is not UTF-8, and looks like the symbol that replaces a secret.
  words.push("\udcff", "\u00e9");
  const values = SIMILAR_NAMES.map((): string[] => []);
  const lists: NameValue[][] = [];
  while (lists.length < count) {
    const back = random.pick([1, 2, 3, 20, 60]);
    if (random.chance(0.2) && back <= lists.length) {
      lists.push(lists[lists.length - back]);
      continue;
    }
    const list: NameValue[] = [];
    const share = random.pick([0.2, 0.8, 1]);
    SIMILAR_NAMES.forEach((name, index) => {
      if (!random.chance(share)) return;
      const parts = values[index];
      if (random.chance(0.5)) changeParts(random, parts, words);
      list.push([name, parts.join("")]);
    });
    lists.push(list);
  }
  return lists;
}

function changeParts(
  random: Random,
  parts: string[],
  words: readonly string[],
): void {
  const at = random.int(0, parts.length);
  const word = random.pick(words) + random.pick(SEPARATORS);
  if (parts.length > 60) parts.splice(0, random.int(1, 60));
  else if (random.chance(0.1)) parts.push(...parts.slice(at));
  else if (random.chance(0.6)) parts.splice(at, 0, word);
  else parts.splice(at, random.int(1, 3), word);
}

/**
 * `count` lists of many short pairs: the window holds more of them than are
 * remembered, and the same values are in lists with the same names and with others.
 */
export function shortPairs(random: Random, count: number): NameValue[][] {
  const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
  const values = Array.from({ length: 30 }, () => random.word(1, 5));
  return Array.from({ length: count }, (_, index) => {
    const from = random.pick([0, 0, 0, 100, 200]);
    // The first ones are shorter, so that some are remembered before there are many.
    const size = Math.min(random.pick([3, 60, 100, 100, 200]), 3 * (index + 1));
    return names.slice(from, from + size).map((name): NameValue => [
      name,
      random.pick(values),
    ]);
  });
}

/**
 * Lists in which `first` is sent again so many bytes after it, with lists that have
 * nothing in common with it between them, and then with those of `near`. `lengthSize`
 * is that of the version.
 */
export function atDistance(
  random: Random,
  first: NameValue[],
  distance: number,
  lengthSize: 2 | 4,
  near: readonly NameValue[][] = [],
): NameValue[][] {
  const lists = [first];
  const sizeOf = (list: NameValue[]): number =>
    list.reduce<number>(
      (sum, [name, value]) => sum + 2 * lengthSize + name.length + value.length,
      lengthSize,
    );
  const empty: NameValue = ["z", ""];
  const least = sizeOf([empty]);
  const nearSize = near.reduce((sum, list) => sum + sizeOf(list), 0);
  for (let left = distance - sizeOf(first) - nearSize; left > 0;) {
    // What remains must have room for one more list.
    const size = left < 2000 + least ? left : 2000;
    const text = Array.from(
      { length: size - least },
      () => String.fromCharCode(random.int(0x21, 0x7e)),
    ).join("");
    lists.push([["z", text]]);
    left -= size;
  }
  return [...lists, ...near, first];
}
