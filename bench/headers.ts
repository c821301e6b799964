/**
 * Bytes a header set on the corpus, by policy, beside what other encoders make
 * of the same header sets; and how fast `"safe"` packs the responses.
 *
 *     deno run -A bench/headers.ts
 *
 * prints the sizes as a table. As rows they are part of `deno task bench`.
 *
 * Each story is one connection in one direction. The corpus in the repository
 * is a part of http2jp/hpack-test-case; `HEADER_CORPUS` names a folder with
 * another part, or all of it.
 *
 * @module
 */

import {
  FrameEncoder,
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY3,
  SYN_REPLY,
  type SynReplyFrame,
} from "../frame/mod.ts";
import { ByteWriter } from "../frame/byte_writer.ts";
import { writeHeaderBlock } from "../frame/header_block.ts";
import { HeaderEncoder } from "../frame/header_encoder.ts";
import { prepareHeaders, wirePairs } from "../frame/header_list.ts";
import { versionTraits } from "../frame/version.ts";
import { SPDY3_DICTIONARY } from "../zlib/mod.ts";
import { loop, type Peer, type Row, type Subject } from "./harness.ts";
import { FROM_STRINGS, writingAndDeflating } from "./native_blocks.ts";
import { nativeBlockDeflate } from "./peers/zlib.ts";

type Direction = "request" | "response";

/** One connection in one direction: the wire pairs of its header sets. */
interface Story {
  readonly direction: Direction;
  readonly sets: readonly (readonly NameValue[])[];
}

/** Mean bytes a header set. */
export type Sizes = Readonly<Record<Direction, number>>;

/** What the same header sets of the repository's corpus take elsewhere. */
const RECORDED: readonly (readonly [name: string, sizes: Sizes])[] = [
  // From the data set itself, `nghttp2/`: its encoder with a table of 4 KiB.
  ["HPACK, nghttp2", { request: 60.64, response: 116.83 }],
  // zlib 1.2.13, memory level 8, the SPDY/3 dictionary, sync flush.
  ["zlib 1.2.13, level 6", { request: 53.86, response: 61.07 }],
  ["zlib 1.2.13, level 9", { request: 53.15, response: 58.44 }],
];
/** Most bytes that `"safe"` may take. */
const WANTED: Sizes = { request: 58, response: 62 };
const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];
const DIRECTIONS: readonly Direction[] = ["request", "response"];

const stories = await readStories();

/** The rows of this family. */
export const rows: readonly Row[] = [
  ...DIRECTIONS.flatMap((direction): Row[] => [
    {
      name: `header size, ${direction}, safe`,
      unit: "bytes",
      rounds: 1,
      ours: () =>
        sizing("HeaderEncoder, safe", () => measure("safe"), direction),
      peers: [
        recorded("wanted", WANTED, direction, { atLeast: 1 }),
        recorded(...RECORDED[0], direction, { atLeast: 1 }),
        recorded(...RECORDED[1], direction, { aim: 1 }),
      ],
    },
    {
      name: `header size, ${direction}, full`,
      unit: "bytes",
      rounds: 1,
      ours: () =>
        sizing("HeaderEncoder, full", () => measure("full"), direction),
      peers: [
        recorded(...RECORDED[1], direction, { atLeast: 0.98 }),
        recorded(...RECORDED[2], direction, {}),
      ],
    },
  ]),
  {
    name: "header block encode, safe, corpus responses",
    unit: "op/s",
    ours: encodingResponses,
    peers: [
      {
        name: "node:zlib deflate 6",
        open: deflatingResponses,
        atLeast: 1,
      },
      { name: FROM_STRINGS, open: () => writingAndDeflating(responses()) },
    ],
  },
];

/** Mean bytes a header set with one policy, one context a story. */
export function measure(headerCompression: HeaderCompression): Sizes {
  return mean(() => {
    const encoder = new HeaderEncoder(PROTO_SPDY3, { headerCompression });
    const out = new ByteWriter();
    return (set) => {
      out.length = 0;
      encoder.encode(set, out);
      return out.length;
    };
  });
}

/** Mean bytes of the header blocks before compression. */
export function measureBlocks(): Sizes {
  return mean(() => (set) => block(set).length);
}

/** Mean bytes with the native deflate of this Deno. */
export function measureNative(): Sizes {
  return mean(() => {
    const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
    return (set) => deflate(block(set)).length;
  });
}

function mean(open: () => (set: readonly NameValue[]) => number): Sizes {
  const totals = { request: 0, response: 0 };
  const counts = { request: 0, response: 0 };
  for (const { direction, sets } of stories) {
    const size = open();
    for (const set of sets) totals[direction] += size(set);
    counts[direction] += sets.length;
  }
  return {
    request: totals.request / counts.request,
    response: totals.response / counts.response,
  };
}

function sizing(
  name: string,
  sizes: () => Sizes,
  direction: Direction,
): Subject {
  return { name, run: () => sizes()[direction] };
}

function recorded(
  name: string,
  sizes: Sizes,
  direction: Direction,
  marks: { atLeast?: number; aim?: number },
): Peer {
  return {
    name,
    open: () => sizing(name, () => sizes, direction),
    ...marks,
  };
}

function encodingResponses(): Subject {
  const frames = responses().map((nv): SynReplyFrame => ({
    frameType: SYN_REPLY,
    version: 3,
    flags: 0,
    length: 0,
    streamId: 1,
    nv: nv.slice(),
  }));
  const encoder = new FrameEncoder(PROTO_SPDY3);
  return loop("FrameEncoder, policy safe", () => {
    for (const frame of frames) encoder.encode(frame);
    return frames.length;
  });
}

function deflatingResponses(): Subject {
  const blocks = responses().map(block);
  const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
  return loop("node:zlib deflate 6", () => {
    for (const bytes of blocks) deflate(bytes);
    return blocks.length;
  });
}

function responses(): (readonly NameValue[])[] {
  return stories.filter(({ direction }) => direction === "response")
    .flatMap(({ sets }) => sets);
}

function block(set: readonly NameValue[]): Uint8Array {
  const out = new ByteWriter(1024);
  writeHeaderBlock(out, set, 4);
  return out.view();
}

async function readStories(): Promise<Story[]> {
  const folder = Deno.env.get("HEADER_CORPUS") ??
    new URL("../tests/corpus/headers/", import.meta.url).pathname;
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/^story_\d+\.json$/.test(name)) names.push(name);
  }
  return await Promise.all(
    names.sort().map(async (name): Promise<Story> => {
      const file: {
        cases: { headers: Record<string, string>[] }[];
      } = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
      return {
        // Stories 00 to 20 are requests (tests/corpus/headers/README.md).
        direction: Number(name.slice(6, 8)) <= 20 ? "request" : "response",
        sets: file.cases.map(({ headers }) =>
          asWirePairs(headers.flatMap((entry) => Object.entries(entry)))
        ),
      };
    }),
  );
}

function asWirePairs(
  headers: readonly [name: string, value: string][],
): readonly NameValue[] {
  const list = headers.map(([name, value]): NameValue => [
    name === ":authority" ? ":host" : name,
    value,
  ]);
  return wirePairs(prepareHeaders(list, "wire"), versionTraits(PROTO_SPDY3));
}

/** The sizes as lines of text. */
export function sizeTable(): string[] {
  const line = (name: string, { request, response }: Sizes): string =>
    name.padEnd(28) + request.toFixed(2).padStart(9) +
    response.toFixed(2).padStart(10);
  return [
    "bytes a header set".padEnd(28) + "request".padStart(9) +
    "response".padStart(10),
    line("header block, uncompressed", measureBlocks()),
    ...POLICIES.map((policy) => line(`policy "${policy}"`, measure(policy))),
    line("node:zlib of this Deno, 6", measureNative()),
    ...RECORDED.map(([name, sizes]) => line(`${name} (recorded)`, sizes)),
  ];
}

if (import.meta.main) {
  for (const line of sizeTable()) console.log(line);
  Deno.exit(0);
}
