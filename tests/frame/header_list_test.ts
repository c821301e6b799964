import { assertEquals, assertStrictEquals, assertThrows } from "../deps.ts";
import { InvalidArgumentError, type NameValue } from "../../frame/mod.ts";
import {
  fromSpdy2Names,
  prepareHeaders,
  wirePairs,
} from "../../frame/header_list.ts";
import { versionTraits } from "../../frame/version.ts";

const SPDY2 = versionTraits(2);
const SPDY3 = versionTraits(3);

Deno.test("prepareHeaders: the result is in lower case, stably sorted, and a copy", () => {
  const nv: NameValue[] = [
    ["X-B", "2"],
    [":path", "/"],
    ["x-a", "1"],
    ["x-b", "1"],
    ["Accept", "Text/HTML"],
  ];
  const prepared = prepareHeaders(nv);
  assertEquals(prepared, [
    [":path", "/"],
    ["accept", "Text/HTML"],
    ["x-a", "1"],
    ["x-b", "2"],
    ["x-b", "1"],
  ]);
  nv[0][1] = "changed";
  assertEquals(prepared[3], ["x-b", "2"]);
  assertEquals(prepareHeaders([]), []);
});

Deno.test("prepareHeaders: a NUL separates values", () => {
  assertEquals(prepareHeaders([["x", "a\0b\0c"]]), [
    ["x", "a"],
    ["x", "b"],
    ["x", "c"],
  ]);
});

Deno.test("prepareHeaders: names are tokens, or anything that a peer accepts", () => {
  for (
    const name of ["", "a\x01", "a\x7f", "\x1f", "\n", "caf\u00e9", "\u212a"]
  ) {
    assertThrows(() => prepareHeaders([[name, ""]]), InvalidArgumentError);
    assertThrows(
      () => prepareHeaders([[name, ""]], "wire"),
      InvalidArgumentError,
    );
  }
  for (const name of ["a b", "a:b", "::a", ":", 'say"', "(x)", "@", "a,b"]) {
    assertThrows(() => prepareHeaders([[name, ""]]), InvalidArgumentError);
    assertEquals(prepareHeaders([[name, ""]], "wire"), [[name, ""]]);
  }
  for (const name of [":path", "x-1", "a!#$%&'*+-.^_`|~z"]) {
    assertEquals(prepareHeaders([[name, ""]]), [[name, ""]]);
  }
});

Deno.test("prepareHeaders: values contain no control character except tab", () => {
  for (let code = 0; code < 0x120; code++) {
    const value = `a${String.fromCharCode(code)}b`;
    if (code === 0) continue;
    if (code < 0x20 && code !== 9 || code === 0x7f) {
      assertThrows(() => prepareHeaders([["x", value]]), InvalidArgumentError);
    } else {
      assertEquals(prepareHeaders([["x", value]]), [["x", value]]);
    }
  }
  assertEquals(prepareHeaders([["x", "\u{1f600}"]]), [["x", "\u{1f600}"]]);
  for (const value of ["\ud83d", "\ude00", "a\ude00\ud83d"]) {
    assertThrows(() => prepareHeaders([["x", value]]), InvalidArgumentError);
  }
});

Deno.test("wirePairs: there is one pair for each name, with its values joined by NUL", () => {
  const joined = (nv: NameValue[]) => wirePairs(prepareHeaders(nv), SPDY3);
  assertEquals(joined([["b", "1"], ["a", "1"], ["b", "2"]]), [
    ["a", "1"],
    ["b", "1\x002"],
  ]);
  // An empty value is removed, unless all are empty.
  assertEquals(joined([["x", ""], ["x", "x"], ["x", "y"]]), [["x", "x\0y"]]);
  assertEquals(joined([["x", "x"], ["x", ""], ["x", "y"]]), [["x", "x\0y"]]);
  assertEquals(joined([["x", ""], ["x", ""]]), [["x", ""]]);
  assertEquals(joined([["x", ""]]), [["x", ""]]);
});

Deno.test("wirePairs: nothing is allocated if there is nothing to join", () => {
  const prepared = prepareHeaders([["a", "1"], ["b", "2"]]);
  assertStrictEquals(wirePairs(prepared, SPDY3), prepared);
});

Deno.test("wirePairs: SPDY/2 has its own names, which are sorted again", () => {
  const nv: NameValue[] = [
    [":host", "h"],
    [":method", "m"],
    [":path", "p"],
    [":scheme", "s"],
    [":status", "t"],
    [":version", "v"],
    [":other", "o"],
    ["accept", "a"],
  ];
  const prepared = prepareHeaders(nv);
  const pairs = wirePairs(prepared, SPDY2);
  assertEquals(pairs, [
    [":other", "o"],
    ["accept", "a"],
    ["host", "h"],
    ["method", "m"],
    ["scheme", "s"],
    ["status", "t"],
    ["url", "p"],
    ["version", "v"],
  ]);
  // Callbacks see the prepared list, with its own names.
  assertEquals(prepared[0], [":host", "h"]);
  const back = pairs.map(([name, value]): NameValue => [name, value]);
  fromSpdy2Names(back);
  assertEquals(back.toSorted(), nv.toSorted());
});

Deno.test("wirePairs: :host and host become one name in SPDY/2", () => {
  assertEquals(
    wirePairs(prepareHeaders([["host", "b"], [":host", "a"]]), SPDY2),
    [["host", "a\0b"]],
  );
});
