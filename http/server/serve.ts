/**
 * `Deno.serve` over SPDY.
 *
 * @module
 */

import { withBrackets } from "../../connection/transport/host_name.ts";
import type { AcceptingListener } from "../../connection/transport/listener.ts";
import { listenTls } from "../../connection/transport/tls_listener.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkPort, checkWhole, MAX_INT32 } from "../../numbers.ts";
import { ALL_VERSIONS, tokenOf } from "../upgrade/upgrade_token.ts";
import { behindBalancer } from "./behind_balancer.ts";
import { checkConnectionOptions, checkServeNames } from "./check_options.ts";
import { checkBounds } from "./connection_count.ts";
import type {
  ConnectionListener,
  ServeHandler,
  ServeListenerOptions,
  ServeOptions,
  ServeTcpOptions,
  ServeUnixOptions,
  SpdyServer,
} from "./serve_options.ts";
import type { AnyHandler } from "./served_connection.ts";
import { Server } from "./server.ts";

/**
 * Serves HTTP over SPDY as `Deno.serve` serves HTTP: on TCP, on TLS with `cert` and
 * `key`, or on a Unix socket with `path`.
 *
 * On TLS, ALPN selects the version. On other sockets, the version is that of the
 * option `version`; with `upgrade`, an HTTP/1.1 client can ask for others.
 *
 * The handler takes and returns the platform's `Request` and `Response`. The bodies
 * of both are streamed with back-pressure. The header `host` is the client's
 * `:host`. `request.signal` aborts with an `AbortError` if the client leaves before
 * the response was sent; the signals of `request.clone()` and `new
 * Request(request)` abort as well. The `cause` of the error says how the client
 * left. If a handler throws, `onError` creates the response; the default is status
 * 500. A request that breaks SPDY's rules is answered with 400: for example, one
 * without `:path`, with a `connection` header, or with a body whose length differs
 * from `content-length` (SPDY/3 draft 3.2.1). Hop-by-hop headers in a response
 * (`connection`, `keep-alive`, `proxy-connection`, `transfer-encoding`) are not
 * sent; `date` and, if the length is known, `content-length` are added. `GET` and
 * `HEAD` requests have no body; bytes that a client sends with them are dropped.
 *
 * A response of a `fetch` that decoded its body, this module's or Deno's, is sent
 * without the `content-encoding` and `content-length` of the encoded body.
 *
 * A body of text or bytes is sent with its actual length, even if the response has
 * another `content-length`, as in `Deno.serve`. A body that is a stream resets its
 * SPDY stream with INTERNAL_ERROR if its length differs from `content-length` or if
 * it fails or produces something other than bytes, so that the client never accepts
 * a truncated body as complete. The error is passed to `onError`, whose response is
 * then not sent; without `onError`, the error is logged.
 *
 * A handler can continue to read an upload after its response has been sent, if it
 * reads at least once in 30 s. If the handler has not begun to read, the bytes are
 * kept for 1 s and dropped for another 1 s. Then the stream is reset with CANCEL,
 * and reading the body fails.
 *
 * Throws the errors of `Deno.listen`, `InvalidArgumentError` for options out of
 * their range or in conflict with each other, and `UnsupportedVersionError` for an
 * unknown version.
 *
 * @example A server in five lines
 * ```ts
 * import { connect, serve } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serve({ port: 0 }, (request) => {
 *   return new Response(`You asked for ${new URL(request.url).pathname}`);
 * });
 *
 * await using connection = await connect({ port: server.addr.port });
 * const response = await connection.fetch("http://localhost/hello");
 * assertEquals(await response.text(), "You asked for /hello");
 * ```
 *
 * @category Server
 */
export function serve(
  handler: ServeHandler<Deno.NetAddr>,
): SpdyServer<Deno.NetAddr>;
/**
 * Serves HTTP over SPDY on the caller's listener.
 *
 * @category Server
 */
export function serve(
  options: ServeListenerOptions,
  handler: ServeHandler,
): SpdyServer;
/**
 * Serves HTTP over SPDY on the caller's listener, with the handler in the options.
 *
 * @category Server
 */
export function serve(
  options: ServeListenerOptions & { readonly handler: ServeHandler },
): SpdyServer;
/**
 * Serves HTTP over SPDY on a Unix socket.
 *
 * @category Server
 */
export function serve(
  options: ServeUnixOptions,
  handler: ServeHandler<Deno.UnixAddr>,
): SpdyServer<Deno.UnixAddr>;
/**
 * Serves HTTP over SPDY on TCP or TLS.
 *
 * @category Server
 */
export function serve(
  options: ServeTcpOptions,
  handler: ServeHandler<Deno.NetAddr>,
): SpdyServer<Deno.NetAddr>;
/**
 * Serves HTTP over SPDY on a Unix socket, with the handler in the options.
 *
 * @category Server
 */
export function serve(
  options: ServeUnixOptions & {
    readonly handler: ServeHandler<Deno.UnixAddr>;
  },
): SpdyServer<Deno.UnixAddr>;
/**
 * Serves HTTP over SPDY on TCP or TLS, with the handler in the options.
 *
 * @category Server
 */
export function serve(
  options: ServeTcpOptions & { readonly handler: ServeHandler<Deno.NetAddr> },
): SpdyServer<Deno.NetAddr>;
export function serve(
  first: OneHandler | AnyOptions = {},
  second?: OneHandler,
): AnyServer {
  const options: AnyOptions = typeof first === "function" ? {} : first;
  const handler = typeof first === "function"
    ? first
    : second ?? options.handler;
  if (typeof handler !== "function") {
    throw new TypeError("A handler function must be provided.");
  }
  checkServeOptions(options as ServeOptions);
  const listener = listen(options);
  // A server has only one kind of address, which the overloads determine.
  const server = new Server(
    listener,
    options as ServeOptions,
    handler as AnyHandler,
  );
  try {
    announce(server.addr, options);
  } catch (error) {
    // The caller gets no server that it could shut down.
    server.shutdown({ timeout: 0 });
    throw error;
  }
  return server as AnyServer;
}

type AnyServer =
  | SpdyServer
  | SpdyServer<Deno.NetAddr>
  | SpdyServer<Deno.UnixAddr>;
type OneHandler =
  | ServeHandler
  | ServeHandler<Deno.NetAddr>
  | ServeHandler<Deno.UnixAddr>;
type AnyOptions =
  & (ServeTcpOptions | ServeUnixOptions | ServeListenerOptions)
  & { readonly handler?: OneHandler };

/** Options for listening, which conflict with `listener`. */
const OF_LISTENING = [
  "port",
  "hostname",
  "path",
  "cert",
  "key",
  "reusePort",
  "tcpBacklog",
  "transport",
];

function checkServeOptions(options: ServeOptions): void {
  checkServeNames(options);
  checkConnectionOptions(options);
  checkBounds(options);
  if (isSet(options, "path") && isTls(options)) {
    throw new InvalidArgumentError(
      "serve has no TLS on a Unix socket: leave out `cert` and `key`, or set `port` instead of `path`",
    );
  }
  if (!isSet(options, "listener")) return;
  for (const name of OF_LISTENING) {
    if (isSet(options, name)) {
      throw new InvalidArgumentError(
        `\`listener\` and \`${name}\` cannot be combined: the listener already has an address`,
      );
    }
  }
}

/**
 * Whether an option has a value. An option that is `undefined` counts as absent, because
 * programs pass on variables that may not be set.
 */
function isSet(options: object, name: string): boolean {
  return Reflect.get(options, name) !== undefined;
}

function isTls(options: object): boolean {
  return isSet(options, "cert") || isSet(options, "key");
}

/** Creates the listener. Behind a load balancer, it reads the PROXY head of each connection. */
function listen(options: AnyOptions): ConnectionListener {
  const behind = behindBalancer(options as ServeOptions);
  if (behind === undefined) return listenDirectly(options);
  // On TLS, the PROXY head precedes the ClientHello.
  return isTls(options)
    ? listenTcp(options as ServeTcpOptions, behind)
    : behind(listenDirectly(options));
}

function listenDirectly(options: AnyOptions): ConnectionListener {
  if ("listener" in options && options.listener !== undefined) {
    return options.listener;
  }
  if ("path" in options && options.path !== undefined) {
    return Deno.listen({ transport: "unix", path: options.path });
  }
  return listenTcp(options as ServeTcpOptions);
}

function listenTcp(
  options: ServeTcpOptions,
  beforeTls?: (listener: ConnectionListener) => AcceptingListener,
): ConnectionListener {
  const { hostname = "0.0.0.0", port = 8000, cert, key } = options;
  const { reusePort, tcpBacklog } = options;
  checkPort("port", port, 0);
  if (tcpBacklog !== undefined) {
    checkWhole("tcpBacklog", tcpBacklog, 1, MAX_INT32);
  }
  if (cert === undefined && key === undefined) {
    return Deno.listen({ hostname, port, reusePort, tcpBacklog });
  }
  if (cert === undefined || key === undefined) {
    throw new InvalidArgumentError(
      "TLS needs both a certificate and its key: `cert` and `key`",
    );
  }
  const tls = {
    hostname,
    port,
    reusePort,
    tcpBacklog,
    cert,
    key,
    alpnProtocols: alpnProtocols(options),
    beforeTls,
  };
  // Only `listenTls` can read from the TCP connection before TLS.
  return options.handshakeTimeout === 0 && beforeTls === undefined
    ? Deno.listenTls(tls)
    : listenTls(tls);
}

/** The protocols to offer by ALPN, best first. */
function alpnProtocols({ versions, upgrade }: ServeTcpOptions): string[] {
  const names = (versions ?? ALL_VERSIONS)
    .map((version) => tokenOf(version).toLowerCase());
  return upgrade ? [...names, "http/1.1"] : names;
}

function announce(addr: Deno.Addr, options: AnyOptions): void {
  const { onListen } = options as ServeOptions;
  // `null` as well, as in `Deno.serve`: here an error would leave the server running.
  if (onListen) onListen(addr);
  else console.log(`Listening on ${describe(addr, isTls(options))}`);
}

function describe(addr: Deno.Addr, tls: boolean): string {
  if (addr.transport !== "tcp") {
    return addr.transport === "unix" ? addr.path : addr.transport;
  }
  const { hostname, port } = addr;
  const scheme = tls ? "https" : "http";
  const url = `${scheme}://${withBrackets(hostname)}:${port}/`;
  return hostname === "0.0.0.0" || hostname === "::"
    ? `${url} (${scheme}://localhost:${port}/)`
    : url;
}
