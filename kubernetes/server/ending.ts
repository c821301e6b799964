/**
 * How a server ends its streams and the connection without losing output.
 *
 * @module
 */

import type { RawConnection } from "../../connection.ts";
import { startTimer, stopTimer } from "../../connection/clock.ts";
import { stateOf, type Stream } from "../../connection/stream.ts";

/** How long a client that has everything may take to end what it still has, ms. */
export const LINGER = 10_000;

/**
 * This side's half of a stream. A handler writes to {@linkcode writable}; what it
 * wrote arrives even when it goes away without closing it, or without waiting
 * for its writes.
 */
export class Output {
  readonly #stream: Stream;
  #writable: WritableStream<Uint8Array> | undefined;
  /** Chunks that the handler has written and the stream has not taken. */
  #queued = 0;
  /** Called with the last of them. */
  #onTaken: (() => void) | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** For the handler; made when first asked for. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (chunk) => {
        try {
          await this.#stream.write(chunk);
        } catch (error) {
          // The sink gets no more.
          this.#took(this.#queued);
          throw error;
        }
        this.#took(1);
      },
      close: () => {
        // Writes behind the close were counted, too; they are rejected.
        this.#took(this.#queued);
        return this.#stream.closeWrite();
      },
      abort: () => {
        this.#took(this.#queued);
        this.#stream.reset();
      },
    }, {
      highWaterMark: 1,
      // Called with each write(), the sink only when its turn has come.
      size: () => {
        this.#queued++;
        return 1;
      },
    });
  }

  /** Writes the last words and FIN behind all that the handler wrote, as far as the stream still takes them. */
  async finish(text = ""): Promise<void> {
    try {
      await this.#taken();
      if (text !== "") {
        await this.#stream.write(new TextEncoder().encode(text));
      }
      await this.#stream.closeWrite();
    } catch {
      // Closed by the handler, or reset by the client.
    }
  }

  #took(chunks: number): void {
    this.#queued -= chunks;
    if (this.#queued === 0) this.#onTaken?.();
  }

  /** Resolves when the stream has taken what the handler wrote, or has ended. */
  async #taken(): Promise<void> {
    if (this.#queued === 0) return;
    const taken = Promise.withResolvers<void>();
    this.#onTaken = taken.resolve;
    // Not as an application that waits: see `StreamCore.wait`.
    const { observed } = stateOf(this.#stream).closed;
    const ended = observed.then(() => {}, () => {});
    await Promise.race([taken.promise, ended]);
  }
}

/**
 * Lets the client close first. A server that closes while frames of the client
 * are unread makes its kernel reset the connection, and throws away what the
 * client has not received yet.
 */
export async function linger(connection: RawConnection): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = startTimer(() => late.resolve(), LINGER);
  await Promise.race([connection.closed.catch(() => {}), late.promise]);
  stopTimer(timer);
}
