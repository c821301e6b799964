/**
 * Distinguishes bodies in memory from bodies that arrive over time.
 *
 * @module
 */

/** A body that is a stream, after its first read was started. */
export interface StartedBody {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The bytes that were available at once. */
  readonly ahead: Uint8Array | undefined;
  /** The read in progress. */
  readonly next: Promise<ReadableStreamReadResult<Uint8Array>>;
}

/**
 * Turns of the microtask queue after which the platform has delivered a body in
 * memory; for a string it needs two, then one for the end (Deno 2.9).
 */
const TURNS = 3;
const EMPTY = new Uint8Array(0);

/**
 * Returns the bytes of a body in memory, or a source for any other body. Does not
 * wait longer than {@linkcode TURNS}, so that the head of a slow body is sent at
 * once.
 */
export async function readAhead(
  body: ReadableStream<Uint8Array>,
): Promise<Uint8Array | StartedBody> {
  const reader = body.getReader();
  const arrived: ReadableStreamReadResult<Uint8Array>[] = [];
  const keep = (read: ReadableStreamReadResult<Uint8Array>): void => {
    arrived.push(read);
  };
  for (let reads = 1;; reads++) {
    const next = reader.read();
    // The next reader gets the error.
    next.then(keep, ignore);
    for (let turn = 0; turn < TURNS && arrived.length < reads; turn++) {
      await undefined;
    }
    const first = arrived.at(0);
    // A stream can contain anything. The next reader refuses a chunk that is not bytes,
    // and `null` is refused as `undefined` would be.
    const ahead = first?.done === false
      ? first.value ?? (null as unknown as Uint8Array)
      : undefined;
    if (arrived.at(reads - 1)?.done) {
      if (reads === 1) return EMPTY;
      if (ahead instanceof Uint8Array) return ahead;
    }
    if (reads === 2 || arrived.length < reads) return { reader, ahead, next };
  }
}

function ignore(): void {}
