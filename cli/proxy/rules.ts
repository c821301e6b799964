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

/**
 * The answer for a client if the server behind the proxy failed. The error is also
 * printed on standard error.
 */
export function failedAnswer(error: unknown, { behind }: ProxyRules): Response {
  const reason = reasonOf(error);
  const status = error instanceof GatewayTimeout ? 504 : 502;
  printError(show`${red("spdy:")} ${status}: ${behind}: ${reason}`);
  const text = `the server behind the proxy did not answer: ${
    printable(reason)
  }\n`;
  return new Response(text, { status });
}
