/**
 * What both directions of the proxy have in common: its rules, and how it answers
 * when the server behind it does not.
 *
 * @module
 */

import { reasonOf } from "../command.ts";
import { printable, printError, red, show } from "../terminal.ts";

/** How a proxy treats requests and answers. */
export interface ProxyRules {
  /** The server behind the proxy, as typed. */
  readonly behind: string;
  /** Whether clients connect by TLS. */
  readonly isTls: boolean;
  /** Send the host that the client asked for, and not that of the server behind. */
  readonly preserveHost: boolean;
  /** Let `location` headers that name the server behind name the proxy. */
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

/** The answer for a client when the server behind failed, which is also printed on standard error. */
export function failedAnswer(error: unknown, { behind }: ProxyRules): Response {
  const reason = reasonOf(error);
  const status = error instanceof GatewayTimeout ? 504 : 502;
  printError(show`${red("spdy:")} ${status}: ${behind}: ${reason}`);
  const text = `the server behind the proxy did not answer: ${
    printable(reason)
  }\n`;
  return new Response(text, { status });
}
