/**
 * Releases the memory of the header compression while a connection is silent.
 *
 * @module
 */

import { headerBytesOf, type Session, shrinkHeaders } from "../../session.ts";
import { startIdleTimer, stopTimer, type Timer } from "../time/clock.ts";

/** Without a header block for so long, the memory is released, ms. */
const SILENCE = 10_000;
/** Bytes of header blocks, before and after compression, that take memory worth releasing. */
const ENOUGH = 8192;

/**
 * Releases the memory of one session after a silence. After many requests, a session takes
 * up to 275 KiB. 67 KiB of them are left: mostly the 32 KiB of headers that the peer may
 * still refer to, and the objects of the session. Connections with few requests have no
 * timer.
 */
export class HeaderMemory {
  readonly #session: Session;
  /** Bytes of header blocks when memory was last released. */
  #released = 0;
  #timer: Timer | undefined;

  /** Releases memory of `session`. */
  constructor(session: Session) {
    this.#session = session;
  }

  /** Everything that was ready was sent. */
  idle(): void {
    if (this.#timer !== undefined) return;
    const bytes = this.#bytes();
    if (bytes - this.#released >= ENOUGH) this.#wait(bytes);
  }

  /** Ends the timer. */
  stop(): void {
    stopTimer(this.#timer);
    this.#timer = undefined;
  }

  #wait(before: number): void {
    this.#timer = startIdleTimer(() => {
      this.#timer = undefined;
      const bytes = this.#bytes();
      if (bytes !== before) return this.#wait(bytes);
      this.#released = bytes;
      shrinkHeaders(this.#session);
    }, SILENCE);
  }

  #bytes(): number {
    const { sent, received } = headerBytesOf(this.#session);
    return sent.plain + sent.compressed + received.plain + received.compressed;
  }
}
