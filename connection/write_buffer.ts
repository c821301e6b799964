/**
 * The bytes that wait for the next write.
 *
 * @module
 */

import { nextPlace, PLACES } from "./placement.ts";
import { WritePace } from "./write_pace.ts";

const SMALLEST = 4096;
/** Memory above this is worth placing, bytes. */
const LARGE = 16384;

/** Collects frames, up to a bound, so that one write sends them. Its memory grows with use. */
export class WriteBuffer {
  readonly #pace: WritePace;
  #bytes = new Uint8Array(0);
  #begin = 0;
  #end = 0;

  /** Takes at most `most` bytes at a time, and on slow links at most 15 KiB. */
  constructor(most: number) {
    this.#pace = new WritePace(most);
  }

  /** Bytes that it ever took. */
  appended = 0;

  /** Bytes waiting. */
  get length(): number {
    return this.#end - this.#begin;
  }

  /** Most bytes that it takes now. */
  get bound(): number {
    return this.#pace.bound;
  }

  /** The longest payload of the next DATA frame, bytes; see {@linkcode WritePace}. */
  get dataRoom(): number {
    return this.#pace.dataRoom(this.length);
  }

  /** Whether it takes no more. */
  get full(): boolean {
    return this.length >= this.bound;
  }

  /** Memory it has, bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Takes as much of `data` as fits and returns how much; 0 when full. */
  append(data: Uint8Array): number {
    const end = Math.min(this.#end + data.length, this.#begin + this.bound);
    const taken = end - this.#end;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(
      taken === data.length ? data : data.subarray(0, taken),
      this.#end,
    );
    this.#end = end;
    this.appended += taken;
    return taken;
  }

  /** The bytes that wait; valid until {@linkcode clear} or {@linkcode append}. */
  get view(): Uint8Array {
    return this.#bytes.subarray(this.#begin, this.#end);
  }

  /** Removes the bytes that wait, after a write that took `duration` ms. */
  clear(duration: number): void {
    this.#pace.written(this.length, duration);
    this.#begin = this.#bytes.length > LARGE ? nextPlace(this.#begin) : 0;
    this.#end = this.#begin;
  }

  /** Releases its memory when no bytes wait. */
  release(): void {
    if (this.length > 0) return;
    this.#bytes = new Uint8Array(0);
    this.#begin = 0;
    this.#end = 0;
    this.#pace.reset();
  }

  #grow(needed: number): void {
    let size = Math.max(this.#bytes.length * 2, SMALLEST);
    while (size < needed) size *= 2;
    const grown = new Uint8Array(Math.min(size, this.bound + PLACES));
    grown.set(this.view, this.#begin);
    this.#bytes = grown;
  }
}
