/**
 * Checks of values that are not numbers: bytes, options, strings from a list.
 *
 * JavaScript callers have no type checker, so every public function checks its
 * arguments and throws an error that contains the wrong one.
 *
 * This file is in the lowest layer, with `errors.ts`.
 *
 * @module
 */

import { InvalidArgumentError } from "./errors.ts";

/** Formats a value for an error message. Never throws, although `String(value)` can. */
export function show(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `of type ${typeof value}`;
  }
}

/**
 * Throws an `InvalidArgumentError` that contains `name` unless `value` is a
 * `Uint8Array` whose buffer was not transferred. A transferred buffer looks
 * empty, so accepting it would lose data silently.
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

/** Whether the buffer of `bytes` was transferred to another owner. */
export function isDetached(bytes: Uint8Array): boolean {
  return bytes.length === 0 && bytes.buffer instanceof ArrayBuffer &&
    bytes.buffer.detached;
}

/** Throws an `InvalidArgumentError` that contains `name` unless `value` is an object. */
export function checkOptions(name: string, value: object): void {
  if (typeof value !== "object" || value === null) {
    throw new InvalidArgumentError(`${name} ${show(value)} are not an object`);
  }
}

/** Throws an `InvalidArgumentError` that contains `name` unless `value` is one of `allowed`. */
export function checkOneOf(
  name: string,
  value: string,
  allowed: readonly string[],
): void {
  if (allowed.includes(value)) return;
  const list = allowed.map((each) => JSON.stringify(each)).join(", ");
  throw new InvalidArgumentError(
    `${name} ${
      typeof value === "string" ? JSON.stringify(value) : show(value)
    } is none of ${list}`,
  );
}
