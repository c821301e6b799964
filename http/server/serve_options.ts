/**
 * What `serve` takes and gives.
 *
 * @module
 */

import type { ProtocolVersion } from "../../frame/constants.ts";
import type { ConnectionTuning } from "../../connection/options.ts";
import type { Stream } from "../../connection/stream.ts";

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
  /** The response, when it is at hand; default: the handler is asked for `path`. */
  readonly response?: Response;
}

/**
 * What a handler gets besides the request.
 *
 * @category Server
 */
export interface ServeInfo<Addr extends Deno.Addr = Deno.Addr> {
  /** The client's address. */
  readonly remoteAddr: Addr;
  /** The stream that the request came on. */
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
export type ServeHandler<Addr extends Deno.Addr = Deno.Addr> = (
  request: Request,
  info: ServeInfo<Addr>,
) => Response | Promise<Response>;

/**
 * What {@linkcode serve} takes on every kind of listener.
 *
 * @category Server
 */
export interface ServeOptions<Addr extends Deno.Addr = Deno.Addr>
  extends ConnectionTuning {
  /** Bounds of each session; see `Limits`. Here `maxHeaderCount` is 256 by default. */
  readonly limits?: ConnectionTuning["limits"];
  /** Ends the server and all connections at once. */
  readonly signal?: AbortSignal;
  /** Called when the server listens; default: it says so on the console. */
  readonly onListen?: (localAddr: Addr) => void;
  /**
   * Answers in place of a handler that threw; default: the error is logged, the
   * answer is 500. Also hears of a response whose body did not keep to its
   * `content-length`; what it answers then is not sent.
   */
  readonly onError?: (error: unknown) => Response | Promise<Response>;
  /** Version on plain TCP and Unix sockets; default `PROTO_SPDY3_1`. */
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
   * ms; 0: never; default 10000. Deno 2.9 cannot end a pending handshake, so on
   * TLS each connection is carried to a TLS listener on loopback, which takes
   * three descriptors a connection and 0.1 ms a round trip. With 0, and without
   * permission for 127.0.0.1, connections are Deno's own, and strangers that
   * stall in the handshake hold their sockets for as long as they like.
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
 * {@linkcode serve} on TCP; with `cert` and `key` on TLS.
 *
 * @category Server
 */
export interface ServeTcpOptions extends ServeOptions<Deno.NetAddr> {
  /** Port, 0 for any free one; default 8000. */
  readonly port?: number;
  /** Address to listen on; default `"0.0.0.0"`. */
  readonly hostname?: string;
  /**
   * Lets several processes or workers listen on the port; default false. Deno
   * has it under `--unstable-net` only: without that flag it ends the process.
   */
  readonly reusePort?: boolean;
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
  /** Path of the socket. */
  readonly path: string;
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
  /** Resolves when it has ended, after {@linkcode shutdown} or by the signal. */
  readonly finished: Promise<void>;
  /** Takes no more connections and no more requests, finishes those under way, then ends. */
  shutdown(): Promise<void>;
  /** Keeps the process alive; the default. */
  ref(): void;
  /** Does not keep the process alive. */
  unref(): void;
}
