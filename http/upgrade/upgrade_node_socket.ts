/**
 * Answers a request for an upgrade on a socket of node:http. Only imported for an
 * upgrade, because node:stream takes 10 ms to load.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import type { ConnectionTuning } from "../../connection/options.ts";
import type { ByteStreams } from "../../connection/transport/transport.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { SERVER } from "../../session/constants.ts";
import { Connection } from "../connection.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { encodeWhole } from "./answer.ts";
import { RequestRefusal } from "./refusal.ts";
import { switchingProtocols, upgradeRequired } from "./upgrade_responses.ts";
import { checkUpgrade } from "./upgrade_rules.ts";
import { readToken, tokenOf, wrongUpgrade } from "./upgrade_token.ts";

/** What to accept; see `AcceptUpgradeOptions`. */
export interface Accepted {
  readonly versions: readonly ProtocolVersion[];
  readonly headers: Headers;
  readonly allowedOrigins: readonly string[];
}

/** Does the work of `acceptUpgrade` after the checks of its options. */
export async function upgradeNodeSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  { versions, headers, allowedOrigins }: Accepted,
  tuning: ConnectionTuning,
): Promise<Connection> {
  const token = readToken(request.headers, versions);
  if (token === undefined) {
    await refuse(request, socket, upgradeRequired(versions));
    throw new HttpMessageError(
      `the upgrade was refused: the request ${
        wrongUpgrade(request.headers, versions.map(tokenOf))
      }`,
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
    await refuse(request, socket, error.toResponse());
    throw new HttpMessageError(`refused: ${error.message}`, { cause: error });
  }
  if (head.length > 0) socket.unshift(head);
  socket.write(switchingProtocols(token.name, headers));
  // In the node types of Deno before 2.8, web streams have another type.
  return new Connection(Duplex.toWeb(socket) as ByteStreams, {
    ...tuning,
    side: SERVER,
    version: token.version,
  });
}

/** Answers and ends the connection. */
async function refuse(
  { method }: IncomingMessage,
  socket: Duplex,
  response: Response,
): Promise<void> {
  const whole = await encodeWhole(response, method === "HEAD");
  socket.end(whole, () => socket.destroy());
}
