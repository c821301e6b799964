/**
 * Bytes of a hostile or broken peer: recordings with changed bits, and frames
 * made field by field.
 *
 * @module
 */

import { FrameEncoder } from "../../../frame/encoder.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../../frame/constants.ts";
import type { Frame, NameValue } from "../../../frame/types.ts";
import { concat, decodeHex } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";

interface Recording {
  readonly version: string;
  readonly hex: string | { readonly client: string; readonly server: string };
}

const FILES = [
  "frames-spdy2",
  "frames-spdy3",
  "frames-spdy31",
  "conversations",
  "invalid",
];
const VERSIONS: Readonly<Record<string, ProtocolVersion>> = {
  "2": 2,
  "3": 3,
  "3.1": 4,
};
/** Longer recordings only make an execution slower. */
const LONGEST = 20000;

const recorded = new Map<ProtocolVersion, Uint8Array<ArrayBuffer>[]>([[2, []], [
  3,
  [],
], [4, []]]);
for (const file of FILES) {
  const url = new URL(`../../vectors/spdylay/${file}.json`, import.meta.url);
  const recordings: Recording[] = JSON.parse(await Deno.readTextFile(url));
  for (const { version, hex } of recordings) {
    for (
      const text of typeof hex === "string" ? [hex] : [hex.client, hex.server]
    ) {
      if (text.length <= LONGEST * 2) {
        recorded.get(VERSIONS[version])?.push(Uint8Array.from(decodeHex(text)));
      }
    }
  }
}

/** An input for a session or a decoder of that version. */
export function hostileBytes(
  random: Random,
  version: ProtocolVersion,
): Uint8Array<ArrayBuffer> {
  const choice = random.float();
  if (choice < 0.4) {
    return mutate(random.pick(recorded.get(version) ?? []), random);
  }
  const frames = madeUpFrames(random, version);
  if (choice < 0.7) return frames;
  return mutate(frames, random);
}

function mutate(
  bytes: Uint8Array<ArrayBuffer>,
  random: Random,
): Uint8Array<ArrayBuffer> {
  let mutated = bytes.slice();
  for (let left = random.int(1, 5); left > 0 && mutated.length > 0; left--) {
    const at = random.int(0, mutated.length - 1);
    const kind = random.int(0, 3);
    if (kind === 0) mutated[at] ^= 1 << random.int(0, 7);
    else if (kind === 1) mutated[at] = random.pick([0, 1, 127, 128, 255]);
    else if (kind === 2) {
      mutated = concat([
        mutated.subarray(0, at),
        mutated.subarray(random.int(at, mutated.length)),
      ]);
    } else {mutated = concat([
        mutated.subarray(0, at),
        random.bytes(random.int(1, 9)),
        mutated.subarray(at),
      ]);}
  }
  return mutated;
}

/** Valid frames in an order in which no peer would send them. */
export function madeUpFrames(
  random: Random,
  version: ProtocolVersion,
): Uint8Array<ArrayBuffer> {
  const encoder = new FrameEncoder(version, {
    headerCompression: random.pick(["safe", "full", "none"]),
  });
  const parts: Uint8Array[] = [];
  for (let left = random.int(1, 30); left > 0; left--) {
    parts.push(
      random.chance(0.05)
        ? oddFrame(random)
        : encoder.encode(madeUpFrame(random, version)),
    );
  }
  return concat(parts);
}

/** A control frame of any type, with lengths that may be wrong. */
function oddFrame(random: Random): Uint8Array {
  const payload = random.bytes(random.pick([0, 1, 4, 8, 12, 40]));
  const type = random.int(0, 12);
  return concat([
    Uint8Array.of(
      0x80,
      random.pick([2, 3, 3, 3, 4]),
      0,
      type,
      random.int(0, 255),
      0,
      0,
      payload.length,
    ),
    payload,
  ]);
}

function madeUpFrame(random: Random, version: ProtocolVersion): Frame {
  const wire = version === 2 ? 2 : 3;
  const streamId = random.pick([1, 2, 3, 4, 5, 6, 7, 9, 0x7fffffff]);
  const base = {
    version: wire,
    flags: random.pick([0, 0, 1]),
    length: 0,
  } as const;
  const nv = headers(random);
  switch (
    random.pick([
      DATA,
      DATA,
      SYN_STREAM,
      SYN_STREAM,
      SYN_REPLY,
      RST_STREAM,
      SETTINGS,
      PING,
      GOAWAY,
      HEADERS,
      9,
    ])
  ) {
    case SYN_STREAM:
      return {
        ...base,
        frameType: SYN_STREAM,
        flags: random.int(0, 3),
        streamId,
        assocStreamId: random.pick([0, 0, 1, 2, 3]),
        pri: random.int(0, 3),
        slot: 0,
        nv,
      };
    case SYN_REPLY:
      return { ...base, frameType: SYN_REPLY, streamId, nv };
    case HEADERS:
      return { ...base, frameType: HEADERS, streamId, nv };
    case RST_STREAM:
      return {
        ...base,
        frameType: RST_STREAM,
        flags: 0,
        streamId,
        statusCode: random.int(1, 11),
      };
    case SETTINGS:
      return {
        ...base,
        frameType: SETTINGS,
        iv: [[
          random.pick([4, 7, 1, 99]),
          0,
          random.pick([0, 1, 100, 65536, 0x7fffffff, 0xffffffff]),
        ]],
      };
    case PING:
      return { ...base, frameType: PING, flags: 0, uniqueId: random.int(0, 5) };
    case GOAWAY:
      return {
        ...base,
        frameType: GOAWAY,
        flags: 0,
        lastGoodStreamId: random.int(0, 9),
        statusCode: wire === 2 ? 0 : random.int(0, 2),
      };
    case WINDOW_UPDATE:
      if (version !== 2) {
        const deltaWindowSize = random.pick([1, 1000, 0x7fffffff]);
        const target = version === 4 && random.chance(0.3) ? 0 : streamId;
        return {
          ...base,
          frameType: WINDOW_UPDATE,
          flags: 0,
          streamId: target,
          deltaWindowSize,
        };
      }
  }
  return {
    frameType: DATA,
    streamId,
    flags: random.pick([0, 0, 1]),
    data: random.bytes(random.int(0, 2000)),
  };
}

function headers(random: Random): NameValue[] {
  return Array.from(
    { length: random.int(0, 5) },
    (): NameValue => [
      random.pick([":path", ":method", "cookie", "accept"]) + random.int(0, 2),
      random.word(0, 20),
    ],
  );
}
