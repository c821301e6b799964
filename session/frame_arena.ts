/**
 * Memory for the frames to be sent.
 *
 * @module
 */

import { ByteWriter } from "../frame/byte_writer.ts";
import { FRAME_HEAD_LENGTH } from "../frame/frame_head.ts";

/** Initial memory, bytes: most idle sessions need no more. */
const FIRST_CAPACITY = 1024;
/** The same if each frame overwrites the one before: enough for a small frame. */
const FIRST_REUSED = 256;
/** When the memory is used up, the next piece is larger by this factor, up to {@linkcode CAPACITY}. */
const GROWTH = 4;
/** Most memory that is allocated at once for small frames, bytes: with 16 KiB, a request takes 2 to 5 % longer. */
const CAPACITY = 65536;
/** A frame of more bytes has memory of its own. */
const LARGE_FRAME = 8192;
/** If each frame overwrites the one before, a frame of more bytes is long. */
const LONG_FRAME = 4096;
/** Memory for a long frame, unless it needs more: a DATA frame of 64 KiB with its head. */
const LONG_CAPACITY = 65536 + FRAME_HEAD_LENGTH;

/**
 * Memory for a long frame that no arena uses. An arena has such memory only while it
 * writes a long frame. If each one kept its own, a connection that has sent bulk would
 * hold up to 64 KiB more.
 */
let spare: ByteWriter | undefined;

/** Empty memory for a long frame of about `size` bytes. */
function takeLong(size: number): ByteWriter {
  if (size > LONG_CAPACITY) return new ByteWriter(size);
  const writer = spare ?? new ByteWriter(LONG_CAPACITY);
  spare = undefined;
  return writer;
}

/** Returns the memory of {@linkcode takeLong}, so that another arena can use it. */
function returnLong(writer: ByteWriter): void {
  if (writer.bytes.length !== LONG_CAPACITY) return;
  writer.length = 0;
  spare = writer;
}

/**
 * Frames are written one after another, and no byte is overwritten, so that the
 * transport may keep what it was given. One allocation serves many frames. With
 * `reuse`, each frame overwrites the one before.
 */
export class FrameArena {
  readonly #reuse: boolean;
  /** The memory of small frames. */
  #shared: ByteWriter;
  /** The memory of the current frame. */
  #writer: ByteWriter;
  #begin = 0;
  #taken = 0;
  /** The bytes of the writer, and their buffer: reading `bytes.buffer` takes as long as creating a view. */
  #bytes: Uint8Array;
  #buffer: ArrayBuffer;
  /** The last view, in reused memory. */
  #rest: Uint8Array;
  /** The end of the frame, in memory that the read callback owns. */
  #borrowed: Uint8Array | undefined;

  /** Creates an empty arena. */
  constructor(reuse: boolean) {
    this.#reuse = reuse;
    this.#shared = new ByteWriter(reuse ? FIRST_REUSED : FIRST_CAPACITY);
    this.#writer = this.#shared;
    this.#bytes = this.#shared.bytes;
    this.#buffer = this.#bytes.buffer as ArrayBuffer;
    this.#rest = this.#bytes;
  }

  /** True while the transport has not taken all of a frame. */
  get inProgress(): boolean {
    return this.#taken < this.#writer.length || this.#borrowed !== undefined;
  }

  /** The next contiguous bytes of the frame that the transport has to take. */
  get rest(): Uint8Array {
    const { bytes, length } = this.#writer;
    if (this.#borrowed !== undefined && this.#taken === length) {
      return this.#borrowed;
    }
    const size = length - this.#taken;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#buffer = bytes.buffer;
    } else if (this.#reuse) {
      // In reused memory the heads of all DATA frames have the same view.
      const last = this.#rest;
      if (last.byteOffset === this.#taken && last.length === size) return last;
    }
    const rest = new Uint8Array(this.#buffer, this.#taken, size);
    if (this.#reuse) this.#rest = rest;
    return rest;
  }

  /** The writer for a frame of about `size` bytes. The frame before must be complete. */
  open(size: number): ByteWriter {
    if (this.#reuse) {
      this.#shorten();
      this.#shared.length = 0;
      if (size > LONG_FRAME) this.#writer = takeLong(size);
    } else if (size > LARGE_FRAME) {
      this.#writer = new ByteWriter(size);
    } else {
      const { bytes, length } = this.#shared;
      // Memory above the capacity has grown for a frame longer than expected. If it
      // were used to its end, it would grow for the next such frame, without a limit.
      if (bytes.length - length < size || bytes.length > CAPACITY) {
        this.#shared = new ByteWriter(
          Math.max(size, Math.min(bytes.length * GROWTH, CAPACITY)),
        );
      }
      this.#writer = this.#shared;
    }
    this.#begin = this.#writer.length;
    this.#taken = this.#begin;
    return this.#writer;
  }

  /** Discards what was written of the current frame. */
  undo(): void {
    this.#writer.length = this.#begin;
  }

  /** Ends the frame with `bytes`, which are not copied: see {@linkcode own}. */
  borrow(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#borrowed = bytes;
  }

  /** Copies the rest of the borrowed bytes, before their owner may change them. */
  own(): void {
    if (this.#borrowed === undefined) return;
    if (this.#reuse && this.#writer === this.#shared) {
      const { bytes, length } = this.#shared;
      const size = length + this.#borrowed.length;
      if (size > LONG_FRAME) {
        this.#writer = takeLong(size);
        this.#writer.append(bytes.subarray(0, length));
      }
    }
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
    if (this.#reuse && !this.inProgress) this.#shorten();
  }

  /** After a long frame, in reused memory: continues with the memory for short ones. */
  #shorten(): void {
    const writer = this.#writer;
    const grown = this.#shared.bytes.length > LONG_FRAME;
    if (writer === this.#shared && !grown) return;
    returnLong(writer);
    if (grown) this.#shared = new ByteWriter(FIRST_REUSED);
    this.#shared.length = 0;
    this.#writer = this.#shared;
    this.#begin = this.#taken = 0;
    // No view may keep the long memory.
    this.#bytes = this.#rest = this.#shared.bytes;
    this.#buffer = this.#bytes.buffer as ArrayBuffer;
  }
}
