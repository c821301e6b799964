/**
 * SPDY by way of an HTTP/1.1 upgrade, on the client's side.
 *
 * @module
 */

import { Connection } from "../connection.ts";
import { ERR_PROTO, InvalidArgumentError, SpdyError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { CLIENT } from "../../session/constants.ts";
import type { TlsOptions } from "../../connection/client_tls.ts";
import {
  checkDial,
  DIAL_NAMES,
  type DialOptions,
} from "../../connection/dial.ts";
import { checkNames, type Names } from "../../values.ts";
import {
  checkTuning,
  type ConnectionTuning,
  TUNING_NAMES,
} from "../../connection/options.ts";
import { closeQuietly } from "../../connection/byte_conn.ts";
import { TimeLimit } from "../../connection/time_limit.ts";
import { dial as dialUrl } from "./dial.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { chooseToken, namesUpgrade, versionOfToken } from "./upgrade_token.ts";
import type { UpgradeAnswer } from "./upgrade_request.ts";

/**
 * What {@linkcode connectUpgrade} takes besides the URL.
 *
 * @category Client
 */
export interface UpgradeOptions extends ConnectionTuning, DialOptions {
  /** Names to ask for, best first: `"SPDY/3.1"`, `"SPDY/3"`, `"SPDY/2"`; default the first alone. */
  readonly protocols?: readonly string[];
  /** Headers of the request. A name given several times as pairs leaves as several lines. */
  readonly headers?: HeadersInit;
  /** Method of the request; default `"GET"`. */
  readonly method?: string;
  /** Path of a Unix socket to connect to; the URL then only says what to ask for. */
  readonly path?: string;
  /** TLS settings, for `https:`. */
  readonly tls?: TlsOptions;
  /** Gives up; the promise rejects with the signal's reason. Has no say after the upgrade. */
  readonly signal?: AbortSignal;
  /** Longest wait for the connection and the answer, ms; 0: never; default 30000. */
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
 * What {@linkcode connectUpgrade} resolves to.
 *
 * @category Client
 */
export interface UpgradedConnection {
  /** The connection, a client's. */
  readonly connection: Connection;
  /** The 101: its headers. */
  readonly response: Response;
}

/** Longest head of an answer, bytes. */
const MAX_HEAD = 16 * 1024;
/** Longest body kept of an answer that refuses, bytes. */
const MAX_BODY = 64 * 1024;

/**
 * The server answered an upgrade with something else than 101. Code
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
  /** The answer; its body is cut at 64 KiB. */
  readonly response: Response;

  /** Makes the error. */
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

/** A response with status 101, which the constructor of the platform refuses. */
class SwitchingProtocols extends Response {
  override get status(): number {
    return 101;
  }
  override get ok(): boolean {
    return false;
  }
}

/**
 * Connects to `url` (`http:` or `https:`), asks to upgrade to SPDY, and begins a
 * SPDY connection behind the 101. Bytes that came with the answer are kept.
 *
 * The answer's head may be 16 KiB long and, with all that goes before it, take
 * `timeout` ms.
 *
 * Rejects with {@linkcode UpgradeRefusedError} for any answer but 101, with
 * `HttpMessageError` for one that is no HTTP or switches to something else,
 * with `ConnectionClosedError` when the server hangs up or takes too long, with
 * `InvalidArgumentError` for a URL, protocol or option that cannot be, with the
 * transport's own error when there is nobody to connect to, and with `ProxyError`
 * when a proxy opens no tunnel.
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
    // Loaded here: node:http costs 10 ms and is not for those who never upgrade.
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
  // Rule: the server names what it switches to, one of what was asked for (RFC 9110 7.8).
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
  // Informational and made-up statuses cannot be had as a `Response`.
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
    throw new InvalidArgumentError(`${target.href} is no URL of HTTP`);
  }
  for (const name of protocols) {
    if (versionOfToken(name) === 0) {
      throw new InvalidArgumentError(`${name} is no SPDY version`);
    }
  }
  if (protocols.length === 0) {
    throw new InvalidArgumentError("there is no protocol to ask for");
  }
  return target;
}

function pairsOf(headers: HeadersInit | undefined): [string, string][] {
  const pairs = Array.isArray(headers) ? headers : new Headers(headers);
  return [...pairs].map(([name, value]) => [name, value]);
}
