/**
 * Passes the bytes of recordings through `FrameDecoder`. Frames of spdylay are
 * compared with the result of a decoder that belongs to the tests; any input must
 * give the same result as a whole and byte by byte.
 *
 * @module
 */

import { concat } from "../deps.ts";
import {
  DATA,
  ERR_INVALID_FRAME,
  type Frame,
  FrameDecoder,
  type FrameLimits,
  GOAWAY,
  HEADERS,
  npnGetVersion,
  PING,
  RST_STREAM,
  SETTINGS,
  SpdyError,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../mod.ts";
import type { Feed } from "./outcome.ts";
import { headersOf, RawDecoder, type RawFrame } from "./raw_frames.ts";
import type { Recording } from "./recording.ts";

const LIMITS: FrameLimits = {
  maxControlFrameLength: 0xffffff,
  maxHeaderBlock: 0xffffff,
  maxHeaderCount: 0xffffff,
  maxHeaderNameLength: 0xffffff,
  maxHeaderValueLength: 0xffffff,
  maxSettingsEntries: 0xffffff,
};

/** The first difference in what `FrameDecoder` returns, or `undefined`. */
export function decodingFault(recording: Recording): string | undefined {
  const { hex, setup = [], result } = recording;
  if (result !== undefined && typeof hex === "string") {
    const before = setup.filter(({ call }) => call === "recv").map((call) =>
      Uint8Array.fromHex(call.hex ?? "")
    );
    const input = concat([...before, Uint8Array.fromHex(hex)]);
    return compare(
      decode(input, recording, "whole"),
      decode(input, recording, "bytewise"),
    );
  }
  const all = typeof hex === "string" ? [hex] : [hex.client, hex.server];
  for (const emitted of all) {
    const bytes = Uint8Array.fromHex(emitted);
    // SPDY/2 has no WINDOW_UPDATE, but spdylay can be made to send one.
    const frames = new RawDecoder().decode(bytes).filter(({ type }) =>
      recording.version !== "2" || type !== "WINDOW_UPDATE"
    );
    const expected = describeAll(frames);
    for (const feed of ["whole", "bytewise"] as const) {
      const fault = compare(expected, decode(bytes, recording, feed));
      if (fault !== undefined) return `${feed}: ${fault}`;
    }
  }
  return undefined;
}

function compare(
  expected: readonly string[],
  actual: readonly string[],
): string | undefined {
  const at = expected.findIndex((text, index) => text !== actual[index]);
  if (at < 0 && expected.length === actual.length) return undefined;
  const index = at < 0 ? expected.length : at;
  return `FrameDecoder, frame ${index}:\n  expected ${
    expected[index]
  }\n  actual   ${actual[index]}`;
}

/** The frames up to the first error after which nothing can be trusted. */
function decode(
  bytes: Uint8Array,
  recording: Recording,
  feed: Feed,
): string[] {
  const version = npnGetVersion(`spdy/${recording.version}`);
  if (version === 0) throw new Error(`no version ${recording.version}`);
  const decoder = new FrameDecoder(version, LIMITS);
  const found: string[] = [];
  const step = feed === "whole" ? Math.max(1, bytes.length) : 1;
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.subarray(at, at + step));
    for (;;) {
      try {
        const frame = decoder.next();
        if (frame === undefined) break;
        found.push(describe(frame));
      } catch (error) {
        if (!(error instanceof SpdyError)) throw error;
        const hasFrame = "frame" in error && error.frame !== undefined;
        if (!hasFrame) return [...found, `fatal ${error.code}`];
        found.push("invalid headers");
      }
    }
  }
  return found;
}

function describe(frame: Frame): string {
  switch (frame.frameType) {
    case DATA:
      return `DATA ${frame.flags} ${frame.streamId} ${frame.data.toHex()}`;
    case SYN_STREAM: {
      const { flags, streamId, assocStreamId, pri, slot, nv } = frame;
      return `SYN_STREAM ${flags} ${streamId} ${assocStreamId} ${pri} ${slot} ${
        sorted(nv)
      }`;
    }
    case SYN_REPLY:
      return `SYN_REPLY ${frame.flags} ${frame.streamId} ${sorted(frame.nv)}`;
    case HEADERS:
      return `HEADERS ${frame.flags} ${frame.streamId} ${sorted(frame.nv)}`;
    case RST_STREAM:
      return `RST_STREAM ${frame.flags} ${frame.streamId} ${frame.statusCode}`;
    case SETTINGS:
      return `SETTINGS ${frame.flags} ${JSON.stringify(frame.iv)}`;
    case PING:
      return `PING ${frame.flags} ${frame.uniqueId}`;
    case GOAWAY:
      return `GOAWAY ${frame.flags} ${frame.lastGoodStreamId} ${frame.statusCode}`;
    case WINDOW_UPDATE:
      return `WINDOW_UPDATE ${frame.flags} ${frame.streamId} ${frame.deltaWindowSize}`;
  }
}

/** In SPDY/2, names may have another order, because they are sorted before they are renamed. */
function sorted(nv: readonly (readonly [string, string])[]): string {
  return JSON.stringify(
    [...nv].sort(([left], [right]) => left < right ? -1 : left > right ? 1 : 0),
  );
}

/** Up to a block with invalid lengths: spdylay can be made to send one. */
function describeAll(frames: readonly RawFrame[]): string[] {
  const found: string[] = [];
  for (const frame of frames) {
    try {
      found.push(describeRaw(frame));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return [...found, `fatal ${ERR_INVALID_FRAME}`];
    }
  }
  return found;
}

function describeRaw(frame: RawFrame): string {
  const { type, flags, payload, version = 3 } = frame;
  const bytes = Uint8Array.fromHex(payload);
  const view = new DataView(bytes.buffer);
  const begin = `${type} ${flags}`;
  switch (type) {
    case "DATA":
      return `${begin} ${frame.streamId} ${payload}`;
    case "SYN_STREAM": {
      const headers = headersText(frame);
      if (headers === undefined) return "invalid headers";
      const pri = bytes[8] >> (version === 2 ? 6 : 5);
      return `${begin} ${view.getUint32(0)} ${view.getUint32(4)} ${pri} ${
        bytes[9]
      } ${headers}`;
    }
    case "SYN_REPLY":
    case "HEADERS":
      return `${begin} ${view.getUint32(0)} ${headersText(frame)}`;
    case "SETTINGS":
      return `${begin} ${JSON.stringify(settingsOf(bytes, version))}`;
    case "PING":
      return `${begin} ${view.getUint32(0)}`;
    case "GOAWAY":
      return `${begin} ${view.getUint32(0)} ${
        version === 2 ? 0 : view.getUint32(4)
      }`;
    default:
      return `${begin} ${view.getUint32(0)} ${view.getUint32(4)}`;
  }
}

/** `undefined` if a value contains something that no receiver accepts. */
function headersText(frame: RawFrame): string | undefined {
  const block = Uint8Array.fromHex(frame.headerBlock ?? "");
  const headers = headersOf(block, frame.version ?? 3);
  const bad = headers.some(([, value]) =>
    // deno-lint-ignore no-control-regex
    /[\x00-\x08\x0a-\x1f\x7f]/.test(value)
  );
  return bad ? undefined : sorted(headers);
}

function settingsOf(bytes: Uint8Array, version: number): number[][] {
  const entries: number[][] = [];
  for (let at = 4; at < bytes.length; at += 8) {
    const [a, b, c, d] = bytes.subarray(at, at + 4);
    const value = new DataView(bytes.buffer, at + 4, 4).getUint32(0);
    entries.push(
      version === 2
        ? [a | b << 8 | c << 16, d, value]
        : [b << 16 | c << 8 | d, a, value],
    );
  }
  return entries;
}
