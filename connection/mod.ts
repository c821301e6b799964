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
export type { TlsOptions } from "./transport/client_tls.ts";
export type { DialOptions, DialTarget } from "./transport/dial.ts";
export {
  ConnectionClosedError,
  type ConnectionClosedErrorOptions,
  ProxyError,
  type ProxyErrorOptions,
  StreamResetError,
  type StreamResetErrorOptions,
} from "./errors.ts";
export type { KeepAliveOptions } from "./time/keepalive.ts";
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
} from "./transport/proxy_protocol.ts";
export type { ProxyOptions } from "./transport/proxy_settings.ts";
export type { SettingsStore } from "./settings_store.ts";
export type {
  HeadersHandler,
  PushOptions,
  SendHeadersOptions,
  Stream,
} from "./stream/stream.ts";
export type {
  ByteConn,
  ByteStreams,
  Transport,
} from "./transport/transport.ts";
export type {
  ConnectionStats,
  DirectionStats,
  StreamStats,
  StreamWait,
} from "./stats.ts";
export { webSocketStreams } from "./transport/websocket.ts";
