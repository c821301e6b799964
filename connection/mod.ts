/**
 * Streams on a connection, without HTTP: `connectRaw`, `acceptRaw`,
 * `RawConnection`. The module `@spdy/spdy` contains all of this and HTTP.
 *
 * @module
 */

export { type OpenStreamOptions, RawConnection } from "../connection.ts";
export {
  type AcceptOptions,
  acceptRaw,
  type ConnectOptions,
  connectRaw,
} from "./connect.ts";
export type { TlsOptions } from "./client_tls.ts";
export type { DialOptions, DialTarget } from "./dial.ts";
export {
  ConnectionClosedError,
  type ConnectionClosedErrorOptions,
  StreamResetError,
  type StreamResetErrorOptions,
} from "./errors.ts";
export type { KeepAliveOptions } from "./keepalive.ts";
export type {
  ConnectionOptions,
  ConnectionTuning,
  FrameDirection,
  TracedData,
  TracedFrame,
  WindowTuningOptions,
} from "./options.ts";
export type {
  ProxyEndpoint,
  ProxyHead,
  ProxyProtocolOptions,
  ProxyTlv,
} from "./proxy_protocol.ts";
export type { ProxyOptions } from "./proxy_settings.ts";
export { ProxyError, type ProxyErrorOptions } from "./proxy_tunnel.ts";
export type { SettingsStore } from "./settings_store.ts";
export type {
  HeadersHandler,
  PushOptions,
  SendHeadersOptions,
  Stream,
} from "./stream.ts";
export type { ByteConn, ByteStreams, Transport } from "./transport.ts";
export type {
  ConnectionStats,
  DirectionStats,
  StreamStats,
  StreamWait,
} from "./stats.ts";
export { webSocketStreams } from "./websocket.ts";
