/**
 * Reads a file of captured SPDY: raw bytes, hex digits, pcap or pcapng.
 *
 * @module
 */

import { decodeHex } from "../../deps.ts";
import { isCapture, readPackets } from "./pcap.ts";
import { type Flow, reassemble } from "./tcp.ts";

const TEXT = new TextDecoder();
/** Longest HTTP/1.1 head looked over for the end of an upgrade, bytes. */
const MAX_UPGRADE_HEAD = 16384;

/** What was sent in one direction, from the first SPDY frame on. */
export interface Direction extends Flow {
  /** Offset of the first frame in what the sender sent, bytes: behind an HTTP/1.1 upgrade it is not 0. */
  readonly begin: number;
}

/**
 * The directions of a capture that carry SPDY; a raw or hex file is one
 * direction, named by `name`. Throws `CaptureError` for a broken pcap file.
 */
export function readCapture(bytes: Uint8Array, name: string): Direction[] {
  if (isCapture(bytes)) {
    return reassemble(readPackets(bytes)).map(skipUpgrade).filter(
      looksLikeSpdy,
    );
  }
  const raw = readHex(bytes) ?? bytes;
  return [
    skipUpgrade({
      from: name,
      to: "",
      pieces: [{ time: 0, bytes: raw }],
      gap: 0,
    }),
  ];
}

/** The bytes written as hex digits with any white space between; `undefined` when they are not. */
function readHex(bytes: Uint8Array): Uint8Array | undefined {
  const text = TEXT.decode(bytes);
  if (!/^[\s0-9a-fA-F]*$/.test(text)) return undefined;
  const digits = text.replace(/\s+/g, "");
  return digits.length % 2 === 0 ? decodeHex(digits) : undefined;
}

/** Passes over the HTTP/1.1 head (`Upgrade: SPDY/3.1`) that may stand before the frames. */
function skipUpgrade(flow: Flow): Direction {
  let seen = "";
  for (const { bytes } of flow.pieces) {
    seen += TEXT.decode(bytes.subarray(0, MAX_UPGRADE_HEAD));
    if (seen.length > MAX_UPGRADE_HEAD) break;
  }
  if (!/^([A-Z]+ \S+ HTTP\/1\.1|HTTP\/1\.1 101)\r\n/.test(seen)) {
    return { ...flow, begin: 0 };
  }
  const end = seen.indexOf("\r\n\r\n");
  if (end < 0) return { ...flow, begin: 0 };
  return { ...flow, pieces: dropBytes(flow.pieces, end + 4), begin: end + 4 };
}

function dropBytes(pieces: Flow["pieces"], count: number): Flow["pieces"] {
  let left = count;
  return pieces.flatMap((piece) => {
    const dropped = Math.min(left, piece.bytes.length);
    left -= dropped;
    return dropped === piece.bytes.length
      ? []
      : [{ time: piece.time, bytes: piece.bytes.subarray(dropped) }];
  });
}

/** Other connections stand in a capture, too: SPDY begins with a control frame of version 2 or 3. */
function looksLikeSpdy({ pieces }: Direction): boolean {
  const head: number[] = [];
  for (const { bytes } of pieces) {
    head.push(...bytes.subarray(0, 4 - head.length));
    if (head.length === 4) break;
  }
  const [control, version, typeHigh, typeLow] = head;
  return control === 0x80 && (version === 2 || version === 3) &&
    typeHigh === 0 && typeLow >= 1 && typeLow <= 10;
}
