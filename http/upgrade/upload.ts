/**
 * The body of an HTTP/1.1 request for its handler, which may read it after the
 * response was sent.
 *
 * @module
 */

import {
  startIdleTimeout,
  stopTimer,
  type Timer,
} from "../../connection/time/clock.ts";
import type { RequestBody } from "./request_body.ts";
import type { TimeoutConn } from "./timeout_conn.ts";

/** The body of a request that its handler reads. */
export class Upload {
  /** The stream for the handler. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #conn: TimeoutConn;
  readonly #body: RequestBody;
  /** Resolves when the handler has stopped reading. */
  readonly #over = Promise.withResolvers<void>();
  #reads = 0;
  #reading = false;

  constructor(conn: TimeoutConn, body: RequestBody) {
    this.#conn = conn;
    this.#body = body;
    this.stream = new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#over.resolve(),
    }, { highWaterMark: 0 });
  }

  /**
   * Resolves when the handler does not read any more: at once if it has not begun;
   * otherwise at the end of the body, when the handler cancels it, or when it does
   * not read for the connection's time limit.
   */
  async handlerIsDone(): Promise<void> {
    const begun = this.stream.locked || this.#reads > 0;
    if (!begun || this.#body.ended || this.#conn.closed) return;
    let timer: Timer | undefined;
    const wait = (): void => {
      const seen = this.#reads;
      timer = startIdleTimeout(() => {
        if (this.#reading || this.#reads !== seen) wait();
        else this.#over.resolve();
      }, this.#conn.timeout);
    };
    this.#conn.onClose = () => this.#over.resolve();
    wait();
    await this.#over.promise;
    stopTimer(timer);
    this.#conn.onClose = undefined;
  }

  async #pull(
    controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    this.#reads++;
    this.#reading = true;
    try {
      const bytes = await this.#conn.inTime(this.#body.read());
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes);
      if (this.#body.ended) this.#over.resolve();
    } catch (error) {
      this.#over.resolve();
      throw error;
    } finally {
      this.#reading = false;
    }
  }
}
