/**
 * What reads frames of SPDY.
 *
 * @module
 */

import {
  FrameDecoder,
  FrameEncoder,
  type NameValue,
  PING,
  PROTO_SPDY3,
  SETTINGS,
  SYN_STREAM,
} from "../../../mod.ts";
import { concat } from "../../deps.ts";
import { KIB, PIECES, type Reader, Readers } from "./reader.ts";

const readers = new Readers();

/** The readers of frames. */
export const frameReaders: readonly Reader[] = readers.all;

/** Decodes frames that arrive in pieces of a size. */
function decode(bytes: Uint8Array, piece = bytes.length): void {
  const decoder = new FrameDecoder(PROTO_SPDY3);
  for (let at = 0; at < bytes.length; at += piece) {
    decoder.push(bytes.subarray(at, at + piece));
    while (decoder.next() !== undefined);
  }
}

function synStream(nv: NameValue[]): Uint8Array {
  const encoder = new FrameEncoder(PROTO_SPDY3, { headerCompression: "none" });
  return encoder.encode({
    frameType: SYN_STREAM,
    version: 3,
    length: 0,
    flags: 1,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv,
  });
}

for (const piece of PIECES) {
  const name = `frames in pieces of ${piece}`;
  readers.add(
    `${name}: a header block of one value`,
    60 * KIB,
    (size) => synStream([["x", "v".repeat(size)]]),
    (bytes) => decode(bytes, piece),
  );
  readers.add(
    `${name}: a header block of many pairs`,
    1024,
    (count) =>
      synStream(
        Array.from({ length: count }, (_, i): NameValue => [`x-${i}`, "v"]),
      ),
    (bytes) => decode(bytes, piece),
  );
  readers.add(
    `${name}: PINGs`,
    64 * KIB,
    (size) => {
      const ping = new FrameEncoder(PROTO_SPDY3).encode({
        frameType: PING,
        version: 3,
        flags: 0,
        length: 4,
        uniqueId: 1,
      });
      return concat(Array.from({ length: size / ping.length }, () => ping));
    },
    (bytes) => decode(bytes, piece),
  );
  readers.add(
    `${name}: entries of SETTINGS`,
    256,
    (count) =>
      new FrameEncoder(PROTO_SPDY3).encode({
        frameType: SETTINGS,
        version: 3,
        flags: 0,
        length: 0,
        iv: Array.from({ length: count }, (_, i) => [i + 10, 0, i] as const),
      }),
    (bytes) => decode(bytes, piece),
  );
  readers.add(
    `${name}: DATA`,
    64 * KIB,
    (size) => {
      const data = new Uint8Array(8 + size);
      data.set([0, 0, 0, 1, 0, size >> 16, size >> 8 & 255, size & 255]);
      return data;
    },
    (bytes) => decode(bytes, piece),
  );
}
