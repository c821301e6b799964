/**
 * What matches cover: the output is read token by token and compared with the
 * header lists.
 */

import { assert, assertEquals } from "../../deps.ts";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import { sensitivityOf } from "../../../frame/compression/secret_names.ts";
import {
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
} from "../../../frame/mod.ts";
import { versionTraits } from "../../../frame/version.ts";
import { SPDY2_DICTIONARY, SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import { Random } from "../../helpers/random.ts";
import { asWirePairs, corpus } from "./corpus.ts";
import { DeflateReader, type Token } from "./deflate_reader.ts";
import { randomLists } from "./random_headers.ts";
import { versionName } from "../../helpers/version_name.ts";

/** Where one unit of a secret is in the stream. */
interface Unit {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly text: string;
}

/**
 * Follows one direction of a connection: it knows of each byte of the stream
 * whether it is secret, and to which units it belongs. It finds the units by
 * splitting values, and not with the code under test.
 */
class Observer {
  readonly #version: ProtocolVersion;
  readonly #encoder: HeaderEncoder;
  readonly #reader: DeflateReader;
  readonly #out = new ByteWriter();
  /** Whether the byte is secret, by offset in the stream. */
  readonly #secret: boolean[];
  /** Whole values and crumbs, by offset of their first byte. */
  readonly #units = new Map<number, Unit[]>();
  /** Number of references to complete units. */
  references = 0;
  /** Number of secret bytes in stored blocks. */
  stored = 0;

  constructor(version: ProtocolVersion) {
    this.#version = version;
    this.#encoder = new HeaderEncoder(version);
    const dictionary = version === PROTO_SPDY2
      ? SPDY2_DICTIONARY
      : SPDY3_DICTIONARY;
    this.#reader = new DeflateReader(dictionary);
    this.#secret = new Array(dictionary.length).fill(false);
  }

  /** Encodes the list and checks every token. */
  check(list: readonly NameValue[]): void {
    const pairs = asWirePairs(list, this.#version);
    this.#mark(pairs);
    this.#out.length = 0;
    this.#encoder.encode(pairs, this.#out);
    const tokens = this.#reader.read(this.#out.view());
    assertEquals(this.#reader.output.length, this.#secret.length);
    for (let index = 0; index < tokens.length;) {
      index = this.#checkTokens(tokens, index);
    }
  }

  #mark(pairs: readonly NameValue[]): void {
    const size = versionTraits(this.#version).lengthSize;
    const encoder = new TextEncoder();
    const add = (count: number, secret: boolean) => {
      for (let left = count; left > 0; left--) this.#secret.push(secret);
    };
    add(size, false);
    for (const [name, value] of pairs) {
      add(size + name.length + size, false);
      const start = this.#secret.length;
      const bytes = encoder.encode(value).length;
      const parts = secretParts(name, value);
      if (parts === undefined) {
        add(bytes, false);
        continue;
      }
      this.#unit(start, name, value);
      for (const [part, isUnit] of parts) {
        if (isUnit) this.#unit(this.#secret.length, name, part);
        add(encoder.encode(part).length, isUnit);
      }
      assertEquals(this.#secret.length, start + bytes);
    }
  }

  #unit(start: number, name: string, text: string): void {
    const end = start + new TextEncoder().encode(text).length;
    const units = this.#units.get(start) ?? [];
    units.push({ start, end, name, text });
    this.#units.set(start, units);
  }

  /**
   * Checks a token, or consecutive matches with the same distance, which together
   * are one long match; returns the index of the next token.
   */
  #checkTokens(tokens: readonly Token[], index: number): number {
    const { kind, start, length, distance } = tokens[index];
    let end = start + length;
    if (kind !== "match") {
      for (let at = start; at < end; at++) {
        if (!this.#secret[at]) continue;
        assertEquals(kind, "stored", "a secret byte as a coded literal");
        this.stored++;
      }
      return index + 1;
    }
    let next = index + 1;
    while (
      next < tokens.length && tokens[next].kind === "match" &&
      tokens[next].distance === distance
    ) end += tokens[next++].length;
    for (let at = start; at < end;) {
      if (!this.#secret[at]) {
        assert(!this.#secret[at - distance], "a public match reads a secret");
        at++;
        continue;
      }
      const unit = this.#reference(at, end, distance);
      if (unit === undefined) {
        throw new Error("a match covers part of a secret");
      }
      this.references++;
      at = unit.end;
    }
    return next;
  }

  /**
   * The longest unit at `start` that equals the bytes `distance` before it, and
   * ends at `end` or earlier.
   */
  #reference(start: number, end: number, distance: number): Unit | undefined {
    const sources = this.#units.get(start - distance) ?? [];
    return (this.#units.get(start) ?? []).filter((target) =>
      target.end <= end &&
      sources.some((source) =>
        source.end === target.end - distance && source.name === target.name &&
        source.text === target.text
      )
    ).sort((left, right) => right.end - left.end)[0];
  }
}

/** The parts of a value, each with whether it is secret; undefined if the value is public. */
function secretParts(
  name: string,
  value: string,
): [part: string, isUnit: boolean][] | undefined {
  const sensitivity = sensitivityOf(name);
  if (sensitivity === "public") return undefined;
  if (sensitivity === "unknown" && value.length < 16) return undefined;
  if (sensitivity === "address") {
    const parts = value.split(/((?:token|sig)=[^\0 "#&;<>?]*)/).flatMap((
      text,
      index,
    ): [string, boolean][] => {
      if (index % 2 === 0) return [[text, false]];
      const equals = text.indexOf("=") + 1;
      return [[text.slice(0, equals), false], [text.slice(equals), true]];
    });
    return parts.some(([part, isUnit]) => isUnit && part !== "")
      ? parts.filter(([part]) => part !== "")
      : undefined;
  }
  const splitter = name === "cookie"
    ? /(; |\0)/
    : name === "set-cookie"
    ? /(; ?|\0)/
    : /(\0)/;
  return value.split(splitter).map((part, index): [string, boolean] => [
    part,
    index % 2 === 0 && part !== "" && !isAttribute(name, part),
  ]);
}

/** Attributes of a cookie; the same list as in docs/security.md. */
function isAttribute(name: string, part: string): boolean {
  return name === "set-cookie" &&
    /^(comment|domain|expires|httponly|max-age|partitioned|path|priority|samesite|secure|version)(=|$)/i
      .test(part);
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
  Deno.test(`white box, ${versionName(version)}: in the corpus, matches cover secret bytes only as whole references`, () => {
    let references = 0;
    let stored = 0;
    for (const { lists } of corpus()) {
      const observer = new Observer(version);
      for (const list of lists) observer.check(list);
      references += observer.references;
      stored += observer.stored;
    }
    assert(references > 50, `${references} references`);
    assert(stored > 5000, `${stored} secret bytes stored`);
  });

  Deno.test(`white box, ${versionName(version)}: on random connections full of look-alikes, matches cover secret bytes only as whole references`, () => {
    let references = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const observer = new Observer(version);
      for (const list of randomLists(new Random(seed), 150)) {
        observer.check(list);
      }
      references += observer.references;
    }
    assert(references > 500, `${references} references`);
  });
}

Deno.test("white box: a long secret is one reference of several matches, or none", () => {
  for (const length of [257, 258, 259, 260, 261, 515, 516, 517, 2000]) {
    const observer = new Observer(PROTO_SPDY3);
    const secret = "s".repeat(length - 1);
    observer.check([["authorization", secret + "a"], ["a", "1"]]);
    observer.check([["authorization", secret + "b"], ["a", "2"]]);
    assertEquals(observer.references, 0);
    observer.check([["authorization", secret + "a"], ["a", "3"]]);
    assertEquals(observer.references, 1);
  }
});

Deno.test("white box: a value never refers to the same value under another name", () => {
  const observer = new Observer(PROTO_SPDY3);
  observer.check([["authorization", "0123456789abcdef"]]);
  observer.check([["x-token", "0123456789abcdef"]]);
  observer.check([["cookie", "0123456789abcdef"]]);
  assertEquals(observer.references, 0);
  observer.check([["x-token", "0123456789abcdef"]]);
  assertEquals(observer.references, 1);
});

Deno.test("white box: a secret too short for a reference is stored each time", () => {
  for (const length of [1, 2, 3, 7, 8]) {
    const observer = new Observer(PROTO_SPDY3);
    const secret = "s".repeat(length);
    for (let round = 0; round < 3; round++) {
      observer.check([["a", "1"], ["x-token", secret], ["z", `${round}`]]);
    }
    assertEquals(observer.references, length < 8 ? 0 : 2);
    assertEquals(observer.stored, length < 8 ? 3 * length : length);
  }
});
