/**
 * A session on a transport: streams, promises and clocks over `Session`.
 *
 * @module
 */

import { Engine } from "./connection/engine.ts";
import { attempt, handled } from "./connection/deferred.ts";
import {
  type ConnectionOptions,
  resolveOptions,
} from "./connection/options.ts";
import type { FetchInit } from "./connection/http/fetch_init.ts";
import { fetchOver } from "./connection/http/fetch.ts";
import type { SpdyResponse } from "./connection/http/spdy_response.ts";
import { createStream, type Stream } from "./connection/stream.ts";
import { isConn, openWire, type Transport } from "./connection/transport.ts";
import { GOAWAY_OK, type ProtocolVersion } from "./frame/constants.ts";
import type { NameValue, SettingsEntry } from "./frame/types.ts";
import type { Session } from "./session.ts";

/** The engine behind a {@linkcode Connection}; for the layers of this module and tests. */
export let engineOf: (connection: Connection) => Engine;

/** What {@linkcode Connection.openStream} takes besides headers. */
export interface OpenStreamOptions {
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default 0. */
  readonly pri?: number;
  /** This side sends nothing after the SYN_STREAM; default false. */
  readonly fin?: boolean;
  /** The stream it belongs to, 0 for none; from a client always 0. */
  readonly assocStreamId?: number;
  /** The peer sends nothing on it; default false. */
  readonly unidirectional?: boolean;
  /** Gives the stream up: before it left `openStream` rejects with the signal's reason, afterwards it is reset with CANCEL. */
  readonly signal?: AbortSignal;
}

/**
 * A SPDY session on a transport: TCP, TLS or Unix as `Deno.Conn`, or any pair of
 * byte streams. `connect` and `accept` make one with the version agreed on;
 * the constructor is for a transport and a version at hand.
 *
 * Iterating over it gives the streams that the peer opened; it ends with the
 * connection, with an error when that ended badly.
 *
 * It ends by {@linkcode close} or {@linkcode goaway}, by the peer's GOAWAY once
 * the last stream is through, by the end or failure of the transport, or by
 * the peer's fault. Everything pending then rejects with an error that says
 * which; nothing hangs.
 *
 * @example A server and a client on loopback TCP
 * ```ts
 * import { accept, connect } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 *
 * async function serve(): Promise<void> {
 *   await using connection = await accept(await listener.accept());
 *   for await (const stream of connection) {
 *     await stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
 *     await stream.readable.pipeTo(stream.writable);
 *   }
 * }
 * const served = serve();
 *
 * await using connection = await connect({ hostname: "127.0.0.1", port });
 * const stream = await connection.openStream([[":path", "/echo"]]);
 * const writer = stream.writable.getWriter();
 * writer.write(new TextEncoder().encode("multiplexed"));
 * writer.close();
 * assertEquals((await stream.response)[0], [":status", "200"]);
 * assertEquals(await new Response(stream.readable).text(), "multiplexed");
 * await connection.goaway();
 * await served;
 * ```
 */
export class Connection implements AsyncDisposable, AsyncIterable<Stream> {
  readonly #engine: Engine;

  static {
    engineOf = (connection) => connection.#engine;
  }

  /** The peer's address; `undefined` where the transport has none. */
  readonly remoteAddr: Deno.Addr | undefined;
  /** This side's address; `undefined` where the transport has none. */
  readonly localAddr: Deno.Addr | undefined;

  /**
   * Starts a session on `transport`, which it owns from then on.
   *
   * Throws `InvalidArgumentError` when an option is out of its range,
   * `UnsupportedVersionError` for a version that is none.
   */
  constructor(transport: Transport, options: ConnectionOptions) {
    // Checked first: a transport is not touched for options that cannot be.
    const resolved = resolveOptions(options);
    this.#engine = new Engine(openWire(transport), resolved);
    if (isConn(transport)) {
      this.remoteAddr = transport.remoteAddr;
      this.localAddr = transport.localAddr;
    }
  }

  /** The protocol version spoken. */
  get version(): ProtocolVersion {
    return this.#engine.options.version;
  }

  /** `CLIENT` or `SERVER`. */
  get side(): 1 | 2 {
    return this.#engine.options.side;
  }

  /** The server's scheme, host and port, on a client that was told; see `ConnectionTuning`. */
  get origin(): string | undefined {
    return this.#engine.options.origin;
  }

  /**
   * The session underneath, for what has no name here. What is submitted on it
   * leaves with the connection's next write.
   */
  get session(): Session {
    return this.#engine.session;
  }

  /**
   * Resolves when the connection has ended in order, rejects with the reason
   * when it ended otherwise.
   */
  get closed(): Promise<void> {
    return this.#engine.closed.promise;
  }

  /** Whether streams can be opened: not closed, and no GOAWAY sent or received. */
  get accepting(): boolean {
    return this.#engine.accepting;
  }

  /** SETTINGS values this side announced, by id. */
  get settings(): ReadonlyMap<number, number> {
    return this.#engine.ownSettings;
  }

  /** SETTINGS values the peer announced, by id. */
  get peerSettings(): ReadonlyMap<number, number> {
    return this.#engine.peerSettings;
  }

  /**
   * Opens a stream. Resolves when its SYN_STREAM is on its way; that waits for
   * the peer's MAX_CONCURRENT_STREAMS, the most urgent stream first.
   *
   * Rejects with `InvalidArgumentError` when headers or priority are wrong, with
   * the signal's reason when it aborts first, with `ConnectionClosedError` when
   * the connection takes no more streams (`unprocessed` is then true).
   */
  openStream(
    nv: NameValue[],
    options: OpenStreamOptions = {},
  ): Promise<Stream> {
    return attempt(() => this.#open(nv, options));
  }

  /**
   * Sends an HTTP request over this connection, in the manner of the global
   * `fetch`; resolves when the response's head has come. The URL says what to
   * ask for, never where; a path alone, such as `"/index.html"`, is asked of
   * {@linkcode origin}. Request and response bodies stream, both
   * back-pressured.
   *
   * What differs from `fetch`: redirects are the caller's to follow, whatever
   * `redirect` says; there is no cache and no cookie jar; trailers are at
   * `response.trailers`, pushed responses go to `init.onPush`. As with `fetch`,
   * a body with content-encoding gzip or deflate is decoded and the header
   * stays, and reading a body that is shorter or longer than its
   * `content-length` fails, here with `HttpMessageError` (see
   * `init.contentLength`). Hop-by-hop headers (`connection`, `keep-alive`, `proxy-connection`,
   * `transfer-encoding`) are left out, a `host` header becomes `:host`.
   *
   * Rejects with `TypeError` for what is no request, with the signal's reason
   * when that aborts, with `HttpMessageError` when what came is no response
   * (the stream is then reset with PROTOCOL_ERROR, SPDY/3 draft 3.2.2), with
   * `StreamResetError` or `ConnectionClosedError` when the stream or the
   * connection ended first; `unprocessed` on these two says that the server
   * certainly did nothing.
   *
   * @example
   * ```ts
   * import { connect, serve } from "@spdy/spdy";
   * import { assertEquals } from "jsr:@std/assert@1";
   *
   * await using server = serve({ port: 0, onListen() {} }, async (request) => {
   *   return Response.json({ length: (await request.bytes()).length });
   * });
   * await using connection = await connect({ port: server.addr.port });
   * const response = await connection.fetch("/upload", {
   *   method: "POST",
   *   body: "12345",
   * });
   * assertEquals(await response.json(), { length: 5 });
   * ```
   */
  fetch(
    input: string | URL | Request,
    init?: FetchInit,
  ): Promise<SpdyResponse> {
    return handled(fetchOver(this, input, init));
  }

  /**
   * Streams that the peer opened, in the order in which they came. What is
   * pushed for a `fetch` without `onPush` is among them once an iterator has
   * been asked for, and is refused before.
   */
  [Symbol.asyncIterator](): AsyncIterator<Stream, undefined> {
    const { incoming } = this.#engine;
    incoming.asked = true;
    return { next: () => this.#engine.accept() };
  }

  /**
   * Sends a PING; resolves to the round trip in ms.
   *
   * Rejects with `ConnectionClosedError` when the connection ends first, with
   * `SpdyError` when too many PINGs wait (`limits.maxOutstandingPings`).
   */
  ping(): Promise<number> {
    return handled(this.#engine.ping());
  }

  /**
   * Sends SETTINGS. `flags` may be `FLAG_SETTINGS_CLEAR_SETTINGS` on a server.
   *
   * Throws `InvalidArgumentError` for an id outside 1..8 or given twice.
   */
  sendSettings(entries: SettingsEntry[], flags: number = 0): void {
    this.#engine.sendSettings(flags, entries);
  }

  /**
   * Sends GOAWAY: no side opens streams any more, those under way go on, and
   * with the last of them the connection ends. The promise settles as
   * {@linkcode closed} does.
   */
  goaway(statusCode: number = GOAWAY_OK): Promise<void> {
    return this.#engine.goaway(statusCode);
  }

  /**
   * Ends the connection: what was accepted for sending leaves together with a
   * GOAWAY, open streams fail, the transport closes. Resolves when it has;
   * never rejects. A peer that takes nothing delays it by `closeTimeout` at
   * most.
   */
  close(): Promise<void> {
    return this.#engine.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(nv: NameValue[], options: OpenStreamOptions): Promise<Stream> {
    return this.#engine.open({
      headers: nv,
      pri: options.pri ?? 0,
      fin: options.fin ?? false,
      unidirectional: options.unidirectional ?? false,
      associatedStreamId: options.assocStreamId ?? 0,
      signal: options.signal,
    }, createStream);
  }
}
