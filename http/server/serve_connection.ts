/**
 * Serves HTTP over SPDY on the caller's connection.
 *
 * @module
 */

import { checkSignal } from "../../connection/abort_signal.ts";
import type {
  ByteConn,
  ByteStreams,
} from "../../connection/transport/transport.ts";
import type { Connection } from "../connection.ts";
import {
  checkConnectionOptions,
  checkServeConnectionNames,
  checkTransport,
} from "./check_options.ts";
import type {
  ServeConnectionOptions,
  ServedTransport,
  ServeHandler,
} from "./serve_options.ts";
import {
  type AnyHandler,
  connectionHost,
  ServedConnection,
} from "./served_connection.ts";

/**
 * Serves HTTP over SPDY on one connection: the result of `accept`, a socket of a
 * `Deno.listen` listener, a `WebSocketStream`, or one end of an in-memory pipe. The
 * handler and the options are those of {@linkcode serve}, which calls this for each
 * connection. The transport then belongs to the server.
 *
 * On a `Deno.TlsConn`, ALPN selects the version; with `upgrade`, the client's first
 * bytes do. In these cases `connection` is a promise.
 *
 * Throws `InvalidArgumentError` for options out of their range, for a connection of
 * a client, and for `upgrade` on a pair of web streams; `UnsupportedVersionError`
 * for an unknown version.
 *
 * @example Two ends of a pipe
 * ```ts
 * import { CLIENT, Connection, PROTO_SPDY3_1, serveConnection } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const up = new TransformStream<Uint8Array, Uint8Array>();
 * const down = new TransformStream<Uint8Array, Uint8Array>();
 * const served = serveConnection(
 *   { readable: up.readable, writable: down.writable },
 *   (request) => new Response(`hello from ${new URL(request.url).pathname}`),
 * );
 *
 * const client = new Connection(
 *   { readable: down.readable, writable: up.writable },
 *   { side: CLIENT, version: PROTO_SPDY3_1, origin: "http://localhost" },
 * );
 * const response = await client.fetch("/pipe");
 * assertEquals(await response.text(), "hello from /pipe");
 * await served.shutdown();
 * ```
 *
 * @category Server
 */
export function serveConnection(
  transport: Deno.TlsConn,
  handler: ServeHandler,
): ServedTransport<Promise<Connection>>;
/**
 * Serves HTTP over SPDY on a TLS connection.
 *
 * @category Server
 */
export function serveConnection(
  transport: Deno.TlsConn,
  options: ServeConnectionOptions,
  handler: ServeHandler,
): ServedTransport<Promise<Connection>>;
/**
 * Serves HTTP over SPDY on a connection whose client may begin with an upgrade.
 *
 * @category Server
 */
export function serveConnection(
  transport: Deno.Conn | ByteConn,
  options: ServeConnectionOptions & { readonly upgrade: true },
  handler: ServeHandler,
): ServedTransport<Promise<Connection>>;
/**
 * Serves HTTP over SPDY on a connection with addresses.
 *
 * @category Server
 */
export function serveConnection(
  transport: Deno.Conn | Connection,
  handler: ServeHandler,
): ServedTransport;
/**
 * Serves HTTP over SPDY on a connection with addresses.
 *
 * @category Server
 */
export function serveConnection(
  transport: Deno.Conn | Connection,
  options: ServeConnectionOptions,
  handler: ServeHandler,
): ServedTransport;
/**
 * Serves HTTP over SPDY on a transport that may have no addresses.
 *
 * @category Server
 */
export function serveConnection(
  transport: ByteConn | ByteStreams,
  handler: ServeHandler<Deno.Addr | undefined>,
): ServedTransport;
/**
 * Serves HTTP over SPDY on a transport that may have no addresses.
 *
 * @category Server
 */
export function serveConnection(
  transport: ByteConn | ByteStreams,
  options: ServeConnectionOptions,
  handler: ServeHandler<Deno.Addr | undefined>,
): ServedTransport;
export function serveConnection(
  transport: ByteConn | ByteStreams | Connection,
  first: ServeConnectionOptions | AnyHandler | ServeHandler,
  second?: AnyHandler | ServeHandler,
): ServedTransport<Connection | Promise<Connection>> {
  const options = typeof first === "function" ? {} : first;
  const handler = typeof first === "function" ? first : second;
  if (typeof handler !== "function") {
    throw new TypeError("A handler function must be provided.");
  }
  checkServeConnectionNames(options);
  checkConnectionOptions(options);
  checkTransport(transport, options.upgrade);
  // The overloads determine which handlers accept a transport without an address.
  const host = connectionHost(options, handler as AnyHandler);
  const served = new ServedConnection(transport, host);
  const signal = checkSignal(options.signal);
  if (signal !== undefined) {
    const abort = (): void => served.abort();
    signal.addEventListener("abort", abort, { once: true });
    served.finished.then(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  }
  return {
    connection: served.connection,
    finished: served.finished,
    shutdown: (options) => served.shutdown(options),
    [Symbol.asyncDispose]: () => served.shutdown(),
  };
}
