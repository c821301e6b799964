import { ZlibError } from "../errors.ts";

/** Chunks up to this length are copied, bytes; see `#bytes`. */
const SHORT = 128;

/**
 * Reads bits, least significant first (RFC 1951, section 3.1.1), from input that
 * arrives in chunks.
 *
 * The fields are public because the decoding loop copies them into local
 * variables. Outside that loop, `hold` keeps at most 7 bits between two reads,
 * so that `position` counts the bytes that were used.
 */
export class BitReader {
  /** The current chunk of input. */
  input: Uint8Array = NOTHING;
  /** Index in `input` of the next byte to read. */
  position = 0;
  /** Bits that were read but not used yet, the next one lowest; zero above `held`. */
  hold = 0;
  /** Number of bits in `hold`. */
  held = 0;
  /** `input` for reading several bytes at once; created on first use. */
  #view: DataView | undefined;
  /**
   * A copy of a short chunk, with a `DataView` that is reused: creating one takes
   * longer than copying. A header block of 690 bytes takes 0.48 instead of 0.58 us.
   */
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #bytesView: DataView | undefined;
  /** Total length of the chunks before this one, bytes. */
  #before = 0;

  /** Continues with the next chunk; unread bytes of the previous one are dropped. */
  feed(input: Uint8Array): void {
    this.#before += this.input.length;
    this.input = input;
    this.position = 0;
    this.#view = undefined;
  }

  /** A view of `input` for reading several bytes at once; valid until the next `feed`. */
  view(): DataView {
    return this.#view ??= this.#makeView();
  }

  #makeView(): DataView {
    const { input } = this;
    const { length } = input;
    if (length > SHORT) {
      return new DataView(input.buffer, input.byteOffset, length);
    }
    const bytes = this.#bytes ??= new Uint8Array(SHORT);
    const view = this.#bytesView ??= new DataView(bytes.buffer);
    for (let index = 0; index < length; index++) bytes[index] = input[index];
    return view;
  }

  /**
   * Reads bytes until `hold` has `count` bits: 0..24, or 32 when aligned to a
   * byte. Returns false when the input ends before that.
   */
  need(count: number): boolean {
    while (this.held < count) {
      if (!this.pull()) return false;
    }
    return true;
  }

  /** Reads one byte into `hold`; returns false at the end of the input. */
  pull(): boolean {
    if (this.position === this.input.length) return false;
    this.hold |= this.input[this.position++] << this.held;
    this.held += 8;
    return true;
  }

  /** Removes `count` bits (0..16) from `hold` and returns them. */
  take(count: number): number {
    const value = this.hold & ((1 << count) - 1);
    this.drop(count);
    return value;
  }

  /** Removes `count` bits (0..31) from `hold`. */
  drop(count: number): void {
    this.hold >>>= count;
    this.held -= count;
  }

  /** Removes all 32 bits from `hold` and returns them. */
  take32(): number {
    const value = this.hold >>> 0;
    this.hold = 0;
    this.held = 0;
    return value;
  }

  /** Skips the bits up to the next byte. */
  align(): void {
    this.drop(this.held & 7);
  }

  /** Number of bits used since the start of the stream. */
  get bitOffset(): number {
    return (this.#before + this.position) * 8 - this.held;
  }

  /** Creates an error with `message` and the offset of the byte that contains bit `bitOffset`; default the next bit. */
  error(message: string, bitOffset: number = this.bitOffset): ZlibError {
    const offset = Math.floor(bitOffset / 8);
    return new ZlibError(`${message}, at input byte ${offset}`, {
      offset,
      initiator: "remote",
    });
  }
}

const NOTHING = new Uint8Array(0);
