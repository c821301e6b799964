/**
 * A session on a transport: adds streams, promises and timeouts to `Session`.
 *
 * @module
 */

import { checkSignal } from "./connection/abort_signal.ts";
import { ConnectionCore } from "./connection/connection_core.ts";
import { attempt, handled } from "./connection/deferred.ts";
import {
  type ConnectionOptions,
  resolveOptions,
} from "./connection/options.ts";
import {
  type ConnectionStats,
  connectionStats,
  stateOfConnection,
} from "./connection/stats.ts";
import { customizeInspect } from "./connection/stream/inspect.ts";
import { AwaitedOpening } from "./connection/stream/pending_streams.ts";
import { StreamInit } from "./connection/stream/stream_init.ts";
import { createStream, type Stream } from "./connection/stream/stream.ts";
import { connectionMetrics } from "./connection/telemetry/connection_metrics.ts";
import type { ProxyHead } from "./connection/transport/proxy_protocol.ts";
import {
  isConn,
  openWire,
  type Transport,
} from "./connection/transport/transport.ts";
import { GOAWAY_OK, type ProtocolVersion } from "./frame/constants.ts";
import type { NameValue, SettingsEntry } from "./frame/types.ts";
import { versionTraits } from "./frame/version.ts";
import type { Session } from "./session.ts";
import { CLIENT } from "./session/constants.ts";
import { checkNames, type Names } from "./values.ts";

/** The core of a {@linkcode RawConnection}; for other layers of this package and for tests. */
export let coreOf: (connection: RawConnection) => ConnectionCore;

/**
 * The options of {@linkcode RawConnection.openStream}.
 *
 * @category Connection
 */
export interface OpenStreamOptions {
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default 0. */
  readonly pri?: number;
  /** Sets FIN on the SYN_STREAM, so this side sends nothing after it; default false. */
  readonly fin?: boolean;
  /** The associated stream, 0 for none; always 0 on a client. */
  readonly associatedStreamId?: number;
  /** @deprecated Until 1.0: the former name of {@linkcode OpenStreamOptions.associatedStreamId}, which takes precedence. */
  readonly assocStreamId?: number;
  /** The peer cannot send on the stream; default false. */
  readonly unidirectional?: boolean;
  /** Cancels the stream. Before its SYN_STREAM is sent, `openStream` rejects with the signal's reason; afterwards the stream is reset with CANCEL. */
  readonly signal?: AbortSignal;
}

const OPEN_STREAM_NAMES: Names<OpenStreamOptions> = {
  pri: true,
  fin: true,
  associatedStreamId: true,
  assocStreamId: true,
  unidirectional: true,
  signal: true,
};

/**
 * A SPDY session on a transport: streams without HTTP. `Connection`, which
 * `connect` and `accept` create, adds `fetch`. A program that needs no HTTP can
 * import this class from `@spdy/spdy/connection`, which loads no HTTP code.
 *
 * Iterating over a connection yields the streams that the peer opened. The
 * iteration ends with the connection, and throws if the connection failed.
 *
 * @example A server and a client on loopback TCP
 * ```ts
 * import { acceptRaw, connectRaw } from "@spdy/spdy/connection";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 *
 * async function serve(): Promise<void> {
 *   await using connection = await acceptRaw(await listener.accept());
 *   for await (const stream of connection) {
 *     await stream.reply([["answered", "yes"]]);
 *     await stream.readable.pipeTo(stream.writable);
 *   }
 * }
 * const served = serve();
 *
 * await using connection = await connectRaw({ port });
 * const stream = await connection.openStream([["service", "echo"]]);
 * const writer = stream.writable.getWriter();
 * writer.write(new TextEncoder().encode("multiplexed"));
 * writer.close();
 * assertEquals(await new Response(stream.readable).text(), "multiplexed");
 * await connection.goaway();
 * await served;
 * ```
 *
 * @category Connection
 */
export class RawConnection implements AsyncDisposable, AsyncIterable<Stream> {
  readonly #core: ConnectionCore;

  static {
    coreOf = (connection) => connection.#core;
    customizeInspect(RawConnection.prototype, inspectConnection);
  }

  /** The peer's address; `undefined` if the transport has none. */
  readonly remoteAddr: Deno.Addr | undefined;
  /** This side's address; `undefined` if the transport has none. */
  readonly localAddr: Deno.Addr | undefined;
  /** The head of the PROXY protocol that a load balancer sent, with its TLVs; `undefined` if there was none. */
  readonly proxyHead: ProxyHead | undefined;

  /**
   * Starts a session on `transport`. The connection owns the transport from then on.
   *
   * Throws `InvalidArgumentError` when an option is out of range or does not exist,
   * and `UnsupportedVersionError` for an unknown version.
   */
  constructor(transport: Transport, options: ConnectionOptions) {
    // Checked first, so that invalid options leave the transport untouched.
    const resolved = resolveOptions(options);
    const metrics = connectionMetrics();
    this.#core = new ConnectionCore(
      openWire(transport),
      metrics === undefined ? resolved : metrics.observing(resolved),
    );
    metrics?.add(this.#core);
    if (isConn(transport)) {
      this.remoteAddr = transport.remoteAddr;
      this.localAddr = transport.localAddr;
      this.proxyHead = transport.proxyHead;
    }
  }

  /** The protocol version of the connection. */
  get version(): ProtocolVersion {
    return this.#core.options.version;
  }

  /** `CLIENT` or `SERVER`. */
  get side(): 1 | 2 {
    return this.#core.options.side;
  }

  /** On a client, the server's scheme, host and port, if known; see `ConnectionTuning`. */
  get origin(): string | undefined {
    return this.#core.options.origin;
  }

  /**
   * The underlying session, for operations that this class does not have. Frames
   * submitted to it are sent with the connection's next write.
   */
  get session(): Session {
    return this.#core.session;
  }

  /**
   * Resolves when the connection has ended cleanly; rejects with the reason when it
   * failed.
   */
  get closed(): Promise<void> {
    return this.#core.closed.promise;
  }

  /** Whether streams can be opened: not closed, and no GOAWAY sent or received. */
  get accepting(): boolean {
    return this.#core.ending.accepting;
  }

  /** The SETTINGS values that this side announced, by id. */
  get settings(): ReadonlyMap<number, number> {
    return this.#core.settings.own;
  }

  /** The SETTINGS values that the peer announced, by id. */
  get peerSettings(): ReadonlyMap<number, number> {
    return this.#core.settings.peer;
  }

  /**
   * Opens a stream. Resolves when its SYN_STREAM has been sent. If the peer's
   * MAX_CONCURRENT_STREAMS is reached, the stream waits; the most urgent one is
   * opened first.
   *
   * On a server: a client accepts only streams that are unidirectional and belong to
   * one of its own (`associatedStreamId`, see `Stream.push`; SPDY/3 draft 3.3.1). It resets
   * every other one with INVALID_STREAM, after this promise has resolved, unless it was
   * created with the option `acceptServerStreams`.
   *
   * Rejects with `InvalidArgumentError` when headers or options are invalid, with
   * the signal's reason when it aborts first, and with `ConnectionClosedError` when
   * the connection can open no more streams (`unprocessed` is then true).
   */
  openStream(
    nv: NameValue[],
    options: OpenStreamOptions = {},
  ): Promise<Stream> {
    return attempt(() => this.#open(nv, options));
  }

  /**
   * The streams that the peer opened, in the order in which they arrived. A stream
   * that is pushed for a `fetch` without `onPush` is among them if an iterator
   * exists; otherwise it is refused.
   */
  [Symbol.asyncIterator](): AsyncIterator<Stream, undefined> {
    const { incoming } = this.#core;
    incoming.asked = true;
    return { next: () => this.#core.peerStreams.accept() };
  }

  /**
   * Sends a PING; resolves to the round trip in ms.
   *
   * Rejects with `ConnectionClosedError` when the connection ends first, and with
   * `SpdyError` when too many PINGs are waiting (`limits.maxOutstandingPings`).
   */
  ping(): Promise<number> {
    return handled(this.#core.ping());
  }

  /**
   * Sends SETTINGS. `flags` may be `FLAG_SETTINGS_CLEAR_SETTINGS` on a server.
   *
   * Throws `InvalidArgumentError` for an id outside 1..8 or a duplicate id.
   */
  sendSettings(entries: SettingsEntry[], flags: number = 0): void {
    this.#core.sendSettings(flags, entries);
  }

  /**
   * Sends GOAWAY: neither side opens streams any more, existing streams continue,
   * and the connection ends when the last of them has closed. The promise settles
   * as {@linkcode closed} does; it rejects with `InvalidArgumentError` for a status that
   * is not 32 bits.
   */
  goaway(statusCode: number = GOAWAY_OK): Promise<void> {
    return attempt(() => this.#core.ending.goaway(statusCode));
  }

  /**
   * What the connection has sent and received, and what each of its streams waits
   * for. Look at it first if a connection makes no progress. It is cheap enough to
   * be read every second.
   *
   * @example
   * ```ts
   * import type { Connection } from "@spdy/spdy";
   *
   * function explain(connection: Connection): string[] {
   *   return connection.stats().streams.map(({ id, waitsFor }) =>
   *     `stream ${id} waits for: ${waitsFor.join(", ")}`
   *   );
   * }
   * ```
   */
  stats(): ConnectionStats {
    return connectionStats(this.#core);
  }

  /**
   * Lets the connection keep the process alive while it is open, which is the
   * default. Undoes {@linkcode unref}.
   */
  ref(): void {
    this.#core.io.setReferenced(true);
  }

  /**
   * Lets the process exit even if the connection is open, like `unref` of a
   * `Deno.Conn`. Pending reads and timeouts of the connection then do not keep it
   * alive; writes do. Has no effect on a transport of web streams, which does not
   * keep the process alive.
   */
  unref(): void {
    this.#core.io.setReferenced(false);
  }

  /**
   * Closes the connection: sends the bytes whose writes have resolved and GOAWAY,
   * fails open streams, and closes the transport. Resolves when the transport is
   * closed; never rejects. A peer that does not read delays it by at most
   * `closeTimeout`.
   */
  close(): Promise<void> {
    return this.#core.ending.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(
    nv: NameValue[],
    options: OpenStreamOptions,
  ): Promise<Stream> {
    checkNames("openStream", options, OPEN_STREAM_NAMES);
    const init = new StreamInit(
      true,
      nv,
      options.pri ?? 0,
      options.associatedStreamId ?? options.assocStreamId ?? 0,
      options.unidirectional ?? false,
      options.fin ?? false,
    );
    const opening = new AwaitedOpening(
      createStream,
      checkSignal(options.signal),
    );
    this.#core.open(init, opening);
    return opening.promise;
  }
}

/** The description of a connection for printing. */
function inspectConnection(connection: RawConnection): object {
  const core = coreOf(connection);
  const { side, version } = core.options;
  return {
    version: versionTraits(version).name,
    side: side === CLIENT ? "client" : "server",
    state: stateOfConnection(core),
    origin: connection.origin,
    remoteAddr: connection.remoteAddr,
    localAddr: connection.localAddr,
    streams: Array.from(core.streams.values(), ({ id }) => id),
    waitingStreams: core.pending.queued,
  };
}
