/**
 * Events of forwarded ports.
 *
 * @module
 */

import type { ForwardTransport } from "../port_forward.ts";

/** An event of forwarded ports. */
export type ForwardEvent =
  /** Connections are accepted at this address. */
  | {
    readonly type: "listening";
    readonly hostname: string;
    readonly port: number;
    /** The port in the pod, as the caller specified it. */
    readonly remote: string;
  }
  /** A session with this pod was opened and accepts connections. */
  | {
    readonly type: "connected";
    /** Name of the pod; `""` for a streaming URL. */
    readonly pod: string;
    readonly transport: ForwardTransport;
    /** Number of sessions with this pod. */
    readonly sessions: number;
  }
  /** The pod is ending or has ended. Its connections may finish; new ones use another pod. */
  | { readonly type: "leaving"; readonly pod: string }
  /** All sessions with this pod have ended, and its connections with them. */
  | {
    readonly type: "lost";
    readonly pod: string;
    readonly reason: unknown;
  }
  /** No session could be opened; the next attempt follows after `delay` ms. */
  | {
    readonly type: "retrying";
    readonly delay: number;
    readonly reason: unknown;
  }
  /**
   * The pod cannot be watched, for example because that is forbidden. Its end is
   * then only noticed when its sessions end.
   */
  | {
    readonly type: "unwatched";
    readonly pod: string;
    readonly reason: unknown;
  }
  /** One connection failed; the others continue. */
  | {
    readonly type: "failed";
    /** The port in the pod, as the caller specified it. */
    readonly remote: string;
    readonly reason: unknown;
  };
