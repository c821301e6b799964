/**
 * `serve` behind a load balancer that speaks the PROXY protocol.
 *
 * @module
 */

import { HANDSHAKE_TIMEOUT } from "../../connection/connect.ts";
import type {
  AcceptedConn,
  AcceptingListener,
} from "../../connection/transport/listener.ts";
import {
  checkProxyPolicy,
  ProxyProtocolListener,
} from "../../connection/transport/proxy_protocol_listener.ts";
import { tellConnectionError } from "./connection_error.ts";
import type { ConnectionListener, ServeOptions } from "./serve_options.ts";

/**
 * Returns a listener that reads the PROXY head of each connection; `undefined` if
 * `proxyProtocol` is off. Calls `onConnectionError` for connections that it
 * refuses.
 *
 * Throws `InvalidArgumentError` for invalid options.
 */
export function behindBalancer(
  options: ServeOptions,
): ((listener: ConnectionListener) => AcceptingListener) | undefined {
  const { proxyProtocol, trusted, handshakeTimeout = HANDSHAKE_TIMEOUT } =
    options;
  const mode = checkProxyPolicy(proxyProtocol, trusted);
  if (mode === undefined) return undefined;
  const error = (error: unknown, conn: Partial<AcceptedConn>): void =>
    tellConnectionError(options, error, {
      remoteAddr: conn.remoteAddr,
      localAddr: conn.localAddr,
      tls: undefined,
      connection: undefined,
    });
  const policy = {
    proxyProtocol: mode,
    trusted,
    timeout: handshakeTimeout,
    error,
  };
  return (listener) => new ProxyProtocolListener(listener, policy);
}
