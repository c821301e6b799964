/**
 * What forwarding ports reports about itself.
 *
 * @module
 */

import type { ForwardTransport } from "../port_forward.ts";

/** Something that happened to forwarded ports. */
export type ForwardEvent =
  /** Connections are accepted at this address. */
  | {
    readonly type: "listening";
    readonly hostname: string;
    readonly port: number;
    /** The port in the pod, as it was given. */
    readonly remote: string;
  }
  /** A session with this pod stands, and takes connections. */
  | {
    readonly type: "connected";
    /** Name of the pod; `""` for a streaming URL. */
    readonly pod: string;
    readonly transport: ForwardTransport;
    /** Number of sessions with this pod. */
    readonly sessions: number;
  }
  /** The pod ends or has ended; its connections may finish, and another pod is looked for. */
  | { readonly type: "leaving"; readonly pod: string }
  /** All sessions with this pod have ended, and its connections with them. */
  | {
    readonly type: "lost";
    readonly pod: string;
    readonly reason: unknown;
  }
  /** No session could be opened; it is tried again after so many ms. */
  | {
    readonly type: "retrying";
    readonly delay: number;
    readonly reason: unknown;
  }
  /** The pod cannot be watched, for example because that is forbidden: its end is noticed by its sessions only. */
  | {
    readonly type: "unwatched";
    readonly pod: string;
    readonly reason: unknown;
  }
  /** One connection failed; the others continue. */
  | {
    readonly type: "failed";
    /** The port in the pod, as it was given. */
    readonly remote: string;
    readonly reason: unknown;
  };
