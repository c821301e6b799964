/**
 * Makes connections that send HTTP requests.
 *
 * @module
 */

import {
  type AcceptOptions,
  agreeWithClient,
  type ConnectOptions,
  dialPeer,
} from "../connection/connect.ts";
import type { AcceptedConn } from "../connection/tls_listener.ts";
import { Connection } from "./connection.ts";

/**
 * Connects to a server over TCP, TLS or a Unix socket, through an HTTP proxy if
 * there is one (`proxy`). With TLS, ALPN selects the version.
 *
 * Rejects with `UnsupportedVersionError` when the peer chose no SPDY version,
 * with `SpdyError` (`ERR_PROTO`) when the TLS handshake failed, with `ProxyError`
 * when a proxy opens no tunnel, and with Deno's own error when the server cannot
 * be reached.
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
  const agreed = await dialPeer(options);
  return new Connection(agreed.conn, agreed.options);
}

/**
 * Takes over a connection that a listener gave. On TLS the handshake is run and
 * the version is the one agreed on; the listener's `alpnProtocols` should be
 * `getNpnProtocols()`. Deno 2.9 cannot turn Nagle's algorithm off on a TLS
 * listener's connections: of two small writes in a row the second may wait 40 ms.
 *
 * Rejects as {@linkcode connect} does; `conn` is closed then.
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

/** The same for connections of any listener of this module. */
export async function takeOver(
  conn: AcceptedConn,
  options: AcceptOptions,
): Promise<Connection> {
  const agreed = await agreeWithClient(conn, options);
  return new Connection(agreed.conn, agreed.options);
}
