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

/** A listener. */
export interface Accepting<Conn> {
  accept(): Promise<Conn>;
}

/** Handles accepted connections and errors. */
export interface AcceptHandlers<Conn> {
  /** Starts to serve a connection and returns; what it throws is passed to `error`. */
  take(conn: Conn): void;
  /** Called with the error of each accept that failed, unless only its client has left. */
  error?(error: unknown): void;
  /** Whether the listener was closed, so that no failed accept is followed by another. */
  ended?(): boolean;
}

/**
 * Accepts connections until the listener is closed. Any other error does not end the
 * loop. When the client has left already (see {@linkcode hasLeft}), the next accept
 * follows at once: strangers can cause as many of these errors as they like, and a
 * load balancer's health check causes one each time. Otherwise, as when no file
 * descriptor is left until a connection ends (EMFILE), it follows after a pause,
 * since it is likely to fail again.
 */
export async function acceptAll<Conn>(
  listener: Accepting<Conn>,
  { take, error: tell, ended }: AcceptHandlers<Conn>,
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
      await pause(wait);
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

/** The next connection whose client has not left already; rejects as the listener does. */
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
 * Whether an accept failed only because that client has left: it reset the connection
 * before it was accepted. Deno then cannot ask for its address (ENOTCONN).
 */
export function hasLeft(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

/** Runs `tell`; an exception in the error handler does not end the loop either. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // The error handler itself failed, so there is nowhere to report this.
  }
}
