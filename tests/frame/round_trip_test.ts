import { assertEquals } from "../deps.ts";
import {
  DATA,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  GOAWAY,
  type HeaderCompression,
  HEADERS,
  type NameValue,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../frame/mod.ts";
import { prepareHeaders, wirePairs } from "../../frame/header_list.ts";
import { versionTraits } from "../../frame/version.ts";
import { Random } from "../helpers/random.ts";
import { drain } from "./recordings.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];
const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1] as const;
const STREAM_ID = 0x7fffffff;
const UINT32 = 0xffffffff;

function randomHeaders(random: Random): NameValue[] {
  const names = [":path", ":method", "cookie", "accept", "x-a", "x-b", "Via"];
  return Array.from({ length: random.int(0, 12) }, () => {
    const value = random.chance(0.1)
      ? ""
      : new TextDecoder().decode(random.text(random.int(1, 80), 50));
    const name = random.chance(0.2) ? random.word() : random.pick(names);
    return [name, value.replaceAll("\n", " ")];
  });
}

function randomFrame(random: Random, version: ProtocolVersion): Frame {
  const { wireVersion, lowestPriority } = versionTraits(version);
  const base = {
    version: wireVersion,
    flags: random.int(0, 255),
    length: 0,
  };
  const streamId = random.int(1, STREAM_ID);
  switch (random.int(0, version === PROTO_SPDY2 ? 7 : 8)) {
    case 0:
      return {
        frameType: DATA,
        streamId,
        flags: random.int(0, 255),
        data: random.bytes(random.int(0, 300)),
      };
    case 1:
      return {
        frameType: SYN_STREAM,
        ...base,
        streamId,
        assocStreamId: random.int(0, STREAM_ID),
        pri: random.int(0, lowestPriority),
        slot: version === PROTO_SPDY2 ? 0 : random.int(0, 255),
        nv: randomHeaders(random),
      };
    case 2:
      return {
        frameType: SYN_REPLY,
        ...base,
        streamId,
        nv: randomHeaders(random),
      };
    case 3:
      return {
        frameType: HEADERS,
        ...base,
        streamId,
        nv: randomHeaders(random),
      };
    case 4:
      return {
        frameType: RST_STREAM,
        ...base,
        streamId,
        statusCode: random.int(0, UINT32),
      };
    case 5:
      return {
        frameType: SETTINGS,
        ...base,
        iv: Array.from({ length: random.int(0, 9) }, () => [
          random.int(1, 0xffffff),
          random.int(0, 255),
          random.int(0, UINT32),
        ]),
      };
    case 6:
      return { frameType: PING, ...base, uniqueId: random.int(0, UINT32) };
    case 7:
      return {
        frameType: GOAWAY,
        ...base,
        lastGoodStreamId: random.int(0, STREAM_ID),
        statusCode: version === PROTO_SPDY2 ? 0 : random.int(0, UINT32),
      };
    default:
      return {
        frameType: WINDOW_UPDATE,
        ...base,
        streamId: random.int(0, STREAM_ID),
        deltaWindowSize: random.int(1, STREAM_ID),
      };
  }
}

/**
 * `frame` as its receiver sees it: headers in their order on the wire, joined and
 * separated again.
 */
function asReceived(
  frame: Frame,
  version: ProtocolVersion,
  encoded: Uint8Array,
): Frame {
  if (frame.frameType === DATA) return frame;
  const length = encoded.length - 8;
  if (!("nv" in frame)) return { ...frame, length };
  const pairs = wirePairs(prepareHeaders(frame.nv), versionTraits(version));
  const names = new Map([
    ["host", ":host"],
    ["method", ":method"],
    ["url", ":path"],
    ["scheme", ":scheme"],
    ["status", ":status"],
    ["version", ":version"],
  ]);
  const nv = pairs.flatMap(([name, value]) =>
    value.split("\0").map((part): NameValue => [
      version === PROTO_SPDY2 ? names.get(name) ?? name : name,
      part,
    ])
  );
  return { ...frame, length, nv };
}

for (const version of VERSIONS) {
  for (const headerCompression of POLICIES) {
    const { name } = versionTraits(version);
    Deno.test(`${name}, "${headerCompression}": random frames in random pieces arrive as sent`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        const random = new Random(seed);
        const encoder = new FrameEncoder(version, { headerCompression });
        const decoder = new FrameDecoder(version);
        const expected: Frame[] = [];
        const chunks: number[] = [];
        for (let count = 0; count < 150; count++) {
          const frame = randomFrame(random, version);
          const encoded = encoder.encode(frame);
          expected.push(asReceived(frame, version, encoded));
          chunks.push(...encoded);
        }
        for (const piece of random.pieces(Uint8Array.from(chunks), 700)) {
          decoder.push(piece);
        }
        assertEquals(drain(decoder), expected, `seed ${seed}`);
      }
    });
  }
}

Deno.test("random bytes never make a decoder throw anything but its errors", () => {
  const random = new Random(99);
  for (let run = 0; run < 3000; run++) {
    const version = random.pick(VERSIONS);
    const decoder = new FrameDecoder(version, { maxControlFrameLength: 300 });
    const encoder = new FrameEncoder(version);
    const bytes: number[] = [];
    for (let count = 0; count < 4; count++) {
      bytes.push(...encoder.encode(randomFrame(random, version)));
    }
    // One or two frames that look valid, with some bits flipped after that.
    const input = Uint8Array.from(bytes);
    for (let flips = random.int(0, 8); flips > 0; flips--) {
      input[random.int(0, input.length - 1)] = random.int(0, 255);
    }
    for (const piece of random.pieces(input, 50)) decoder.push(piece);
    drain(decoder);
  }
});
