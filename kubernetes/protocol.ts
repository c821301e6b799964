/**
 * The names Kubernetes uses on top of SPDY/3.1: sub-protocols, stream types,
 * headers. Header names are as they stand on the wire, in lower case.
 *
 * @module
 */

/** Sub-protocols of exec and attach, best first. `v5` adds nothing on SPDY, and no server takes it there. */
export const COMMAND_PROTOCOLS = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;

/** One of {@linkcode COMMAND_PROTOCOLS}. */
export type CommandProtocol = typeof COMMAND_PROTOCOLS[number];

/** The sub-protocol of port-forward. */
export const PORT_FORWARD_PROTOCOL = "portforward.k8s.io";

/** WebSocket sub-protocol of port-forward's SPDY inside binary messages (KEP-4006). */
export const TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io";

/** Carries the sub-protocols in the upgrade and the one chosen in its answer. */
export const PROTOCOL_HEADER = "x-stream-protocol-version";
/** Carries the sub-protocols a server knows, when it takes none of those offered. */
export const ACCEPTED_PROTOCOLS_HEADER = "x-accepted-stream-protocol-versions";

/** What a stream of an exec or attach is for. */
export type CommandStreamType =
  | "error"
  | "stdin"
  | "stdout"
  | "stderr"
  | "resize";

/** What a stream of a port-forward is for. */
export type ForwardStreamType = "error" | "data";

/** SYN_STREAM header: what the stream is for. */
export const STREAM_TYPE = "streamtype";
/** SYN_STREAM header of port-forward: the port in the pod, decimal. */
export const PORT = "port";
/** SYN_STREAM header of port-forward: what pairs a data stream with its error stream. */
export const REQUEST_ID = "requestid";

/** Whether the sub-protocol has a resize stream. */
export function hasResize(protocol: CommandProtocol): boolean {
  return protocol === "v4.channel.k8s.io" || protocol === "v3.channel.k8s.io";
}

/** Whether the error stream carries a JSON status rather than plain text. */
export function hasStatus(protocol: CommandProtocol): boolean {
  return protocol === "v4.channel.k8s.io";
}

/** The streams of an exec or attach, in the order in which they are opened. */
export function streamTypes(
  protocol: CommandProtocol,
  { stdin, stdout, stderr, tty }: CommandStreams,
): CommandStreamType[] {
  const types: CommandStreamType[] = ["error"];
  if (stdin) types.push("stdin");
  if (stdout) types.push("stdout");
  // A terminal has one output: what the process writes to stderr is in stdout.
  if (stderr && !tty) types.push("stderr");
  if (tty && hasResize(protocol)) types.push("resize");
  return types;
}

/** Which streams an exec or attach asks for. */
export interface CommandStreams {
  /** The client sends standard input. */
  readonly stdin: boolean;
  /** The client takes standard output. */
  readonly stdout: boolean;
  /** The client takes standard error; not with a terminal, which has one output. */
  readonly stderr: boolean;
  /** The process gets a terminal. */
  readonly tty: boolean;
}
