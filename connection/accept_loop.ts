/**
 * Accepting connections for as long as a listener is open.
 *
 * @module
 */

import { pause } from "./clock.ts";

/** Wait after a first failed accept, ms; each one more in a row doubles it. */
const FIRST_PAUSE = 5;
/** Longest wait, ms. */
const LONGEST_PAUSE = 1000;

/** What connections are accepted from. */
export interface Accepting<Conn> {
  accept(): Promise<Conn>;
}

/** What becomes of connections, and of what fails. */
export interface AcceptHandlers<Conn> {
  /** Begins with a connection and returns; what it throws goes to `error`. */
  take(conn: Conn): void;
  /** Told of each accept that failed. */
  error?(error: unknown): void;
}

/**
 * Accepts until the listener is closed. An accept that fails for another reason
 * ends nothing: a client may have gone before its turn (ECONNABORTED), or the
 * process may have no file descriptor left (EMFILE) until a connection ends.
 * The next accept follows after a pause, since it may well fail at once.
 */
export async function acceptAll<Conn>(
  listener: Accepting<Conn>,
  { take, error: tell }: AcceptHandlers<Conn>,
): Promise<void> {
  let wait = FIRST_PAUSE;
  for (;;) {
    let conn: Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (isClosed(error)) return;
      quietly(() => tell?.(error));
      await pause(wait);
      wait = Math.min(2 * wait, LONGEST_PAUSE);
      continue;
    }
    wait = FIRST_PAUSE;
    try {
      take(conn);
    } catch (error) {
      quietly(() => tell?.(error));
    }
  }
}

/** How Deno says that the listener was closed, before and during an accept. */
function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

/** A fault in the telling of faults ends nothing either. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // There is nobody left to tell.
  }
}
