/**
 * Encoding and decoding of header blocks, compared with zlib alone and with
 * spdy-transport; `block_encoding.ts` describes what each does.
 *
 * @module
 */

import {
  FrameDecoder,
  type NameValue,
  PROTO_SPDY3,
  SYN_STREAM,
} from "../frame/mod.ts";
import { SPDY3_DICTIONARY } from "../zlib/mod.ts";
import {
  blockEncoding,
  deflating,
  frameEncoding,
  headerBlock,
  NATIVE,
  NATIVE_FROM_STRINGS,
  preparedLists,
  writingAndDeflating,
} from "./block_encoding.ts";
import { corpusLists } from "./corpus.ts";
import { loop, type Peer, type Row, type Subject } from "./harness.ts";
import { requestHeaders } from "./load.ts";
import {
  headerDecoding as transportDecoding,
  headerEncoding as transportEncoding,
} from "./peers/spdy_transport.ts";
import { SPDYLAY, spdylay } from "./peers/spdylay.ts";
import {
  type BlockCodec,
  nativeBlockDeflate,
  nativeBlockInflate,
  pakoBlockInflate,
} from "./peers/zlib.ts";

/** Header lists in a batch: one context, long enough to wrap around the window many times. */
const BATCH = 2000;
const varying: readonly NameValue[][] = Array.from(
  { length: BATCH },
  (_, index) => requestHeaders(index),
);
const requests = corpusLists("request");
const responses = corpusLists("response");
const corpus = [...requests, ...responses];

/** The rows of this family. */
export const rows: readonly Row[] = [
  blockRow("safe", varying),
  policyRow("full", true, 0.85),
  policyRow("none", false, 0.8),
  blockRow("safe, corpus", corpus),
  blockRow("safe, corpus requests", requests),
  blockRow("safe, corpus responses", responses),
  frameRow("safe", varying, [{
    name: "spdy-transport",
    open: () => transportEncoding(varying),
  }]),
  frameRow("safe, corpus", corpus),
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
        atLeast: 0.7,
        aim: 1,
      },
      {
        name: "spdy-transport",
        open: () => transportDecoding(framesOf(varying)),
      },
      {
        name: SPDYLAY,
        open: () => spdylay("decode", { client: true, server: false }),
        atLeast: 0.9,
        aim: 1,
      },
    ],
  },
];

function blockRow(what: string, lists: readonly NameValue[][]): Row {
  return {
    name: `header block encode, ${what}`,
    unit: "op/s",
    ours: () => blockEncoding(lists),
    peers: [
      { name: NATIVE, open: () => deflating(lists), atLeast: 1, aim: 2 },
    ],
  };
}

/** Another policy, compared with how spdylay packs a SYN_STREAM frame. */
function policyRow(
  policy: "full" | "none",
  deflates: boolean,
  atLeast: number,
): Row {
  return {
    name: `header block encode, ${policy}`,
    unit: "op/s",
    ours: () => blockEncoding(varying, policy),
    peers: [
      {
        name: SPDYLAY,
        open: () => spdylay("encode", { client: deflates, server: false }),
        atLeast,
        aim: 1,
      },
    ],
  };
}

function frameRow(
  what: string,
  lists: readonly NameValue[][],
  others: readonly Peer[] = [],
): Row {
  return {
    name: `frame with headers encode, ${what}`,
    unit: "op/s",
    ours: () => frameEncoding(lists),
    peers: [
      {
        name: NATIVE_FROM_STRINGS,
        open: () => writingAndDeflating(lists),
      },
      { name: NATIVE, open: () => deflating(lists) },
      ...others,
    ],
  };
}

function decoding(lists: readonly NameValue[][]): Subject {
  const frames = framesOf(lists);
  return loop("FrameDecoder", () => {
    const decoder = new FrameDecoder(PROTO_SPDY3);
    for (const frame of frames) {
      decoder.push(frame);
      if (decoder.next()?.frameType !== SYN_STREAM) {
        throw new Error("no SYN_STREAM was decoded");
      }
    }
    return frames.length;
  });
}

function inflating(
  name: string,
  lists: readonly NameValue[][],
  open: (dictionary: Uint8Array) => BlockCodec,
): Subject {
  const blocks = deflated(lists);
  const expected = headerBlock(preparedLists(lists)[0]).length;
  return loop(name, () => {
    const inflate = open(SPDY3_DICTIONARY);
    const first = inflate(blocks[0]).length;
    if (first !== expected) throw new Error(`${first} bytes of ${expected}`);
    for (let i = 1; i < blocks.length; i++) inflate(blocks[i]);
    return blocks.length;
  });
}

/** The blocks as native zlib deflates them: every decoder gets the same input. */
function deflated(lists: readonly NameValue[][]): Uint8Array[] {
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  return preparedLists(lists).map((nv) => deflate(headerBlock(nv)).slice());
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
