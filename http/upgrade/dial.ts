/**
 * Opens connections for HTTP/1.1, which is spoken only until the upgrade.
 *
 * @module
 */

import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import { copyTls } from "../../connection/transport/client_tls.ts";
import {
  dialPlain,
  type DialPlan,
  dialTls,
} from "../../connection/transport/dial.ts";
import { withoutBrackets } from "../../connection/transport/host_name.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";

/**
 * Connects to the host of `url`, with TLS for `https:`, or to the Unix socket at
 * `path`. If the signal aborts, it rejects with its reason.
 */
export async function dial(
  url: URL,
  plan: DialPlan,
  signal: AbortSignal,
): Promise<ByteConn> {
  const hostname = withoutBrackets(url.hostname);
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const target = { hostname, port };
  if (plan.path !== undefined || !secure) {
    return await dialPlain(target, plan, signal);
  }
  // Rule: HTTP/2 has no upgrade (RFC 9113 8.6).
  const tls = { ...copyTls(plan.tls ?? {}), alpnProtocols: ["http/1.1"] };
  const conn = await dialTls(target, { ...plan, tls }, signal);
  // Without an explicit handshake, an untrusted certificate would look like a
  // closed connection.
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
