/**
 * Collects the bytes for the next write.
 *
 * @module
 */

import { FRAME_HEAD_LENGTH, putDataHead } from "../../frame/frame_head.ts";
import { LONG_COUNT } from "../../numbers.ts";
import { nextPlace } from "./placement.ts";
import {
  returnLarge,
  returnSmall,
  SMALL,
  takeLarge,
  takeSmall,
} from "./shared_buffers.ts";
import { WritePace } from "./write_pace.ts";

const NOTHING = new Uint8Array(0);

/**
 * Collects frames up to a limit, so that one write sends them. It has memory only while
 * bytes wait in it (`shared_buffers.ts`).
 */
export class WriteBuffer {
  readonly #pace: WritePace;
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #begin = 0;
  #end = 0;
  /** Place in its page at which the last large memory began. */
  #place = 0;
  /** About the size of the largest of the last writes, bytes. */
  #usual = 0;

  /** Takes at most `most` bytes at a time, and on slow links at most 15 KiB. */
  constructor(most: number) {
    this.#pace = new WritePace(most);
  }

  /** Total number of bytes that it has accepted. */
  appended: number = LONG_COUNT;

  /** Number of waiting bytes. */
  get length(): number {
    return this.#end - this.#begin;
  }

  /** Most bytes that it accepts now. */
  get bound(): number {
    return this.#pace.bound;
  }

  /** The longest payload of the next DATA frame, bytes; see {@linkcode WritePace}. */
  get dataRoom(): number {
    return this.#pace.dataRoom(this.length);
  }

  /** Whether it accepts no more bytes. */
  get full(): boolean {
    return this.length >= this.bound;
  }

  /** Size of its memory, bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Whether a write has many bytes because the transport is fast; see {@linkcode WritePace}. */
  get isFast(): boolean {
    return this.#pace.isFast;
  }

  /** Number of bytes for which there is room. */
  get room(): number {
    return this.bound - this.length;
  }

  /** Copies as much of `data` as fits, and returns the number of bytes; 0 if it is full. */
  append(data: Uint8Array): number {
    const taken = Math.min(data.length, this.room);
    this.#reserve(taken);
    this.#bytes.set(
      taken === data.length ? data : data.subarray(0, taken),
      this.#end,
    );
    this.#end += taken;
    this.appended += taken;
    return taken;
  }

  /** Copies a DATA frame without flags, for which there is room. */
  appendData(streamId: number, payload: Uint8Array): void {
    const size = FRAME_HEAD_LENGTH + payload.length;
    this.#reserve(size);
    putDataHead(this.#bytes, this.#end, streamId, 0, payload.length);
    this.#bytes.set(payload, this.#end + FRAME_HEAD_LENGTH);
    this.#end += size;
    this.appended += size;
  }

  /** The bytes that wait; valid until {@linkcode clear} or {@linkcode append}. */
  get view(): Uint8Array {
    return this.#bytes.subarray(this.#begin, this.#end);
  }

  /** Removes the bytes that wait, after a write that took `duration` ms; 0 if the transport took them at once. */
  clear(duration: number): void {
    this.#pace.written(this.length, duration);
    this.#usual = Math.max(this.length, this.#usual - (this.#usual >>> 3));
    giveBack(this.#bytes);
    this.#empty();
  }

  /** Removes the bytes that wait, after a write that failed and may still use their memory. */
  abandon(): void {
    this.#empty();
  }

  /** Forgets how fast the transport was and how much was usual, when no bytes wait. */
  reset(): void {
    if (this.length > 0) return;
    this.#usual = 0;
    this.#pace.reset();
  }

  #empty(): void {
    this.#bytes = NOTHING;
    this.#begin = 0;
    this.#end = 0;
  }

  /** Makes room for `size` more bytes. */
  #reserve(size: number): void {
    const end = this.#end + size;
    if (end > this.#bytes.length) this.#grow(end);
  }

  /** Enlarges the memory, so that it has `end` bytes. */
  #grow(end: number): void {
    const held = this.view;
    const size = end - this.#begin;
    const before = this.#bytes;
    if (size <= SMALL && before.length <= SMALL) {
      this.#bytes = takeSmall();
      this.#begin = 0;
    } else {
      // As much as was needed before, so that bulk is not copied repeatedly while
      // the memory grows.
      this.#usual = Math.max(size, Math.min(this.#usual, this.bound));
      this.#place = nextPlace(this.#place);
      this.#bytes = takeLarge(this.#usual);
      this.#begin = this.#place;
    }
    this.#bytes.set(held, this.#begin);
    this.#end = this.#begin + held.length;
    giveBack(before);
  }
}

function giveBack(memory: Uint8Array<ArrayBuffer>): void {
  if (memory.length > SMALL) returnLarge(memory);
  else if (memory.length > 0) returnSmall(memory);
}
