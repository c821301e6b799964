/**
 * What native zlib needs to do what a `FrameEncoder` does, but for the checks:
 * strings into a block, that through `node:zlib`, and a copy of what comes out.
 *
 * @module
 */

import { ByteWriter } from "../frame/byte_writer.ts";
import { writeHeaderBlock } from "../frame/header_block.ts";
import type { NameValue } from "../frame/types.ts";
import { SPDY3_DICTIONARY } from "../zlib/mod.ts";
import { loop, type Subject } from "./harness.ts";
import { nativeBlockDeflate } from "./peers/zlib.ts";

/** Name of {@linkcode writingAndDeflating}. */
export const FROM_STRINGS = "node:zlib deflate 6, from strings";

/** Packs the lists, one context for all. */
export function writingAndDeflating(
  lists: readonly (readonly NameValue[])[],
): Subject {
  const sorted = lists.map((nv) => [...nv].sort(([a], [b]) => a < b ? -1 : 1));
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  const block = new ByteWriter(4096);
  return loop(FROM_STRINGS, () => {
    for (const nv of sorted) {
      block.length = 0;
      writeHeaderBlock(block, nv, 4);
      deflate(block.view()).slice();
    }
    return sorted.length;
  });
}
