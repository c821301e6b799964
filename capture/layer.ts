/**
 * The reader of one protocol in one direction of a connection.
 *
 * @module
 */

import { concat } from "../bytes.ts";

/** Takes the bytes of one direction, in order. */
export interface Layer {
  /** The next bytes: a view that is valid during the call. */
  push(bytes: Uint8Array): void;
  /** The capture lacks the next `count` bytes. */
  gap(count: number): void;
  /** The direction or the capture has ended. */
  end(): void;
}

/** A layer that ignores everything. */
export const IGNORE: Layer = {
  push(): void {},
  gap(): void {},
  end(): void {},
};

/** Concatenates two arrays; returns `right` itself if `left` is empty. */
export function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.length === 0 ? right : concat([left, right]);
}
