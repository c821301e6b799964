/**
 * Bytes for each header set of the corpus, by policy, and what other encoders
 * need for the same header sets.
 *
 *     deno run -A bench/headers.ts
 *
 * prints the sizes as a table. As rows they are part of `deno task bench`.
 *
 * Each story is one connection in one direction.
 *
 * @module
 */

import {
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY3,
} from "../frame/mod.ts";
import { ByteWriter } from "../frame/byte_writer.ts";
import { HeaderEncoder } from "../frame/header_encoder.ts";
import { SPDY3_DICTIONARY } from "../zlib/mod.ts";
import { headerBlock, preparedLists } from "./block_encoding.ts";
import { type Direction, stories } from "./corpus.ts";
import type { Peer, Row, Subject } from "./harness.ts";
import { nativeBlockDeflate } from "./peers/zlib.ts";

/** Mean number of bytes for a header set. */
export type Sizes = Readonly<Record<Direction, number>>;

/** The same for other encoders, on the repository's corpus. */
const RECORDED: readonly (readonly [name: string, sizes: Sizes])[] = [
  // From the data set itself, `nghttp2/`: its encoder with a table of 4 KiB.
  ["HPACK, nghttp2", { request: 60.64, response: 116.83 }],
  // zlib 1.2.13, memory level 8, the SPDY/3 dictionary, sync flush.
  ["zlib 1.2.13, level 6", { request: 53.86, response: 61.07 }],
  ["zlib 1.2.13, level 9", { request: 53.15, response: 58.44 }],
];
/** Most bytes that `"safe"` may take. */
const WANTED: Sizes = { request: 58, response: 63 };
const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];
const DIRECTIONS: readonly Direction[] = ["request", "response"];

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
];

/** Mean bytes for a header set with one policy, and one context for each story. */
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
  return mean(() => (set) => headerBlock(set).length);
}

/** Mean bytes with the native deflate of this Deno. */
export function measureNative(): Sizes {
  return mean(() => {
    const deflate = nativeBlockDeflate(SPDY3_DICTIONARY);
    return (set) => deflate(headerBlock(set)).length;
  });
}

function mean(open: () => (set: readonly NameValue[]) => number): Sizes {
  const totals = { request: 0, response: 0 };
  const counts = { request: 0, response: 0 };
  for (const { direction, lists } of stories) {
    const size = open();
    for (const set of preparedLists(lists)) totals[direction] += size(set);
    counts[direction] += lists.length;
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
