/**
 * `Deno.serve` over SPDY.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { checkPort, checkWhole } from "../../numbers.ts";
import type { AcceptingListener } from "../../connection/accepting.ts";
import { listenTls } from "../../connection/tls_listener.ts";
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
import { ALL_VERSIONS, tokenOf } from "../upgrade/upgrade_token.ts";

/**
 * Serves HTTP over SPDY, in the manner of `Deno.serve`: on TCP, with `cert` and
 * `key` on TLS, with `path` on a Unix socket.
 *
 * On TLS the version is agreed on by ALPN. On plain sockets it is `version`;
 * with `upgrade` also what an HTTP/1.1 client asks for.
 *
 * The handler takes and returns the platform's `Request` and `Response`. Request
 * and response bodies stream, both with back-pressure. The header `host` is what
 * the client sent as `:host`. `request.signal` aborts with an `AbortError` when
 * the client leaves before the response has been sent; so do the signals of
 * `request.clone()` and `new Request(request)`. The error's `cause` says how it
 * left. For a handler that throws, `onError` answers, and 500 is the default. A
 * request that breaks SPDY's rules is answered with 400, such as one without
 * `:path`, with a `connection` header, or with a body of another length than
 * `content-length` says (SPDY/3 draft 3.2.1). In responses, hop-by-hop headers
 * (`connection`, `keep-alive`, `proxy-connection`, `transfer-encoding`) are left
 * out; `date` and, where the length is known, `content-length` are put in. `GET`
 * and `HEAD` requests have no body; what a client sends with them is dropped.
 *
 * A response of a `fetch` that decoded its body, this module's or Deno's, is sent
 * on without the `content-encoding` and `content-length` of the coded one.
 *
 * A body given as text or bytes is sent with its own length, whatever the
 * response's `content-length` says, as with `Deno.serve`. A body given as a
 * stream that is shorter or longer than `content-length`, or gives something
 * other than bytes, resets its stream with INTERNAL_ERROR, so that a part is
 * never taken for the whole; the error is logged and passed to `onError`, whose
 * answer is not sent any more.
 *
 * A handler can continue to read an upload after its response has been sent, if it
 * reads at least once in 30 s. If the handler has not begun to read, the bytes are
 * kept for 1 s and dropped for another 1 s. Then the stream is reset with CANCEL,
 * and reading the body fails.
 *
 * Throws what `Deno.listen` throws, `InvalidArgumentError` for options that are
 * out of their range or contradict one another, and `UnsupportedVersionError`
 * for a version that is none.
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
 * Serves HTTP over SPDY on a listener of the caller.
 *
 * @category Server
 */
export function serve(
  options: ServeListenerOptions,
  handler: ServeHandler,
): SpdyServer;
/**
 * Serves HTTP over SPDY on a listener of the caller, the handler among the options.
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
 * Serves HTTP over SPDY on a Unix socket, the handler among the options.
 *
 * @category Server
 */
export function serve(
  options: ServeUnixOptions & {
    readonly handler: ServeHandler<Deno.UnixAddr>;
  },
): SpdyServer<Deno.UnixAddr>;
/**
 * Serves HTTP over SPDY on TCP or TLS, the handler among the options.
 *
 * @category Server
 */
export function serve(
  options: ServeTcpOptions & { readonly handler: ServeHandler<Deno.NetAddr> },
): SpdyServer<Deno.NetAddr>;
export function serve(
  first: OneHandler | AnyOptions,
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
  // One kind of address a server: the overloads say which.
  const server = new Server(
    listener,
    options as ServeOptions,
    handler as AnyHandler,
  );
  announce(server.addr, options);
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

/** Options that say where to listen, which a listener knows already. */
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
  if (!("listener" in options) || options.listener === undefined) return;
  for (const name of OF_LISTENING) {
    if (Reflect.get(options, name) !== undefined) {
      throw new InvalidArgumentError(
        `\`listener\` and \`${name}\` were given: the listener knows where it listens`,
      );
    }
  }
}

/** The listener; behind a load balancer, it reads the PROXY head of each connection. */
function listen(options: AnyOptions): ConnectionListener {
  const behind = behindBalancer(options as ServeOptions);
  if (behind === undefined) return listenDirectly(options);
  const isTls = "cert" in options || "key" in options;
  // On TLS the head comes before the ClientHello.
  return isTls
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
    checkWhole("tcpBacklog", tcpBacklog, 1, 0x7fffffff);
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
  // Only listenTls has the TCP connection before TLS.
  return options.handshakeTimeout === 0 && beforeTls === undefined
    ? Deno.listenTls(tls)
    : listenTls(tls);
}

/** What to agree on, best first: as many names as there are versions. */
function alpnProtocols({ versions, upgrade }: ServeTcpOptions): string[] {
  const names = (versions ?? ALL_VERSIONS)
    .map((version) => tokenOf(version).toLowerCase());
  return upgrade ? [...names, "http/1.1"] : names;
}

function announce(addr: Deno.Addr, options: AnyOptions): void {
  const { onListen } = options as ServeOptions;
  if (onListen !== undefined) onListen(addr);
  else console.log(`Listening on ${describe(addr, "cert" in options)}`);
}

function describe(addr: Deno.Addr, tls: boolean): string {
  if (addr.transport !== "tcp") {
    return addr.transport === "unix" ? addr.path : addr.transport;
  }
  const { hostname, port } = addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const scheme = tls ? "https" : "http";
  const url = `${scheme}://${host}:${port}/`;
  return hostname === "0.0.0.0" || hostname === "::"
    ? `${url} (${scheme}://localhost:${port}/)`
    : url;
}
