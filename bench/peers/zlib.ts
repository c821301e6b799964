/**
 * The zlib peers: the native one inside Deno (`node:zlib`), pako and fflate
 * (npm), for header blocks in one long stream and for whole bodies.
 *
 * @module
 */

import {
  constants,
  createDeflate,
  createInflate,
  deflateSync,
  inflateSync,
} from "node:zlib";
import * as fflate from "npm:fflate@0.8.3";
import * as pako from "npm:pako@3.0.3";

/** Turns one block into another, with the state that earlier blocks have left. */
export type BlockCodec = (block: Uint8Array) => Uint8Array;

/** The inner object of a node:zlib stream: only it is synchronous. */
interface Handle {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
  };
  /** Free bytes of the output, and unread bytes of the input. */
  readonly _writeState: Uint32Array;
}

const OUTPUT = 1 << 16;
/** pako allocates memory of this size for each block: no more than a block needs. */
const BLOCK_OUTPUT = 2048;

/** Native deflate, level 6, a sync flush after each block. */
export function nativeBlockDeflate(dictionary: Uint8Array): BlockCodec {
  return nativeBlocks(createDeflate({ level: 6, dictionary }));
}

/** Native inflate. */
export function nativeBlockInflate(dictionary: Uint8Array): BlockCodec {
  return nativeBlocks(createInflate({ dictionary }));
}

function nativeBlocks(stream: object): BlockCodec {
  if (!isHandle(stream)) throw new Error("node:zlib has changed inside");
  const output = new Uint8Array(OUTPUT);
  return (block) => {
    stream._handle.writeSync(
      constants.Z_SYNC_FLUSH,
      block,
      0,
      block.length,
      output,
      0,
      OUTPUT,
    );
    return output.subarray(0, OUTPUT - stream._writeState[0]);
  };
}

function isHandle(stream: object): stream is Handle {
  return "_handle" in stream && "_writeState" in stream;
}

/** pako's inflate in one long stream. */
export function pakoBlockInflate(dictionary: Uint8Array): BlockCodec {
  let output: Uint8Array = new Uint8Array(0);
  const inflate = new pako.Inflate({ dictionary, chunkSize: BLOCK_OUTPUT });
  inflate.onData = (chunk: Uint8Array) => output = chunk;
  return (block) => {
    inflate.push(block, pako.Z_SYNC_FLUSH);
    return output;
  };
}

/** A peer that deflates and inflates whole bodies. */
export interface BodyCodec {
  readonly name: string;
  deflate(body: Uint8Array, level: DeflateLevel): Uint8Array;
  inflate(body: Uint8Array): Uint8Array;
}

/** The levels that the rows use. */
export type DeflateLevel = 1 | 6 | 9;

/** The peers for whole bodies. */
export const BODY_CODECS: readonly BodyCodec[] = [
  {
    name: "fflate 0.8.3",
    deflate: (body, level) => fflate.zlibSync(body, { level }),
    inflate: (body) => fflate.unzlibSync(body),
  },
  {
    name: "pako 3.0.3",
    deflate: (body, level) => pako.deflate(body, { level }),
    inflate: (body) => pako.inflate(body),
  },
  {
    name: "node:zlib",
    deflate: (body, level) => deflateSync(body, { level }),
    inflate: (body) => inflateSync(body),
  },
];
