/**
 * What both directions of the proxy share: the rules, and the answer if the server
 * behind the proxy fails.
 *
 * @module
 */

import {
  startTimer,
  stopTimer,
  type Timer,
} from "../../connection/time/clock.ts";
import { reasonOf } from "../command.ts";
import { printable, printError, red, show } from "../terminal.ts";

/** How a proxy treats requests and responses. */
export interface ProxyRules {
  /** The server behind the proxy, as the user typed it. */
  readonly behind: string;
  /** Whether clients connect with TLS. */
  readonly isTls: boolean;
  /** Whether to send the client's host instead of that of the server behind the proxy. */
  readonly preserveHost: boolean;
  /** Whether to replace the server behind the proxy by the proxy in `location` headers. */
  readonly rewriteRedirects: boolean;
  /** Longest wait for the head of a response after the last chunk of the request, ms; 0: no limit. */
  readonly timeout: number;
}

/** The server behind the proxy did not answer in time. */
export class GatewayTimeout extends Error {
  /** `timeout` in ms. */
  constructor(timeout: number) {
    super(`no answer within ${timeout / 1000} s (--timeout)`);
    this.name = "GatewayTimeout";
  }
}

/** Limits the time in which no chunk of the request's body is sent and no answer begins. */
export class AnswerTimer {
  readonly #timeout: number;
  readonly #onTimeout: (error: GatewayTimeout) => void;
  #timer: Timer | undefined;

  /** Starts; `timeout` in ms, 0: no limit. */
  constructor(timeout: number, onTimeout: (error: GatewayTimeout) => void) {
    this.#timeout = timeout;
    this.#onTimeout = onTimeout;
    this.#start();
  }

  /** Passes on a body; the time begins anew with each of its chunks. */
  watch(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    return body.pipeThrough(
      new TransformStream({
        transform: (chunk, controller) => {
          if (this.#timer !== undefined) {
            this.stop();
            this.#start();
          }
          controller.enqueue(chunk);
        },
      }),
    );
  }

  /** Stops the limit, because the answer has begun or the request has failed. */
  stop(): void {
    stopTimer(this.#timer);
    this.#timer = undefined;
  }

  #start(): void {
    if (this.#timeout === 0) return;
    this.#timer = startTimer(() => {
      this.#timer = undefined;
      this.#onTimeout(new GatewayTimeout(this.#timeout));
    }, this.#timeout);
  }
}

/** The proxy cannot forward a request; the server behind it was not asked. */
export class RefusedRequest extends Error {
  /** The status of the answer. */
  readonly status: 400 | 501;

  /** `reason` is sent to the client. */
  constructor(status: 400 | 501, reason: string) {
    super(reason);
    this.name = "RefusedRequest";
    this.status = status;
  }
}

/**
 * The answer for a client if the server behind the proxy failed. The error is also
 * printed on standard error, unless the request itself is at fault.
 */
export function failedAnswer(error: unknown, { behind }: ProxyRules): Response {
  if (error instanceof RefusedRequest) {
    return new Response(`${printable(error.message)}\n`, {
      status: error.status,
    });
  }
  const reason = reasonOf(error);
  const status = error instanceof GatewayTimeout ? 504 : 502;
  printError(show`${red("spdy:")} ${status}: ${behind}: ${reason}`);
  const text = `the server behind the proxy failed: ${printable(reason)}\n`;
  return new Response(text, { status });
}
