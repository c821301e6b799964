import { ByteWriter } from "../../../frame/byte_writer.ts";
import {
  headerBlockLength,
  writeHeaderBlock,
} from "../../../frame/header_block.ts";
import { readHeaderBlock } from "../../../frame/header_block_reader.ts";
import { DEFAULT_FRAME_LIMITS } from "../../../frame/limits.ts";
import type { NameValue } from "../../../frame/mod.ts";
import { PairMemory } from "../../../frame/pair_memory.ts";
import { versionTraits } from "../../../frame/version.ts";
import { assertEquals, concat } from "../../deps.ts";
import { type ByteTarget, Choices } from "../byte_target.ts";

const LISTS: readonly NameValue[][] = [
  [],
  [[":path", "/"], ["accept", "*/*"]],
  [["a", "1\x002"], ["b", ""], ["c", "\u00e9\u20ac\u{1f600}"]],
  [["cookie", "x".repeat(100)], ["set-cookie", "a=b\x00c=d"]],
];

/**
 * A block is read in the same way whatever was read before it, and its headers
 * can be written again.
 */
export const headerBlockTarget: ByteTarget = {
  name: "header_block",
  property:
    "a header block is read in the same way whatever was read before it, and can be written again",
  sources: [
    "frame/header_",
    "frame/last_block",
    "frame/pair_memory",
    "frame/escaped_text",
  ],
  words: [
    Uint8Array.of(0, 0, 0, 1, 0x61),
    Uint8Array.of(0, 1, 0x61),
    Uint8Array.of(0, 0, 0, 0),
    Uint8Array.of(0xc3, 0xa9),
    Uint8Array.of(0xf0, 0x9f, 0x98, 0x80),
    Uint8Array.of(0),
  ],
  seeds: () =>
    LISTS.flatMap((list) =>
      ([2, 4] as const).map((lengthSize) => {
        const out = new ByteWriter();
        writeHeaderBlock(out, list, lengthSize);
        return concat([Uint8Array.of(lengthSize / 2 - 1, 200), out.copy()]);
      })
    ),
  run(input) {
    const choices = new Choices(input);
    const traits = versionTraits(choices.below(2) === 0 ? 2 : 3);
    const cut = choices.below(256);
    const bytes = choices.rest();
    // Copies, because a block is at the beginning of its memory.
    const blocks = [bytes.slice(), bytes.slice(0, cut), bytes.slice(cut)];
    const memory = new PairMemory();
    const read = (block: Uint8Array, memory: PairMemory) =>
      readHeaderBlock(block, traits, DEFAULT_FRAME_LIMITS, false, memory);
    const first = blocks.map((block) => read(block, new PairMemory()));
    for (let round = 0; round < 3; round++) {
      blocks.forEach((block, index) => {
        assertEquals(read(block, memory), first[index]);
      });
    }
    for (const { nv, errorCode } of first) {
      if (errorCode !== 0) continue;
      const wire = joined(nv);
      const out = new ByteWriter();
      writeHeaderBlock(out, wire, traits.lengthSize);
      assertEquals(headerBlockLength(wire, traits, true), out.length);
      const again = read(out.copy(), new PairMemory());
      assertEquals(again.nv, nv);
    }
  },
};

/** A name occurs once in a block; its values are joined by NUL. */
function joined(nv: readonly NameValue[]): NameValue[] {
  const values = new Map<string, string[]>();
  for (const [name, value] of nv) {
    values.set(name, [...values.get(name) ?? [], value]);
  }
  return [...values].map(([name, list]): NameValue => [name, list.join("\0")]);
}
