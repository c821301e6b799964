/**
 * What else a caller gives than numbers: types stop no caller in JavaScript, and
 * a wrong value should be named where it comes in.
 *
 * This file stands in the lowest layer, beside the errors.
 *
 * @module
 */

import { InvalidArgumentError } from "./errors.ts";

/** A value for the text of an error. It never throws: not every value becomes a string. */
export function show(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `of type ${typeof value}`;
  }
}

/**
 * Throws `InvalidArgumentError` naming `value` unless it is a `Uint8Array`. A view
 * into a buffer that was transferred has no bytes any more: taking it for an empty
 * one would lose them in silence.
 */
export function checkBytes(name: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) {
    throw new InvalidArgumentError(`${name} is not a Uint8Array`);
  }
  if (isDetached(value)) {
    throw new InvalidArgumentError(
      `${name} is a view into a buffer that was transferred`,
    );
  }
}

/** Whether the buffer of `bytes` was transferred. */
export function isDetached(bytes: Uint8Array): boolean {
  return bytes.length === 0 && bytes.buffer instanceof ArrayBuffer &&
    bytes.buffer.detached;
}

/** Throws `InvalidArgumentError` naming `value` unless it is an object, as options are. */
export function checkOptions(name: string, value: object): void {
  if (typeof value !== "object" || value === null) {
    throw new InvalidArgumentError(`${name} ${show(value)} are not an object`);
  }
}
