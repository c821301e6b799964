/**
 * What header blocks are compressed and read with, shared by the streams of a process
 * that have had few blocks.
 *
 * @module
 */

/**
 * Most tools that are kept for streams which have none of their own: about 20 KiB each,
 * in each direction. A process with fewer connections never repeats any work.
 */
const KEPT = 16;

interface Kept<Tools> {
  readonly stream: number;
  readonly tools: Tools;
}

/**
 * The tools that were used last, each in the state of the stream that used it. A stream
 * that finds its own there continues with it. If other streams have used them since,
 * the stream brings some into its state again.
 */
export class SharedTools<Tools> {
  /** The one that was used last is at the end. */
  readonly #kept: Kept<Tools>[] = [];
  #streams = 0;

  /** A number for a new stream. */
  add(): number {
    return ++this.#streams;
  }

  /** Removes and returns the tools that are in the state of `stream`. */
  take(stream: number): Tools | undefined {
    for (let index = this.#kept.length - 1; index >= 0; index--) {
      if (this.#kept[index].stream === stream) {
        return this.#kept.splice(index, 1)[0].tools;
      }
    }
    return undefined;
  }

  /** Removes and returns the tools that were not used for longest, if there are enough. */
  takeOldest(): Tools | undefined {
    return this.#kept.length < KEPT ? undefined : this.#kept.shift()!.tools;
  }

  /** Keeps the tools, which are in the state of `stream`. */
  keep(stream: number, tools: Tools): void {
    if (this.#kept.length === KEPT) this.#kept.shift();
    this.#kept.push({ stream, tools });
  }
}
