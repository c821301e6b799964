/**
 * The opening handshake of a WebSocket (RFC 6455 section 4), both sides.
 *
 * Deno 2.9.6 cannot do this handshake: `WebSocket` and `WebSocketStream` refuse the
 * sub-protocol `SPDY/3.1+portforward.k8s.io` ("Invalid protocol value": a token has
 * no slash, but Kubernetes uses one) and drop a `sec-websocket-protocol` in the
 * headers. `Deno.upgradeWebSocket` only works under `Deno.serve`, which cannot
 * serve the SPDY upgrade on the same port.
 *
 * @module
 */

import type { ByteConn } from "../../connection/transport/transport.ts";
import type { NameValue } from "../../frame/types.ts";
import { dial } from "../../http/upgrade/dial.ts";
import { requestUpgrade } from "../../http/upgrade/upgrade_request.ts";
import { noteAnswer } from "../credentials.ts";
import { headerLines } from "../../http/upgrade/header_lines.ts";
import type { TargetOptions } from "../dial.ts";
import { StreamingRefusedError } from "../errors.ts";
import { toBase64 } from "./codec.ts";

/** Longest head of an answer, bytes. */
const MAX_HEAD = 16 * 1024;
/** Most bytes of a refusal's body that are kept. */
const MAX_BODY = 64 * 1024;
/** Appended to the client's key before it is hashed (RFC 6455 1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The server's answer to a client's key. */
export async function acceptKey(key: string): Promise<string> {
  const hash = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(key + KEY_SUFFIX),
  );
  return toBase64(new Uint8Array(hash));
}

/** A WebSocket after its handshake. */
export interface OpenedWebSocket<Protocol extends string> {
  /** The connection; frames begin with its first byte. */
  readonly conn: ByteConn;
  /** The sub-protocol that the server chose. */
  readonly protocol: Protocol;
}

/**
 * Opens a WebSocket.
 *
 * Throws `StreamingRefusedError` if the server refuses it, or all of the
 * sub-protocols.
 */
export async function openWebSocket<Protocol extends string>(
  url: URL,
  options: TargetOptions,
  protocols: readonly Protocol[],
  signal: AbortSignal,
): Promise<OpenedWebSocket<Protocol>> {
  const key = toBase64(crypto.getRandomValues(new Uint8Array(16)));
  const headers: NameValue[] = [
    // Throws for most invalid headers, so this happens before a socket is opened.
    ...headerLines(options.headers),
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-key", key],
    ["sec-websocket-version", "13"],
    ["sec-websocket-protocol", protocols.join(", ")],
  ];
  const { tls, proxy, dial: open, proxyProtocol } = options;
  const plan = { tls, proxy, dial: open, proxyProtocol };
  const socket = await dial(url, plan, signal);
  const { status, body, conn, headers: answer } = await requestUpgrade(socket, {
    url,
    method: "GET",
    headers,
    maxHead: MAX_HEAD,
    maxBody: MAX_BODY,
    signal,
  });
  noteAnswer(options, status);
  if (conn === undefined) {
    throw new StreamingRefusedError(status, new TextDecoder().decode(body));
  }
  const chosen = answer.get("sec-websocket-protocol");
  const protocol = protocols.find((name) => name === chosen);
  const expected = await acceptKey(key);
  // `requestUpgrade` listened to the signal only until the answer had arrived.
  if (signal.aborted) {
    conn.close();
    throw signal.reason;
  }
  const refusal = answer.get("sec-websocket-accept") !== expected
    ? "the server answered the WebSocket handshake with a wrong key"
    : answer.get("upgrade")?.toLowerCase() !== "websocket"
    ? "the server did not upgrade to a WebSocket"
    // RFC 6455 4.1: an extension that was not requested.
    : answer.has("sec-websocket-extensions")
    ? "the server chose a WebSocket extension, but none was offered"
    : undefined;
  if (refusal === undefined && protocol !== undefined) {
    return { conn, protocol };
  }
  conn.close();
  throw new StreamingRefusedError(
    101,
    refusal ?? `the server does not speak ${protocols.join(", ")}` +
        (chosen === null ? "" : `: it chose ${chosen}`),
  );
}
