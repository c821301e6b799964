/**
 * What both directions of the proxy share: the rules, and the answer if the server
 * behind the proxy fails.
 *
 * @module
 */

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
  /** Longest wait for the head of a response, ms; 0: no limit. */
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
