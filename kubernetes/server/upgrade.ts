/**
 * Answers a request for an upgrade: with a sub-protocol and 101, or with a refusal.
 *
 * @module
 */

import { RawConnection } from "../../connection.ts";
import { writeAll } from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { switchingProtocols } from "../../http/upgrade/upgrade_responses.ts";
import { chooseToken } from "../../http/upgrade/upgrade_token.ts";
import { SERVER } from "../../session/constants.ts";
import { serverProfile } from "../profile.ts";
import { ACCEPTED_PROTOCOLS_HEADER, PROTOCOL_HEADER } from "../protocol.ts";
import { acceptKey } from "../websocket/handshake.ts";

/** The refusal of an upgrade, with its status. */
export class RefusedUpgrade extends Error {
  override readonly name = "RefusedUpgrade";
  readonly response: Response;

  constructor(status: number, message: string, headers?: HeadersInit) {
    super(message);
    this.response = new Response(`${message}\n`, { status, headers });
  }
}

/** A SPDY upgrade that was granted. */
export interface Upgraded<Protocol extends string> {
  readonly connection: RawConnection;
  readonly protocol: Protocol;
}

/** Limits for the memory that a client can use. */
export interface ServerBounds {
  /** Most open streams. */
  readonly streams: number;
  /** Most received bytes that wait to be read. */
  readonly maxBufferedBytes: number | undefined;
}

/** Grants a SPDY upgrade with the client's first sub-protocol that is in `known`. */
export async function upgradeToSpdy<Protocol extends string>(
  conn: ByteConn,
  { headers }: Request,
  known: readonly Protocol[],
  bounds: ServerBounds,
): Promise<Upgraded<Protocol>> {
  const asked = headers.get("upgrade") ?? undefined;
  if (chooseToken(asked, [PROTO_SPDY3_1]) === undefined) {
    throw new RefusedUpgrade(
      400,
      `unable to upgrade to ${asked}: this server speaks SPDY/3.1 and WebSockets`,
    );
  }
  const offered = list(headers, PROTOCOL_HEADER);
  if (offered.length === 0) {
    throw new RefusedUpgrade(
      400,
      `unable to upgrade: no ${PROTOCOL_HEADER} in the request`,
    );
  }
  const protocol = choose(
    offered,
    known,
    known.map((name) => [ACCEPTED_PROTOCOLS_HEADER, name]),
  );
  const chosen = new Headers({ [PROTOCOL_HEADER]: protocol });
  await writeAll(conn, switchingProtocols("SPDY/3.1", chosen));
  return { connection: startServer(conn, bounds), protocol };
}

/**
 * Checks the handshake of a WebSocket, and selects the client's first sub-protocol
 * that is in `known`. `""` means that the client offers none.
 */
export function chooseWebSocketProtocol(
  { headers, method }: Request,
  known: readonly string[],
): string {
  // RFC 6455 4.1: the method is GET.
  if (method !== "GET") {
    throw new RefusedUpgrade(
      405,
      `unable to upgrade: a WebSocket handshake must use GET, not ${method}`,
      { allow: "GET" },
    );
  }
  const version = headers.get("sec-websocket-version");
  // RFC 6455 4.2.1, 4.4: the key is present and the version is 13.
  if (!headers.get("sec-websocket-key") || version === null) {
    throw new RefusedUpgrade(
      400,
      "unable to upgrade: the request is not a valid WebSocket handshake",
    );
  }
  if (version !== "13") {
    throw new RefusedUpgrade(
      426,
      `unable to upgrade: version ${version} of WebSockets is not supported`,
      { "sec-websocket-version": "13", upgrade: "websocket" },
    );
  }
  const offered = list(headers, "sec-websocket-protocol");
  return choose(offered.length === 0 ? [""] : offered, known);
}

/** Grants the WebSocket with the selected sub-protocol; frames follow. */
export async function grantWebSocket(
  conn: ByteConn,
  { headers }: Request,
  protocol: string,
): Promise<void> {
  const key = headers.get("sec-websocket-key") ?? "";
  const accepted = new Headers({
    "sec-websocket-accept": await acceptKey(key),
  });
  if (protocol !== "") accepted.set("sec-websocket-protocol", protocol);
  await writeAll(conn, switchingProtocols("websocket", accepted));
}

/** Whether a request asks for a WebSocket. */
export function wantsWebSocket({ headers }: Request): boolean {
  return list(headers, "upgrade")
    .some((name) => name.toLowerCase() === "websocket");
}

/** Starts a session with a client on an upgraded connection. */
export function startServer(
  conn: ByteConn,
  { streams, maxBufferedBytes }: ServerBounds,
): RawConnection {
  return new RawConnection(conn, {
    ...serverProfile(streams),
    maxBufferedBytes,
    side: SERVER,
    version: PROTO_SPDY3_1,
  });
}

function choose<Protocol extends string>(
  offered: readonly string[],
  known: readonly Protocol[],
  headers?: HeadersInit,
): Protocol {
  const protocol = offered
    .map((name) => known.find((each) => each === name))
    .find((each) => each !== undefined);
  if (protocol !== undefined) return protocol;
  throw new RefusedUpgrade(
    403,
    `unable to upgrade: client supports ${
      offered.filter((name) => name !== "").join(", ") || "no sub-protocol"
    }, server accepts ${known.filter((name) => name !== "").join(", ")}`,
    headers,
  );
}

function list(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? "").split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
