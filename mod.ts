/**
 * SPDY/2, SPDY/3 and SPDY/3.1 for Deno, without dependencies: a server and a
 * client that work like `Deno.serve` and `fetch`, connections with streams over
 * TCP, TLS, Unix sockets and WebSockets, the session API of python-spdylay, and a
 * frame codec.
 *
 * Other entry points: `@spdy/spdy/kubernetes` (exec, attach, port-forward),
 * `@spdy/spdy/connection` (connections without HTTP), `@spdy/spdy/frame` (the
 * frame codec), `@spdy/spdy/zlib` (zlib with preset dictionaries) and
 * `@spdy/spdy/cli` (the command line).
 *
 * Start with {@linkcode serve} for a server and with {@linkcode Client} or
 * {@linkcode connect} for a client. {@linkcode Connection} opens raw streams;
 * {@linkcode Session} does no I/O and is the part to use for a port of a spdylay
 * or python-spdylay program.
 *
 * @example A server
 * ```ts
 * import { serve } from "@spdy/spdy";
 *
 * await using server = serve({ port: 0 }, (request) => {
 *   return new Response(`You asked for ${request.url}`);
 * });
 * console.log("listening on port", server.addr.port);
 * ```
 *
 * @example A client
 * ```ts
 * import { connect, serve } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serve({ port: 0 }, () => new Response("hello"));
 *
 * await using connection = await connect({ port: server.addr.port });
 * const response = await connection.fetch("/hello");
 * assertEquals(response.status, 200);
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * @example A raw stream, without HTTP
 * ```ts
 * import { accept, connect } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const server = (async () => {
 *   await using connection = await accept(await listener.accept());
 *   for await (const stream of connection) {
 *     await stream.reply([["answered", "yes"]]);
 *     await stream.readable.pipeTo(stream.writable);
 *   }
 * })();
 *
 * {
 *   const { port } = listener.addr as Deno.NetAddr;
 *   await using connection = await connect({ port });
 *   const stream = await connection.openStream([["service", "echo"]]);
 *   const writer = stream.writable.getWriter();
 *   await writer.write(new TextEncoder().encode("one stream of many"));
 *   await writer.close();
 *   assertEquals(await stream.response, [["answered", "yes"]]);
 *   const echoed = await new Response(stream.readable).text();
 *   assertEquals(echoed, "one stream of many");
 * }
 * await server;
 * ```
 *
 * @module
 */

// Servers.
export { serve } from "./http/server/serve.ts";
export { serveConnection } from "./http/server/serve_connection.ts";
export type {
  BalancerOptions,
  ConnectionErrorInfo,
  ConnectionInfo,
  ConnectionListener,
  PushInit,
  ServeConnectionOptions,
  ServedTransport,
  ServeHandler,
  ServeInfo,
  ServeListenerOptions,
  ServeOptions,
  ServeTcpOptions,
  ServeUnixOptions,
  ShutdownOptions,
  SpdyServer,
} from "./http/server/serve_options.ts";
export {
  acceptUpgrade,
  type AcceptUpgradeOptions,
} from "./http/upgrade/accept_upgrade.ts";

// Clients.
export { Client, type ClientOptions } from "./http/client/client.ts";
export type { FetchInit, PushedResponse } from "./http/fetch/fetch_init.ts";
export type { SpdyResponse } from "./http/fetch/spdy_response.ts";
export {
  connectUpgrade,
  type UpgradeOptions,
} from "./http/upgrade/connect_upgrade.ts";
export {
  type UpgradedConnection,
  UpgradeRefusedError,
} from "./http/upgrade/upgrade_result.ts";

// Connections and their streams.
export { accept, connect } from "./http/connect.ts";
export { Connection } from "./http/connection.ts";
export { acceptRaw, connectRaw } from "./connection/connect.ts";
export { type OpenStreamOptions, RawConnection } from "./connection.ts";
export type { AcceptOptions, ConnectOptions } from "./connection/connect.ts";
export type { TlsOptions } from "./connection/transport/client_tls.ts";
export type { DialOptions, DialTarget } from "./connection/transport/dial.ts";
export type {
  ProxyEndpoint,
  ProxyHead,
  ProxyProtocolOptions,
  ProxyTlv,
} from "./connection/transport/proxy_protocol.ts";
export type { ProxyOptions } from "./connection/transport/proxy_settings.ts";
export type {
  ConnectionOptions,
  ConnectionTuning,
  FrameDirection,
  TracedData,
  TracedFrame,
  WindowTuningOptions,
} from "./connection/options.ts";
export type { KeepAliveOptions } from "./connection/time/keepalive.ts";
export type { SettingsStore } from "./connection/settings_store.ts";
export type {
  HeadersHandler,
  PushOptions,
  SendHeadersOptions,
  Stream,
} from "./connection/stream/stream.ts";
export type {
  ByteConn,
  ByteStreams,
  Transport,
} from "./connection/transport/transport.ts";
export type {
  ConnectionStats,
  DirectionStats,
  StreamStats,
  StreamWait,
} from "./connection/stats.ts";
export { webSocketStreams } from "./connection/transport/websocket.ts";

// The session of python-spdylay.
export { DataProvider, type ReadCallback, Session } from "./session.ts";
export type { SessionOptions } from "./session.ts";
export type { ReadCtrl, SessionCallbacks } from "./session/callbacks.ts";
export { CLIENT, READ_EOF, SERVER, type Side } from "./session/constants.ts";
export type { Limits } from "./session/limits.ts";
export { getNpnProtocols, npnGetVersion } from "./session/npn.ts";
export type { SessionSettings } from "./session/options.ts";

// Frames.
export { FrameDecoder, type FrameDecoderOptions } from "./frame/decoder.ts";
export { FrameEncoder } from "./frame/encoder.ts";
export type {
  HeaderCompression,
  HeaderEncoderOptions,
} from "./frame/header_encoder.ts";
export type { FrameLimits } from "./frame/limits.ts";
export type * from "./frame/types.ts";
export * from "./frame/constants.ts";

// Errors.
export {
  ConnectionClosedError,
  type ConnectionClosedErrorOptions,
  ProxyError,
  type ProxyErrorOptions,
  StreamResetError,
  type StreamResetErrorOptions,
} from "./connection/errors.ts";
export { FrameError, type FrameErrorOptions } from "./frame/frame_error.ts";
export { HttpMessageError } from "./http/message/message_error.ts";
export * from "./errors.ts";
