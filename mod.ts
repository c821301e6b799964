/**
 * SPDY/2, SPDY/3 and SPDY/3.1 for Deno.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./frame/constants.ts";
export { FrameDecoder, type FrameDecoderOptions } from "./frame/decoder.ts";
export { FrameEncoder } from "./frame/encoder.ts";
export { FrameError, type FrameErrorOptions } from "./frame/frame_error.ts";
export type {
  HeaderCompression,
  HeaderEncoderOptions,
} from "./frame/header_encoder.ts";
export type { FrameLimits } from "./frame/limits.ts";
export type * from "./frame/types.ts";
export { DataProvider, type ReadCallback, Session } from "./session.ts";
export type { SessionOptions } from "./session.ts";
export type { ReadCtrl, SessionCallbacks } from "./session/callbacks.ts";
export { CLIENT, READ_EOF, SERVER, type Side } from "./session/constants.ts";
export type { Limits } from "./session/limits.ts";
export { getNpnProtocols, npnGetVersion } from "./session/npn.ts";
export type { SessionSettings } from "./session/options.ts";
export { type OpenStreamOptions, RawConnection } from "./connection.ts";
export { Connection } from "./http/connection.ts";
export type {
  AcceptOptions,
  ConnectOptions,
  TlsOptions,
} from "./connection/connect.ts";
export { acceptRaw, connectRaw } from "./connection/connect.ts";
export { accept, connect } from "./http/connect.ts";
export {
  ConnectionClosedError,
  type ConnectionClosedErrorOptions,
  StreamResetError,
  type StreamResetErrorOptions,
} from "./connection/errors.ts";
export {
  acceptUpgrade,
  type AcceptUpgradeOptions,
} from "./http/upgrade/accept_upgrade.ts";
export { Client, type ClientOptions } from "./http/client/client.ts";
export {
  connectUpgrade,
  type UpgradedConnection,
  type UpgradeOptions,
  UpgradeRefusedError,
} from "./http/upgrade/connect_upgrade.ts";
export type { FetchInit, PushedResponse } from "./http/client/fetch_init.ts";
export { HttpMessageError } from "./http/message/message_error.ts";
export { serve } from "./http/server/serve.ts";
export type {
  PushInit,
  ServeHandler,
  ServeInfo,
  ServeOptions,
  ServeTcpOptions,
  ServeUnixOptions,
  SpdyServer,
} from "./http/server/serve_options.ts";
export type { SpdyResponse } from "./http/client/spdy_response.ts";
export type { KeepAliveOptions } from "./connection/keepalive.ts";
export type {
  ConnectionOptions,
  ConnectionTuning,
  FrameDirection,
  TracedData,
  TracedFrame,
  WindowTuningOptions,
} from "./connection/options.ts";
export type { SettingsStore } from "./connection/settings_store.ts";
export type {
  HeadersHandler,
  PushOptions,
  SendHeadersOptions,
  Stream,
} from "./connection/stream.ts";
export type {
  ByteConn,
  ByteStreams,
  Transport,
} from "./connection/transport.ts";
export { webSocketStreams } from "./connection/websocket.ts";
