/**
 * Copies of small chunks that stay inside this module.
 *
 * @module
 */

/** Memory that copies share, bytes: what a forgotten one of a byte keeps alive. */
const SHARED = 4096;
/** A larger chunk gets memory of its own. */
const SMALL = 2048;

let memory = new Uint8Array(0);
let used = 0;

/**
 * A copy that shares its memory with others: a buffer of its own takes 0.5 us
 * and its collection as much again. It must not be handed out, since the
 * application could reach the others through it.
 */
export function smallCopy(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = chunk;
  if (length > SMALL) return new Uint8Array(chunk);
  if (used + length > memory.length) {
    memory = new Uint8Array(SHARED);
    used = 0;
  }
  const copy = memory.subarray(used, used + length);
  copy.set(chunk);
  used += length;
  return copy;
}
