/**
 * Decompresses a gzip file in pieces (RFC 1952). If the file is truncated, the
 * platform's DecompressionStream drops its remaining output; this class does not.
 *
 * @module
 */

import { ZlibError } from "../errors.ts";
import { Inflater } from "../zlib/inflater.ts";
import { ByteQueue } from "./byte_queue.ts";

/** Most output in one piece, bytes. */
const STEP = 1 << 18;
const HAS_CHECKSUM = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;
const TRAILER = 8;
/** Longest head that is kept, bytes. */
const MAX_HEAD = 1 << 17;

/** Whether these are the first bytes of a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

/** Decompresses the members of a gzip file one after the other. */
export class Gunzip {
  readonly #queue = new ByteQueue();
  #state: "head" | "body" | "trailer" | "over" = "head";
  #inflater = new Inflater({ format: "raw" });
  #members = 0;

  /**
   * The decompressed bytes in pieces; each one is valid until the next. Throws
   * `ZlibError` for damaged data.
   */
  *read(bytes: Uint8Array): Generator<Uint8Array> {
    const queue = this.#queue;
    queue.push(bytes);
    while (queue.available > 0) {
      if (this.#state === "over") break;
      if (this.#state === "head") {
        if (this.#members > 0 && queue.available >= 3) {
          // Bytes after the last member are padding.
          if (!isGzip(queue.bytes.subarray(queue.at))) {
            this.#state = "over";
            break;
          }
        }
        const end = headEnd(queue.bytes, queue.at);
        if (end < 0) break;
        queue.at = end;
        this.#state = "body";
        this.#inflater = new Inflater({ format: "raw" });
      } else if (this.#state === "body") {
        yield* this.#inflate();
      } else {
        if (queue.available < TRAILER) break;
        queue.at += TRAILER;
        this.#members++;
        this.#state = "head";
      }
    }
    if (this.#state === "over") queue.at = queue.bytes.length;
    if (queue.available > MAX_HEAD && this.#state === "head") {
      throw new ZlibError(
        `a head with more than ${MAX_HEAD} bytes`,
      );
    }
    queue.keep();
  }

  /** Whether the file ends within a member. */
  get isCutOff(): boolean {
    return this.#state === "body" || this.#state === "trailer" ||
      this.#members === 0;
  }

  *#inflate(): Generator<Uint8Array> {
    const queue = this.#queue;
    const inflater = this.#inflater;
    inflater.feed(queue.bytes.subarray(queue.at));
    for (let more = true; more;) {
      let fault: unknown;
      try {
        more = !inflater.inflate(STEP);
      } catch (error) {
        fault = error;
      }
      // The output before the damage is correct.
      if (inflater.outputLength > 0) yield inflater.output();
      if (fault !== undefined) throw fault;
      inflater.release();
    }
    queue.at = queue.bytes.length - inflater.unused.length;
    if (inflater.finished) this.#state = "trailer";
  }
}

/** Index after the head of a member; -1 if it is not complete. */
function headEnd(bytes: Uint8Array, at: number): number {
  if (bytes.length < at + 10) return -1;
  const flags = bytes[at + 3];
  let end = at + 10;
  if (flags & HAS_EXTRA) {
    if (bytes.length < end + 2) return -1;
    end += 2 + (bytes[end] | bytes[end + 1] << 8);
  }
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if ((flags & flag) === 0) continue;
    const zero = bytes.indexOf(0, end);
    if (zero < 0) return -1;
    end = zero + 1;
  }
  if (flags & HAS_CHECKSUM) end += 2;
  return end <= bytes.length ? end : -1;
}
