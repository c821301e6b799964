/**
 * The server behind `serve`: accepts connections, answers their streams, ends.
 *
 * @module
 */

import { Connection } from "../connection.ts";
import { coreOf } from "../../connection.ts";
import { PROTO_SPDY3_1, type ProtocolVersion } from "../../frame/constants.ts";
import { SERVER } from "../../session/constants.ts";
import { npnGetVersion } from "../../session/npn.ts";
import { acceptAll } from "../../connection/accept_loop.ts";
import { startTimeout, stopTimer } from "../../connection/clock.ts";
import { takeOver } from "../connect.ts";
import { LazyPromise } from "../../connection/deferred.ts";
import { maxConcurrentStreams } from "../../connection/options.ts";
import { stateOf } from "../../connection/stream.ts";
import { logError } from "../../connection/printable.ts";
import type {
  AcceptedConn,
  AcceptingListener,
} from "../../connection/tls_listener.ts";
import type { ByteConn } from "../../connection/transport.ts";
import {
  closeQuietly,
  ResumedConn,
  writeAll,
} from "../../connection/byte_conn.ts";
import { Semaphore } from "../client/semaphore.ts";
import { type ExchangeHost, handleStream } from "./server_exchange.ts";
import type {
  ServeHandler,
  ServeOptions,
  SpdyServer,
} from "./serve_options.ts";
import { answerAndEnd } from "../upgrade/answer.ts";
import { HttpListener } from "../upgrade/http_listener.ts";
import {
  switchingProtocols,
  upgradeRequired,
} from "../upgrade/upgrade_answer.ts";
import { ALL_VERSIONS, chooseToken } from "../upgrade/upgrade_token.ts";

/** What a {@linkcode Server} is told. */
export interface ServerOptions extends ServeOptions {
  readonly handler: ServeHandler;
}

/** Longest wait for a TLS handshake and for a head, ms; an option changes it. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Longest head of an HTTP/1.1 request, bytes; an option changes it. */
export const MAX_HEAD: number = 16 * 1024;
/**
 * Headers of a request. The platform's `Headers` takes a time that grows with
 * the square of their number to be gone through: 5 ms for 256, which a client
 * says in some hundred bytes once it has said them before. What a handler gets
 * has iterators of its own; what it makes of that may not.
 */
const MAX_HEADERS = 256;
/** Set in a connection's first byte: a SPDY client begins with a control frame. */
const CONTROL_BIT = 0x80;

export class Server implements SpdyServer {
  readonly addr: Deno.Addr;
  readonly #listener: AcceptingListener;
  readonly #options: ServerOptions;
  readonly #host: ExchangeHost<Deno.Addr>;
  readonly #finished = new LazyPromise<void>();
  readonly #connections = new Set<Connection>();
  /** Open sockets. */
  readonly #conns = new Set<AcceptedConn>();
  readonly #http: HttpListener;
  #ending = false;
  #referenced = true;

  constructor(listener: AcceptingListener, options: ServerOptions) {
    const { handler, onError = answerError, signal } = options;
    this.#listener = listener;
    this.addr = listener.addr;
    const limits = { maxHeaderCount: MAX_HEADERS, ...options.limits };
    this.#options = { ...options, limits };
    this.#host = { handler, onError, onFault: options.onError };
    this.#http = this.#httpListener("cert" in options);
    acceptAll(listener, { take: (conn) => void this.#take(conn) });
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (signal?.aborted) this.#abort();
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  async shutdown(): Promise<void> {
    if (!this.#ending) {
      this.#ending = true;
      this.#listener.close();
      // What has not begun to speak SPDY has no request under way.
      const speaking = [...this.#connections];
      await Promise.allSettled(speaking.map((each) => each.goaway()));
      this.#end();
    }
    await this.finished;
  }

  ref(): void {
    this.#referenced = true;
    this.#listener.ref();
    for (const conn of this.#conns) conn.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#listener.unref();
    for (const conn of this.#conns) conn.unref();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  readonly #abort = (): void => {
    if (!this.#ending) {
      this.#ending = true;
      this.#listener.close();
    }
    this.#end();
  };

  #end(): void {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#http.close();
    for (const conn of this.#conns) closeQuietly(conn);
    this.#finished.resolve();
  }

  /** Serves a connection until it ends, however it does. */
  async #take(conn: AcceptedConn): Promise<void> {
    this.#conns.add(conn);
    if (!this.#referenced) conn.unref();
    try {
      const connection = await this.#begin(conn);
      if (connection !== undefined) await this.#serve(connection, conn);
    } catch {
      // The client's doing or the network's; each request under way knows.
    } finally {
      this.#conns.delete(conn);
      closeQuietly(conn);
    }
  }

  async #serve(connection: Connection, conn: AcceptedConn): Promise<void> {
    this.#connections.add(connection);
    if (this.#ending) connection.goaway();
    try {
      const { remoteAddr } = conn;
      // A handler may go on when its stream was reset: it counts until it ends.
      const places = new Semaphore(maxConcurrentStreams(this.#options));
      // One listener: one for each stream that waits would stay until the end.
      connection.closed.then(places.open, places.open);
      for await (const stream of coreOf(connection).incoming) {
        const place = places.take();
        if (place !== undefined) {
          await place;
          // Reset while it waited: nobody is left to answer.
          if (stateOf(stream).ended) {
            places.release();
            continue;
          }
        }
        handleStream(stream, remoteAddr, this.#host).then(places.release);
      }
      await connection.closed;
    } finally {
      this.#connections.delete(connection);
    }
  }

  /** Finds out what the client speaks; `undefined` when that came to nothing. */
  async #begin(conn: AcceptedConn): Promise<Connection | undefined> {
    const { upgrade, version = PROTO_SPDY3_1 } = this.#options;
    const tls = conn.handshake !== undefined;
    if (!upgrade && !tls) return await takeOver(conn, this.#options);
    const timer = startTimeout(
      () => closeQuietly(conn),
      this.#options.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
    );
    try {
      if (!upgrade || tls && await choseSpdy(conn)) {
        return await takeOver(conn, this.#options);
      }
      const first = await readSome(conn);
      if (first === undefined) return undefined;
      if (!tls && (first[0] & CONTROL_BIT) !== 0) {
        return this.#connect(new ResumedConn(conn, first), version);
      }
      return await this.#upgrade(conn, first);
    } finally {
      stopTimer(timer);
    }
  }

  #connect(transport: ByteConn, version: ProtocolVersion): Connection {
    return new Connection(transport, {
      ...this.#options,
      side: SERVER,
      version,
    });
  }

  /** SPDY behind an HTTP/1.1 upgrade; `undefined` when the client asks for none. */
  async #upgrade(
    conn: AcceptedConn,
    first: Uint8Array,
  ): Promise<Connection | undefined> {
    const call = await this.#http.take(conn, first);
    if (call === undefined) return undefined;
    const { versions = ALL_VERSIONS } = this.#options;
    const asked = call.request.headers.get("upgrade") ?? undefined;
    const token = chooseToken(asked, versions);
    if (token === undefined) {
      await answerAndEnd(call.conn, upgradeRequired(versions));
      return undefined;
    }
    await writeAll(call.conn, switchingProtocols(token.name));
    return this.#connect(call.conn, token.version);
  }

  #httpListener(secure: boolean): HttpListener {
    const {
      versions = ALL_VERSIONS,
      maxHeadBytes = MAX_HEAD,
      allowedOrigins,
      handshakeTimeout = HANDSHAKE_TIMEOUT,
    } = this.#options;
    return new HttpListener({
      secure,
      maxHeadBytes,
      allowedOrigins,
      headTimeout: handshakeTimeout,
      knows: (upgrade) => chooseToken(upgrade, versions) !== undefined,
      request: () => upgradeRequired(versions),
      error() {},
    });
  }
}

async function choseSpdy(conn: AcceptedConn): Promise<boolean> {
  const alpnProtocol = (await conn.handshake?.())?.alpnProtocol ?? "";
  return npnGetVersion(alpnProtocol) !== 0;
}

async function readSome(conn: AcceptedConn): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(4096);
  const size = await conn.read(buffer);
  return size === null ? undefined : buffer.subarray(0, size);
}

function answerError(error: unknown): Response {
  logError(error);
  return new Response("Internal Server Error", { status: 500 });
}
