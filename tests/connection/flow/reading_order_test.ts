/**
 * Streams are read one after the other, in any order: no reader waits for the
 * reader of another stream.
 *
 * @module
 */

import type { ConnectionTuning } from "../../../connection/options.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
} from "../../../frame/constants.ts";
import { assertEquals } from "../../deps.ts";
import { memoryPair, type Pair } from "../../helpers/connections.ts";
import { nextStream } from "../../helpers/http.ts";
import { Random } from "../../helpers/random.ts";

const ORDERS: Readonly<Record<string, (count: number) => number[]>> = {
  forward: (count) => indices(count),
  reverse: (count) => indices(count).reverse(),
  "middle first": (count) => {
    const middle = count >> 1;
    return [...indices(count).slice(middle), ...indices(middle)];
  },
  random: (count) => new Random(count).shuffle(indices(count)),
};

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const SMALL = { maxBufferedBytes: 100_000 };

const SETUPS: readonly [
  name: string,
  version: ProtocolVersion,
  both: ConnectionTuning,
][] = [
  ["SPDY/2", PROTO_SPDY2, {}],
  ["SPDY/2, a small buffer", PROTO_SPDY2, SMALL],
  ["no flow control", PROTO_SPDY3_1, { flowControl: false, ...SMALL }],
  ["SPDY/3", PROTO_SPDY3, {}],
  ["SPDY/3.1", PROTO_SPDY3_1, {}],
  ["SPDY/3.1, fixed windows", PROTO_SPDY3_1, { windowTuning: false }],
  ["SPDY/3.1, the smallest window", PROTO_SPDY3_1, { sessionWindow: 65536 }],
];

/** Fewer streams than a window holds, many, and bodies larger than a session's window. */
const LOADS: readonly [count: number, size: number][] = [
  [100, 100_000],
  [12, 1_500_000],
  [3, 2_000_000],
];

/** The byte at this position of this body. */
function byteAt(index: number, offset: number): number {
  return (index * 31 + (offset >> 8) * 7) & 255;
}

function body(index: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size; offset += 256) {
    bytes.fill(byteAt(index, offset), offset, offset + 256);
  }
  return bytes;
}

async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  await stream.write(bytes);
  await stream.closeWrite();
}

async function check(stream: Stream, index: number, size: number) {
  const bytes = await new Response(stream.readable).bytes();
  assertEquals(bytes.length, size);
  for (let offset = 0; offset < size; offset += 4099) {
    if (bytes[offset] !== byteAt(index, offset)) {
      throw new Error(`stream ${index} has another byte at ${offset}`);
    }
  }
}

/** Streams of the client, on which the server sends. */
async function downloads(pair: Pair, count: number, size: number) {
  (async () => {
    for (let index = 0; index < count; index++) {
      const stream = await nextStream(pair.server);
      await stream.reply([["index", String(index)]]);
      send(stream, body(index, size));
    }
  })();
  const streams = await Promise.all(
    indices(count).map(() => pair.client.openStream([], { fin: true })),
  );
  await Promise.all(streams.map((stream) => stream.response));
  return streams;
}

/** Streams at the server, on which the client sends. */
async function uploads(pair: Pair, count: number, size: number) {
  (async () => {
    for (let index = 0; index < count; index++) {
      send(await pair.client.openStream([]), body(index, size));
    }
  })();
  const streams: Stream[] = [];
  while (streams.length < count) streams.push(await nextStream(pair.server));
  return streams;
}

for (const [setup, version, both] of SETUPS) {
  for (const [order, sorted] of Object.entries(ORDERS)) {
    for (const begin of [downloads, uploads]) {
      Deno.test(`reading order: every stream can be read to its end, ${begin.name} ${order}, ${setup}`, async () => {
        for (const [count, size] of LOADS) {
          await using pair = memoryPair({ version, both });
          const streams = await begin(pair, count, size);
          for (const index of sorted(count)) {
            await check(streams[index], index, size);
          }
        }
      });
    }
  }
}
