/**
 * Decompresses the first member of a gzip stream with the platform's
 * `DecompressionStream`, which is several times faster than the code here, but refuses
 * what follows it. Nearly all bodies have one member.
 *
 * A next member begins with the magic bytes of gzip, after the length of the output so
 * far. The platform gets the input in pieces that end before such places: there the
 * length of the output is known.
 *
 * @module
 */

import { GZIP_MAGIC } from "./gzip_head.ts";

/** Bytes of the shortest member: head, an empty block, checksum and length. */
const SHORTEST = 20;
/** Most bytes of output for a byte of input: 258 bytes for two bits (RFC 1951). */
const MOST_EXPANSION = 4 * 258;
/**
 * Most pieces that end before magic bytes which turn out to be data. Otherwise a
 * server could make each of them cost a piece of its own.
 */
const MOST_TRIALS = 1000;
const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** A chunk of input for the next member, or `undefined`: the input belonged to this one. */
export type NextMember = Uint8Array<ArrayBuffer> | undefined;

/** The first member of a gzip stream. */
export class FirstMember {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #onOutput: (output: Uint8Array<ArrayBuffer>) => void;
  /** A read of the output that has not settled. */
  #reading: Promise<void> | undefined;
  /** At the end of the last chunk, bytes with which magic bytes may begin. */
  #held = NOTHING;
  /** Bytes that the platform has got, and the last four of them, little-endian. */
  #given = 0;
  #tail = 0;
  /** Length of the output. */
  #made = 0;
  #trials = 0;

  /** `onOutput` gets the pieces of output. */
  constructor(onOutput: (output: Uint8Array<ArrayBuffer>) => void) {
    const { writable, readable } = new DecompressionStream("gzip");
    this.#writer = writable.getWriter();
    this.#reader = readable.getReader();
    this.#onOutput = onOutput;
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
  }

  /**
   * Decompresses a chunk. If the member ends in it, the result is what follows.
   *
   * Throws the platform's error for damaged data.
   */
  async take(chunk: Uint8Array<ArrayBuffer>): Promise<NextMember> {
    const input = joined(this.#held, chunk);
    this.#held = NOTHING;
    let from = 0;
    let to = input.length;
    const [first] = GZIP_MAGIC;
    for (
      let at = input.indexOf(first);
      at >= 0;
      at = input.indexOf(first, at + 1)
    ) {
      const isMagic = GZIP_MAGIC.every((byte, index) =>
        at + index >= input.length || input[at + index] === byte
      );
      if (!isMagic) continue;
      if (at + GZIP_MAGIC.length > input.length) {
        to = at;
        break;
      }
      const length = this.#lengthBefore(input, from, at);
      if (length === undefined) continue;
      await this.#give(input.subarray(from, at));
      from = at;
      if (length !== this.#made % 2 ** 32) continue;
      await this.end();
      return input.subarray(at);
    }
    this.#held = input.slice(to);
    await this.#give(input.subarray(from, to));
    return undefined;
  }

  /**
   * The input has ended. Throws the platform's error if the member is not complete.
   */
  async end(): Promise<void> {
    await this.#give(this.#held);
    this.#held = NOTHING;
    const closing = this.#writer.close();
    closing.catch(() => {});
    await this.#reading;
    for (;;) {
      const { value } = await this.#reader.read();
      if (value === undefined) break;
      this.#onOutput(value);
    }
    await closing;
  }

  /** Frees the memory of the platform. */
  abort(): void {
    this.#writer.abort().catch(() => {});
    this.#reader.cancel().catch(() => {});
  }

  /**
   * The length of the output that a member which ends at `at` would have, modulo 2^32
   * (RFC 1952, section 2.3.1); `undefined` if none can end there.
   */
  #lengthBefore(
    input: Uint8Array,
    from: number,
    at: number,
  ): number | undefined {
    if (this.#given + at - from < SHORTEST) return undefined;
    let length = this.#tail;
    for (const byte of input.subarray(Math.max(from, at - 4), at)) {
      length = (length >>> 8 | byte << 24) >>> 0;
    }
    const more = (length - this.#made) >>> 0;
    if (more > (at - from) * MOST_EXPANSION) return undefined;
    return this.#trials++ < MOST_TRIALS ? length : undefined;
  }

  async #give(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    if (piece.length === 0) return;
    this.#given += piece.length;
    for (const byte of piece.subarray(-4)) {
      this.#tail = (this.#tail >>> 8 | byte << 24) >>> 0;
    }
    // It must wait before the piece is written: the platform takes a piece only when
    // somebody reads, and the output of the piece has then been read after the write.
    this.#reading ??= this.#reader.read().then(({ value }) => {
      this.#reading = undefined;
      if (value === undefined) return;
      this.#made += value.length;
      this.#onOutput(value);
    });
    this.#reading.catch(() => {});
    await this.#writer.write(piece);
  }
}

function joined(
  rest: Uint8Array<ArrayBuffer>,
  chunk: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (rest.length === 0) return chunk;
  const both = new Uint8Array(rest.length + chunk.length);
  both.set(rest);
  both.set(chunk, rest.length);
  return both;
}
