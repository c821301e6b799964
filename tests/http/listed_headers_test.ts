/** The list of a `Headers` object equals what its iterator returns. */

import { HeaderCache } from "../../http/platform/header_cache.ts";
import { isPlain } from "../../http/platform/header_text.ts";
import { listedHeaders } from "../../http/platform/listed_headers.ts";
import { usesStandIns } from "../../http/platform/stand_in_switch.ts";
import { assert, assertEquals } from "../deps.ts";
import { Random } from "../helpers/random.ts";

const NAMES = ["a", "A", "b", "Content-Type", "content-type", "set-cookie"];
const VALUES = ["", "1", "a b", "caf\u00e9", "x, y"];

Deno.test("the list of headers has the pairs of the iterator, or is left to it", () => {
  const random = new Random(31);
  let listed = 0;
  for (let round = 0; round < 3000; round++) {
    const headers = new Headers();
    for (let count = random.int(0, 5); count > 0; count--) {
      const name = random.pick(NAMES);
      const act = random.int(0, 9);
      if (act === 0) headers.delete(name);
      else if (act === 1) headers.set(name, random.pick(VALUES));
      else headers.append(name, random.pick(VALUES));
    }
    const of = random.int(0, 1) === 0
      ? headers
      : new Response("x", { headers }).headers;
    const found = listedHeaders(of);
    if (found === undefined) continue;
    listed++;
    assertEquals(found.sort(([a], [b]) => a < b ? -1 : 1), [...of]);
  }
  assertEquals(listed > 500, usesStandIns(), `${listed}`);
});

Deno.test("headers that the iterator joins or converts are left to it", () => {
  const twice = new Headers([["a", "1"], ["A", "2"]]);
  const cookies = new Headers([["set-cookie", "1"], ["set-cookie", "2"]]);
  const many = new Headers(
    Array.from({ length: 17 }, (_, index) => [`x-${index}`, "1"]),
  );
  const derived = new (class extends Headers {})([["a", "1"]]);
  const others = [twice, cookies, many, derived, new Headers({ a: "\u00e9" })];
  for (const headers of others) assertEquals(listedHeaders(headers), undefined);
});

Deno.test("changing the list does not change the headers", () => {
  const headers = new Headers([["A", "1"]]);
  const list = listedHeaders(headers);
  if (list !== undefined) list[0][1] = "2";
  assertEquals([...headers], [["a", "1"]]);
});

Deno.test("a remembered list of headers is checked as a new one", () => {
  const random = new Random(32);
  const names = ["a", "b", "Content-Type", ""];
  const values = ["", "1", "\0", "\u00e9", "a\nb", "x".repeat(300)];
  let calls = 0;
  const classify = (name: string): number => {
    calls++;
    return name.length;
  };
  const memory = new HeaderCache(classify);
  let headers = 0;
  for (let round = 0; round < 2000; round++) {
    const length = random.int(0, 3) === 0 ? 40 : random.int(0, 4);
    for (let index = 0; index < length; index++) {
      headers++;
      const name = random.pick(names);
      const value = random.pick(values);
      assertEquals(memory.kindOf(index, name), name.length);
      assertEquals(memory.isPlain(index, value), isPlain(value), value);
    }
  }
  assert(calls < headers, `${calls} of ${headers}`);
});
