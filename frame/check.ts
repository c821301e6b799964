/**
 * Range checks on what is to be sent.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { MAX_STREAM_ID } from "./constants.ts";

/** Throws `InvalidArgumentError` unless `value` is a whole number in `lowest..highest`. */
export function checkRange(
  name: string,
  value: number,
  lowest: number,
  highest: number,
): void {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return;
  throw new InvalidArgumentError(
    `${name} ${value} is not a whole number from ${lowest} to ${highest}`,
  );
}

/** Throws `InvalidArgumentError` unless `value` fits the 8 bits of frame flags. */
export function checkFlags(value: number): void {
  checkRange("flags", value, 0, 0xff);
}

/** Throws `InvalidArgumentError` unless `value` is a stream's id, 1..2^31-1. */
export function checkStreamId(value: number): void {
  checkRange("streamId", value, 1, MAX_STREAM_ID);
}

/** Throws `InvalidArgumentError` unless `value` fits 32 bits. */
export function checkUint32(name: string, value: number): void {
  checkRange(name, value, 0, 0xffffffff);
}
