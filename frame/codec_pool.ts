/**
 * A pool of the objects that compress or decompress header blocks, shared by the
 * streams of a process that have had few blocks. A stream in this file is a zlib stream:
 * the header blocks of one direction of a connection.
 *
 * @module
 */

/**
 * Most codecs that are kept, in each direction: about 20 KiB each. A process with at
 * most this many connections never repeats any work.
 */
const KEPT = 16;

interface Kept<Codec> {
  readonly stream: number;
  readonly codec: Codec;
}

/**
 * The codecs that were used last, each in the state of the zlib stream that used it. A
 * stream that finds its own here continues with it. If other streams have used that
 * codec since, the stream brings another one into its own state.
 */
export class CodecPool<Codec> {
  /** The one that was used last is at the end. */
  readonly #kept: Kept<Codec>[] = [];
  #streams = 0;

  /** A number for a new stream. */
  add(): number {
    return ++this.#streams;
  }

  /** Removes and returns the codec that is in the state of `stream`. */
  take(stream: number): Codec | undefined {
    for (let index = this.#kept.length - 1; index >= 0; index--) {
      if (this.#kept[index].stream === stream) {
        return this.#kept.splice(index, 1)[0].codec;
      }
    }
    return undefined;
  }

  /** Removes and returns the codec that has been unused for longest; `undefined` if the pool is not full. */
  takeOldest(): Codec | undefined {
    return this.#kept.length < KEPT ? undefined : this.#kept.shift()!.codec;
  }

  /** Keeps a codec, which is in the state of `stream`. */
  keep(stream: number, codec: Codec): void {
    if (this.#kept.length === KEPT) this.#kept.shift();
    this.#kept.push({ stream, codec });
  }
}
