/**
 * The names of the options of `serve` and `serveConnection`.
 *
 * @module
 */

import { TUNING_NAMES } from "../../connection/options.ts";
import type { Names } from "../../values.ts";
import type {
  ServeConnectionOptions,
  ServeListenerOptions,
  ServeTcpOptions,
  ServeUnixOptions,
} from "./serve_options.ts";

/** The names of `ServeConnectionOptions`. */
export const CONNECTION_NAMES: Names<ServeConnectionOptions> = {
  ...TUNING_NAMES,
  signal: true,
  onError: true,
  onConnection: true,
  onConnectionError: true,
  version: true,
  versions: true,
  upgrade: true,
  handshakeTimeout: true,
  maxHeadBytes: true,
  allowedOrigins: true,
};

/** The names of all options of `serve`, for any kind of listener. */
export const SERVE_NAMES: Names<
  & ServeTcpOptions
  & ServeUnixOptions
  & ServeListenerOptions
  & { handler: unknown }
> = {
  ...CONNECTION_NAMES,
  onListen: true,
  automaticCompression: true,
  maxConnections: true,
  maxConnectionsPerAddress: true,
  proxyProtocol: true,
  trusted: true,
  transport: true,
  port: true,
  hostname: true,
  reusePort: true,
  tcpBacklog: true,
  cert: true,
  key: true,
  path: true,
  listener: true,
  handler: true,
};
