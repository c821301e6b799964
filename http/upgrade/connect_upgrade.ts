/**
 * Connects through an HTTP/1.1 upgrade.
 *
 * @module
 */

import { checkSignal } from "../../connection/abort_signal.ts";
import { checkText, checkTexts } from "../../connection/option_kinds.ts";
import {
  checkClientTuning,
  type ConnectionTuning,
  TUNING_NAMES,
} from "../../connection/options.ts";
import type { TlsOptions } from "../../connection/transport/client_tls.ts";
import {
  checkDial,
  DIAL_NAMES,
  type DialOptions,
} from "../../connection/transport/dial.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { checkNames, copyOptions, type Names, show } from "../../values.ts";
import { TOKEN } from "../platform/header_text.ts";
import { headerLines } from "./header_lines.ts";
import { readHttpUrl } from "./http_url.ts";
import type { UpgradedConnection } from "./upgrade_result.ts";
import { versionOfToken } from "./upgrade_token.ts";

/**
 * Options of {@linkcode connectUpgrade}.
 *
 * @category Client
 */
export interface UpgradeOptions extends ConnectionTuning, DialOptions {
  /**
   * Protocols to ask for, best first: `"SPDY/3.1"`, `"SPDY/3"`, `"SPDY/2"`;
   * default: only `"SPDY/3.1"`.
   */
  readonly protocols?: readonly string[];
  /** Headers of the request. Repeated names are sent as several lines. */
  readonly headers?: HeadersInit;
  /** Method of the request; default `"GET"`. */
  readonly method?: string;
  /** Path of a Unix socket to connect to; the URL then only sets the request. */
  readonly path?: string;
  /** TLS settings, for `https:`. */
  readonly tls?: TlsOptions;
  /**
   * Aborts connecting; the promise rejects with the signal's reason. Has no effect
   * after the upgrade.
   */
  readonly signal?: AbortSignal;
  /** Longest wait for the connection and the answer, ms; 0: no limit; default 30000. */
  readonly timeout?: number;
}

const NAMES: Names<UpgradeOptions> = {
  ...TUNING_NAMES,
  ...DIAL_NAMES,
  protocols: true,
  headers: true,
  method: true,
  path: true,
  tls: true,
  signal: true,
  timeout: true,
};

/**
 * Connects to `url` (`http:` or `https:`), asks for an upgrade to SPDY, and starts
 * a SPDY connection after the 101. Bytes that arrived with the answer are kept.
 *
 * The head of the answer may have up to 16 KiB. Connecting and the answer together
 * may take `timeout` ms.
 *
 * Rejects with {@linkcode UpgradeRefusedError} for any answer but 101, with
 * `HttpMessageError` if the answer is not HTTP or names another protocol, with
 * `ConnectionClosedError` if the server closes the connection or takes too long,
 * with `InvalidArgumentError` for anything but an `http:` or `https:` URL and for an
 * invalid protocol or option, with `TypeError` for invalid headers, with the
 * transport's own error if connecting fails, and with `ProxyError` if a proxy does not
 * open the tunnel.
 *
 * @example
 * ```ts
 * import { connectUpgrade, serve } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serve(
 *   { port: 0, upgrade: true, onListen() {} },
 *   () => new Response("over SPDY"),
 * );
 * const { connection, response } = await connectUpgrade(
 *   `http://localhost:${server.addr.port}/`,
 * );
 * assertEquals(response.status, 101);
 * assertEquals(await (await connection.fetch("/")).text(), "over SPDY");
 * await connection.close();
 * ```
 *
 * @category Client
 */
export async function connectUpgrade(
  url: string | URL,
  options: UpgradeOptions = {},
): Promise<UpgradedConnection> {
  checkNames("connectUpgrade", options, NAMES);
  const {
    protocols = ["SPDY/3.1"],
    headers,
    method = "GET",
    path,
    tls,
    proxy,
    dial,
    proxyProtocol,
    signal: given,
    timeout = 30_000,
    ...tuning
  } = copyOptions(options, NAMES);
  const signal = checkSignal(given);
  const target = readHttpUrl(url);
  checkProtocols(protocols);
  checkText("method", method);
  if (!TOKEN.test(method) || /^connect$/i.test(method)) {
    throw new InvalidArgumentError(
      `method ${
        show(method)
      } is not an HTTP method that can ask for an upgrade; use GET or POST`,
    );
  }
  // Before connecting, because it throws for a header that cannot be sent.
  const lines = headerLines(headers);
  checkTimeout("timeout", timeout);
  checkClientTuning(tuning);
  const plan = { path, tls, proxy, dial, proxyProtocol };
  checkDial(plan);
  signal?.throwIfAborted();
  // Loaded here: with node:http it takes 12 ms, which programs without upgrades save.
  const { askAndBegin } = await import("./begin_upgrade.ts");
  return await askAndBegin(target, plan, {
    protocols,
    headers: lines,
    method,
    signal,
    timeout,
    tuning,
  });
}

function checkProtocols(protocols: readonly string[]): void {
  checkTexts("protocols", protocols);
  for (const name of protocols) {
    if (versionOfToken(name) === 0) {
      throw new InvalidArgumentError(
        `${
          show(name)
        } is not a SPDY version: use "SPDY/3.1", "SPDY/3" or "SPDY/2"`,
      );
    }
  }
  if (protocols.length === 0) {
    throw new InvalidArgumentError(
      "protocols is empty: give at least one, such as SPDY/3.1",
    );
  }
}
