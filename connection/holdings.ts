/**
 * What the streams of a connection hold besides the bytes within their windows,
 * over all of them.
 *
 * @module
 */

import type { NameValue } from "../frame/types.ts";
import type { StreamCore } from "./stream_core.ts";

/** What a stream takes besides its headers and bytes, bytes (measured: 1.6 KiB in `serve`). */
const STREAM = 2048;
/** What a header takes besides its text, bytes. */
const HEADER = 128;
/** What a list of headers takes when there are none in it, bytes. */
const LIST = 64;

/** The memory that a list of headers takes, bytes: V8 has up to two for a character. */
export function sizeOfHeaders(nv: readonly NameValue[]): number {
  let size = LIST;
  for (const [name, value] of nv) {
    size += HEADER + 2 * (name.length + value.length);
  }
  return size;
}

/** Counts it: a stream's part until nobody has the stream any more. */
export class Holdings {
  readonly #bound: number;
  #size = 0;

  /** At most so many bytes. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Bytes held now. */
  get size(): number {
    return this.#size;
  }

  /** Whether more is held than should be. */
  get full(): boolean {
    return this.#size > this.#bound;
  }

  /** Whether there is room for a new stream with these headers. */
  hasRoom(headers: readonly NameValue[]): boolean {
    return this.mayHold(STREAM + sizeOfHeaders(headers));
  }

  /** Whether there is room for so many bytes more. */
  mayHold(size: number): boolean {
    return this.#size + size <= this.#bound;
  }

  /** Counts a new stream of the peer, with its headers. */
  open(state: StreamCore): void {
    this.#add(state, STREAM + sizeOfHeaders(state.origin.headers));
  }

  /** Counts further headers of a stream; false when that is more than there is room for. */
  headers(state: StreamCore, headers: readonly NameValue[]): boolean {
    this.#add(state, sizeOfHeaders(headers));
    return !this.full;
  }

  /** Counts bytes that came within a window which is there no more. */
  unread(state: StreamCore, size: number): void {
    this.#add(state, size);
  }

  /** Nobody has the stream any more. */
  release(state: StreamCore): void {
    this.#size -= state.held;
    state.held = 0;
  }

  #add(state: StreamCore, size: number): void {
    state.held += size;
    this.#size += size;
  }
}
