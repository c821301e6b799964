/**
 * A growing buffer to which frames are written one after another.
 *
 * @module
 */

import { encodeEscaped } from "./escaped_text.ts";

/** At this number of bytes, copying them one by one takes as long as creating a view of them. */
const FEW = 96;

/**
 * Appends big-endian numbers, bytes and text to a buffer that grows by doubling.
 * Callers must check the range of numbers.
 */
export class ByteWriter {
  /** The buffer; the written bytes are its first {@linkcode length} bytes. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Number of bytes written. Set it to a lower value to undo, or to 0 to start again. */
  length = 0;

  /** Creates a writer with room for `capacity` bytes before it first grows. */
  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `size` more bytes; may replace `bytes`. */
  reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Writes one byte. */
  uint8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Writes two bytes. */
  uint16(value: number): void {
    this.reserve(2);
    const { bytes, length } = this;
    bytes[length] = value >>> 8;
    bytes[length + 1] = value;
    this.length = length + 2;
  }

  /** Writes four bytes. */
  uint32(value: number): void {
    this.reserve(4);
    writeUint32(this.bytes, this.length, value);
    this.length += 4;
  }

  /** Writes a copy of `data`. */
  append(data: Uint8Array): void {
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  /** Writes a copy of the first `count` bytes of `source`. */
  appendFirst(source: Uint8Array, count: number): void {
    if (count > FEW) return this.append(source.subarray(0, count));
    this.reserve(count);
    const { bytes, length } = this;
    for (let index = 0; index < count; index++) {
      bytes[length + index] = source[index];
    }
    this.length = length + count;
  }

  /** Writes escaped text (`escaped_text.ts`) as UTF-8 and returns the number of bytes. */
  text(text: string): number {
    // A character takes at most three bytes for each UTF-16 unit.
    this.reserve(text.length * 3);
    const { bytes, length } = this;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return this.#textFrom(text, index);
      bytes[length + index] = unit;
    }
    this.length = length + text.length;
    return text.length;
  }

  /**
   * Overwrites as many written bytes from `at` on as `text` has characters. Returns
   * whether `text` is ASCII. If not, the bytes are wrong, and the caller must write them
   * again.
   */
  overwrite(at: number, text: string): boolean {
    const { bytes } = this;
    let all = 0;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      all |= unit;
      bytes[at + index] = unit;
    }
    return all < 0x80;
  }

  #textFrom(text: string, index: number): number {
    const written = encodeEscaped(
      text.slice(index),
      this.bytes.subarray(this.length + index),
    );
    this.length += index + written;
    return index + written;
  }

  /** The written bytes, as a view that is valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** A copy of the written bytes. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

/** Overwrites four bytes at `offset`, big-endian. */
export function writeUint32(
  bytes: Uint8Array,
  offset: number,
  value: number,
): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
