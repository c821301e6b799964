/**
 * The options of `forwardPorts`: ranges and defaults.
 *
 * @module
 */

import { checkText, checkTexts } from "../../connection/option_kinds.ts";
import type { KeepAliveOptions } from "../../connection/time/keepalive.ts";
import { checkInterval, checkTimeout, checkWhole } from "../../numbers.ts";
import { checkNames, copyOptions, type Names } from "../../values.ts";
import { copyTarget, TARGET_NAMES, type TargetOptions } from "../dial.ts";
import type { ForwardTransport } from "../port_forward.ts";
import { checkTransport } from "../protocol.ts";
import type { ForwardEvent } from "./events.ts";

/** Options of `forwardPorts`. */
export interface ForwardPortsOptions {
  /**
   * The API server: the result of `KubeConfig.target`, or a function that is called
   * for each session. The fields of an object are copied at the call, so `headers` that
   * are assigned to it later have no effect. For credentials that change, give a function.
   */
  readonly target:
    | TargetOptions
    | (() => TargetOptions | Promise<TargetOptions>);
  /**
   * `web` or `pod/web`, or an owner of pods: `deploy/web`, `svc/web`, `sts/web` and
   * so on. Without it, the URL of `target` is a streaming URL, which is valid for a
   * single session.
   */
  readonly resource?: string;
  /** Namespace of the resource; default `"default"`. */
  readonly namespace?: string;
  /**
   * `8080:80`, `80`, `:80` (any free local port), `8080:http`, `http`. For a
   * service, these are its ports, otherwise those of the pod.
   */
  readonly ports: readonly string[];
  /**
   * Addresses to listen on; default `["localhost"]`, which means 127.0.0.1 and ::1.
   * It is enough if one of the two is available.
   */
  readonly addresses?: readonly string[];
  /** The transport, as for `portForward`. */
  readonly transport?: ForwardTransport | "auto";
  /** PINGs on each session, which detect a dead kubelet; default `{ interval: 10000 }`. */
  readonly keepAlive?: KeepAliveOptions;
  /** Connections of a session before another session is opened, 1 to 500; default 100. */
  readonly connectionsPerSession?: number;
  /**
   * Longest time to open a session, and longest wait of a connection for a session,
   * ms; 0: no limit; default 30000.
   */
  readonly timeout?: number;
  /**
   * Wait before the next attempt to open a session, ms; each failure doubles it, up
   * to `longestDelay`. Default 500.
   */
  readonly firstDelay?: number;
  /** Longest wait before the next attempt to open a session, ms; default 30000. */
  readonly longestDelay?: number;
  /** Stops forwarding, as `close` does. */
  readonly signal?: AbortSignal;
  /** Called for each event. An exception in it is ignored. */
  readonly onEvent?: (event: ForwardEvent) => void;
}

const FORWARD_PORTS_NAMES: Names<ForwardPortsOptions> = {
  target: true,
  resource: true,
  namespace: true,
  ports: true,
  addresses: true,
  transport: true,
  keepAlive: true,
  connectionsPerSession: true,
  timeout: true,
  firstDelay: true,
  longestDelay: true,
  signal: true,
  onEvent: true,
};

/** The options with all defaults filled in. */
export type ResolvedForwardPorts =
  & ForwardPortsOptions
  & Required<
    Omit<ForwardPortsOptions, "resource" | "transport" | "signal" | "onEvent">
  >;

/** Checks the options and fills in the defaults. Throws `InvalidArgumentError`. */
export function resolveForwardPorts(
  options: ForwardPortsOptions,
): ResolvedForwardPorts {
  checkNames("forwardPorts", options, FORWARD_PORTS_NAMES);
  const {
    target,
    resource,
    namespace = "default",
    ports,
    addresses = ["localhost"],
    transport,
    keepAlive = { interval: 10_000 },
    connectionsPerSession = 100,
    timeout = 30_000,
    firstDelay = 500,
    longestDelay = 30_000,
  } = options;
  if (resource !== undefined) checkText("resource", resource);
  checkText("namespace", namespace);
  checkTexts("ports", ports);
  checkTexts("addresses", addresses);
  if (transport !== undefined) checkTransport(transport);
  checkWhole("connectionsPerSession", connectionsPerSession, 1, 500);
  checkTimeout("timeout", timeout);
  checkInterval("firstDelay", firstDelay);
  checkInterval("longestDelay", longestDelay);
  return {
    ...copyOptions(options, FORWARD_PORTS_NAMES),
    target: typeof target === "function"
      ? target
      : copyTarget("target", target, TARGET_NAMES),
    namespace,
    addresses,
    keepAlive,
    connectionsPerSession,
    timeout,
    firstDelay,
    longestDelay,
  };
}
