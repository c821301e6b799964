/**
 * The switch for everything in this folder that relies on how Deno keeps the
 * state of its objects: the stand-ins for `Request` and `Response`, and reading
 * the body of a response without its stream. When it is off, the platform's objects
 * are created at once. Each part also tests itself before it is used, and is off on a
 * Deno whose objects differ. Responses skip this test on versions of Deno with which the
 * tests of this package passed.
 *
 * Besides speed, two things that users see depend on it. When it is off, `serve`
 * resets a response whose `content-length` does not match a body in memory, instead of
 * correcting the header; and bodies in memory have no BYOB readers.
 *
 * @module
 */

let on = true;

/** Whether the parts may be used. They ask once. */
export function usesStandIns(): boolean {
  return on;
}

/** Turns all of them off, for a program that has not loaded them yet. */
export function turnOffStandIns(): void {
  on = false;
}
