/**
 * How a server ends its channels without losing output.
 *
 * @module
 */

import { startTimer, stopTimer } from "../../connection/time/clock.ts";
import type { OutputChannel } from "../channels.ts";

/** Longest wait for a client that has received everything to end its streams, ms. */
export const LINGER = 10_000;

/**
 * A handler's output on a channel. The handler writes to {@linkcode writable}. Its
 * bytes arrive even if it ends without closing the stream or without awaiting its
 * writes.
 */
export class Output {
  readonly #channel: OutputChannel;
  #writable: WritableStream<Uint8Array> | undefined;
  /** Chunks that the handler has written and the channel has not accepted. */
  #queued = 0;
  /** Called when the channel has accepted the last of them. */
  #onTaken: (() => void) | undefined;

  constructor(channel: OutputChannel) {
    this.#channel = channel;
  }

  /** The stream for the handler, created on first use. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (chunk) => {
        try {
          await this.#channel.write(chunk);
        } catch (error) {
          // The sink gets no more chunks.
          this.#took(this.#queued);
          throw error;
        }
        this.#took(1);
      },
      close: () => {
        // Writes after the close were counted as well; they are rejected.
        this.#took(this.#queued);
        return this.#channel.closeWrite();
      },
      abort: () => {
        this.#took(this.#queued);
        this.#channel.abort();
      },
    }, {
      highWaterMark: 1,
      // Called for each write(); the sink is called later.
      size: () => {
        this.#queued++;
        return 1;
      },
    });
  }

  /**
   * Writes `text` and ends the channel after all that the handler wrote, if the
   * channel still accepts bytes.
   */
  async finish(text = ""): Promise<void> {
    try {
      await this.#taken();
      if (text !== "") {
        await this.#channel.write(new TextEncoder().encode(text));
      }
      await this.#channel.closeWrite();
    } catch {
      // The handler closed it, or the client ended it.
    }
  }

  #took(chunks: number): void {
    this.#queued -= chunks;
    if (this.#queued === 0) this.#onTaken?.();
  }

  /** Resolves when the channel has accepted what the handler wrote, or has ended. */
  async #taken(): Promise<void> {
    if (this.#queued === 0) return;
    const taken = Promise.withResolvers<void>();
    this.#onTaken = taken.resolve;
    await Promise.race([taken.promise, this.#channel.ended]);
  }
}

/**
 * Lets the client close first. If a server closes before it has read all frames of
 * the client, its kernel resets the connection and drops what the client has not
 * received yet.
 */
export async function linger(closed: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = startTimer(() => late.resolve(), LINGER);
  await Promise.race([closed.catch(() => {}), late.promise]);
  stopTimer(timer);
}
