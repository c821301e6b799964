/**
 * What runs containers: containerd itself, or a cluster in front of it. The same
 * scenarios run with both.
 *
 * @module
 */

import type {
  AttachOptions,
  CommandProtocol,
  ExecOptions,
  PortForwarder,
  PortForwardOptions,
  RemoteProcess,
} from "../../kubernetes/mod.ts";

/** The streams of a container's main process. */
export type Streams = "" | "-i" | "-t" | "-it";

/** The options of a command. */
export type CommandOptions = Omit<ExecOptions, "url" | "pod" | "command">;

/** Starts pods, and connects to them. */
export interface Containers<Pod> {
  /** Starts a pod with one container. */
  runPod(command?: readonly string[], streams?: Streams): Promise<Pod>;
  /** Runs a command in its container. */
  exec(
    pod: Pod,
    command: readonly string[],
    options?: CommandOptions,
  ): Promise<RemoteProcess>;
  /** Attaches to its container. */
  attach(
    pod: Pod,
    options?: Omit<AttachOptions, "url" | "pod">,
  ): Promise<RemoteProcess>;
  /** Opens a session for connections to its ports. */
  portForward(
    pod: Pod,
    options?: Omit<PortForwardOptions, "url" | "pod">,
  ): Promise<PortForwarder>;
  /** Stops its container: SIGTERM, and SIGKILL a second later. */
  stop(pod: Pod): Promise<void>;
  /** Processes whose descriptors are counted, by their names. */
  readonly processes: Readonly<Record<string, number>>;
}

/** A transport, with the sub-protocols that are offered over it. */
export interface Way {
  readonly transport: "spdy" | "websocket";
  readonly protocols?: readonly CommandProtocol[];
}
