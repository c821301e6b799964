/**
 * One connection of a server: detects the client's protocol, serves its requests,
 * and shuts down.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import { HANDSHAKE_TIMEOUT } from "../../connection/connect.ts";
import { handled } from "../../connection/deferred.ts";
import { isPeerGone } from "../../connection/end_errors.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import {
  type ConnectionOptions,
  DATA_FRAME_SIZE,
  FIRST_WRITE_WAITS,
  maxConcurrentStreams,
  resolveOnce,
  STREAMS_WAIT,
  tuningOf,
} from "../../connection/options.ts";
import { streamCoreOf } from "../../connection/stream/stream.ts";
import {
  startIdleTimeout,
  startTimer,
  stopTimer,
} from "../../connection/time/clock.ts";
import { FirstWrites } from "../../connection/time/first_writes.ts";
import {
  closeQuietly,
  ResumedConn,
  writeAll,
} from "../../connection/transport/byte_conn.ts";
import {
  type ByteConn,
  isConn,
  type Transport,
} from "../../connection/transport/transport.ts";
import {
  PROTO_SPDY3_1,
  type ProtocolVersion,
  REFUSED_STREAM,
} from "../../frame/constants.ts";
import { checkTimeout } from "../../numbers.ts";
import { SERVER } from "../../session/constants.ts";
import { resolveLimits } from "../../session/limits.ts";
import { npnGetVersion } from "../../session/npn.ts";
import { checkNames, copyOptions } from "../../values.ts";
import { Connection } from "../connection.ts";
import type { HttpListener } from "../upgrade/http_listener.ts";
import { ALL_VERSIONS, chooseToken } from "../upgrade/upgrade_token.ts";
import { admit } from "./admission.ts";
import {
  isTls,
  leftEarly,
  noVersion,
  readSome,
  shakeHands,
  type TlsTransport,
} from "./arrival.ts";
import { tellConnectionError } from "./connection_error.ts";
import { exchanges, loadExchanges } from "./load_exchanges.ts";
import { CONNECTION_NAMES } from "./option_names.ts";
import { Semaphore } from "./semaphore.ts";
import type {
  ConnectionInfo,
  ServeConnectionOptions,
  ServeHandler,
  ShutdownOptions,
} from "./serve_options.ts";
import type { ExchangeHost } from "./server_exchange.ts";

/** Longest head of an HTTP/1.1 request, bytes; default of `maxHeadBytes`. */
export const MAX_HEAD: number = 16 * 1024;
/**
 * Most headers of a request. Iterating over the platform's `Headers` takes time that
 * grows with the square of their number: 5 ms for 256, which a client can repeat in
 * some hundred bytes. The headers that a handler gets have a faster iterator, but a
 * copy that the handler makes may not.
 */
const MAX_HEADERS = 256;
/** Set in the first byte of a SPDY connection, because a client begins with a control frame. */
const CONTROL_BIT = 0x80;

/** A handler that accepts any kind of address. */
export type AnyHandler = ServeHandler<Deno.Addr | undefined>;

/** What all connections of a server share. */
export interface ConnectionHost {
  readonly options: ServeConnectionOptions;
  /** The options of a connection that speaks this version. */
  connectionOptions(version: ProtocolVersion): ConnectionOptions;
  readonly exchange: ExchangeHost<Deno.Addr | undefined>;
}

/** Creates what all connections of a server share. */
export function connectionHost(
  options: ServeConnectionOptions,
  handler: AnyHandler,
): ConnectionHost {
  // A failure is reported when a client connects.
  handled(loadExchanges());
  // A copy: the options were checked, and the application may change its object later.
  const own = copyOptions(options, CONNECTION_NAMES);
  const limits = resolveLimits(own.limits ?? {}, {
    maxHeaderCount: MAX_HEADERS,
    maxDataFrameSize: DATA_FRAME_SIZE,
  });
  const resolved = new Map<ProtocolVersion, ConnectionOptions>();
  const firstWrites = new FirstWrites();
  return {
    options: own,
    connectionOptions(version) {
      let known = resolved.get(version);
      if (known === undefined) {
        known = resolveOnce({
          ...tuningOf(own),
          limits,
          side: SERVER,
          version,
          [STREAMS_WAIT]: true,
          [FIRST_WRITE_WAITS]: firstWrites,
        });
        resolved.set(version, known);
      }
      return known;
    },
    exchange: { handler, onError: own.onError || undefined },
  };
}

/** Listeners have `ref` and `unref`, which decide whether they keep the process alive. */
type Transported = Transport & { ref?(): void; unref?(): void };

/** A connection of a client, from its first byte to its end. */
export class ServedConnection {
  /** A promise if the client still has to choose the version. */
  readonly connection: Connection | Promise<Connection>;
  /** Resolves when the connection has ended for any reason. */
  readonly finished: Promise<void>;
  readonly #transport: Transported | undefined;
  readonly #host: ConnectionHost;
  #open: Connection | undefined;
  #tls: Deno.TlsHandshakeInfo | undefined;
  #http: HttpListener | undefined;
  #leaving = false;
  #aborted = false;
  /** Whether the answer of `onConnection` is missing. */
  #isWaiting = false;

  /** Starts to serve `transport`, which belongs to this object from now on. */
  constructor(transport: Transported | Connection, host: ConnectionHost) {
    this.#host = host;
    if (transport instanceof Connection) this.#open = transport;
    else {
      this.#transport = transport;
      if (!isTls(transport) && !host.options.upgrade) {
        this.#open = this.#connect(transport, this.#version);
      }
    }
    const chosen = this.#open ??
      handled(this.#choose(transport as TlsTransport));
    this.connection = chosen;
    this.finished = this.#run(chosen);
  }

  /** The connection from the moment it speaks SPDY until it has ended. */
  get live(): Connection | undefined {
    return this.#open;
  }

  /** Keeps the process alive, if the transport supports it; the default. */
  ref(): void {
    this.#transport?.ref?.();
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#transport?.unref?.();
  }

  /** Sends GOAWAY and ends when all open requests are answered; see `ShutdownOptions`. */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkShutdown(options);
    // A connection that does not speak SPDY yet has no open request.
    if (this.#open === undefined) this.abort();
    else this.goaway();
    await untilDeadline(this.finished, options, () => this.abort());
  }

  /**
   * Accepts no more requests, even if the client has not begun to speak SPDY. A client
   * that `onConnection` has not let in yet is refused: its answer may take for ever.
   */
  goaway(): void {
    this.#leaving = true;
    const open = this.#open;
    if (open === undefined) return;
    handled(this.#isWaiting ? refuse(open) : open.goaway());
  }

  /** Ends the connection and all its requests at once. */
  abort(): void {
    this.#aborted = true;
    this.#http?.close();
    if (this.#open !== undefined) {
      const core = coreOf(this.#open);
      core.failed(new Error("the server ended the connection"));
      // If the end has begun before, it waits for the client for up to `closeTimeout`.
      core.io.close();
    }
    this.#close();
  }

  async #run(chosen: Connection | Promise<Connection>): Promise<void> {
    try {
      const connection = chosen instanceof Promise ? await chosen : chosen;
      this.#open = connection;
      if (this.#aborted) this.abort();
      else if (this.#leaving) this.goaway();
      const admitted = this.#admit(connection);
      // Without `onConnection` there is no await, which would cost a turn of the queue.
      if (admitted === true || await admitted) await this.#serve(connection);
      else await refuse(connection);
    } catch (error) {
      if (!this.#aborted && !isPeerGone(error)) this.#tell(error);
      await this.#whenSent();
    } finally {
      this.#close();
      this.#open = undefined;
    }
  }

  /** A connection that has failed may still be sending its GOAWAY, which names the reason. */
  async #whenSent(): Promise<void> {
    const open = this.#open;
    if (open === undefined || !coreOf(open).ending.begun) return;
    await open.closed.catch(() => {});
  }

  /** Whether the client may use the server; see {@linkcode admit}. */
  #admit(connection: Connection): true | Promise<boolean> {
    const { options } = this.#host;
    const { onConnection } = options;
    if (!onConnection) return true;
    this.#isWaiting = true;
    return admit(onConnection, connection, this.#info, options).finally(() => {
      this.#isWaiting = false;
    });
  }

  async #serve(connection: Connection): Promise<void> {
    // Only the first connections wait: their streams wait in the queue meanwhile.
    const { handleStream } = exchanges() ?? await loadExchanges();
    const core = coreOf(connection);
    const peer = {
      remoteAddr: addressForHandlers(connection),
      proxyHead: connection.proxyHead,
      version: connection.version,
    };
    // A handler counts until it returns, because it can run on after a reset.
    const permits = new Semaphore(maxConcurrentStreams(core.options));
    let isWatched = false;
    for (;;) {
      // The permit is taken first: until then the stream waits in the queue, whose
      // memory is bounded.
      const permit = permits.take();
      if (permit !== undefined) {
        // Once, not for each waiting stream: reactions stay until `closed` settles.
        if (!isWatched) connection.closed.then(permits.open, permits.open);
        isWatched = true;
        await permit;
      }
      // The streams of one read are taken in one turn, without a promise for each: 3 %
      // of what a request allocates.
      let stream = core.incoming.take() ?? (await core.incoming.next()).value;
      if (stream === undefined) break;
      // The stream was reset while it waited, so there is no response to send.
      if (permit !== undefined && streamCoreOf(stream).ended) permits.release();
      else handleStream(stream, peer, this.#host.exchange, permits.release);
      // The loop may wait long for the next stream, and would keep 4 KiB of this one.
      stream = undefined;
    }
    await connection.closed;
  }

  /** Finds out which version the client speaks. */
  async #choose(conn: ByteConn | TlsTransport): Promise<Connection> {
    const {
      upgrade,
      versions = ALL_VERSIONS,
      handshakeTimeout = HANDSHAKE_TIMEOUT,
    } = this.#host.options;
    let late = false;
    const timer = startIdleTimeout(() => {
      late = true;
      closeQuietly(conn);
    }, handshakeTimeout);
    try {
      if (isTls(conn)) {
        this.#tls = await shakeHands(conn);
        const { alpnProtocol } = this.#tls;
        const version = npnGetVersion(alpnProtocol ?? "");
        // The listener may be the application's, and offer other versions.
        if (version !== 0 && versions.includes(version)) {
          return this.#connect(conn, version);
        }
        if (version !== 0 || !upgrade) throw noVersion(alpnProtocol, versions);
      }
      const first = await readSome(conn);
      if (first === undefined) throw leftEarly();
      return !isTls(conn) && (first[0] & CONTROL_BIT) !== 0
        ? this.#connect(new ResumedConn(conn, first), this.#version)
        : await this.#upgrade(conn, first);
    } catch (error) {
      if (!late) throw error;
      throw new ConnectionClosedError(
        `the client did not begin to speak SPDY within ${handshakeTimeout} ms (handshakeTimeout)`,
        { initiator: "remote", cause: error },
      );
    } finally {
      stopTimer(timer);
    }
  }

  /** Waits for a request to upgrade from HTTP/1.1, and answers it. */
  async #upgrade(conn: ByteConn, first: Uint8Array): Promise<Connection> {
    const {
      versions = ALL_VERSIONS,
      maxHeadBytes = MAX_HEAD,
      allowedOrigins,
      handshakeTimeout = HANDSHAKE_TIMEOUT,
    } = this.#host.options;
    // Loaded here: these are ten files, and only a server with `upgrade` needs them.
    const [
      { HttpListener },
      { answerAndEnd },
      { switchingProtocols, upgradeRequired },
    ] = await Promise.all([
      import("../upgrade/http_listener.ts"),
      import("../upgrade/answer.ts"),
      import("../upgrade/upgrade_responses.ts"),
    ]);
    if (this.#aborted) throw leftEarly();
    this.#http = new HttpListener({
      secure: this.#tls !== undefined,
      maxHeadBytes,
      allowedOrigins,
      headTimeout: handshakeTimeout,
      knows: (upgrade) => chooseToken(upgrade, versions) !== undefined,
      request: () => upgradeRequired(versions),
      error: (error) => this.#tell(error),
    });
    const call = await this.#http.take(conn, first);
    if (call === undefined) throw leftEarly();
    const asked = call.request.headers.get("upgrade") ?? undefined;
    const token = chooseToken(asked, versions);
    if (token === undefined) {
      await answerAndEnd(call.conn, upgradeRequired(versions));
      throw leftEarly();
    }
    await writeAll(call.conn, switchingProtocols(token.name));
    return this.#connect(call.conn, token.version);
  }

  #connect(transport: Transport, version: ProtocolVersion): Connection {
    return new Connection(transport, this.#host.connectionOptions(version));
  }

  get #version(): ProtocolVersion {
    return this.#host.options.version ?? PROTO_SPDY3_1;
  }

  get #info(): ConnectionInfo {
    const source = this.#open ?? this.#transport;
    const known = source !== undefined && hasAddresses(source)
      ? source
      : undefined;
    return {
      remoteAddr: known?.remoteAddr,
      localAddr: known?.localAddr,
      tls: this.#tls,
      proxyHead: known?.proxyHead,
    };
  }

  #tell(error: unknown): void {
    const info = { ...this.#info, connection: this.#open };
    tellConnectionError(this.#host.options, error, info);
  }

  #close(): void {
    // Closing it again would create an error, with its stack: 10 us.
    if (this.#open !== undefined && coreOf(this.#open).io.closed) return;
    const transport = this.#transport;
    if (transport !== undefined && isConn(transport)) closeQuietly(transport);
  }
}

/**
 * Ends a connection of which no request was processed. Its requests are reset as well,
 * because GOAWAY names those that have arrived: their client may send them elsewhere.
 */
async function refuse(connection: Connection): Promise<void> {
  for (const stream of coreOf(connection).incoming.takeAll()) {
    streamCoreOf(stream).reset(REFUSED_STREAM);
  }
  await connection.close();
}

/** Throws `InvalidArgumentError` for an unknown option and for an invalid timeout. */
export function checkShutdown(options: ShutdownOptions): void {
  checkNames("shutdown", options, { timeout: true });
  const { timeout } = options;
  if (timeout !== undefined) checkTimeout("timeout", timeout);
}

/** Waits for `finished`, and calls `abort` after `timeout` ms. */
export async function untilDeadline(
  finished: Promise<void>,
  { timeout }: ShutdownOptions,
  abort: () => void,
): Promise<void> {
  const timer = timeout === undefined ? undefined : startTimer(abort, timeout);
  try {
    await finished;
  } finally {
    stopTimer(timer);
  }
}

function hasAddresses(
  source: Transport | Connection,
): source is ByteConn | Connection {
  return source instanceof Connection || isConn(source);
}

/** The client's address. A client on a Unix socket has none, so it is the server's, as with `Deno.serve`. */
function addressForHandlers(
  { remoteAddr, localAddr }: Connection,
): Deno.Addr | undefined {
  const isUnnamed = remoteAddr?.transport === "unix" && !remoteAddr.path;
  return isUnnamed ? localAddr : remoteAddr;
}
