/**
 * A client for many servers, with a connection for each origin.
 *
 * @module
 */

import { RawConnection } from "../../connection.ts";
import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { checkFunction } from "../../connection/option_kinds.ts";
import {
  checkClientTuning,
  type ConnectionTuning,
  TUNING_NAMES,
} from "../../connection/options.ts";
import { customizeInspect } from "../../connection/stream/inspect.ts";
import { streamCoreOf } from "../../connection/stream/stream.ts";
import { unlessAborted } from "../../connection/time/unless_aborted.ts";
import type { TlsOptions } from "../../connection/transport/client_tls.ts";
import { DIAL_NAMES } from "../../connection/transport/dial.ts";
import {
  checkDial,
  type DialOptions,
} from "../../connection/transport/dial.ts";
import { withoutBrackets } from "../../connection/transport/host_name.ts";
import { copyProxy } from "../../connection/transport/proxy_settings.ts";
import { InvalidArgumentError } from "../../errors.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { checkWhole } from "../../numbers.ts";
import { CLIENT } from "../../session/constants.ts";
import { checkNames, copyOptions, type Names, show } from "../../values.ts";
import { connect } from "../connect.ts";
import type { Connection } from "../connection.ts";
import { bindFetch } from "../fetch/bind_fetch.ts";
import { exchange } from "../fetch/exchange.ts";
import type { FetchInit } from "../fetch/fetch_init.ts";
import { networkError } from "../fetch/network_error.ts";
import {
  cancelBody,
  type OutgoingRequest,
  prepareRequest,
} from "../fetch/outgoing_request.ts";
import { type Following, sendAndFollow } from "../fetch/redirect.ts";
import type { SpdyResponse } from "../fetch/spdy_response.ts";
import { MoveError, OriginPool } from "./origin_pool.ts";

/**
 * The options of a {@linkcode Client}.
 *
 * @category Client
 */
export interface ClientOptions extends ConnectionTuning, DialOptions {
  /** Version for `http:`; default `PROTO_SPDY3_1`. For `https:`, ALPN selects it. */
  readonly version?: ProtocolVersion;
  /** TLS settings, for `https:`. */
  readonly tls?: TlsOptions;
  /** How often a request is sent again if the server certainly did not process it, from 0; default 2. */
  readonly retries?: number;
  /**
   * Most connections to one origin, from 1; default 6. Another connection is opened
   * when all streams that the server allows on the others are in use. At this
   * number, requests wait for the first connection that has a free stream.
   */
  readonly maxConnectionsPerOrigin?: number;
  /**
   * Opens a connection to an origin such as `"https://example.org"`; default
   * `connect`. Use it for Unix sockets and upgrades.
   */
  readonly connect?: (origin: string) => Promise<Connection>;
}

const CLIENT_NAMES: Names<ClientOptions> = {
  ...TUNING_NAMES,
  ...DIAL_NAMES,
  version: true,
  tls: true,
  retries: true,
  maxConnectionsPerOrigin: true,
  connect: true,
};

/**
 * `fetch` over SPDY that keeps a connection for each origin. It opens another one
 * when the first has ended, accepts no more requests, or has all its streams in
 * use. Idle connections do not keep the process alive.
 *
 * A request is sent again only if the server certainly did not process it: the
 * stream was refused (REFUSED_STREAM), its id was above the last one of a GOAWAY,
 * or it was never sent. A body that is a stream is not sent again once any of it has
 * been read.
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
  readonly #maxConnections: number;
  /** The connections of each origin. */
  readonly #pools = new Map<string, OriginPool>();
  /** All open connections, with the number of their open requests. */
  readonly #open = new Map<Connection, number>();
  /** Whether open requests keep the process alive. */
  #referenced = true;
  /** Aborted by {@linkcode close}. */
  readonly #ended = new AbortController();

  static {
    customizeInspect(Client.prototype, (client) => ({
      state: client.#ended.signal.aborted ? "closed" : "open",
      requests: [...client.#open.values()].reduce((sum, each) => sum + each, 0),
      connections: [...client.#open.keys()],
    }));
  }

  /**
   * Creates a client. It opens no connection yet.
   *
   * Throws `InvalidArgumentError` when an option is out of its range.
   */
  constructor(options: ClientOptions = {}) {
    checkNames("a Client", options, CLIENT_NAMES);
    const { retries = 2, maxConnectionsPerOrigin = 6 } = options;
    checkWhole("retries", retries, 0, Number.MAX_SAFE_INTEGER);
    checkWhole(
      "maxConnectionsPerOrigin",
      maxConnectionsPerOrigin,
      1,
      Number.MAX_SAFE_INTEGER,
    );
    this.#maxConnections = maxConnectionsPerOrigin;
    checkClientTuning(options, options.version);
    checkDial(options);
    checkFunction("connect", options.connect);
    // A copy: the options were checked, and the application may change its object later.
    this.#options = copyOptions(options, CLIENT_NAMES);
    this.#retries = retries;
    bindFetch(this);
  }

  /**
   * Sends a request to the server in its URL and follows redirects, also to other
   * origins, unless `init.redirect` forbids it. A redirect to another origin drops
   * the headers `authorization`, `cookie`, `host` and `proxy-authorization`. Otherwise the
   * same as `Connection.fetch`, which lists the errors. The `cause` can also be the
   * error of `connect`, and an `InvalidArgumentError` after {@linkcode close}.
   */
  async fetch(
    input: string | URL | Request,
    init?: FetchInit,
  ): Promise<SpdyResponse> {
    let request: OutgoingRequest | undefined;
    try {
      request = await prepareRequest(input, init);
      return await sendAndFollow(request, this.#following);
    } catch (error) {
      if (request !== undefined) cancelBody(request, error);
      throw networkError("fetch failed", error, request?.signal);
    }
  }

  /** Sends a request, again if needed; does not follow redirects. */
  async #send(request: OutgoingRequest): Promise<SpdyResponse> {
    const { origin } = new URL(request.url);
    request.signal?.throwIfAborted();
    for (let retries = this.#retries;; retries--) {
      const pool = this.#pool(origin);
      const response = pool.run((connection) =>
        this.#exchange(connection, request, pool)
      );
      try {
        return await unlessAborted(response, request.signal);
      } catch (error) {
        if (retries === 0 || !mayRepeat(request, error)) throw error;
      }
    }
  }

  /** Ends all connections at once; open requests and pending connects fail. */
  async close(): Promise<void> {
    this.#ended.abort(new InvalidArgumentError("the client is closed"));
    await Promise.all([...this.#open.keys()].map((each) => each.close()));
  }

  /** Lets open requests keep the process alive, which is the default. Undoes {@linkcode unref}. */
  ref(): void {
    this.#referenced = true;
    for (const [connection, count] of this.#open) {
      if (count > 0) connection.ref();
    }
  }

  /**
   * Lets the process exit even if requests are open. Idle connections never keep it
   * alive.
   */
  unref(): void {
    this.#referenced = false;
    for (const connection of this.#open.keys()) connection.unref();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #pool(origin: string): OriginPool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new OriginPool(origin, {
        maxConnections: this.#maxConnections,
        connect: () => this.#connect(origin),
        check: () => this.#ended.signal.throwIfAborted(),
        // A client of many origins would otherwise keep something of each one.
        unused: () => void this.#pools.delete(origin),
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  #connect(origin: string): Promise<Connection> {
    const made = this.#options.connect || ((each) => this.#dial(each));
    const { signal } = this.#ended;
    const opening = (async () => checkConnection(await made(origin)))();
    opening.then((connection) => {
      if (signal.aborted) {
        connection.close();
        return;
      }
      // The option `connect` may return one that is in use, also for another origin.
      if (this.#open.has(connection)) return;
      this.#open.set(connection, 0);
      const ended = (): void => void this.#open.delete(connection);
      connection.closed.then(ended, ended);
      // The connection has no request yet.
      connection.unref();
    }, () => {});
    return unlessAborted(opening, signal);
  }

  /** Sends on a connection, and keeps the process alive until the response has ended. */
  async #exchange(
    connection: Connection,
    request: OutgoingRequest,
    pool: OriginPool,
  ): Promise<SpdyResponse> {
    this.#use(connection, 1);
    let used = connection;
    const release = (): void => this.#use(used, -1);
    const to = (error: unknown): Connection | undefined => {
      if (!(error instanceof MoveError)) return undefined;
      this.#use(error.to, 1);
      release();
      return used = error.to;
    };
    try {
      const response = await exchange(connection, request, { pool, to });
      streamCoreOf(response.stream).onEnd(release);
      return response;
    } catch (error) {
      release();
      throw error;
    }
  }

  #use(connection: Connection, change: 1 | -1): void {
    const before = this.#open.get(connection);
    if (before === undefined) return;
    const count = before + change;
    this.#open.set(connection, count);
    if (!this.#referenced) return;
    if (before === 0) connection.ref();
    else if (count === 0) connection.unref();
  }

  #dial(origin: string): Promise<Connection> {
    const { protocol, hostname, port } = new URL(origin);
    const secure = protocol === "https:";
    const {
      connect: _connect,
      retries: _retries,
      maxConnectionsPerOrigin: _most,
      tls,
      proxy,
      ...rest
    } = this.#options;
    return connect({
      ...rest,
      origin,
      signal: this.#ended.signal,
      hostname: withoutBrackets(hostname),
      port: port === "" ? (secure ? 443 : 80) : Number(port),
      tls: secure ? tls ?? true : false,
      // The proxy's certificate is verified with the same authorities.
      proxy: proxy && {
        ...copyProxy(proxy),
        tls: proxy.tls ?? { caCerts: tls?.caCerts },
      },
    });
  }
}

/** Checks the result of the option `connect`, because programs without types also set it. */
function checkConnection(connection: Connection): Connection {
  if (connection instanceof RawConnection && connection.side === CLIENT) {
    return connection;
  }
  throw new InvalidArgumentError(
    `the option connect of a Client resolved to ${
      connection instanceof RawConnection
        ? "the server's side of a connection"
        : show(connection)
    }: it must resolve to a Connection to the server`,
  );
}

/** Whether the server certainly did not process the request, and its body can be sent again. */
function mayRepeat({ body }: OutgoingRequest, error: unknown): boolean {
  const unprocessed = (error instanceof StreamResetError ||
    error instanceof ConnectionClosedError) && error.unprocessed;
  return unprocessed && !(body instanceof ReadableStream && body.locked);
}
