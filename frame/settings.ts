/**
 * SETTINGS, both directions (SPDY/3 draft 2.6.4).
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import { readUint24, readUint32 } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkUint32 } from "./check.ts";
import { MAX_FRAME_LENGTH, SETTINGS } from "./constants.ts";
import { writeControlHead } from "./frame_head.ts";
import type { SettingsEntry, SettingsFrame } from "./types.ts";
import type { VersionTraits } from "./version.ts";

/** Payload bytes before the entries. */
const COUNT_LENGTH = 4;
/** Bytes of an entry. */
const ENTRY_LENGTH = 8;
const MAX_ENTRIES = Math.floor(
  (MAX_FRAME_LENGTH - COUNT_LENGTH) / ENTRY_LENGTH,
);

/** Payload length of a SETTINGS frame of `count` entries, bytes. */
export function settingsLength(count: number): number {
  return COUNT_LENGTH + ENTRY_LENGTH * count;
}

/**
 * Appends the frame; the entries keep their order.
 * Throws `InvalidArgumentError` before it writes anything.
 */
export function writeSettings(
  out: ByteWriter,
  traits: VersionTraits,
  frame: SettingsFrame,
): void {
  checkFlags(frame.flags);
  if (!Array.isArray(frame.iv) || !frame.iv.every(Array.isArray)) {
    throw new InvalidArgumentError(
      "iv is not a list of [id, flags, value] entries",
    );
  }
  checkWhole("number of SETTINGS entries", frame.iv.length, 0, MAX_ENTRIES);
  for (const [id, flags, value] of frame.iv) {
    checkWhole("SETTINGS id", id, 1, 0xffffff);
    checkWhole("SETTINGS entry flags", flags, 0, 0xff);
    checkUint32("SETTINGS value", value);
  }
  const length = settingsLength(frame.iv.length);
  writeControlHead(out, traits.wireVersion, SETTINGS, frame.flags, length);
  out.uint32(frame.iv.length);
  for (const [id, flags, value] of frame.iv) {
    out.uint32(
      traits.littleEndianSettings ? swap24(id) << 8 | flags : flags << 24 | id,
    );
    out.uint32(value);
  }
}

/** Reads `length` payload bytes at `at`; `undefined` when length and count disagree. */
export function readSettings(
  traits: VersionTraits,
  flags: number,
  payload: Uint8Array,
  at: number,
  length: number,
): SettingsFrame | undefined {
  // The entries must fill the payload exactly (2.6.4). Nothing is allocated by the
  // count itself.
  if (length < COUNT_LENGTH) return undefined;
  if (settingsLength(readUint32(payload, at)) !== length) return undefined;
  const iv: SettingsEntry[] = [];
  const end = at + length;
  for (let entry = at + COUNT_LENGTH; entry < end; entry += ENTRY_LENGTH) {
    const value = readUint32(payload, entry + 4);
    if (traits.littleEndianSettings) {
      iv.push([swap24(readUint24(payload, entry)), payload[entry + 3], value]);
    } else {
      iv.push([readUint24(payload, entry + 1), payload[entry], value]);
    }
  }
  return {
    frameType: SETTINGS,
    version: traits.wireVersion,
    flags,
    length,
    iv,
  };
}

/** Reverses the bytes of an id: deployed SPDY/2 sends it little-endian. */
function swap24(id: number): number {
  return (id & 0xff) << 16 | id & 0xff00 | id >>> 16;
}
