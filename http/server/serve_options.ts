/**
 * What `serve` takes and gives.
 *
 * @module
 */

import type { ProtocolVersion } from "../../frame/constants.ts";
import type { ConnectionTuning } from "../../connection/options.ts";
import type { ProxyHead } from "../../connection/proxy_protocol.ts";
import type { Stream } from "../../connection/stream.ts";
import type { Transport } from "../../connection/transport.ts";
import type { Connection } from "../connection.ts";

/**
 * What {@linkcode ServeInfo.push} takes besides the path.
 *
 * @category Server
 */
export interface PushInit {
  /** Headers of the request that the push is the answer to. */
  readonly headers?: HeadersInit;
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default that of the request's stream. */
  readonly pri?: number;
  /** The response. Default: the handler is called for `path`. */
  readonly response?: Response;
}

/**
 * What a handler gets besides the request.
 *
 * @category Server
 */
export interface ServeInfo<Addr extends Deno.Addr | undefined = Deno.Addr> {
  /**
   * The client's address. A client on a Unix socket has none: then it is that of
   * the socket, as with `Deno.serve`.
   */
  readonly remoteAddr: Addr;
  /** The head of the PROXY protocol that a load balancer sent, with its TLVs; `undefined` if there was none. */
  readonly proxyHead?: ProxyHead;
  /** The stream of the request. */
  readonly stream: Stream;
  /**
   * Resolves when the response has left in full; rejects with the reason when
   * it could not, such as a client that went away.
   */
  readonly completed: Promise<void>;
  /** Headers that the client sent after the body; resolves once the body has come in full. */
  readonly trailers: Promise<Headers>;
  /**
   * Headers to send after the response's body. A function is asked when the
   * body has left, so that it can tell of the body as it was.
   */
  readonly sendTrailers: (
    trailers: HeadersInit | (() => HeadersInit | Promise<HeadersInit>),
  ) => void;
  /**
   * Pushes the response to `GET path` along with this one (SPDY/3 draft 3.3),
   * before the client asks. Resolves to the pushed stream once the client has
   * been told; do that before sending what refers to it. Rejects when no stream
   * can be opened, as when the client went away or takes no pushes; the
   * response itself is not hurt by that.
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
 * What is known of a connection.
 *
 * @category Server
 */
export interface ConnectionInfo {
  /** The client's address; `undefined` when the transport has none. */
  readonly remoteAddr: Deno.Addr | undefined;
  /** This side's address; `undefined` when the transport has none. */
  readonly localAddr: Deno.Addr | undefined;
  /** What the TLS handshake agreed on; `undefined` without TLS, and before the handshake is complete. */
  readonly tls: Deno.TlsHandshakeInfo | undefined;
  /** The head of the PROXY protocol that a load balancer sent, with its TLVs; `undefined` if there was none. */
  readonly proxyHead?: ProxyHead;
}

/**
 * What is known of a connection that failed.
 *
 * @category Server
 */
export interface ConnectionErrorInfo extends ConnectionInfo {
  /** The connection; `undefined` when it failed before the client spoke SPDY. */
  readonly connection: Connection | undefined;
}

/**
 * What {@linkcode serveConnection} takes; all of it is optional.
 *
 * @category Server
 */
export interface ServeConnectionOptions extends ConnectionTuning {
  /** Bounds of each session; see `Limits`. Here `maxHeaderCount` is 256 by default. */
  readonly limits?: ConnectionTuning["limits"];
  /** Ends the server and all connections at once. */
  readonly signal?: AbortSignal;
  /**
   * Answers in place of a handler that threw; default: the error is logged, the
   * answer is 500. It is also called for a response whose body did not keep to
   * its `content-length`, or contained something other than bytes; what it
   * answers then is not sent.
   */
  readonly onError?: (error: unknown) => Response | Promise<Response>;
  /**
   * Called for each connection when the client's version is known, before any of
   * its requests is answered. The connection is refused when this returns or
   * resolves to `false`, throws or rejects: it gets GOAWAY, which tells the
   * client that no request was processed. Requests wait until a promise settles.
   */
  readonly onConnection?: (
    connection: Connection,
    info: ConnectionInfo,
  ) => unknown;
  /**
   * Called once for each connection that failed: the client does not speak SPDY,
   * broke a rule, passed a limit or a time-out, failed in the TLS handshake, was
   * refused by `maxConnections` or because `onConnection` threw. Not called for
   * a client that only disconnects, even with requests under way (their
   * `request.signal` aborts), and not for the server's own end. Default: nothing is
   * logged, since any stranger can cause these errors.
   */
  readonly onConnectionError?: (
    error: unknown,
    info: ConnectionErrorInfo,
  ) => void;
  /** Version on transports without TLS; default `PROTO_SPDY3_1`. */
  readonly version?: ProtocolVersion;
  /** Versions to agree on by ALPN or upgrade, best first; default all. */
  readonly versions?: readonly ProtocolVersion[];
  /**
   * Also takes HTTP/1.1 requests with `Upgrade: SPDY/3.1` (or `SPDY/3`,
   * `SPDY/2`), told from SPDY by their first byte; default false. Other
   * HTTP/1.1 requests are answered with 426.
   */
  readonly upgrade?: boolean;
  /**
   * Longest wait for a TLS handshake and for the head of an HTTP/1.1 request,
   * ms; 0: never; default 10000. Deno 2.9 cannot end a pending handshake, so
   * `serve` with `cert` and `key` carries each connection to a TLS listener on
   * loopback, which takes three descriptors a connection and 0.1 ms a round
   * trip. With 0, and without permission for 127.0.0.1, connections are Deno's
   * own, and strangers that stall in the handshake hold their sockets for as
   * long as they like.
   */
  readonly handshakeTimeout?: number;
  /** With `upgrade`: longest head of an HTTP/1.1 request, bytes; a longer one is answered with 431. Default 16384. */
  readonly maxHeadBytes?: number;
  /**
   * With `upgrade`: origins, such as `"https://example.org"`, whose pages may
   * ask for an upgrade. A request whose `Origin` is neither one of them nor of
   * the host that `Host` names is answered with 403. Default none.
   */
  readonly allowedOrigins?: readonly string[];
}

/**
 * The options of `serve` that say who may tell a client's address.
 *
 * @category Server
 */
export interface BalancerOptions {
  /**
   * Behind a load balancer: each connection begins with a head of the PROXY
   * protocol, version 1 or 2, before TLS (`"required"`), or may begin with one
   * (`"optional"`, for a time of change). The address in it is `remoteAddr`,
   * everything in it is `proxyHead` of the connection. A connection without a
   * head, with a malformed one, or with one that is not complete within
   * `handshakeTimeout` is closed. Default `false`: a head is not expected.
   */
  readonly proxyProtocol?: "required" | "optional" | false;
  /**
   * Addresses and ranges (`"10.0.0.0/8"`) of the load balancers. Connections from
   * elsewhere are closed with `"required"`, and may not send a head with
   * `"optional"`. Default: everyone is trusted, who can then claim any address.
   * Unix sockets are always trusted.
   */
  readonly trusted?: readonly string[];
}

/**
 * What {@linkcode serve} takes on every kind of listener.
 *
 * @category Server
 */
export interface ServeOptions<Addr extends Deno.Addr = Deno.Addr>
  extends ServeConnectionOptions, BalancerOptions {
  /** Called when the server listens; default: prints the address on the console. */
  readonly onListen?: (localAddr: Addr) => void;
  /**
   * Not supported: a compressed body that contains both a secret and something
   * that the client chose gives the secret away by its length (BREACH), and only
   * the handler knows which bodies do not. There, pipe the body through a
   * `CompressionStream` and set `content-encoding`. `false` is accepted, so that
   * options of `Deno.serve` can be used.
   */
  readonly automaticCompression?: false;
  /**
   * Most connections at once, those in the TLS handshake included, 1 to 2^31-1;
   * default: no limit. One more is closed before anything is read from it.
   */
  readonly maxConnections?: number;
  /**
   * The same for each address of a client, the port not counted; default: no
   * limit. Clients on a Unix socket have no address and are not limited by it.
   */
  readonly maxConnectionsPerAddress?: number;
}

/**
 * {@linkcode serve} on TCP; with `cert` and `key` on TLS.
 *
 * @category Server
 */
export interface ServeTcpOptions extends ServeOptions<Deno.NetAddr> {
  /** The kind of socket; TCP goes without saying. */
  readonly transport?: "tcp";
  /** Port, 0 for any free one; default 8000. */
  readonly port?: number;
  /** Address to listen on; default `"0.0.0.0"`. */
  readonly hostname?: string;
  /**
   * Lets several processes or workers listen on the port; default false. Deno
   * has it under `--unstable-net` only: without that flag it ends the process.
   */
  readonly reusePort?: boolean;
  /** Connections that may wait in the system to be accepted; the default is Deno's, 511. */
  readonly tcpBacklog?: number;
  /** Certificate chain (PEM). */
  readonly cert?: string;
  /** Private key of the certificate (PEM). */
  readonly key?: string;
}

/**
 * {@linkcode serve} on a Unix socket.
 *
 * @category Server
 */
export interface ServeUnixOptions extends ServeOptions<Deno.UnixAddr> {
  /** The kind of socket; Unix goes without saying. */
  readonly transport?: "unix";
  /** Path of the socket. */
  readonly path: string;
}

/**
 * What gives connections to {@linkcode serve}: a `Deno.Listener`,
 * a `Deno.TlsListener` (its `alpnProtocols` should be `getNpnProtocols()`), or
 * an object like these.
 *
 * @category Server
 */
export interface ConnectionListener {
  /** The address it listens on. */
  readonly addr: Deno.Addr;
  /**
   * The next connection. Rejects with `Deno.errors.BadResource` or
   * `Deno.errors.Interrupted` once the listener is closed; after another error,
   * the server calls it again.
   */
  accept(): Promise<Transport>;
  /** Takes no more connections; the server calls it when it ends. */
  close(): void;
  /** Keeps the process alive. */
  ref?(): void;
  /** Does not keep the process alive. */
  unref?(): void;
}

/**
 * {@linkcode serve} on a listener of the caller, which the server closes when it ends.
 *
 * @category Server
 */
export interface ServeListenerOptions extends ServeOptions {
  /** The listener. */
  readonly listener: ConnectionListener;
}

/**
 * How {@linkcode SpdyServer.shutdown} ends.
 *
 * @category Server
 */
export interface ShutdownOptions {
  /**
   * How long requests in progress may take, ms. Those that are not finished by then
   * are ended. 0: end all of them now; default: no limit.
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
   * Resolves when it has ended, after {@linkcode shutdown} or by the signal. The
   * port is free then, and the file of a Unix socket is gone.
   */
  readonly finished: Promise<void>;
  /** The connections that speak SPDY at the moment of iteration. */
  readonly connections: Iterable<Connection>;
  /**
   * Uses another certificate (PEM) for the TLS handshakes that begin from now on;
   * connections that are open go on. Throws `InvalidArgumentError` when this
   * server does not do TLS itself, has `handshakeTimeout: 0` or no permission
   * for 127.0.0.1, and what `Deno.listenTls` throws for a certificate that is
   * none; the one before then stays. Has no effect once the server has begun to
   * shut down.
   */
  setCertificate(
    certificate: { readonly cert: string; readonly key: string },
  ): void;
  /**
   * Takes no more connections and no more requests (GOAWAY), finishes those under
   * way, then ends. A client that reads no responses can delay this for ever:
   * set a `timeout`. Throws `InvalidArgumentError` for a time that is none.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Keeps the process alive; the default. */
  ref(): void;
  /** Does not keep the process alive. */
  unref(): void;
}

/**
 * A connection that is served.
 *
 * @category Server
 */
export interface ServedTransport<
  C extends Connection | Promise<Connection> = Connection,
> extends AsyncDisposable {
  /**
   * The connection. On TLS and with `upgrade` a promise, since the client has yet
   * to choose the version; it rejects when the client never does.
   */
  readonly connection: C;
  /** Resolves when the connection has ended, however it did; `connection.closed` and `onConnectionError` tell why. */
  readonly finished: Promise<void>;
  /**
   * Takes no more requests (GOAWAY), finishes those under way, then ends.
   * Throws `InvalidArgumentError` for a time that is none.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}
