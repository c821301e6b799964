import { BlockLayout } from "../../../frame/compression/block_layout.ts";
import { sensitivityOf } from "../../../frame/compression/secret_names.ts";
import { MatchWindow } from "../../../frame/compression/window.ts";
import { SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import { assert, assertEquals, assertGreaterOrEqual } from "../../deps.ts";

/** A layout whose window has room for all blocks of a test. */
function layout(): BlockLayout {
  const window = MatchWindow.of(SPDY3_DICTIONARY);
  window.reserve(200_000);
  return new BlockLayout(window, 4, sensitivityOf);
}

Deno.test("block layout: the memory of a long secret is not kept", () => {
  const one = layout();
  one.put([["authorization", "s".repeat(30_000)]]);
  assertGreaterOrEqual(one.stored.length, 30_000);
  assertEquals(one.secrets.length, 1);
  one.put([["authorization", "another"]]);
  assert(one.stored.length <= 16_384, `${one.stored.length} bytes`);
  assertEquals(
    new TextDecoder().decode(
      one.stored.subarray(one.secrets[0].from, one.secrets[0].to),
    ),
    "another",
  );
});

Deno.test("block layout: a repeated pair begins where it was written", () => {
  const one = layout();
  const list: [string, string][] = [["accept", "*/*"], ["cookie", "a=1"], [
    "date",
    "today",
  ]];
  one.put(list);
  one.note();
  assertEquals([one.repeated, [...one.copies]], [0, [-1, -1, -1]]);
  const before = [...one.starts.subarray(0, 4)];
  one.put(list);
  // A secret too short for a reference is not repeated.
  assertEquals(one.repeated, 2);
  assertEquals([...one.copies], [before[0], -1, before[2]]);
  assertEquals([one.begin, one.end], [before[3], one.starts[3]]);
});
