import { loop, type Subject } from "../../bench/harness.ts";
import { requestHeaders } from "../../bench/load.ts";
import { sessionBulk, sessionRequests } from "../../bench/session_load.ts";
import {
  FrameDecoder,
  FrameEncoder,
  PROTO_SPDY3,
  SYN_STREAM,
  type SynStreamFrame,
} from "../../frame/mod.ts";
import { Deflate, Inflate } from "../../zlib/mod.ts";
import { assertGreater } from "../deps.ts";
import { Random } from "../helpers/random.ts";

/**
 * Checks that fast paths are still fast, as ratios to a fixed piece of work on
 * the same machine at the same time. The lowest allowed values are a quarter of
 * what was measured, or less, because the machine may be busy: this finds what
 * became several times slower, and `deno task bench` finds the rest.
 */
const LIST = Array.from({ length: 500 }, (_, index) => requestHeaders(index));
const TEXT = new Random(1).text(200_000);

/**
 * The fixed work, in lists per second: converts characters to bytes and adds them
 * up. It has plain loops like the library, so that a coverage run slows both.
 */
const reference = loop("reference", () => {
  for (const list of LIST) sum(list);
  return LIST.length;
});
const bytes = new Uint8Array(1024);
let check = 0;

const PATHS: readonly (readonly [subject: Subject, floor: number])[] = [
  [named("header blocks encoded", encoding()), 0.2],
  [named("header blocks decoded", decoding()), 0.35],
  [named("requests in memory", sessionRequests({})), 0.055],
  [named("GB in memory", sessionBulk()), 3e-6],
  [named("bytes deflated", deflating()), 35],
  [named("bytes inflated", inflating()), 200],
];

for (const [subject, floor] of PATHS) {
  Deno.test(`fast path: ${subject.name}`, async () => {
    let best = 0;
    let fixed = 0;
    for (let round = 0; round < 8; round++) {
      fixed = Math.max(fixed, await reference.run(15));
      best = Math.max(best, await subject.run(25));
    }
    assertGreater(best / fixed, floor);
  });
}

function sum(list: readonly (readonly [string, string])[]): void {
  let at = 0;
  for (const pair of list) {
    for (const text of pair) {
      for (let index = 0; index < text.length; index++) {
        bytes[at++] = text.charCodeAt(index);
      }
    }
  }
  for (let index = 0; index < at; index++) {
    check = (Math.imul(check, 31) + bytes[index]) | 0;
  }
}

function named(name: string, subject: Subject): Subject {
  return { ...subject, name };
}

function frameOf(nv: SynStreamFrame["nv"], index: number): SynStreamFrame {
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

function encoding(): Subject {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const frames = LIST.map(frameOf);
  return loop("", () => {
    for (const frame of frames) encoder.encode(frame);
    return frames.length;
  });
}

function decoding(): Subject {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const frames = LIST.map(frameOf).map((frame) => encoder.encode(frame));
  return loop("", () => {
    const decoder = new FrameDecoder(PROTO_SPDY3);
    for (const frame of frames) {
      decoder.push(frame);
      decoder.next();
    }
    return frames.length;
  });
}

function deflating(): Subject {
  return loop("", () => {
    new Deflate().push(TEXT, "finish");
    return TEXT.length;
  });
}

function inflating(): Subject {
  const packed = new Deflate().push(TEXT, "finish");
  return loop("", () => new Inflate().push(packed).length);
}
