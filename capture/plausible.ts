/**
 * Recognises heads of frames: to distinguish SPDY from other protocols, and to find
 * the next frame after missing bytes.
 *
 * @module
 */

import { readUint24, readUint32 } from "../frame/byte_reader.ts";
import {
  CREDENTIAL,
  GOAWAY,
  HEADERS,
  NOOP,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import { FRAME_HEAD_LENGTH } from "../frame/frame_head.ts";
import { wireTraits } from "../frame/version.ts";

/** Longest control frame that a search accepts, bytes. */
const MAX_SEARCHED_CONTROL = 1 << 20;

/** Whether the four bytes at `at` can begin a control frame of SPDY/2 or SPDY/3 of a known type. */
export function beginsControl(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x80 && (bytes[at + 1] === 2 || bytes[at + 1] === 3) &&
    bytes[at + 2] === 0 && bytes[at + 3] >= SYN_STREAM &&
    bytes[at + 3] <= CREDENTIAL;
}

/**
 * Whether the eight bytes at `at` are the head of a control frame: with a known
 * type, and flags and length that are valid for it. In random bytes, fewer than one
 * of 2^32 positions passes.
 */
export function isControlHead(bytes: Uint8Array, at: number): boolean {
  if (!beginsControl(bytes, at)) return false;
  const version = bytes[at + 1];
  const flags = bytes[at + 4];
  const length = readUint24(bytes, at + 5);
  switch (bytes[at + 3]) {
    case SYN_STREAM:
      return flags <= 3 && length > 10 && length <= MAX_SEARCHED_CONTROL;
    case SYN_REPLY:
    case HEADERS:
      return flags <= 1 && length > 4 && length <= MAX_SEARCHED_CONTROL;
    case RST_STREAM:
      return flags === 0 && length === 8;
    case SETTINGS:
      return flags <= 1 && length >= 4 && length <= 4 + 8 * 256 &&
        (length - 4) % 8 === 0;
    case NOOP:
      return flags === 0 && length === 0;
    case PING:
      return flags === 0 && length === 4;
    case GOAWAY:
      return flags === 0 && length === wireTraits(version)?.goawayLength;
    case WINDOW_UPDATE:
      return flags === 0 && length === 8;
    default:
      return flags === 0 && length >= 2 && length <= MAX_SEARCHED_CONTROL;
  }
}

/** Whether the eight bytes at `at` can be the head of a DATA frame. */
export function isDataHead(bytes: Uint8Array, at: number): boolean {
  return bytes[at] < 0x80 && bytes[at + 4] <= 3 &&
    readUint32(bytes, at) !== 0;
}

/** Stream id of the DATA head at `at`. */
export function dataStream(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at);
}

/** Length of the frame whose head is at `at`, with the head, bytes. */
export function frameSize(bytes: Uint8Array, at: number): number {
  return FRAME_HEAD_LENGTH + readUint24(bytes, at + 5);
}

/**
 * Whether `bytes` begin with DATA frames that are followed by a control frame or
 * the end of the bytes.
 */
export function isDataChain(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + FRAME_HEAD_LENGTH <= bytes.length) {
    if (isControlHead(bytes, at)) return at > 0;
    if (!isDataHead(bytes, at)) return false;
    at += frameSize(bytes, at);
  }
  return at === bytes.length;
}
