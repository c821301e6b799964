/**
 * Memory for frames on their way out.
 *
 * @module
 */

import { ByteWriter } from "../frame/byte_writer.ts";

/** A session that has said little holds little, bytes. */
const FIRST_CAPACITY = 1024;
/** Memory taken at once by a session that says more, bytes. */
const CAPACITY = 16384;
/** Memory that is kept for the next frame, bytes. */
const KEPT_CAPACITY = 65536;

/**
 * Frames stand one behind the other in memory that is written once: what was
 * handed to the transport may be kept. One allocation serves many frames. With
 * `reuse` each frame takes the place of the one before.
 */
export class FrameArena {
  readonly #reuse: boolean;
  /** Where small frames stand. */
  #shared: ByteWriter = new ByteWriter(FIRST_CAPACITY);
  /** Where the frame in progress stands. */
  #writer: ByteWriter = this.#shared;
  #begin = 0;
  #taken = 0;
  #rest: Uint8Array = this.#shared.bytes;
  /** Bytes of somebody else that end the frame. */
  #borrowed: Uint8Array | undefined;

  /** Makes an empty arena. */
  constructor(reuse: boolean) {
    this.#reuse = reuse;
  }

  /** True while the transport has not taken all of a frame. */
  get inProgress(): boolean {
    return this.#taken < this.#writer.length || this.#borrowed !== undefined;
  }

  /** What the transport has yet to take of the frame, as far as it lies in one piece. */
  get rest(): Uint8Array {
    const { bytes, length } = this.#writer;
    if (this.#borrowed !== undefined && this.#taken === length) {
      return this.#borrowed;
    }
    // In reused memory the head of every DATA frame makes the same view.
    const last = this.#rest;
    if (
      last.buffer === bytes.buffer && last.byteOffset === this.#taken &&
      last.length === length - this.#taken
    ) return last;
    return this.#rest = bytes.subarray(this.#taken, length);
  }

  /** The writer for a frame of about `size` bytes; there is none in progress. */
  open(size: number): ByteWriter {
    if (this.#reuse) {
      if (this.#shared.bytes.length > KEPT_CAPACITY) {
        this.#shared = new ByteWriter(FIRST_CAPACITY);
      }
      this.#shared.length = 0;
      this.#writer = this.#shared;
    } else if (size > CAPACITY / 2) {
      this.#writer = new ByteWriter(size);
    } else {
      if (this.#shared.bytes.length - this.#shared.length < size) {
        this.#shared = new ByteWriter(CAPACITY);
      }
      this.#writer = this.#shared;
    }
    this.#begin = this.#writer.length;
    this.#taken = this.#begin;
    return this.#writer;
  }

  /** Takes back what was written of a frame that is not to be. */
  undo(): void {
    this.#writer.length = this.#begin;
  }

  /** Ends the frame with `bytes`, which are not copied: see {@linkcode own}. */
  borrow(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#borrowed = bytes;
  }

  /** Copies what is left of borrowed bytes, before their owner may change them. */
  own(): void {
    if (this.#borrowed === undefined) return;
    this.#writer.append(this.#borrowed);
    this.#borrowed = undefined;
  }

  /** The transport took `size` bytes of {@linkcode rest}. */
  take(size: number): void {
    const borrowed = this.#borrowed;
    if (borrowed === undefined || this.#taken < this.#writer.length) {
      this.#taken += size;
    } else {
      this.#borrowed = size < borrowed.length
        ? borrowed.subarray(size)
        : undefined;
    }
  }
}
