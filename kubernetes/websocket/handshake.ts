/**
 * The opening handshake of a WebSocket (RFC 6455 section 4), both sides.
 *
 * By hand, because Deno 2.9.6 cannot: `WebSocket` and `WebSocketStream` refuse
 * the sub-protocol `SPDY/3.1+portforward.k8s.io` ("Invalid protocol value": a
 * slash is no token character, and Kubernetes uses one nevertheless) and drop a
 * `sec-websocket-protocol` given as a header. `Deno.upgradeWebSocket` works
 * under `Deno.serve` only, which cannot serve the SPDY upgrade on the same port.
 *
 * @module
 */

import { dial } from "../../http/upgrade/dial.ts";
import { requestUpgrade } from "../../http/upgrade/upgrade_request.ts";
import type { ByteConn } from "../../connection/transport.ts";
import type { NameValue } from "../../frame/types.ts";
import { headerLines, type TargetOptions } from "../dial.ts";
import { StreamingRefusedError } from "../errors.ts";
import { WebSocketTunnel } from "./tunnel.ts";

/** Longest head of an answer, bytes. */
const MAX_HEAD = 16 * 1024;
/** Longest body kept of an answer that refuses, bytes. */
const MAX_BODY = 64 * 1024;
/** Joined to the client's key before it is hashed (RFC 6455 1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What the server answers to a client's key. */
export async function acceptKey(key: string): Promise<string> {
  const hash = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(key + KEY_SUFFIX),
  );
  return base64(new Uint8Array(hash));
}

/**
 * Opens a WebSocket and resolves to the bytes in its binary messages.
 *
 * Throws `StreamingRefusedError` when the server refuses it, or the sub-protocol.
 */
export async function openWebSocket(
  url: URL,
  options: TargetOptions,
  protocol: string,
  signal: AbortSignal,
): Promise<ByteConn> {
  const key = base64(crypto.getRandomValues(new Uint8Array(16)));
  const headers: NameValue[] = [
    ["sec-websocket-key", key],
    ["sec-websocket-version", "13"],
    ["sec-websocket-protocol", protocol],
  ];
  const { tls, proxy, dial: open } = options;
  const socket = await dial(url, { tls, proxy, dial: open }, signal);
  const { status, body, conn, headers: answer } = await requestUpgrade(socket, {
    url,
    method: "GET",
    headers: [
      ...headerLines(options.headers),
      ["connection", "Upgrade"],
      ["upgrade", "websocket"],
      ...headers,
    ],
    maxHead: MAX_HEAD,
    maxBody: MAX_BODY,
    signal,
  });
  if (conn === undefined) {
    throw new StreamingRefusedError(status, new TextDecoder().decode(body));
  }
  const refusal = answer.get("sec-websocket-accept") !== await acceptKey(key)
    ? "the WebSocket handshake was answered with a wrong key"
    : answer.get("sec-websocket-protocol") !== protocol
    ? `the server does not speak ${protocol}`
    : undefined;
  if (refusal === undefined) return new WebSocketTunnel(conn, true);
  conn.close();
  throw new StreamingRefusedError(101, refusal);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
