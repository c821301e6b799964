/**
 * Tells bodies in memory from bodies that come in their own time.
 *
 * @module
 */

/** A body, begun to be read. */
export interface BodySource {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What came at once. */
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
  let next = reader.read();
  const first = await soon(next);
  if (first === undefined) return { reader, ahead: undefined, next };
  if (first.done) return EMPTY;
  next = reader.read();
  const second = await soon(next);
  if (second?.done) return first.value;
  return { reader, ahead: first.value, next };
}

/** What the promise resolves to within a few turns, else `undefined`. */
async function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  let result: T | undefined;
  promise.then((value) => {
    result = value;
  }, () => {
    // Whoever reads on gets the failure.
  });
  for (let turn = 0; turn < TURNS && result === undefined; turn++) {
    await undefined;
  }
  return result;
}
