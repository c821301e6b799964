/**
 * Opens connections that send HTTP requests.
 *
 * @module
 */

import {
  type AcceptOptions,
  agreeWithClient,
  type ConnectOptions,
  dialPeer,
  orClose,
} from "../connection/connect.ts";
import type { AcceptedConn } from "../connection/transport/tls_listener.ts";
import { Connection } from "./connection.ts";

/**
 * Connects to a server over TCP, TLS or a Unix socket, through a proxy if `proxy` is set
 * or, with TLS, if the environment names one. With TLS, ALPN selects the version.
 *
 * Rejects with `InvalidArgumentError` for invalid options, with
 * `UnsupportedVersionError` if ALPN selected no SPDY version, with `SpdyError`
 * (`ERR_PROTO`) if the TLS handshake failed, with `ConnectionClosedError` if it takes
 * longer than 30 s, with `ProxyError` if a proxy does not open the tunnel, with the
 * reason of `signal` if that aborts, and with Deno's own error if the server cannot be
 * reached.
 *
 * @example
 * ```ts
 * import { accept, connect, PROTO_SPDY3 } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * const accepted = listener.accept().then((conn) =>
 *   accept(conn, { version: PROTO_SPDY3 })
 * );
 *
 * const client = await connect({ port, version: PROTO_SPDY3 });
 * const server = await accepted;
 * assertEquals(client.version, server.version);
 * await Promise.all([client.close(), server.close()]);
 * ```
 *
 * @category Connection
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const agreed = await dialPeer("connect", options);
  return orClose(
    agreed.conn,
    () => new Connection(agreed.conn, agreed.options),
  );
}

/**
 * Accepts a connection of a listener. On TLS it runs the handshake, for at most
 * `handshakeTimeout` ms, and ALPN selects the version; set the listener's
 * `alpnProtocols` to `getNpnProtocols()`.
 * Deno 2.9 cannot turn off Nagle's algorithm for connections of a TLS listener: the
 * second of two small writes can be delayed by 40 ms. Nor can it end a pending
 * handshake: a client that stalls there holds its socket as long as it likes. `serve`
 * has neither limitation.
 *
 * Rejects with `InvalidArgumentError` for invalid options, with
 * `UnsupportedVersionError` if ALPN selected no SPDY version, with `SpdyError`
 * (`ERR_PROTO`) if the TLS handshake failed, and with `ConnectionClosedError` if it takes
 * longer; `conn` is then closed.
 *
 * @example
 * ```ts
 * import { accept, Connection } from "@spdy/spdy";
 *
 * async function serve(listener: Deno.TlsListener): Promise<void> {
 *   for await (const conn of listener) {
 *     accept(conn).then(answer, (error) => console.error(error.message));
 *   }
 * }
 *
 * async function answer(connection: Connection): Promise<void> {
 *   for await (const stream of connection) {
 *     await stream.reply([[":status", "204"]], { fin: true });
 *   }
 * }
 * ```
 *
 * @category Connection
 */
export async function accept(
  conn: Deno.Conn,
  options: AcceptOptions = {},
): Promise<Connection> {
  return await takeOver(conn, options);
}

/** As `accept`, for connections of any listener of this module. */
export async function takeOver(
  conn: AcceptedConn,
  options: AcceptOptions,
): Promise<Connection> {
  const agreed = await agreeWithClient("accept", conn, options);
  return orClose(conn, () => new Connection(agreed.conn, agreed.options));
}
