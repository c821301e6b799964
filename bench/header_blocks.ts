/**
 * Header blocks: encoding and decoding, beside zlib alone and beside
 * spdy-transport.
 *
 * The zlib peers only turn bytes into bytes, but for the one "from strings";
 * ours start from, and end at, lists of strings, and check them.
 *
 * @module
 */

import {
  FrameDecoder,
  FrameEncoder,
  type NameValue,
  PROTO_SPDY3,
  SYN_STREAM,
  type SynStreamFrame,
} from "../frame/mod.ts";
import { SPDY3_DICTIONARY } from "../zlib/mod.ts";
import { corpusRequests } from "./corpus.ts";
import { loop, type Row, type Subject } from "./harness.ts";
import { requestHeaders } from "./load.ts";
import { FROM_STRINGS, writingAndDeflating } from "./native_blocks.ts";
import {
  headerDecoding as transportDecoding,
  headerEncoding as transportEncoding,
} from "./peers/spdy_transport.ts";
import {
  type BlockCodec,
  nativeBlockDeflate,
  nativeBlockInflate,
  pakoBlockInflate,
} from "./peers/zlib.ts";

/** Header lists a batch: one context, long enough to wrap the window many times. */
const BATCH = 2000;
const varying: readonly NameValue[][] = Array.from(
  { length: BATCH },
  (_, index) => requestHeaders(index),
);
const corpus = await corpusRequests();

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "header block encode, safe",
    unit: "op/s",
    ours: () => encoding(varying),
    peers: [
      {
        name: "node:zlib deflate 6",
        open: () => deflating("node:zlib deflate 6", varying),
        atLeast: 1,
        aim: 2,
      },
      { name: FROM_STRINGS, open: () => writingAndDeflating(varying) },
      {
        name: "spdy-transport",
        open: () => transportEncoding(varying),
      },
    ],
  },
  {
    name: "header block encode, safe, corpus",
    unit: "op/s",
    ours: () => encoding(corpus),
    peers: [
      {
        name: "node:zlib deflate 6",
        open: () => deflating("node:zlib deflate 6", corpus),
        atLeast: 1,
        aim: 2,
      },
      { name: FROM_STRINGS, open: () => writingAndDeflating(corpus) },
    ],
  },
  {
    name: "header block decode",
    unit: "op/s",
    ours: () => decoding(varying),
    peers: [
      {
        name: "pako inflate",
        open: () => inflating("pako inflate", varying, pakoBlockInflate),
        atLeast: 1.5,
      },
      {
        name: "node:zlib inflate",
        open: () => inflating("node:zlib inflate", varying, nativeBlockInflate),
        aim: 1,
      },
      {
        name: "spdy-transport",
        open: () => transportDecoding(framesOf(varying)),
      },
    ],
  },
];

function encoding(lists: readonly NameValue[][]): Subject {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const frames = lists.map(synStream);
  return loop("FrameEncoder, policy safe", () => {
    for (const frame of frames) encoder.encode(frame);
    return frames.length;
  });
}

function decoding(lists: readonly NameValue[][]): Subject {
  const frames = framesOf(lists);
  return loop("FrameDecoder", () => {
    const decoder = new FrameDecoder(PROTO_SPDY3);
    for (const frame of frames) {
      decoder.push(frame);
      if (decoder.next()?.frameType !== SYN_STREAM) {
        throw new Error("no SYN_STREAM came out");
      }
    }
    return frames.length;
  });
}

function deflating(name: string, lists: readonly NameValue[][]): Subject {
  const blocks = lists.map(headerBlock);
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  return loop(name, () => {
    for (const block of blocks) deflate(block);
    return blocks.length;
  });
}

function inflating(
  name: string,
  lists: readonly NameValue[][],
  open: (dictionary: Uint8Array) => BlockCodec,
): Subject {
  const blocks = deflated(lists);
  const expected = headerBlock(lists[0]).length;
  return loop(name, () => {
    const inflate = open(SPDY3_DICTIONARY);
    const first = inflate(blocks[0]).length;
    if (first !== expected) throw new Error(`${first} bytes of ${expected}`);
    for (let i = 1; i < blocks.length; i++) inflate(blocks[i]);
    return blocks.length;
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

/** SPDY/3 draft 2.6.10: counts and lengths of 32 bits. */
function headerBlock(nv: readonly NameValue[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts = [...nv].sort(([a], [b]) => a < b ? -1 : 1).flat()
    .map((text) => encoder.encode(text));
  const size = parts.reduce((sum, part) => sum + 4 + part.length, 4);
  const block = new Uint8Array(size);
  const view = new DataView(block.buffer);
  view.setUint32(0, nv.length);
  let offset = 4;
  for (const part of parts) {
    view.setUint32(offset, part.length);
    block.set(part, offset + 4);
    offset += 4 + part.length;
  }
  return block;
}

/** The blocks as native zlib deflates them: the same input for every decoder. */
function deflated(lists: readonly NameValue[][]): Uint8Array[] {
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  return lists.map((nv) => deflate(headerBlock(nv)).slice());
}

/** The deflated blocks as SYN_STREAM frames. */
function framesOf(lists: readonly NameValue[][]): Uint8Array[] {
  return deflated(lists).map((block, index) => {
    const frame = new Uint8Array(18 + block.length);
    const view = new DataView(frame.buffer);
    view.setUint32(0, 0x80030001);
    view.setUint32(4, 0x01000000 | (10 + block.length));
    view.setUint32(8, 2 * index + 1);
    view.setUint8(16, 3 << 5);
    frame.set(block, 18);
    return frame;
  });
}
