/**
 * One connection to a port of a pod.
 *
 * @module
 */

import type { Stream } from "../connection/stream/stream.ts";
import { endOfTurn, within } from "../connection/time/clock.ts";
import { PortForwardError } from "./errors.ts";
import { type ErrorText, readErrorText } from "./reading.ts";
import { isCancelledByPeer, readableInBackground } from "./spdy/streams.ts";

/** Most bytes that are kept of the message on the error stream. */
const MAX_MESSAGE = 64 * 1024;
/** How long a connection that has ended waits for an error message of the server, ms. */
const ERROR_GRACE = 1000;

/** Creates a connection from its two streams. Only `PortForwarder.connect` calls it. */
export let createForwarded: (
  port: number,
  data: Stream,
  error: Stream,
) => ForwardedConnection;

/**
 * A connection to a port of a pod. It is used like a connection to the port itself.
 *
 * @example
 * ```ts
 * import { portForward, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async portForward({ readable, writable }) {
 *     await readable.pipeTo(writable);
 *   },
 * });
 * await using forwarder = await portForward({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web" },
 * });
 * // What a local listener would do with each connection it accepts.
 * const remote = await forwarder.connect(80);
 * const local = new Blob(["GET / HTTP/1.0"]).stream();
 * const sent = local.pipeTo(remote.writable);
 * assertEquals(await new Response(remote.readable).text(), "GET / HTTP/1.0");
 * await sent;
 * ```
 */
export class ForwardedConnection {
  readonly #data: Stream;
  readonly #error: Stream;
  /** A message has arrived on the error stream. */
  #failed = false;
  /** The port has sent something. */
  #hasReceived = false;

  /** The port in the pod. */
  readonly port: number;
  /**
   * The bytes that the port sends. Fails with `PortForwardError` when the server
   * reports a failure, and with `ConnectionClosedError` when the session ends first.
   */
  readonly readable: ReadableStream<Uint8Array>;

  static {
    createForwarded = (...parts) => new ForwardedConnection(...parts);
  }

  private constructor(port: number, data: Stream, error: Stream) {
    this.port = port;
    this.#data = data;
    this.#error = error;
    const errorText = readErrorText(readableInBackground(error), {
      bound: MAX_MESSAGE,
      onText: () => {
        this.#failed = true;
      },
      isEnd: isCancelledByPeer,
    });
    this.readable = this.#readUntilFailure(errorText);
  }

  /** The bytes that the port receives. Closing it ends the input of the port. */
  get writable(): WritableStream<Uint8Array> {
    return this.#data.writable;
  }

  /** Resets both streams; the rest of the output is lost. */
  close(): void {
    this.#data.reset();
    this.#error.reset();
  }

  #readUntilFailure(
    errorText: Promise<ErrorText>,
  ): ReadableStream<Uint8Array> {
    const reader = this.#data.readable.getReader();
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        let failure: unknown;
        try {
          const { done, value } = await reader.read();
          if (!done) {
            this.#hasReceived = true;
            controller.enqueue(value);
            return;
          }
        } catch (error) {
          failure = error;
        }
        // If bytes have arrived and there is no message yet, the port itself has
        // ended its output. The reader gets the end at once, because the other
        // direction may continue. If no byte has arrived, the port may not have
        // been reached: containerd 1.6 ends the data stream first, and the kubelet
        // sends the message after that.
        await endOfTurn();
        const half = failure === undefined && !this.#failed &&
          this.#hasReceived;
        let text = "";
        const arrived = errorText.then((result) => text = result.text);
        if (!half) await within(ERROR_GRACE, arrived);
        if (text !== "") throw new PortForwardError(this.port, text);
        if (failure !== undefined && !isCancelledByPeer(failure)) throw failure;
        controller.close();
        // When the error stream ends, the server has closed the port, and nothing
        // reads what is written after that.
        errorText.then(() => this.#data.reset());
      },
      cancel: async (reason) => {
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }
}
