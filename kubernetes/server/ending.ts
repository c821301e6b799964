/**
 * How a server ends its channels without losing output.
 *
 * @module
 */

import { startTimer, stopTimer } from "../../connection/clock.ts";
import type { OutputChannel } from "../channels.ts";

/** How long a client that has received everything may take to end what it still has, ms. */
export const LINGER = 10_000;

/**
 * What a handler sends on a channel. The handler writes to {@linkcode writable};
 * what it wrote arrives even if it ends without closing it, or without waiting
 * for its writes.
 */
export class Output {
  readonly #channel: OutputChannel;
  #writable: WritableStream<Uint8Array> | undefined;
  /** Chunks that the handler has written and the channel has not taken. */
  #queued = 0;
  /** Called with the last of them. */
  #onTaken: (() => void) | undefined;

  constructor(channel: OutputChannel) {
    this.#channel = channel;
  }

  /** For the handler; created on first use. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (chunk) => {
        try {
          await this.#channel.write(chunk);
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
        return this.#channel.closeWrite();
      },
      abort: () => {
        this.#took(this.#queued);
        this.#channel.abort();
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

  /** Writes the last words and ends the channel behind all that the handler wrote, as far as the channel still takes it. */
  async finish(text = ""): Promise<void> {
    try {
      await this.#taken();
      if (text !== "") {
        await this.#channel.write(new TextEncoder().encode(text));
      }
      await this.#channel.closeWrite();
    } catch {
      // Closed by the handler, or ended by the client.
    }
  }

  #took(chunks: number): void {
    this.#queued -= chunks;
    if (this.#queued === 0) this.#onTaken?.();
  }

  /** Resolves when the channel has taken what the handler wrote, or has ended. */
  async #taken(): Promise<void> {
    if (this.#queued === 0) return;
    const taken = Promise.withResolvers<void>();
    this.#onTaken = taken.resolve;
    await Promise.race([taken.promise, this.#channel.ended]);
  }
}

/**
 * Lets the client close first. If a server closes while frames of the client are
 * unread, its kernel resets the connection, and drops what the client has not
 * received yet.
 */
export async function linger(closed: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = startTimer(() => late.resolve(), LINGER);
  await Promise.race([closed.catch(() => {}), late.promise]);
  stopTimer(timer);
}
