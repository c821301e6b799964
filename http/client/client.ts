/**
 * A client of many servers: one connection an origin.
 *
 * @module
 */

import type { Connection } from "../connection.ts";
import { InvalidArgumentError } from "../../errors.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { checkWhole } from "../../numbers.ts";
import { connect } from "../connect.ts";
import type { TlsOptions } from "../../connection/client_tls.ts";
import { checkDial, type DialOptions } from "../../connection/dial.ts";
import { Deferred } from "../../connection/deferred.ts";
import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import {
  checkTuning,
  type ConnectionTuning,
} from "../../connection/options.ts";
import { bindFetch } from "./bind_fetch.ts";
import { exchange } from "./fetch.ts";
import type { FetchInit } from "./fetch_init.ts";
import { type OutgoingRequest, prepareRequest } from "./outgoing_request.ts";
import { networkError } from "./network_error.ts";
import { type Following, sendAndFollow } from "./redirect.ts";
import type { SpdyResponse } from "./spdy_response.ts";

/**
 * What a {@linkcode Client} is told.
 *
 * @category Client
 */
export interface ClientOptions extends ConnectionTuning, DialOptions {
  /** Version on `http:`; default `PROTO_SPDY3_1`. With `https:` ALPN decides. */
  readonly version?: ProtocolVersion;
  /** TLS settings, for `https:`. */
  readonly tls?: TlsOptions;
  /** How often a request is sent again that was certainly not processed; default 2. */
  readonly retries?: number;
  /**
   * Makes a connection to an origin such as `"https://example.org"`; default
   * `connect`. For Unix sockets and upgrades.
   */
  readonly connect?: (origin: string) => Promise<Connection>;
}

/**
 * `fetch` over SPDY that keeps one connection for each origin and connects
 * anew when that has ended or takes no more requests.
 *
 * A request is sent again only if the server certainly did not process it:
 * the stream was refused (REFUSED_STREAM), stood above the last id of a GOAWAY,
 * or never left. A body that is a stream and was begun is never sent twice.
 *
 * @example
 * ```ts
 * import { Client, serve } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serve(
 *   { port: 0, onListen() {} },
 *   (request) => new Response(new URL(request.url).pathname),
 * );
 * const origin = `http://localhost:${server.addr.port}`;
 *
 * await using client = new Client();
 * const responses = await Promise.all(
 *   ["/a", "/b", "/c"].map((path) => client.fetch(origin + path)),
 * );
 * const texts = await Promise.all(responses.map((each) => each.text()));
 * assertEquals(texts, ["/a", "/b", "/c"]);
 * ```
 *
 * @category Client
 */
export class Client implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #retries: number;
  readonly #following: Following = {
    mode: "follow",
    send: (request) => this.#send(request),
  };
  /** The connection to use, by origin. */
  readonly #current = new Map<string, Promise<Connection>>();
  /** Every connection that has not ended, also those that only finish. */
  readonly #open = new Set<Connection>();
  /** Aborted by {@linkcode close}. */
  readonly #ended = new AbortController();

  /**
   * Connects to nobody yet.
   *
   * Throws `InvalidArgumentError` when an option is out of its range.
   */
  constructor(options: ClientOptions = {}) {
    const { retries = 2 } = options;
    checkWhole("retries", retries, 0, Number.MAX_SAFE_INTEGER);
    checkTuning(options, options.version);
    checkDial(options);
    this.#options = options;
    this.#retries = retries;
    bindFetch(this);
  }

  /**
   * Sends a request to the server that its URL names, and follows redirects, also to
   * other origins, unless `init.redirect` says otherwise. Across origins, the headers
   * `authorization`, `cookie` and `proxy-authorization` are left out. Otherwise the
   * same as `Connection.fetch`, which lists the errors. The `cause` can also be the
   * error of `connect`, and an `InvalidArgumentError` after {@linkcode close}.
   */
  async fetch(
    input: string | URL | Request,
    init?: FetchInit,
  ): Promise<SpdyResponse> {
    let signal: AbortSignal | undefined;
    try {
      const request = await prepareRequest(input, init);
      signal = request.signal;
      return await sendAndFollow(request, this.#following);
    } catch (error) {
      throw networkError("fetch failed", error, signal);
    }
  }

  /** Sends a request without following redirects, several times if need be. */
  async #send(request: OutgoingRequest): Promise<SpdyResponse> {
    const { origin } = new URL(request.url);
    request.signal?.throwIfAborted();
    for (let retries = this.#retries;; retries--) {
      const connection = await unlessAborted(
        this.#connection(origin),
        request.signal,
      );
      try {
        return await exchange(connection, request);
      } catch (error) {
        if (retries === 0 || !mayRepeat(request, error)) throw error;
      }
    }
  }

  /** Ends every connection at once; responses under way fail, and so does connecting. */
  async close(): Promise<void> {
    this.#ended.abort(new InvalidArgumentError("the client is closed"));
    await Promise.all([...this.#open].map((each) => each.close()));
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #connection(origin: string): Promise<Connection> {
    for (;;) {
      this.#ended.signal.throwIfAborted();
      const before = this.#current.get(origin);
      const current = before ?? this.#connect(origin);
      const connection = await current;
      if (connection.accepting) return connection;
      // The next one would not be better, and so on for ever.
      if (before === undefined) throw notAccepting(origin);
      // It goes on with what is under way; requests from now on need another.
      if (this.#current.get(origin) === current) this.#current.delete(origin);
    }
  }

  #connect(origin: string): Promise<Connection> {
    const made = this.#options.connect ?? ((each) => this.#dial(each));
    const { signal } = this.#ended;
    const opening = made(origin);
    opening.then((connection) => {
      if (signal.aborted) {
        connection.close();
        return;
      }
      this.#open.add(connection);
      const ended = (): void => void this.#open.delete(connection);
      connection.closed.then(ended, ended);
    }, () => {});
    const connecting = unlessAborted(opening, signal);
    this.#current.set(origin, connecting);
    connecting.catch(() => {
      if (this.#current.get(origin) === connecting) {
        this.#current.delete(origin);
      }
    });
    return connecting;
  }

  #dial(origin: string): Promise<Connection> {
    const { protocol, hostname, port } = new URL(origin);
    const secure = protocol === "https:";
    const { connect: _connect, retries: _retries, tls, proxy, ...rest } =
      this.#options;
    return connect({
      ...rest,
      origin,
      signal: this.#ended.signal,
      // An IPv6 address stands in brackets in a URL, and without them here.
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? (secure ? 443 : 80) : Number(port),
      tls: secure ? tls ?? true : false,
      // The proxy's certificate is verified with the same authorities.
      proxy: proxy && { tls: { caCerts: tls?.caCerts }, ...proxy },
    });
  }
}

function notAccepting(origin: string): ConnectionClosedError {
  return new ConnectionClosedError(
    `a new connection to ${origin} takes no requests: it has ended, or GOAWAY came`,
    { initiator: "remote", unprocessed: true },
  );
}

/** Whether the server certainly did nothing, and the body is still to be had. */
function mayRepeat({ body }: OutgoingRequest, error: unknown): boolean {
  const unprocessed = (error instanceof StreamResetError ||
    error instanceof ConnectionClosedError) && error.unprocessed;
  return unprocessed && !(body instanceof ReadableStream && body.locked);
}

/** Settles as the promise does, or before it with the signal's reason. */
async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const aborted = new Deferred<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
