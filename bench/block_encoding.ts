/**
 * Ways to encode header lists with our code and with native zlib. Each uses one
 * compression context for all lists.
 *
 * Native zlib turns bytes into bytes, and {@linkcode blockEncoding} turns strings
 * into bytes; both write into memory that is reused, as a session does.
 * {@linkcode frameEncoding} measures a `FrameEncoder`, which also checks and
 * sorts the headers, and allocates memory for each frame.
 * {@linkcode writingAndDeflating} does the same with native zlib, but does not check
 * the headers.
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

/**
 * The lists in the form in which a session encodes them: checked, sorted, and
 * with one pair for each name.
 */
export function preparedLists(lists: Lists): (readonly NameValue[])[] {
  const checker = new HeaderChecker("wire");
  const traits = versionTraits(PROTO_SPDY3);
  return lists.map((nv) => wirePairs(checker.check(nv).pairs, traits));
}

/** The block of a prepared list, uncompressed. */
export function headerBlock(pairs: readonly NameValue[]): Uint8Array {
  const block = new ByteWriter(1024);
  writeHeaderBlock(block, pairs, 4);
  return block.copy();
}

/** Turns prepared lists into compressed blocks. */
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

/** Policy `"safe"`: turns an application's lists into the bytes of frames. */
export function frameEncoding(lists: Lists): Subject {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const frames = lists.map(synStream);
  return loop("FrameEncoder, policy safe", () => {
    for (const frame of frames) encoder.encode(frame);
    return frames.length;
  });
}

/** Native zlib: turns blocks into compressed blocks. */
export function deflating(lists: Lists): Subject {
  const blocks = preparedLists(lists).map(headerBlock);
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  return loop(NATIVE, () => {
    for (const block of blocks) deflate(block);
    return blocks.length;
  });
}

/** Native zlib: turns prepared lists into compressed blocks, each in new memory. */
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
