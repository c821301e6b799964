/**
 * The server's side of the HTTP/1.1 upgrade, for a node:http server of the
 * application's own.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Connection } from "../connection.ts";
import { SERVER } from "../../session/constants.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import {
  type ConnectionTuning,
  TUNING_NAMES,
} from "../../connection/options.ts";
import { checkNames, type Names } from "../../values.ts";
import type { ByteStreams } from "../../connection/transport.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { encodeWhole } from "./answer.ts";
import { RequestRefusal } from "./refusal.ts";
import { checkUpgrade } from "./upgrade_rules.ts";
import { switchingProtocols, upgradeRequired } from "./upgrade_answer.ts";
import { ALL_VERSIONS, readToken } from "./upgrade_token.ts";

/**
 * What {@linkcode acceptUpgrade} takes besides what the `upgrade` event gives.
 *
 * @category Server
 */
export interface AcceptUpgradeOptions extends ConnectionTuning {
  /** Versions to agree to; default all. */
  readonly versions?: readonly ProtocolVersion[];
  /** Headers of the 101, besides `connection` and `upgrade`. */
  readonly headers?: HeadersInit;
  /** Origins of other hosts whose pages may ask for an upgrade; default none. */
  readonly allowedOrigins?: readonly string[];
}

const NAMES: Names<AcceptUpgradeOptions> = {
  ...TUNING_NAMES,
  versions: true,
  headers: true,
  allowedOrigins: true,
};

/**
 * Answers an HTTP/1.1 request with `Upgrade: SPDY/3.1` (or `SPDY/3`,
 * `SPDY/2`), as node:http's `upgrade` event gives it, and begins a SPDY
 * connection behind it. Of several names the client's first counts. Bytes that
 * came with the head are kept.
 *
 * `serve` with its `upgrade` option does this by itself; this is for a server
 * that has other requests to answer, or looks at the request first. On a
 * node:https server nothing holds a fast peer back: Deno's node:tls (2.9.6)
 * reads on while nobody takes what came. `serve` does not go through it.
 *
 * Rejects with `HttpMessageError`, the request answered and the socket ended,
 * when it asks for none of `versions` (426), has a body (400), another method
 * than GET and POST (405), or an `Origin` that is neither the host that `Host`
 * names nor one of `allowedOrigins` (403). Rejects with `InvalidArgumentError` for an
 * option that does not exist; the socket is then untouched.
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
  // Checked first, so that a wrong option leaves the socket untouched.
  checkNames("acceptUpgrade", options, NAMES);
  const { versions = ALL_VERSIONS, headers, allowedOrigins = [], ...tuning } =
    options;
  // node:http listens for faults no more once it has given the socket away; one
  // that nobody listens for ends the process.
  socket.on("error", () => {});
  const token = readToken(request.headers, versions);
  if (token === undefined) {
    endWith(socket, await encodeWhole(upgradeRequired(versions)));
    throw new HttpMessageError(
      `the request asks to upgrade to ${request.headers.upgrade}, not to SPDY`,
    );
  }
  const { "content-length": length = "0", "transfer-encoding": coding } =
    request.headers;
  try {
    checkUpgrade({
      method: request.method ?? "",
      hasBody: coding !== undefined || length !== "0",
      host: request.headers.host,
      origin: request.headers.origin,
    }, allowedOrigins);
  } catch (error) {
    if (!(error instanceof RequestRefusal)) throw error;
    endWith(socket, await encodeWhole(error.toResponse()));
    throw new HttpMessageError(`refused: ${error.message}`, { cause: error });
  }
  // Loaded here: node:stream costs 10 ms and is not for those who never upgrade.
  const { Duplex } = await import("node:stream");
  if (head.length > 0) socket.unshift(head);
  socket.write(switchingProtocols(token.name, new Headers(headers)));
  // The node types of Deno before 2.8 have other web streams than Deno's own.
  return new Connection(Duplex.toWeb(socket) as ByteStreams, {
    ...tuning,
    side: SERVER,
    version: token.version,
  });
}

function endWith(socket: Duplex, answer: Uint8Array): void {
  socket.end(answer, () => socket.destroy());
}
