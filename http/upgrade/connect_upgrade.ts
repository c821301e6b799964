/**
 * Connects through an HTTP/1.1 upgrade.
 *
 * @module
 */

import { Connection } from "../connection.ts";
import { ERR_PROTO, InvalidArgumentError, SpdyError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { CLIENT } from "../../session/constants.ts";
import type { TlsOptions } from "../../connection/transport/client_tls.ts";
import {
  checkDial,
  DIAL_NAMES,
  type DialOptions,
} from "../../connection/transport/dial.ts";
import { checkNames, type Names } from "../../values.ts";
import {
  checkTuning,
  type ConnectionTuning,
  TUNING_NAMES,
} from "../../connection/options.ts";
import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import { TimeLimit } from "../../connection/time/time_limit.ts";
import { dial as dialUrl } from "./dial.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { chooseToken, namesUpgrade, versionOfToken } from "./upgrade_token.ts";
import type { UpgradeAnswer } from "./upgrade_request.ts";

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
 * Result of {@linkcode connectUpgrade}.
 *
 * @category Client
 */
export interface UpgradedConnection {
  /** The connection, on the client's side. */
  readonly connection: Connection;
  /** The 101, for its headers. */
  readonly response: Response;
}

/** Longest head of an answer, bytes. */
const MAX_HEAD = 16 * 1024;
/** Most bytes of a refusal's body that are kept. */
const MAX_BODY = 64 * 1024;

/**
 * The server answered a request for an upgrade with another status than 101. Code
 * `ERR_PROTO`, `initiator` `"remote"`.
 *
 * @example
 * ```ts
 * import { connectUpgrade, UpgradeRefusedError } from "@spdy/spdy";
 * import { assertEquals, assertRejects } from "jsr:@std/assert@1";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("no SPDY here", { status: 404 }),
 * );
 * const error = await assertRejects(
 *   () => connectUpgrade(`http://localhost:${server.addr.port}/`),
 *   UpgradeRefusedError,
 * );
 * assertEquals(error.response.status, 404);
 * assertEquals(await error.response.text(), "no SPDY here");
 * ```
 *
 * @category Errors
 */
export class UpgradeRefusedError extends SpdyError {
  /** The answer; its body is truncated after 64 KiB. */
  readonly response: Response;

  /** Creates the error. */
  constructor(response: Response) {
    super(
      `the upgrade was refused with ${response.status} ${response.statusText}`
        .trimEnd(),
      ERR_PROTO,
      { initiator: "remote" },
    );
    this.response = response;
  }
}

/** A response with status 101, which the platform's constructor does not allow. */
class SwitchingProtocols extends Response {
  override get status(): number {
    return 101;
  }
  override get ok(): boolean {
    return false;
  }
}

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
 * with `InvalidArgumentError` for an invalid URL, protocol or option, with the
 * transport's own error if connecting fails, and with `ProxyError` if a proxy does
 * not open the tunnel.
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
    signal,
    timeout = 30_000,
    ...tuning
  } = options;
  const target = readTarget(url, protocols);
  checkTimeout("timeout", timeout);
  checkTuning(tuning);
  const plan = { path, tls, proxy, dial, proxyProtocol };
  checkDial(plan);
  signal?.throwIfAborted();
  const limit = new TimeLimit(timeout, signal);
  try {
    const conn = await dialUrl(target, plan, limit.signal);
    // Loaded here, because node:http takes 10 ms, which programs without upgrades
    // save.
    const { requestUpgrade } = await import("./upgrade_request.ts");
    const answer = await requestUpgrade(conn, {
      url: target,
      method,
      headers: [
        ...pairsOf(headers),
        ["connection", "Upgrade"],
        ["upgrade", protocols.join(", ")],
      ],
      maxHead: MAX_HEAD,
      maxBody: MAX_BODY,
      signal: limit.signal,
    });
    return begin(answer, protocols, { origin: target.origin, ...tuning });
  } finally {
    limit.end();
  }
}

function begin(
  answer: UpgradeAnswer,
  protocols: readonly string[],
  tuning: ConnectionTuning,
): UpgradedConnection {
  const { conn, headers, statusText } = answer;
  if (conn === undefined) throw new UpgradeRefusedError(toResponse(answer));
  const offered = protocols.map(versionOfToken).filter((each) => each !== 0);
  const upgrade = headers.get("upgrade") ?? undefined;
  const token = chooseToken(upgrade, offered);
  // Rule: the server names the protocol, which must be one that the client asked
  // for (RFC 9110 7.8).
  if (
    token === undefined || !namesUpgrade(headers.get("connection") ?? undefined)
  ) {
    closeQuietly(conn);
    throw new HttpMessageError(
      `the server switches to ${upgrade}, asked for was ${
        protocols.join(", ")
      }`,
    );
  }
  return {
    connection: new Connection(conn, {
      ...tuning,
      side: CLIENT,
      version: token.version,
    }),
    response: new SwitchingProtocols(null, { headers, statusText }),
  };
}

function toResponse(
  { status, statusText, headers, body }: UpgradeAnswer,
): Response {
  // `Response` does not allow informational and unknown statuses.
  if (status < 200 || status > 599) {
    throw new HttpMessageError(
      `the upgrade was answered with status ${status}`,
    );
  }
  const bodiless = status === 204 || status === 205 || status === 304;
  return new Response(bodiless ? null : body, { status, statusText, headers });
}

function readTarget(url: string | URL, protocols: readonly string[]): URL {
  const target = new URL(url);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new InvalidArgumentError(
      `${target.href} is not an http: or https: URL`,
    );
  }
  for (const name of protocols) {
    if (versionOfToken(name) === 0) {
      throw new InvalidArgumentError(
        `${name} is not a SPDY version: use "SPDY/3.1", "SPDY/3" or "SPDY/2"`,
      );
    }
  }
  if (protocols.length === 0) {
    throw new InvalidArgumentError(
      "protocols is empty: give at least one, such as SPDY/3.1",
    );
  }
  return target;
}

function pairsOf(headers: HeadersInit | undefined): [string, string][] {
  const pairs = Array.isArray(headers) ? headers : new Headers(headers);
  return [...pairs].map(([name, value]) => [name, value]);
}
