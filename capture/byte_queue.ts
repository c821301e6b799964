/**
 * The bytes of a file that were not used yet.
 *
 * @module
 */

import { join } from "./layer.ts";

const NOTHING = new Uint8Array(0);

/**
 * Joins the unused rest of a piece with the next one. A reader takes complete items
 * from `bytes` at `at`; the rest is kept for the next piece. Only an item that
 * spans two pieces is copied.
 */
export class ByteQueue {
  /** The available bytes. */
  bytes: Uint8Array = NOTHING;
  /** Numbers in `bytes`. */
  view: DataView = new DataView(NOTHING.buffer);
  /** Index in `bytes` of the next item. */
  at = 0;
  /** Offset in the file of `bytes[0]`. */
  base = 0;

  /** Adds a piece of the file, which must not change until the next call. */
  push(piece: Uint8Array): void {
    this.base += this.at;
    this.bytes = join(this.bytes.subarray(this.at), piece);
    this.at = 0;
    const { buffer, byteOffset, length } = this.bytes;
    this.view = new DataView(buffer, byteOffset, length);
  }

  /** Copies the unused rest, so that the memory of the piece can be reused. */
  keep(): void {
    this.bytes = this.bytes.slice(this.at);
    this.base += this.at;
    this.at = 0;
  }

  /** Bytes from `at` on. */
  get available(): number {
    return this.bytes.length - this.at;
  }

  /** Offset in the file of the next item. */
  get offset(): number {
    return this.base + this.at;
  }
}
