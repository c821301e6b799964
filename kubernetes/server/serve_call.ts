/**
 * Grants the upgrade of one request, and serves it on the transport that the client
 * requested.
 *
 * @module
 */

import type { RawConnection } from "../../connection.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { readPorts, type StreamingCall } from "../call/call.ts";
import type { ProcessHandler } from "../call/command.ts";
import type { ForwardHandler } from "../call/forward.ts";
import {
  PORT_FORWARD_PROTOCOL,
  protocolsOver,
  TUNNEL_PROTOCOL,
} from "../protocol.ts";
import { MAX_CONNECTIONS, serveSpdyForward } from "../spdy/serve_forward.ts";
import {
  MAX_COMMAND_STREAMS,
  serveSpdyCommand,
} from "../spdy/server_channels.ts";
import { WebSocketPeer } from "../websocket/peer.ts";
import { MAX_PORTS, serveMessageForward } from "../websocket/serve_forward.ts";
import { serveMessageCommand } from "../websocket/server_channels.ts";
import { WebSocketTunnel } from "../websocket/tunnel.ts";
import {
  chooseWebSocketProtocol,
  grantWebSocket,
  RefusedUpgrade,
  startServer,
  upgradeToSpdy,
  wantsWebSocket,
} from "./upgrade.ts";
import {
  COMMAND_MESSAGE_PROTOCOLS,
  FORWARD_MESSAGE_PROTOCOLS,
  messageProtocol,
} from "./websocket_protocols.ts";

/** A request that asks for an upgrade. */
export interface PendingCall {
  readonly request: Request;
  readonly conn: ByteConn;
  readonly call: StreamingCall;
  /** Longest wait for the streams of a SPDY client, ms; 0: no limit. */
  readonly streamCreationTimeout: number;
  /** Most received bytes that wait to be read. */
  readonly maxBufferedBytes: number;
  /** Called with an object whose `close` ends the connection from outside. */
  readonly onConnection: (connection: { close(): Promise<void> }) => void;
}

/** Serves an exec or attach; resolves when the connection has ended. */
export async function serveCommandCall(
  pending: PendingCall,
  handler: ProcessHandler,
): Promise<void> {
  const { request, conn, call, maxBufferedBytes, onConnection } = pending;
  // Rule: the servers of Kubernetes refuse this with the same text.
  if (!call.stdin && !call.stdout && !call.stderr) {
    throw new RefusedUpgrade(
      400,
      "you must specify at least 1 of stdin, stdout, stderr",
    );
  }
  if (wantsWebSocket(request)) {
    const name = chooseWebSocketProtocol(request, COMMAND_MESSAGE_PROTOCOLS);
    const { protocol, codec } = messageProtocol(name);
    await grantWebSocket(conn, request, name);
    await serveMessageCommand(
      { peer: new WebSocketPeer(conn, false), codec, maxBufferedBytes },
      { protocol, call, handler },
      onConnection,
    );
    return;
  }
  const { connection, protocol } = await upgradeToSpdy(
    conn,
    request,
    protocolsOver("spdy"),
    { streams: MAX_COMMAND_STREAMS, maxBufferedBytes },
  );
  onConnection(connection);
  await serveSpdyCommand(
    connection,
    { protocol, call, handler },
    pending.streamCreationTimeout,
  );
}

/** Serves a port-forward; resolves when the connection has ended. */
export async function serveForwardCall(
  pending: PendingCall,
  handler: ForwardHandler,
): Promise<void> {
  const { request, conn, call, maxBufferedBytes, onConnection } = pending;
  const bounds = { streams: 2 * MAX_CONNECTIONS, maxBufferedBytes };
  const name = wantsWebSocket(request)
    ? chooseWebSocketProtocol(request, FORWARD_MESSAGE_PROTOCOLS)
    : undefined;
  if (name !== undefined && name !== TUNNEL_PROTOCOL) {
    const ports = portsOf(request);
    const { protocol, codec } = messageProtocol(name);
    await grantWebSocket(conn, request, name);
    await serveMessageForward(
      { peer: new WebSocketPeer(conn, false), codec, maxBufferedBytes },
      { protocol, call, handler, ports },
      onConnection,
    );
    return;
  }
  let connection: RawConnection;
  if (name === undefined) {
    const known = [PORT_FORWARD_PROTOCOL];
    ({ connection } = await upgradeToSpdy(conn, request, known, bounds));
  } else {
    await grantWebSocket(conn, request, name);
    connection = startServer(new WebSocketTunnel(conn, false), bounds);
  }
  onConnection(connection);
  await serveSpdyForward(
    connection,
    call,
    handler,
    pending.streamCreationTimeout,
  );
}

/** The ports in the URL, which are required without SPDY. */
function portsOf(request: Request): readonly number[] {
  const ports = readPorts(request);
  if (ports.length === 0) {
    throw new RefusedUpgrade(400, 'query parameter "ports" is required');
  }
  if (ports.length > MAX_PORTS) {
    throw new RefusedUpgrade(
      400,
      `the URL names ${ports.length} ports; a WebSocket carries at most ${MAX_PORTS}`,
    );
  }
  const wrong = ports.find((port) =>
    !Number.isInteger(port) || port < 1 || port > 0xffff
  );
  if (wrong === undefined) return ports;
  throw new RefusedUpgrade(
    400,
    'query parameter "ports": a port is a number from 1 to 65535',
  );
}
