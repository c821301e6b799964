/**
 * The server's side of the HTTP/1.1 upgrade for an application with its own
 * node:http server.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import {
  type ConnectionTuning,
  resolveOptions,
  TUNING_NAMES,
} from "../../connection/options.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { SERVER } from "../../session/constants.ts";
import { checkNames, copyOptions, type Names } from "../../values.ts";
import type { Connection } from "../connection.ts";
import { checkAllowedOrigins } from "./upgrade_rules.ts";
import { ALL_VERSIONS, checkVersions } from "./upgrade_token.ts";

/**
 * Options of {@linkcode acceptUpgrade}.
 *
 * @category Server
 */
export interface AcceptUpgradeOptions extends ConnectionTuning {
  /** Versions to accept; default all. */
  readonly versions?: readonly ProtocolVersion[];
  /** Headers of the 101 in addition to `connection` and `upgrade`. */
  readonly headers?: HeadersInit;
  /** Other origins whose pages may ask for an upgrade; default none. */
  readonly allowedOrigins?: readonly string[];
}

const NAMES: Names<AcceptUpgradeOptions> = {
  ...TUNING_NAMES,
  versions: true,
  headers: true,
  allowedOrigins: true,
};

/**
 * Answers an HTTP/1.1 request with `Upgrade: SPDY/3.1` (or `SPDY/3`, `SPDY/2`) from
 * node:http's `upgrade` event, and starts a SPDY connection on its socket. If the
 * client lists several names, the first supported one is used. Bytes that arrived
 * with the head are kept.
 *
 * `serve` with the option `upgrade` does this itself; use this function if your
 * server also answers other requests, or must check the request first. On a
 * node:https server there is no back-pressure: Deno's node:tls (2.9.6) continues to
 * read even if nothing takes the bytes. `serve` is not affected.
 *
 * Rejects with `HttpMessageError` after answering the request and ending the
 * socket: 426 if it asks for none of `versions`, 400 if it has a body, 405 if its
 * method is not GET or POST, and 403 if its `Origin` is neither the host in `Host`
 * nor in `allowedOrigins`. Rejects with `InvalidArgumentError` for an unknown
 * option or one out of its range, with `UnsupportedVersionError` for an unknown
 * version, and with a `TypeError` for invalid headers, and then does not touch the
 * socket.
 *
 * @example
 * ```ts
 * import { acceptUpgrade, connectUpgrade } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 * import { createServer } from "node:http";
 * import type { AddressInfo } from "node:net";
 *
 * const server = createServer();
 * server.on("upgrade", async (request, socket, head) => {
 *   const connection = await acceptUpgrade(request, socket, head);
 *   for await (const stream of connection) {
 *     await stream.reply([[":status", "204"], [":version", "HTTP/1.1"]], { fin: true });
 *   }
 * });
 * await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
 * const { port } = server.address() as AddressInfo;
 *
 * const { connection } = await connectUpgrade(`http://127.0.0.1:${port}/`);
 * const stream = await connection.openStream([[":path", "/"]], { fin: true });
 * assertEquals((await stream.response)[0], [":status", "204"]);
 * await connection.close();
 * await new Promise((done) => server.close(done));
 * ```
 *
 * @category Server
 */
export async function acceptUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: AcceptUpgradeOptions = {},
): Promise<Connection> {
  // Checked first, so that a wrong option does not affect the socket. After the 101 it
  // would leave a client that waits for SPDY on an open socket.
  checkNames("acceptUpgrade", options, NAMES);
  const {
    versions = ALL_VERSIONS,
    headers: given,
    allowedOrigins,
    ...tuning
  } = copyOptions(options, NAMES);
  checkVersions(versions);
  checkAllowedOrigins(allowedOrigins);
  for (const version of versions) {
    resolveOptions({ ...tuning, side: SERVER, version });
  }
  const headers = new Headers(given);
  // node:http removes its error listener when it emits `upgrade`. A socket error
  // without a listener would end the process.
  socket.on("error", () => {});
  // Loaded here: with node:stream it takes 12 ms, which programs without upgrades save.
  const { upgradeNodeSocket } = await import("./upgrade_node_socket.ts");
  return await upgradeNodeSocket(
    request,
    socket,
    head,
    { versions, headers, allowedOrigins: allowedOrigins ?? [] },
    tuning,
  );
}
