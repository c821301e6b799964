/**
 * Tells bodies in memory from bodies that come in their own time.
 *
 * @module
 */

/** A body, begun to be read. */
export interface BodySource {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The bytes that were available at once. */
  readonly ahead: Uint8Array | undefined;
  /** The read under way. */
  readonly next: Promise<ReadableStreamReadResult<Uint8Array>>;
}

/**
 * Turns of the microtask queue in which the platform hands over a body that it
 * has in memory; a string takes two, then one for the end (Deno 2.9).
 */
const TURNS = 3;
const EMPTY = new Uint8Array(0);

/**
 * The body as bytes when it is in memory, else as a source to read on from.
 * Waits for nothing: a body that comes later must not hold back its head.
 */
export async function readAhead(
  body: ReadableStream<Uint8Array>,
): Promise<Uint8Array | BodySource> {
  const reader = body.getReader();
  const came: ReadableStreamReadResult<Uint8Array>[] = [];
  const keep = (read: ReadableStreamReadResult<Uint8Array>): void => {
    came.push(read);
  };
  for (let reads = 1;; reads++) {
    const next = reader.read();
    // Whoever reads on gets the failure.
    next.then(keep, ignore);
    for (let turn = 0; turn < TURNS && came.length < reads; turn++) {
      await undefined;
    }
    const ahead = came[0]?.value;
    // A stream can contain anything. The next reader refuses a chunk that is not bytes.
    if (came.at(reads - 1)?.done) {
      const bytes = ahead ?? EMPTY;
      if (bytes instanceof Uint8Array) return bytes;
    }
    if (reads === 2 || came.length < reads) return { reader, ahead, next };
  }
}

function ignore(): void {}
