/**
 * The ranges of the fields of frames to send, checked by `numbers.ts`.
 *
 * @module
 */

import { checkWhole } from "../numbers.ts";
import { MAX_STREAM_ID } from "./constants.ts";

/** Throws `InvalidArgumentError` unless `value` fits the 8 bits of frame flags. */
export function checkFlags(value: number): void {
  checkWhole("flags", value, 0, 0xff);
}

/** Throws `InvalidArgumentError` unless `value` is a stream's id, 1..2^31-1. */
export function checkStreamId(value: number): void {
  checkWhole("streamId", value, 1, MAX_STREAM_ID);
}

/** Throws `InvalidArgumentError` unless `value` is a stream's id or 0, 0..2^31-1. */
export function checkStreamIdOrZero(name: string, value: number): void {
  checkWhole(name, value, 0, MAX_STREAM_ID);
}

/** Throws `InvalidArgumentError` unless `value` fits 32 bits. */
export function checkUint32(name: string, value: number): void {
  checkWhole(name, value, 0, 0xffffffff);
}
