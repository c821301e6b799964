/**
 * The switch for everything in this folder that relies on how Deno keeps the
 * state of its objects: the stand-ins for `Request` and `Response`, and reading
 * the body of a response without its stream. Off, the platform's objects are made
 * at once. Nothing but speed depends on it; each part also tests itself when it is
 * loaded, and is off on a Deno whose objects are made differently.
 *
 * @module
 */

let on = true;

/** Whether the parts may be used. They ask when they are loaded. */
export function usesStandIns(): boolean {
  return on;
}

/** Turns all of them off, for a program that has not loaded them yet. */
export function turnOffStandIns(): void {
  on = false;
}
