/**
 * How a server ends its streams and the connection without losing output.
 *
 * @module
 */

import type { Connection } from "../../connection.ts";
import { startTimer, stopTimer } from "../../connection/clock.ts";
import type { Stream } from "../../connection/stream.ts";

/** How long a client that has everything may take to close the connection, ms. */
const LINGER = 10_000;

/**
 * What the peer sends, without a reset when the reader gives up: what still
 * comes is read and dropped. moby/spdystream 0.5.1 goes on writing to a stream
 * that was reset, and those frames would be charged to the peer as a fault.
 */
export function drainedReadable(stream: Stream): ReadableStream<Uint8Array> {
  const reader = stream.readable.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      reader.releaseLock();
      drain(stream);
    },
  }, { highWaterMark: 0 });
}

/** Reads and drops what the peer sends, as long as it does. */
export function drain(stream: Stream | undefined): void {
  stream?.readable.pipeTo(new WritableStream()).catch(() => {});
}

/**
 * This side's half of a stream. A handler writes to {@linkcode writable}; what it
 * wrote arrives even when it goes away without closing it.
 */
export class Output {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;

  constructor(stream: Stream) {
    const writer = stream.writable.getWriter();
    this.#writer = writer;
    this.writable = new WritableStream({
      write: (chunk) => writer.write(chunk),
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    });
  }

  /** Writes the last words and FIN, as far as the stream still takes them. */
  async finish(text = ""): Promise<void> {
    try {
      if (text !== "") await this.#writer.write(new TextEncoder().encode(text));
      await this.#writer.close();
    } catch {
      // Closed by the handler, or reset by the client.
    }
  }
}

/**
 * Lets the client close first. A server that closes while frames of the client
 * are unread makes its kernel reset the connection, and throws away what the
 * client has not received yet.
 */
export async function linger(connection: Connection): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = startTimer(() => late.resolve(), LINGER);
  await Promise.race([connection.closed.catch(() => {}), late.promise]);
  stopTimer(timer);
}
