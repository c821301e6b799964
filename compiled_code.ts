/**
 * Keeps compiled code. V8 discards the code that it has compiled for the objects of a
 * class when a full garbage collection finds none of them alive. A server between two
 * requests has no stream, and would compile the code for streams anew. So one object of
 * each class with much code is kept alive for as long as the process runs.
 *
 * Measured with short-lived deflaters and a collection every quarter of a second: 44
 * instead of 36 MB/s of text. With a collection every 0.8 s, a connection answers a
 * quarter more requests. `tests/speed/kept_code.ts` checks this.
 *
 * @module
 */

const kept: unknown[] = [];

/** Keeps the code that V8 compiles for the class of `object`, and of all objects in it. */
export function keepCompiledCode(object: unknown): void {
  kept.push(object);
}
