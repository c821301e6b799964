/**
 * Answers an upgrade: the sub-protocol, the 101, or the refusal.
 *
 * @module
 */

import { RawConnection } from "../../connection.ts";
import { writeAll } from "../../connection/byte_conn.ts";
import { switchingProtocols } from "../../http/upgrade/upgrade_answer.ts";
import { chooseToken } from "../../http/upgrade/upgrade_token.ts";
import type { ByteConn } from "../../connection/transport.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { SERVER } from "../../session/constants.ts";
import { serverProfile } from "../profile.ts";
import {
  ACCEPTED_PROTOCOLS_HEADER,
  PROTOCOL_HEADER,
  TUNNEL_PROTOCOL,
} from "../protocol.ts";
import { acceptKey } from "../websocket/handshake.ts";
import { WebSocketTunnel } from "../websocket/tunnel.ts";

/** An upgrade that cannot be granted, and the answer that says so. */
export class RefusedUpgrade extends Error {
  override readonly name = "RefusedUpgrade";
  readonly response: Response;

  constructor(status: number, message: string, headers?: HeadersInit) {
    super(message);
    this.response = new Response(`${message}\n`, { status, headers });
  }
}

/** What an upgrade led to. */
export interface Upgraded<Protocol extends string> {
  readonly connection: RawConnection;
  readonly protocol: Protocol;
}

/** What a client may make the server hold. */
export interface ServerBounds {
  /** Streams that may be open at once. */
  readonly streams: number;
  /** Received bytes that may wait to be read. */
  readonly maxBufferedBytes: number | undefined;
}

/** Grants a SPDY upgrade; the client's first sub-protocol that is in `known` is chosen. */
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
      `unable to upgrade: to ${asked}, only to SPDY/3.1`,
    );
  }
  const offered = list(headers, PROTOCOL_HEADER);
  if (offered.length === 0) {
    throw new RefusedUpgrade(
      400,
      `unable to upgrade: no ${PROTOCOL_HEADER} in the request`,
    );
  }
  const protocol = offered
    .map((name) => known.find((each) => each === name))
    .find((each) => each !== undefined);
  if (protocol === undefined) {
    throw new RefusedUpgrade(
      403,
      `unable to upgrade: client supports ${
        offered.join(", ")
      }, server accepts ${known.join(", ")}`,
      known.map((name) => [ACCEPTED_PROTOCOLS_HEADER, name]),
    );
  }
  const chosen = new Headers({ [PROTOCOL_HEADER]: protocol });
  await writeAll(conn, switchingProtocols("SPDY/3.1", chosen));
  return { connection: startServer(conn, bounds), protocol };
}

/** Grants a WebSocket with SPDY in its messages. */
export async function upgradeToTunnel(
  conn: ByteConn,
  { headers }: Request,
  bounds: ServerBounds,
): Promise<RawConnection> {
  const key = headers.get("sec-websocket-key");
  // RFC 6455 4.2.1: the key is there and the version is 13.
  if (key === null || headers.get("sec-websocket-version") !== "13") {
    throw new RefusedUpgrade(400, "unable to upgrade: no WebSocket handshake");
  }
  if (!list(headers, "sec-websocket-protocol").includes(TUNNEL_PROTOCOL)) {
    throw new RefusedUpgrade(
      400,
      `unable to upgrade: a WebSocket needs ${TUNNEL_PROTOCOL}`,
    );
  }
  const accepted = new Headers({
    "sec-websocket-accept": await acceptKey(key),
    "sec-websocket-protocol": TUNNEL_PROTOCOL,
  });
  await writeAll(conn, switchingProtocols("websocket", accepted));
  return startServer(new WebSocketTunnel(conn, false), bounds);
}

/** Whether a request asks for a WebSocket. */
export function wantsWebSocket({ headers }: Request): boolean {
  return list(headers, "upgrade")
    .some((name) => name.toLowerCase() === "websocket");
}

function startServer(
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

function list(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? "").split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
