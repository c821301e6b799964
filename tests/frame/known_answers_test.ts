import { assertEquals } from "../deps.ts";
import {
  DATA,
  type Frame,
  FrameEncoder,
  GOAWAY,
  HEADERS,
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
import { bytesOf, decodeAll } from "./recordings.ts";

// Frames as spdylay sends them, in the order of one direction.
const ANSWERS: readonly (readonly [
  name: string,
  version: ProtocolVersion,
  hex: string,
  frames: Frame[],
])[] = [
  [
    "two SPDY/3 requests in stored blocks",
    PROTO_SPDY3,
    `8003000101000030 00000001 00000000 0000 3830e3c6a7c2 001600e9ff 00000001
     00000007 3a6d6574686f64 00000003 474554 000000ffff
     8003000101000038 00000003 00000000 e000 002400dbff 00000002 00000007
     3a6d6574686f64 00000003 474554 00000005 3a70617468 00000001 2f 000000ffff`,
    [
      synStream(3, 48, 1, 0, 0, 1, [[":method", "GET"]]),
      synStream(3, 56, 3, 0, 7, 1, [[":method", "GET"], [":path", "/"]]),
    ],
  ],
  [
    "a SPDY/2 request in a stored block",
    PROTO_SPDY2,
    `8002000101000029 00000001 00000000 0000 3830dfa251b2 000f00f0ff 0001 0006
     6d6574686f64 0003 474554 000000ffff`,
    [synStream(2, 41, 1, 0, 0, 1, [[":method", "GET"]])],
  ],
  [
    "a SPDY/3 reply",
    PROTO_SPDY3,
    `800300020000001d 00000001 38eae3c6a7c202a62346507ab482275266602205000000ffff`,
    [{
      frameType: SYN_REPLY,
      version: 3,
      flags: 0,
      length: 29,
      streamId: 1,
      nv: [[":status", "200"]],
    }],
  ],
  [
    "a SPDY/2 reply",
    PROTO_SPDY2,
    `800200020000001c 00000001 0000 38eadfa251b2626064608308323003132b000000ffff`,
    [{
      frameType: SYN_REPLY,
      version: 2,
      flags: 0,
      length: 28,
      streamId: 1,
      nv: [[":status", "200"]],
    }],
  ],
  [
    "a value of several parts, then HEADERS on the same compression",
    PROTO_SPDY3,
    `8003000200000021 00000001 38eae3c6a7c202e50e2066ac00a53e430623101b94d61900000000ffff
     8003000801000010 00000001 023160128cc600000000ffff`,
    [
      {
        frameType: SYN_REPLY,
        version: 3,
        flags: 0,
        length: 33,
        streamId: 1,
        nv: [["x", "1"], ["x", "2"], ["y", ""]],
      },
      {
        frameType: HEADERS,
        version: 3,
        flags: 1,
        length: 16,
        streamId: 1,
        nv: [["x", "3"]],
      },
    ],
  ],
  [
    "a SPDY/3 push",
    PROTO_SPDY3,
    `8003000102000029 00000002 00000001 6000
     38eae3c6a7c202a62346507ab42a069674b9e0e230a3a4a4a018000000ffff`,
    [synStream(3, 41, 2, 1, 3, 2, [[":scheme", "https"]])],
  ],
  [
    "a SPDY/2 push",
    PROTO_SPDY2,
    `8002000102000026 00000002 00000001 c000
     38eadfa251b2626064602b06c6566e2a036b4649494131000000ffff`,
    [synStream(2, 38, 2, 1, 3, 2, [[":scheme", "https"]])],
  ],
  [
    "SPDY/3 SETTINGS",
    PROTO_SPDY3,
    `8003000401000014 00000002 00000001 00000002 01000004 00000064`,
    [settings(3)],
  ],
  [
    "SPDY/2 SETTINGS, its ids the other way round",
    PROTO_SPDY2,
    `8002000401000014 00000002 01000000 00000002 04000001 00000064`,
    [settings(2)],
  ],
  [
    "SPDY/3 PING, RST_STREAM, GOAWAY, WINDOW_UPDATE, DATA",
    PROTO_SPDY3,
    `8003000600000004 00000001  8003000300000008 00000005 00000003
     8003000700000008 00000000 00000001  8003000900000008 00000001 00008000
     00000001 01000002 6869`,
    [ping(3), rstStream(3), goaway(3, 8, 1), windowUpdate(1), data()],
  ],
  [
    "SPDY/3.1 WINDOW_UPDATE of the session",
    PROTO_SPDY3_1,
    `8003000900000008 00000000 00008000`,
    [windowUpdate(0)],
  ],
  [
    "SPDY/2 PING, RST_STREAM, GOAWAY without a status, DATA",
    PROTO_SPDY2,
    `8002000600000004 00000001  8002000300000008 00000005 00000003
     8002000700000004 00000000  00000001 01000002 6869`,
    [ping(2), rstStream(2), goaway(2, 4, 0), data()],
  ],
];

function synStream(
  version: number,
  length: number,
  streamId: number,
  assocStreamId: number,
  pri: number,
  flags: number,
  nv: [string, string][],
): Frame {
  return {
    frameType: SYN_STREAM,
    version,
    flags,
    length,
    streamId,
    assocStreamId,
    pri,
    slot: 0,
    nv,
  };
}

function settings(version: number): Frame {
  const iv: [number, number, number][] = [[1, 0, 2], [4, 1, 100]];
  return { frameType: SETTINGS, version, flags: 1, length: 20, iv };
}

function ping(version: number): Frame {
  return { frameType: PING, version, flags: 0, length: 4, uniqueId: 1 };
}

function rstStream(version: number): Frame {
  return {
    frameType: RST_STREAM,
    version,
    flags: 0,
    length: 8,
    streamId: 5,
    statusCode: 3,
  };
}

function goaway(version: number, length: number, statusCode: number): Frame {
  return {
    frameType: GOAWAY,
    version,
    flags: 0,
    length,
    lastGoodStreamId: 0,
    statusCode,
  };
}

function windowUpdate(streamId: number): Frame {
  return {
    frameType: WINDOW_UPDATE,
    version: 3,
    flags: 0,
    length: 8,
    streamId,
    deltaWindowSize: 32768,
  };
}

function data(): Frame {
  return {
    frameType: DATA,
    streamId: 1,
    flags: 1,
    data: new TextEncoder().encode("hi"),
  };
}

for (const [name, version, hex, frames] of ANSWERS) {
  const bytes = bytesOf(hex);

  Deno.test(`known answer, decoded: ${name}`, () => {
    assertEquals(decodeAll(version, bytes), frames);
    assertEquals(decodeAll(version, bytes, 1), frames);
    assertEquals(decodeAll(version, bytes, 7), frames);
  });

  if (frames.some((frame) => "nv" in frame)) continue;

  Deno.test(`known answer, encoded: ${name}`, () => {
    const encoder = new FrameEncoder(version);
    const encoded = frames.flatMap((frame) => [...encoder.encode(frame)]);
    assertEquals(encoded, [...bytes]);
  });
}
