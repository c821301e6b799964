/**
 * Decompresses the members of a gzip stream (RFC 1952) after the first one, of which
 * there can be any number. `first_member.ts` decompresses the first one. A capture that
 * was cut off is read by `capture/gunzip.ts` instead.
 *
 * @module
 */

import { ZlibError } from "../errors.ts";
import { crc32 } from "./crc32.ts";
import { GZIP_MAGIC, gzipHeadEnd } from "./gzip_head.ts";
import { Inflater } from "./inflater.ts";

/** Most output in one piece, bytes. */
const STEP = 1 << 17;
/**
 * Longest head, bytes. Each chunk that arrives in the middle of a head copies what came
 * before it, and a peer chooses their size.
 */
const MAX_HEAD = 1 << 14;
/** Checksum and length of the output, bytes. */
const TRAILER = 8;
const NOTHING = new Uint8Array(0);

/** Decompresses members one after the other. */
export class NextMembers {
  readonly #inflater = new Inflater({ format: "raw" });
  /** The bytes that were not used yet, except in the state "body". */
  #input: Uint8Array = NOTHING;
  #state: "head" | "body" | "trailer" = "head";
  /** Checksum and length of the member's output. */
  #sum = 0;
  #length = 0;

  /** Whether the bytes so far are a whole number of members. */
  get isComplete(): boolean {
    return this.#state === "head" && this.#input.length === 0;
  }

  /**
   * Adds a chunk, which must not change until {@linkcode next} has returned
   * `undefined`. Must be called only then.
   */
  feed(chunk: Uint8Array): void {
    if (this.#state === "body") this.#inflater.feed(chunk);
    else this.#input = joined(this.#input, chunk);
  }

  /**
   * The next piece of output, at most 128 KiB; `undefined` if more input is needed.
   *
   * Throws `ZlibError` for damaged data.
   */
  next(): Uint8Array<ArrayBuffer> | undefined {
    for (;;) {
      if (this.#state === "body") {
        const output = this.#inflate();
        if (output.length > 0) return output;
        // It has not changed to "trailer".
        if (this.#state === "body") return undefined;
      } else {
        const isRead = this.#state === "head"
          ? this.#readHead()
          : this.#readTrailer();
        if (!isRead) return undefined;
      }
    }
  }

  #readHead(): boolean {
    const input = this.#input;
    if (input.length === 0) return false;
    const isOther = GZIP_MAGIC.some((byte, index) =>
      index < input.length && byte !== input[index]
    );
    if (isOther) {
      throw new ZlibError("bytes follow the end of the compressed data");
    }
    const end = gzipHeadEnd(input, 0);
    if (end < 0) {
      if (input.length <= MAX_HEAD) return false;
      throw new ZlibError(`a head with more than ${MAX_HEAD} bytes`);
    }
    this.#inflater.restart();
    this.#inflater.feed(input, end);
    this.#input = NOTHING;
    this.#sum = 0;
    this.#length = 0;
    this.#state = "body";
    return true;
  }

  #inflate(): Uint8Array<ArrayBuffer> {
    const inflater = this.#inflater;
    inflater.inflate(STEP);
    const output = inflater.take();
    this.#sum = crc32(output, this.#sum);
    this.#length = (this.#length + output.length) >>> 0;
    if (inflater.finished) {
      this.#input = inflater.unused;
      this.#state = "trailer";
    }
    return output;
  }

  #readTrailer(): boolean {
    const input = this.#input;
    if (input.length < TRAILER) return false;
    const view = new DataView(input.buffer, input.byteOffset, TRAILER);
    // RFC 1952, section 2.3.1: CRC32, and ISIZE, the length modulo 2^32.
    if (view.getUint32(0, true) !== this.#sum) {
      throw new ZlibError("the checksum of the output is not that of the data");
    }
    if (view.getUint32(4, true) !== this.#length) {
      throw new ZlibError("the length of the output is not that of the data");
    }
    this.#input = input.subarray(TRAILER);
    this.#state = "head";
    return true;
  }
}

function joined(rest: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (rest.length === 0) return chunk;
  const both = new Uint8Array(rest.length + chunk.length);
  both.set(rest);
  both.set(chunk, rest.length);
  return both;
}
