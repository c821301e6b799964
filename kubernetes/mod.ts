/**
 * Kubernetes' exec, attach and port-forward, client and server, over SPDY/3.1 and
 * WebSockets; and cp, as a client.
 *
 * The client talks to API servers, kubelets and container runtimes (CRI
 * streaming); the server can replace any of them.
 *
 * The client's functions are {@linkcode exec}, {@linkcode attach},
 * {@linkcode portForward}, {@linkcode forwardPorts} (local ports), {@linkcode copyTo}
 * and {@linkcode copyFrom}; {@linkcode loadKubeConfig} finds the server and the
 * credentials. {@linkcode serveStreaming} is the server.
 * `docs/kubernetes.md` lists what works with which versions, and how the peers
 * behave.
 *
 * @module
 */

export { attach, type AttachOptions, exec, type ExecOptions } from "./exec.ts";
export {
  type ForwardTransport,
  portForward,
  PortForwarder,
  type PortForwardOptions,
} from "./port_forward.ts";
export { ForwardedConnection } from "./forwarded.ts";
export { RemoteProcess } from "./process.ts";
export type { CommandOutput, OutputOptions } from "./output.ts";
export type { ExitStatus } from "./status.ts";
export type { PodReference, TargetOptions } from "./dial.ts";
export {
  PortForwardError,
  RemoteCommandError,
  type RemoteCommandErrorOptions,
  StreamingRefusedError,
} from "./errors.ts";
export {
  COMMAND_PROTOCOLS,
  type CommandProtocol,
  type CommandStreams,
  type Transport,
} from "./protocol.ts";
export {
  KubeConfig,
  type KubeConfigOptions,
  loadKubeConfig,
} from "./config/load.ts";
export { KubeConfigError, type KubeConfigPlace } from "./config/error.ts";
export type { Impersonation } from "./config/impersonation.ts";
export type { ClusterTarget } from "./config/target.ts";
export { copyFrom, type CopyFromOptions } from "./copy/from.ts";
export { copyTo, type CopyToOptions } from "./copy/to.ts";
export type {
  CopyOptions,
  CopyProgress,
  CopyResult,
  SkippedEntry,
} from "./copy/options.ts";
export { CopyError } from "./copy/error.ts";
export {
  type ForwardedAddress,
  ForwardedPorts,
  forwardPorts,
} from "./forwarding/forward_ports.ts";
export type { ForwardPortsOptions } from "./forwarding/options.ts";
export type { ForwardEvent } from "./forwarding/events.ts";
export {
  type Channel,
  type ChannelRequest,
  openTunnel,
  SpdyTunnel,
  type TunnelledClient,
  type TunnelRequest,
  withTunnels,
} from "./tunnel.ts";
export {
  WebSocketError,
  type WebSocketErrorOptions,
} from "./websocket/frame.ts";
export {
  serveStreaming,
  type StreamingOptions,
  StreamingServer,
} from "./server/serve.ts";
export type { StreamingCall, StreamingKind } from "./call/call.ts";
export type { ProcessHandler, ServedProcess } from "./call/command.ts";
export type { TerminalSize } from "./call/sizes.ts";
export type { ForwardHandler, ServedConnection } from "./call/forward.ts";
