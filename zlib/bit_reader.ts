import { ZlibError } from "../errors.ts";

/**
 * Reads bits, least significant first (RFC 1951, section 3.1.1), from input that
 * arrives in chunks.
 *
 * The fields are public because the decoding loop copies them into local
 * variables. Outside that loop, `hold` keeps at most 7 bits after an element that
 * was read completely, so that `position` counts the bytes that were used. When the
 * chunk ends inside an element, `hold` keeps the bits of its beginning.
 */
export class BitReader {
  /** The array that contains the current chunk of input. */
  input: Uint8Array = NOTHING;
  /** Index in `input` of the next byte to read. */
  position = 0;
  /** Index in `input` of the end of the chunk. */
  end = 0;
  /** Index in `input` of the start of the chunk. */
  #start = 0;
  /** Bits that were read but not used yet, the next one lowest; zero above `held`. */
  hold = 0;
  /** Number of bits in `hold`. */
  held = 0;
  /** Total length of the chunks before this one, minus the index of its start, bytes. */
  #before = 0;

  /**
   * Continues with the next chunk, `input[from..to)`; unread bytes of the previous one
   * are dropped.
   */
  feed(input: Uint8Array, from = 0, to: number = input.length): void {
    this.#before += this.end - from;
    this.input = input;
    this.position = this.#start = from;
    this.end = to;
  }

  /** Begins a new stream, and forgets the chunk. */
  restart(): void {
    this.feed(NOTHING);
    this.hold = 0;
    this.held = 0;
    this.#before = 0;
  }

  /** How many bytes of the chunk have been read. */
  get used(): number {
    return this.position - this.#start;
  }

  /** How many bytes of the chunk have not been read. */
  get unread(): number {
    return this.end - this.position;
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
    if (this.position === this.end) return false;
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

  /**
   * Takes the empty stored block of a sync flush, if it is next and all of its bytes are
   * in the chunk. The caller has read its first three bits into `hold`. Each header block
   * ends with a sync flush: decoding one takes 4 % less time this way.
   */
  takeSyncFlush(): boolean {
    const { input, position } = this;
    // With at most ten bits held, those after the first three are the padding.
    if (
      (this.hold & 7) !== 0 || this.held > 10 || position + 4 > this.end ||
      (input[position] | input[position + 1]) !== 0 ||
      (input[position + 2] & input[position + 3]) !== 0xff
    ) return false;
    this.position = position + 4;
    this.hold = 0;
    this.held = 0;
    return true;
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
