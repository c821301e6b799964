/**
 * Accepts connections while a listener is open.
 *
 * @module
 */

import { Pauses } from "../time/pauses.ts";

/** Wait after the first failed accept, ms; each further failure in a row doubles it. */
const FIRST_PAUSE = 5;
/** Longest wait, ms. */
const LONGEST_PAUSE = 1000;

/** A listener. */
export interface Accepting<Conn> {
  accept(): Promise<Conn>;
}

/** Handles accepted connections and errors. */
export interface AcceptHandlers<Conn> {
  /** Starts to serve a connection and returns. An exception is passed to `error`. */
  take(conn: Conn): void;
  /** Called with the error of each accept that failed, unless only its client has disconnected. */
  error?(error: unknown): void;
  /** Whether the listener was closed, so that a failed accept is not followed by another. */
  ended?(): boolean;
  /** Decide whether the waits after failed accepts keep the process alive; by default, they do. */
  readonly pauses?: Pauses;
}

/**
 * Accepts connections until the listener is closed. Other errors do not end the
 * loop. If a client has already disconnected (see {@linkcode hasLeft}), the next accept
 * follows at once: any client can cause this error, and each health check of a load
 * balancer does. After another error, for example when there is no free file
 * descriptor (EMFILE), the next accept follows after a pause, because it would
 * probably fail as well.
 */
export async function acceptAll<Conn>(
  listener: Accepting<Conn>,
  { take, error: tell, ended, pauses = new Pauses() }: AcceptHandlers<Conn>,
): Promise<void> {
  let wait = FIRST_PAUSE;
  for (;;) {
    let conn: Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (isClosed(error) || ended?.()) return;
      if (hasLeft(error)) continue;
      quietly(() => tell?.(error));
      await pauses.pause(wait);
      if (ended?.()) return;
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

/** Accepts the next connection whose client has not already disconnected. Rejects as the listener does. */
export async function acceptNext<Conn>(
  listener: Accepting<Conn>,
): Promise<Conn> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if (!hasLeft(error)) throw error;
    }
  }
}

/** Whether the listener was closed: before the accept (`BadResource`) or during it (`Interrupted`). */
function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

/**
 * Whether an accept failed only because its client reset the connection before it
 * was accepted. Deno then cannot get its address (ENOTCONN).
 */
export function hasLeft(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

/** Runs `tell`. An exception in the error handler does not end the loop either. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // The error handler itself failed, so there is nowhere to report this.
  }
}
