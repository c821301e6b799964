/**
 * Connections for HTTP/1.1, which only lasts until the upgrade.
 *
 * @module
 */

import { closeQuietly } from "../../connection/byte_conn.ts";
import { dialPlain, type DialPlan, dialTls } from "../../connection/dial.ts";
import type { ByteConn } from "../../connection/transport.ts";

/**
 * Connects to where `url` points, with TLS for `https:`, or to the Unix socket
 * at `path`. The signal gives up, with its reason.
 */
export async function dial(
  url: URL,
  plan: DialPlan,
  signal: AbortSignal,
): Promise<ByteConn> {
  // A URL has an IPv6 address in brackets, and Deno takes it without them.
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const target = { hostname, port };
  if (plan.path !== undefined || !secure) {
    return await dialPlain(target, plan, signal);
  }
  // Rule: HTTP/2 has no such upgrade (RFC 9113 8.6).
  const tls = { ...plan.tls, alpnProtocols: ["http/1.1"] };
  const conn = await dialTls(target, { ...plan, tls }, signal);
  // Without this, a certificate that is not trusted would look like a hang-up.
  const abort = (): void => closeQuietly(conn);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await conn.handshake();
  } catch (error) {
    closeQuietly(conn);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  return conn;
}
