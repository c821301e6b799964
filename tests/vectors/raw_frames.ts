/**
 * Splits bytes into frames without any code of this module. What a recording and
 * a session sent is compared in this form, with header blocks inflated by zlib.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { constants, inflateSync } from "node:zlib";
import { concat } from "../deps.ts";

const TYPE_NAMES = [
  "",
  "SYN_STREAM",
  "SYN_REPLY",
  "RST_STREAM",
  "SETTINGS",
  "NOOP",
  "PING",
  "GOAWAY",
  "HEADERS",
  "WINDOW_UPDATE",
  "CREDENTIAL",
];

/** A frame as plain values. */
export interface RawFrame {
  readonly type: string;
  readonly flags: number;
  /** Payload before the header block, or all of it, as hex. */
  readonly payload: string;
  /** Version field, of control frames. */
  readonly version?: number;
  /** Stream id, for DATA. */
  readonly streamId?: number;
  /** Header block, inflated, as hex. */
  readonly headerBlock?: string;
}

const dictionaries = new Map<number, Uint8Array>();

async function readDictionary(version: number): Promise<void> {
  const file = new URL(
    `spdylay/dictionary-spdy${version}.bin`,
    import.meta.url,
  );
  dictionaries.set(version, await Deno.readFile(file));
}
await readDictionary(2);
await readDictionary(3);

/**
 * The frames in `bytes`, without looking into header blocks. An incomplete frame
 * at the end is left out.
 */
export function splitFrames(bytes: Uint8Array): RawFrame[] {
  const frames: RawFrame[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const head = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
    const length = head.getUint32(4) & 0xffffff;
    if (at + 8 + length > bytes.length) break;
    const payload = bytes.subarray(at + 8, at + 8 + length).toHex();
    const flags = bytes[at + 4];
    frames.push(
      (bytes[at] & 0x80) === 0
        ? { type: "DATA", flags, payload, streamId: head.getUint32(0) }
        : {
          type: TYPE_NAMES[head.getUint16(2)] ?? `${head.getUint16(2)}`,
          flags,
          payload,
          version: head.getUint16(0) & 0x7fff,
        },
    );
    at += 8 + length;
  }
  return frames;
}

/** Splits and inflates what one side sends. */
export class RawDecoder {
  #compressed: Uint8Array = new Uint8Array(0);
  #inflated = 0;

  /** The frames in `bytes`, which must be complete. */
  decode(bytes: Uint8Array): RawFrame[] {
    const frames: RawFrame[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = bytes[at + 5] << 16 | bytes[at + 6] << 8 | bytes[at + 7];
      if (at + 8 + length > bytes.length) throw new Error("half a frame");
      frames.push(this.#decodeFrame(bytes.subarray(at, at + 8 + length)));
      at += 8 + length;
    }
    return frames;
  }

  #decodeFrame(frame: Uint8Array): RawFrame {
    const view = new DataView(frame.buffer, frame.byteOffset);
    const payload = frame.subarray(8);
    if ((frame[0] & 0x80) === 0) {
      return {
        type: "DATA",
        flags: frame[4],
        payload: payload.toHex(),
        streamId: view.getUint32(0),
      };
    }
    const version = view.getUint16(0) & 0x7fff;
    const type = TYPE_NAMES[view.getUint16(2)] ?? `${view.getUint16(2)}`;
    const fixed = fixedLength(type, version);
    if (fixed === undefined) {
      return { type, flags: frame[4], payload: payload.toHex(), version };
    }
    return {
      type,
      flags: frame[4],
      payload: payload.subarray(0, fixed).toHex(),
      version,
      headerBlock: this.#inflate(version, payload.subarray(fixed)).toHex(),
    };
  }

  #inflate(version: number, block: Uint8Array): Uint8Array {
    this.#compressed = concat([this.#compressed, block]);
    const all = inflateBlocks(this.#compressed, version);
    const inflated = Uint8Array.from(all.subarray(this.#inflated));
    this.#inflated = all.length;
    return inflated;
  }
}

/** The header blocks of `bytes` in sequence; the last one may be incomplete. */
export function headerBlocks(bytes: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const head = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
    const length = head.getUint32(4) & 0xffffff;
    const type = TYPE_NAMES[head.getUint16(2)];
    const fixed = (bytes[at] & 0x80) === 0
      ? undefined
      : fixedLength(type, head.getUint16(0) & 0x7fff);
    if (fixed !== undefined) {
      blocks.push(bytes.subarray(at + 8 + fixed, at + 8 + length));
    }
    at += 8 + length;
  }
  return concat(blocks);
}

/** Inflates the header blocks of one direction; throws if they are corrupt. */
export function inflateBlocks(blocks: Uint8Array, version: number): Uint8Array {
  return inflateSync(blocks, {
    dictionary: Buffer.from(dictionaries.get(version) ?? []),
    finishFlush: constants.Z_SYNC_FLUSH,
  });
}

/** Payload bytes before the header block; `undefined` for a frame without one. */
function fixedLength(type: string, version: number): number | undefined {
  if (type === "SYN_STREAM") return 10;
  if (type === "SYN_REPLY" || type === "HEADERS") return version === 2 ? 6 : 4;
  return undefined;
}

/** The header list of an inflated block, as an application sees it. */
export function headersOf(
  block: Uint8Array,
  version: number,
): [string, string][] {
  const view = new DataView(block.buffer, block.byteOffset);
  const size = version === 2 ? 2 : 4;
  const read = (at: number): number =>
    size === 2 ? view.getUint16(at) : view.getUint32(at);
  const text = (at: number): string =>
    new TextDecoder().decode(block.subarray(at + size, at + size + read(at)));
  const headers: [string, string][] = [];
  for (let at = size; at < block.length;) {
    const name = text(at);
    at += size + read(at);
    for (const value of text(at).split("\0")) headers.push([name, value]);
    at += size + read(at);
  }
  return version === 2
    ? headers.map(([name, value]) => [SPDY3_NAMES[name] ?? name, value])
    : headers;
}

/** The names in SPDY/2 of the headers that have a colon in SPDY/3. */
export const SPDY3_NAMES: Readonly<Record<string, string>> = {
  host: ":host",
  method: ":method",
  scheme: ":scheme",
  status: ":status",
  url: ":path",
  version: ":version",
};
