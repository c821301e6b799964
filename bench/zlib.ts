/**
 * zlib alone: whole bodies and header blocks, compared with fflate, pako and the
 * native zlib inside Deno.
 *
 * @module
 */

import { deflateSync } from "node:zlib";
import { Deflate, Inflate, SPDY3_DICTIONARY } from "../zlib/mod.ts";
import { Inflater } from "../zlib/inflater.ts";
import { loop, type Peer, type Row, type Subject } from "./harness.ts";
import { requestHeaders } from "./load.ts";
import {
  type BlockCodec,
  BODY_CODECS,
  type BodyCodec,
  type DeflateLevel,
  nativeBlockDeflate,
  nativeBlockInflate,
  pakoBlockInflate,
} from "./peers/zlib.ts";

/** Bytes of a body. */
const BODY = 2_000_000;
/** Blocks in a batch: one stream, long enough to wrap around the window many times. */
const BATCH = 2000;

/** The ratio that a row for bodies must reach, by the name of the peer. */
const GOALS: Readonly<Record<string, Pick<Peer, "atLeast" | "aim">>> = {
  fflate: { atLeast: 1.3 },
  "node:zlib": { aim: 0.6 },
};

const text = await textOf(["zlib", "frame", "session", "tests"], ".ts");
const json = await textOf(["tests/corpus/headers"], ".json");
const blocks = headerBlocks();

/** The rows of this family. */
export const rows: readonly Row[] = [
  inflating("text", text),
  inflating("JSON", json),
  deflating("text", text, 6),
  deflating("JSON", json, 6),
  deflating("text", text, 1),
  deflating("text", text, 9),
  {
    name: `inflate blocks of ${blocks[0].length} bytes`,
    unit: "op/s",
    ours: () => inflatingBlocks("Inflater", ourBlockInflate),
    peers: [
      {
        name: "pako inflate",
        open: () => inflatingBlocks("pako inflate", pakoBlockInflate),
        atLeast: 1.5,
      },
      {
        name: "node:zlib inflate",
        open: () => inflatingBlocks("node:zlib inflate", nativeBlockInflate),
        aim: 1,
      },
    ],
  },
  {
    name: `deflate blocks of ${blocks[0].length} bytes`,
    unit: "op/s",
    ours: () => deflatingBlocks("Deflate, level 6", ourBlockDeflate),
    peers: [{
      name: "node:zlib deflate",
      open: () => deflatingBlocks("node:zlib deflate", nativeBlockDeflate),
    }],
  },
];

function inflating(what: string, body: Uint8Array): Row {
  const packed = new Uint8Array(deflateSync(body, { level: 6 }));
  const subject = (
    name: string,
    inflate: (packed: Uint8Array) => Uint8Array,
  ): Subject =>
    loop(name, () => {
      if (inflate(packed).length !== body.length) throw new Error("cut short");
      return body.length / 1e6;
    });
  return {
    name: `inflate ${what}`,
    unit: "MB/s",
    ours: () => subject("Inflate", (packed) => new Inflate().push(packed)),
    peers: BODY_CODECS.map((codec) => ({
      name: codec.name,
      open: () => subject(codec.name, codec.inflate),
      ...goalOf(codec),
    })),
  };
}

function deflating(what: string, body: Uint8Array, level: DeflateLevel): Row {
  const subject = (
    name: string,
    deflate: (body: Uint8Array, level: DeflateLevel) => Uint8Array,
  ): Subject => {
    const ratio = body.length / deflate(body, level).length;
    return loop(`${name}, ${ratio.toFixed(3)} : 1`, () => {
      deflate(body, level);
      return body.length / 1e6;
    });
  };
  return {
    name: `deflate ${what}, level ${level}`,
    unit: "MB/s",
    ours: () =>
      subject(
        "Deflate",
        (body, level) => new Deflate({ level }).push(body, "finish"),
      ),
    peers: BODY_CODECS.map((codec) => ({
      name: codec.name,
      open: () => subject(codec.name, codec.deflate),
      ...(level === 6 ? goalOf(codec) : {}),
    })),
  };
}

function goalOf({ name }: BodyCodec): Pick<Peer, "atLeast" | "aim"> {
  return GOALS[name.split(" ")[0]] ?? {};
}

function inflatingBlocks(
  name: string,
  open: (dictionary: Uint8Array) => BlockCodec,
): Subject {
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  const packed = blocks.map((block) => deflate(block).slice());
  return loop(name, () => {
    const inflate = open(SPDY3_DICTIONARY);
    for (let index = 0; index < packed.length; index++) {
      if (inflate(packed[index]).length !== blocks[index].length) {
        throw new Error(`block ${index} has another length`);
      }
    }
    return packed.length;
  });
}

function deflatingBlocks(
  name: string,
  open: (dictionary: Uint8Array) => BlockCodec,
): Subject {
  const measure = open(SPDY3_DICTIONARY);
  let bytes = 0;
  for (const block of blocks) bytes += measure(block).length;
  return loop(`${name}, ${(bytes / blocks.length).toFixed(1)} bytes`, () => {
    const deflate = open(SPDY3_DICTIONARY);
    for (const block of blocks) deflate(block);
    return blocks.length;
  });
}

/** As the frame decoder uses it. */
function ourBlockInflate(dictionary: Uint8Array): BlockCodec {
  const inflater = new Inflater({ dictionary, verify: false });
  return (block) => {
    inflater.release();
    inflater.feed(block);
    inflater.inflate(65536);
    return inflater.output();
  };
}

function ourBlockDeflate(dictionary: Uint8Array): BlockCodec {
  const deflate = new Deflate({ dictionary });
  return (block) => deflate.push(block, "sync");
}

/** Requests in the form of SPDY/3: names and values after lengths of 32 bits. */
function headerBlocks(): Uint8Array[] {
  return Array.from({ length: BATCH }, (_, index) => {
    const headers = requestHeaders(index);
    const bytes: number[] = [0, 0, 0, headers.length];
    for (const string of headers.flat()) {
      bytes.push(0, 0, 0, string.length, ...new TextEncoder().encode(string));
    }
    return Uint8Array.from(bytes);
  });
}

/** The files of these folders one after the other, up to {@linkcode BODY} bytes: real text. */
async function textOf(
  folders: readonly string[],
  ending: string,
): Promise<Uint8Array> {
  const texts: string[] = [];
  for (const folder of folders) {
    for (const path of (await filesIn(`../${folder}`)).sort()) {
      if (path.endsWith(ending)) {
        texts.push(await Deno.readTextFile(new URL(path, import.meta.url)));
      }
    }
  }
  return new TextEncoder().encode(texts.join("")).slice(0, BODY);
}

async function filesIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, import.meta.url))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) paths.push(...await filesIn(path));
    else paths.push(path);
  }
  return paths;
}
