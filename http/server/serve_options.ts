/**
 * Options and results of `serve`.
 *
 * @module
 */

import type { ConnectionTuning } from "../../connection/options.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import type { ProxyHead } from "../../connection/transport/proxy_protocol.ts";
import type { Transport } from "../../connection/transport/transport.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import type { Connection } from "../connection.ts";

/**
 * Options of {@linkcode ServeInfo.push}.
 *
 * @category Server
 */
export interface PushInit {
  /** Headers of the request that the pushed response answers. */
  readonly headers?: HeadersInit;
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default: that of the request's stream. */
  readonly pri?: number;
  /** The response. By default, the handler is called for `path`. */
  readonly response?: Response;
}

/**
 * Information about a request, for its handler.
 *
 * @category Server
 */
export interface ServeInfo<Addr extends Deno.Addr | undefined = Deno.Addr> {
  /**
   * The client's address. A client on a Unix socket has none, so it is the address
   * of the socket, as in `Deno.serve`.
   */
  readonly remoteAddr: Addr;
  /** The head of the PROXY protocol that a load balancer sent, with its TLVs; `undefined` if there was none. */
  readonly proxyHead?: ProxyHead;
  /** The stream of the request. */
  readonly stream: Stream;
  /**
   * Resolves when the complete response was sent. Rejects with the reason if it was
   * not, for example because the client left.
   */
  readonly completed: Promise<void>;
  /** Headers that the client sent after the body. Resolves when the body has arrived completely. */
  readonly trailers: Promise<Headers>;
  /**
   * Sets headers to send after the response's body, instead of those of an earlier
   * call. A function is called when the body was sent, so its headers can depend on the
   * body. Call it before the handler returns its response; if the body is a stream, it
   * may also be called until that has ended by itself. Throws `InvalidArgumentError` if
   * it is called later. Ignored if nobody can get them: when the client has left, when
   * the stream that is the body is not sent (HEAD, status 204, 205 or 304), and when
   * another response was sent, for example because the handler threw.
   */
  readonly sendTrailers: (
    trailers: HeadersInit | (() => HeadersInit | Promise<HeadersInit>),
  ) => void;
  /**
   * Pushes the response to `GET path` with this response (SPDY/3 draft 3.3), before
   * the client asks for it. Resolves to the pushed stream when the push was
   * announced; await it before you send a body that refers to `path`. Rejects if no
   * stream can be opened, for example because the client left or accepts no pushes.
   * This does not affect the response itself, and a rejection that is never awaited
   * counts as handled.
   */
  readonly push: (path: string, init?: PushInit) => Promise<Stream>;
}

/**
 * Answers a request.
 *
 * @category Server
 */
export type ServeHandler<Addr extends Deno.Addr | undefined = Deno.Addr> = (
  request: Request,
  info: ServeInfo<Addr>,
) => Response | Promise<Response>;

/**
 * Information about a connection.
 *
 * @category Server
 */
export interface ConnectionInfo {
  /** The client's address; `undefined` when the transport has none. */
  readonly remoteAddr: Deno.Addr | undefined;
  /** This side's address; `undefined` when the transport has none. */
  readonly localAddr: Deno.Addr | undefined;
  /**
   * The result of the TLS handshake; `undefined` without TLS and before the
   * handshake is complete.
   */
  readonly tls: Deno.TlsHandshakeInfo | undefined;
  /** The head of the PROXY protocol that a load balancer sent, with its TLVs; `undefined` if there was none. */
  readonly proxyHead?: ProxyHead;
}

/**
 * Information about a connection that failed.
 *
 * @category Server
 */
export interface ConnectionErrorInfo extends ConnectionInfo {
  /**
   * The connection; `undefined` if it failed before the client spoke SPDY, or if it had
   * ended before `onConnection` threw.
   */
  readonly connection: Connection | undefined;
}

/**
 * Options of {@linkcode serveConnection}.
 *
 * @category Server
 */
export interface ServeConnectionOptions extends ConnectionTuning {
  /** Limits of each session; see `Limits`. Here the default of `maxHeaderCount` is 256. */
  readonly limits?: ConnectionTuning["limits"];
  /** Ends the server and all connections at once. */
  readonly signal?: AbortSignal;
  /**
   * Creates the response if a handler throws; by default the error is logged and
   * the response has status 500. It is also called if the body of a response fails,
   * if its length differs from its `content-length`, and if it contains something
   * other than bytes; the result is then not sent. Nothing is logged if there is an
   * `onError`, except what it throws itself.
   */
  readonly onError?: (error: unknown) => Response | Promise<Response>;
  /**
   * Called for each connection when its version is known and before its first
   * request is answered. If it returns or resolves to `false`, throws or rejects,
   * the connection is refused with a GOAWAY, which tells the client that no request
   * was processed. If it returns a promise, requests wait until it settles, or until
   * the connection has ended. The server does not wait for it when it shuts down: it
   * refuses the connection.
   */
  readonly onConnection?: (
    connection: Connection,
    info: ConnectionInfo,
  ) => unknown;
  /**
   * Called once for each connection that failed: the client does not speak SPDY,
   * broke a rule, exceeded a limit or a timeout, or failed in the TLS handshake;
   * `maxConnections` refused it, `onConnection` threw, or it could not be accepted, for
   * example because the process has no free file descriptor. Not called if a client
   * only disconnects, even during a request (then `request.signal` aborts), or if
   * the server ends the connection. If `onConnection` throws after the end of its
   * connection, this is called with that error, unless it only says that the connection
   * or a stream has ended. By default nothing is logged, because any client can cause
   * these errors.
   */
  readonly onConnectionError?: (
    error: unknown,
    info: ConnectionErrorInfo,
  ) => void;
  /** Version on transports without TLS; default `PROTO_SPDY3_1`. */
  readonly version?: ProtocolVersion;
  /** Versions for ALPN or the upgrade, best first; default all. */
  readonly versions?: readonly ProtocolVersion[];
  /**
   * Whether to accept HTTP/1.1 requests with `Upgrade: SPDY/3.1` (or `SPDY/3`,
   * `SPDY/2`); default false. The first byte distinguishes them from SPDY. Other
   * HTTP/1.1 requests are answered with 426.
   */
  readonly upgrade?: boolean;
  /**
   * Longest wait for a TLS handshake and for the head of an HTTP/1.1 request, ms;
   * 0: no limit; default 10000. Deno 2.9 cannot end a pending handshake, so `serve`
   * with `cert` and `key` passes each connection through a TLS listener on
   * loopback, which costs three file descriptors for each connection and 0.1 ms for
   * each round trip. With 0, or without permission for 127.0.0.1, the TLS listener
   * is Deno's own, and a client that stalls in the handshake holds its socket as
   * long as it likes.
   */
  readonly handshakeTimeout?: number;
  /**
   * With `upgrade`: longest head of an HTTP/1.1 request, bytes, 1 to 16777216; default
   * 16384. A longer one is answered with 431.
   */
  readonly maxHeadBytes?: number;
  /**
   * With `upgrade`: other origins, such as `"https://example.org"`, whose pages may
   * ask for an upgrade. A request whose `Origin` is neither in this list nor the
   * host in `Host` is answered with 403. Each one is written as in that header:
   * without a path, a default port or a wildcard. Default: none.
   */
  readonly allowedOrigins?: readonly string[];
}

/**
 * Options of `serve` behind a load balancer, which reports the address of the
 * client.
 *
 * @category Server
 */
export interface BalancerOptions {
  /**
   * Whether each connection begins with a head of the PROXY protocol, version 1 or
   * 2, before TLS. `"required"`: it must; `"optional"`: it may, for a time of
   * transition. The address in the head becomes `remoteAddr`, and the whole head is
   * `proxyHead` of the connection. A connection with a missing, malformed or
   * incomplete head is closed, at the latest after `handshakeTimeout`. Default
   * `false`: no head is expected.
   */
  readonly proxyProtocol?: "required" | "optional" | false;
  /**
   * Addresses and ranges (`"10.0.0.0/8"`) of the load balancers. Connections from
   * other addresses are closed with `"required"`, and may not send a head with
   * `"optional"`. By default every client is trusted and can claim any address.
   * Unix sockets are always trusted.
   */
  readonly trusted?: readonly string[];
}

/**
 * Options of {@linkcode serve} for every kind of listener.
 *
 * @category Server
 */
export interface ServeOptions<Addr extends Deno.Addr = Deno.Addr>
  extends ServeConnectionOptions, BalancerOptions {
  /** Called when the server listens; default: prints the address on the console. */
  readonly onListen?: (localAddr: Addr) => void;
  /**
   * Not supported. A compressed body with both a secret and text that the client
   * chose reveals the secret by its length (BREACH), and only the handler knows
   * which bodies are safe. For those, pipe the body through a `CompressionStream`
   * and set `content-encoding`. `false` is accepted, so that options of
   * `Deno.serve` can be used.
   */
  readonly automaticCompression?: false;
  /**
   * Most connections at the same time, including those in the TLS handshake, 1 to
   * 2^31-1; default: no limit. Further connections are closed before anything is
   * read from them.
   */
  readonly maxConnections?: number;
  /**
   * Most connections from one address, whatever their ports, 1 to 2^31-1; default: no
   * limit. Clients on a Unix socket have no address, so they are not counted.
   */
  readonly maxConnectionsPerAddress?: number;
}

/**
 * Options of {@linkcode serve} on TCP, or on TLS with `cert` and `key`.
 *
 * @category Server
 */
export interface ServeTcpOptions extends ServeOptions<Deno.NetAddr> {
  /** The kind of socket; TCP is the default. */
  readonly transport?: "tcp";
  /** Port, 0 for any free one; default 8000. */
  readonly port?: number;
  /** Address to listen on; default `"0.0.0.0"`. */
  readonly hostname?: string;
  /**
   * Whether several processes or workers may listen on the port; default false.
   * Deno requires `--unstable-net` for it, and ends the process without that flag.
   */
  readonly reusePort?: boolean;
  /** Connections that the system queues until they are accepted; default: 511, which is Deno's. */
  readonly tcpBacklog?: number;
  /** Certificate chain (PEM). */
  readonly cert?: string;
  /** Private key of the certificate (PEM). */
  readonly key?: string;
}

/**
 * Options of {@linkcode serve} on a Unix socket.
 *
 * @category Server
 */
export interface ServeUnixOptions extends ServeOptions<Deno.UnixAddr> {
  /** The kind of socket; it may be left out. */
  readonly transport?: "unix";
  /** Path of the socket. */
  readonly path: string;
}

/**
 * A source of connections for {@linkcode serve}: a `Deno.Listener`, a
 * `Deno.TlsListener` (set its `alpnProtocols` to `getNpnProtocols()`), or a similar
 * object.
 *
 * @category Server
 */
export interface ConnectionListener {
  /** The address it listens on. */
  readonly addr: Deno.Addr;
  /**
   * Accepts the next connection. Rejects with `Deno.errors.BadResource` or
   * `Deno.errors.Interrupted` when the listener is closed; after any other error,
   * the server calls it again.
   */
  accept(): Promise<Transport>;
  /** Stops accepting connections. The server calls it when it ends. */
  close(): void;
  /** Keeps the process alive. */
  ref?(): void;
  /** Does not keep the process alive. */
  unref?(): void;
}

/**
 * Options of {@linkcode serve} on the caller's listener, which the server closes
 * when it ends.
 *
 * @category Server
 */
export interface ServeListenerOptions extends ServeOptions {
  /** The listener. */
  readonly listener: ConnectionListener;
}

/**
 * Options of {@linkcode SpdyServer.shutdown}.
 *
 * @category Server
 */
export interface ShutdownOptions {
  /**
   * Longest time for open requests, ms. Requests that take longer are ended. 0: end
   * all of them now; default: no limit.
   */
  readonly timeout?: number;
}

/**
 * A running server.
 *
 * @category Server
 */
export interface SpdyServer<Addr extends Deno.Addr = Deno.Addr>
  extends AsyncDisposable {
  /** The address it listens on. */
  readonly addr: Addr;
  /**
   * Resolves when the server has ended, after {@linkcode shutdown} or through the
   * signal. The port is then free, and the file of a Unix socket is removed.
   */
  readonly finished: Promise<void>;
  /** The connections that speak SPDY at the moment of the iteration. */
  readonly connections: Iterable<Connection>;
  /**
   * Uses another certificate (PEM) for later TLS handshakes; open connections
   * continue. Has no effect when the server has begun to shut down. Throws
   * `InvalidArgumentError` if this server does not use TLS, has `handshakeTimeout:
   * 0`, or has no permission for 127.0.0.1. For an invalid certificate it throws
   * the error of `Deno.listenTls` and keeps the previous one.
   */
  setCertificate(
    certificate: { readonly cert: string; readonly key: string },
  ): void;
  /**
   * Accepts no more connections and requests (GOAWAY), finishes the open requests,
   * and then ends. A client that does not read its responses can delay this
   * forever: set a `timeout`. Throws `InvalidArgumentError` for an invalid timeout.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Keeps the process alive; the default. */
  ref(): void;
  /** Does not keep the process alive. */
  unref(): void;
}

/**
 * A connection of {@linkcode serveConnection}.
 *
 * @category Server
 */
export interface ServedTransport<
  C extends Connection | Promise<Connection> = Connection,
> extends AsyncDisposable {
  /**
   * The connection. On TLS and with `upgrade` it is a promise, because the client
   * has not chosen the version yet; it rejects if the client never does.
   */
  readonly connection: C;
  /**
   * Resolves when the connection has ended for any reason; see `connection.closed`
   * and `onConnectionError` for the reason.
   */
  readonly finished: Promise<void>;
  /**
   * Accepts no more requests (GOAWAY), finishes the open ones, and then ends.
   * Throws `InvalidArgumentError` for an invalid timeout.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}
