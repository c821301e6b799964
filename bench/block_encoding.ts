/**
 * Ways to encode header lists, ours and native zlib's, one context for all of
 * them.
 *
 * Native zlib only turns bytes into bytes, and {@linkcode blockEncoding} strings
 * into bytes; both write into memory that is used again, as a session does.
 * What a `FrameEncoder` does besides, {@linkcode frameEncoding}: it checks and
 * sorts, and each frame gets memory of its own. {@linkcode writingAndDeflating}
 * is what native zlib needs for the same, but for the checks.
 *
 * @module
 */

import { ByteWriter } from "../frame/byte_writer.ts";
import { writeHeaderBlock } from "../frame/header_block.ts";
import { HeaderChecker } from "../frame/header_checker.ts";
import { HeaderEncoder } from "../frame/header_encoder.ts";
import { wirePairs } from "../frame/header_list.ts";
import {
  FrameEncoder,
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY3,
  SYN_STREAM,
  type SynStreamFrame,
} from "../frame/mod.ts";
import { versionTraits } from "../frame/version.ts";
import { SPDY3_DICTIONARY } from "../zlib/mod.ts";
import { loop, type Subject } from "./harness.ts";
import { nativeBlockDeflate } from "./peers/zlib.ts";

/** Name of {@linkcode deflating}. */
export const NATIVE = "node:zlib deflate 6";
/** Name of {@linkcode writingAndDeflating}. */
export const NATIVE_FROM_STRINGS = "node:zlib deflate 6, from strings";

type Lists = readonly NameValue[][];

/** The lists as a session has them when it encodes: checked, sorted, one pair a name. */
export function preparedLists(lists: Lists): (readonly NameValue[])[] {
  const checker = new HeaderChecker("wire");
  const traits = versionTraits(PROTO_SPDY3);
  return lists.map((nv) => wirePairs(checker.check(nv).pairs, traits));
}

/** The block of a prepared list, not compressed. */
export function headerBlock(pairs: readonly NameValue[]): Uint8Array {
  const block = new ByteWriter(1024);
  writeHeaderBlock(block, pairs, 4);
  return block.copy();
}

/** Prepared lists into compressed blocks. */
export function blockEncoding(
  lists: Lists,
  headerCompression: HeaderCompression = "safe",
): Subject {
  const prepared = preparedLists(lists);
  const encoder = new HeaderEncoder(PROTO_SPDY3, { headerCompression });
  const out = new ByteWriter(4096);
  return loop(`HeaderEncoder, policy ${headerCompression}`, () => {
    for (const pairs of prepared) {
      out.length = 0;
      encoder.encode(pairs, out);
    }
    return prepared.length;
  });
}

/** Policy `"safe"`: frames with lists as an application gives them into bytes. */
export function frameEncoding(lists: Lists): Subject {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const frames = lists.map(synStream);
  return loop("FrameEncoder, policy safe", () => {
    for (const frame of frames) encoder.encode(frame);
    return frames.length;
  });
}

/** Native zlib: blocks into compressed blocks. */
export function deflating(lists: Lists): Subject {
  const blocks = preparedLists(lists).map(headerBlock);
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  return loop(NATIVE, () => {
    for (const block of blocks) deflate(block);
    return blocks.length;
  });
}

/** Native zlib: prepared lists into compressed blocks with memory of their own. */
export function writingAndDeflating(lists: Lists): Subject {
  const prepared = preparedLists(lists);
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  const block = new ByteWriter(4096);
  return loop(NATIVE_FROM_STRINGS, () => {
    for (const pairs of prepared) {
      block.length = 0;
      writeHeaderBlock(block, pairs, 4);
      deflate(block.view()).slice();
    }
    return prepared.length;
  });
}

function synStream(nv: NameValue[], index: number): SynStreamFrame {
  return {
    frameType: SYN_STREAM,
    version: 3,
    flags: 1,
    length: 0,
    streamId: 2 * index + 1,
    assocStreamId: 0,
    pri: 3,
    slot: 0,
    nv,
  };
}
