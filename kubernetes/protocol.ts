/**
 * The names in Kubernetes' protocols: sub-protocols, types of channels, and
 * headers. Header names are in lower case, as on the wire.
 *
 * @module
 */

import { checkOneOf } from "../values.ts";

/**
 * Sub-protocols of exec and attach, best first. `v5.channel.k8s.io` exists only
 * over WebSockets: it is `v4` with a message that ends standard input.
 */
export const COMMAND_PROTOCOLS = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;

/** One of {@linkcode COMMAND_PROTOCOLS}. */
export type CommandProtocol = typeof COMMAND_PROTOCOLS[number];

/** The transport of channels: streams of SPDY/3.1, or a WebSocket. */
export type Transport = "spdy" | "websocket";

/** Throws `InvalidArgumentError` unless the option `transport` has one of its values. */
export function checkTransport(transport: Transport | "auto"): void {
  checkOneOf("transport", transport, ["auto", "websocket", "spdy"]);
}

/** The features of a sub-protocol of exec and attach. */
export interface ProtocolTraits {
  /** Transports that support it. */
  readonly transports: readonly Transport[];
  /** Whether the error channel carries a JSON status; otherwise it carries plain text. */
  readonly hasStatus: boolean;
  /**
   * Whether there is a stream for terminal sizes over SPDY; over a WebSocket there
   * always is one.
   */
  readonly hasResize: boolean;
  /**
   * Whether a channel can be ended while the others continue, over a WebSocket;
   * over SPDY, each stream can.
   */
  readonly hasClose: boolean;
}

const BOTH = ["spdy", "websocket"] as const;

const TRAITS: Readonly<Record<CommandProtocol, ProtocolTraits>> = {
  "v5.channel.k8s.io": {
    transports: ["websocket"],
    hasStatus: true,
    hasResize: true,
    hasClose: true,
  },
  "v4.channel.k8s.io": {
    transports: BOTH,
    hasStatus: true,
    hasResize: true,
    hasClose: false,
  },
  "v3.channel.k8s.io": {
    transports: BOTH,
    hasStatus: false,
    hasResize: true,
    hasClose: false,
  },
  "v2.channel.k8s.io": {
    transports: BOTH,
    hasStatus: false,
    hasResize: false,
    hasClose: false,
  },
  "channel.k8s.io": {
    transports: BOTH,
    hasStatus: false,
    hasResize: false,
    hasClose: false,
  },
};

/** The features of a sub-protocol. */
export function traitsOf(protocol: CommandProtocol): ProtocolTraits {
  return TRAITS[protocol];
}

/** The given sub-protocols that a transport supports, in the same order. */
export function protocolsOver(
  transport: Transport,
  protocols: readonly CommandProtocol[] = COMMAND_PROTOCOLS,
): CommandProtocol[] {
  return protocols.filter((name) =>
    TRAITS[name]?.transports.includes(transport)
  );
}

/** The sub-protocol of port-forward. */
export const PORT_FORWARD_PROTOCOL = "portforward.k8s.io";

/** WebSocket sub-protocol of port-forward: SPDY inside binary messages (KEP-4006). */
export const TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io";

/** In an upgrade request: the sub-protocols that the client offers; in the answer: the chosen one. */
export const PROTOCOL_HEADER = "x-stream-protocol-version";
/** In an answer that accepts none of the offered sub-protocols: those that the server supports. */
export const ACCEPTED_PROTOCOLS_HEADER = "x-accepted-stream-protocol-versions";

/** Types of channels of an exec or attach. */
export type CommandStreamType =
  | "error"
  | "stdin"
  | "stdout"
  | "stderr"
  | "resize";

/** Types of channels of a port-forward. */
export type ForwardStreamType = "error" | "data";

/** SYN_STREAM header: the type of the channel. */
export const STREAM_TYPE = "streamtype";
/** SYN_STREAM header of port-forward: the port in the pod, decimal. */
export const PORT = "port";
/** SYN_STREAM header of port-forward: pairs a data stream with its error stream. */
export const REQUEST_ID = "requestid";

/** Number of each channel in the messages of a WebSocket. */
export const CHANNEL_NUMBER: Readonly<Record<CommandStreamType, number>> = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  error: 3,
  resize: 4,
};

/** The channels that an exec or attach requests. */
export interface CommandStreams {
  /** The client sends standard input. */
  readonly stdin: boolean;
  /** The client receives standard output. */
  readonly stdout: boolean;
  /** The client receives standard error; not with a terminal, which has only one output. */
  readonly stderr: boolean;
  /** The process gets a terminal. */
  readonly tty: boolean;
}

/** The channels of an exec or attach over SPDY, in the order in which their streams are opened. */
export function streamTypes(
  protocol: CommandProtocol,
  asked: CommandStreams,
): CommandStreamType[] {
  return channelTypes(asked, traitsOf(protocol).hasResize);
}

/** The channels of an exec or attach; `hasResize`: whether there is one for terminal sizes. */
export function channelTypes(
  { stdin, stdout, stderr, tty }: CommandStreams,
  hasResize: boolean,
): CommandStreamType[] {
  const types: CommandStreamType[] = ["error"];
  if (stdin) types.push("stdin");
  if (stdout) types.push("stdout");
  // A terminal has only one output: stdout contains what the process writes to
  // stderr.
  if (stderr && !tty) types.push("stderr");
  if (tty && hasResize) types.push("resize");
  return types;
}
