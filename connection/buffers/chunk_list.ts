/**
 * The chunks of a {@linkcode ReceiveBuffer} that wait for a reader.
 *
 * @module
 */

import { concat } from "../../bytes.ts";
import { makeList } from "../../frame/pair.ts";

/**
 * If this number of chunks waits, further small ones share memory. One object for
 * each byte that arrives alone would take hundreds of times the memory that the
 * windows allow.
 */
const MANY_CHUNKS = 32;
/** A chunk up to this size is small, bytes. */
const SMALL_CHUNK = 1024;
/** Small chunks are joined up to this size, bytes. */
const LARGEST_TAIL = 16384;
/** Number of chunks that are removed from the front of the list before the rest is moved. */
const MOST_READ = 32;

/**
 * Shared by all streams without chunks, because a list takes 32 bytes. Nothing is added
 * to it.
 */
const NO_CHUNKS: Uint8Array<ArrayBuffer>[] = [];

/** A list of chunks in the order of their arrival. Small chunks share memory when many wait. */
export class ChunkList {
  /** A list of its own once there is a chunk. */
  #chunks: Uint8Array<ArrayBuffer>[] = NO_CHUNKS;
  #first = 0;
  /** Bytes of the first chunk that {@linkcode fill} took. */
  #offset = 0;
  /** Memory of the last chunk, when more small ones can be added to it. */
  #tail: Uint8Array<ArrayBuffer> | undefined;

  /** Whether no bytes wait. */
  get isEmpty(): boolean {
    return this.#first === this.#chunks.length;
  }

  /** Whether a part of the first chunk was taken. */
  get isBegun(): boolean {
    return this.#offset > 0;
  }

  /** Adds a chunk at the end. The list may keep its memory. */
  keep(chunk: Uint8Array<ArrayBuffer>): void {
    const tail = this.#tail;
    const join = chunk.length <= SMALL_CHUNK &&
      this.#chunks.length - this.#first >= MANY_CHUNKS;
    if (!join || tail === undefined) {
      if (this.#chunks === NO_CHUNKS) this.#chunks = makeList(chunk);
      else this.#chunks.push(chunk);
      this.#tail = join ? chunk : undefined;
      return;
    }
    const last = this.#chunks.length - 1;
    const { length } = this.#chunks[last];
    const end = length + chunk.length;
    let memory = tail;
    if (end > tail.length) {
      memory = new Uint8Array(Math.min(end * 2, LARGEST_TAIL + SMALL_CHUNK));
      memory.set(this.#chunks[last]);
    }
    memory.set(chunk, length);
    this.#chunks[last] = memory.subarray(0, end);
    this.#tail = end >= LARGEST_TAIL ? undefined : memory;
  }

  /** Removes and returns the rest of the first chunk. */
  shift(): Uint8Array<ArrayBuffer> {
    const chunk = this.#chunks[this.#first];
    // The list must not keep read chunks alive, even if it never becomes empty.
    this.#chunks[this.#first++] = NOTHING;
    const rest = this.#offset === 0 ? chunk : chunk.subarray(this.#offset);
    this.#offset = 0;
    if (this.#first === this.#chunks.length) {
      this.#chunks = NO_CHUNKS;
      this.#first = 0;
      this.#tail = undefined;
    } else if (this.#first === MOST_READ) {
      this.#chunks.splice(0, MOST_READ);
      this.#first = 0;
    }
    return unshared(rest);
  }

  /** Copies as many bytes as fit into `buffer`, removes them, and returns their number. */
  fill(buffer: Uint8Array): number {
    let taken = 0;
    while (this.#first < this.#chunks.length && taken < buffer.length) {
      const chunk = this.#chunks[this.#first];
      const end = this.#offset + buffer.length - taken;
      const part = chunk.subarray(this.#offset, end);
      buffer.set(part, taken);
      taken += part.length;
      this.#offset += part.length;
      if (this.#offset === chunk.length) this.shift();
    }
    return taken;
  }

  /**
   * All bytes of a list, of which nothing was taken, in one array that shares no
   * memory with a chunk.
   */
  all(): Uint8Array<ArrayBuffer> {
    const chunks = this.#chunks.slice(this.#first);
    return chunks.length === 1 ? unshared(chunks[0]) : concat(chunks);
  }

  /** Removes all chunks. */
  drop(): void {
    this.#chunks = NO_CHUNKS;
    this.#first = 0;
    this.#tail = undefined;
    this.#offset = 0;
  }
}

const NOTHING = new Uint8Array(0);

/** A chunk that shares its memory with no other, for the application. */
function unshared(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return chunk.length < chunk.buffer.byteLength ? chunk.slice() : chunk;
}
