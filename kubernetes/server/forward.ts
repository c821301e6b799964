/**
 * The server's side of port-forward: what a handler gets, whatever carries it.
 *
 * @module
 */

import type { StreamingCall } from "./call.ts";

/** A connection to a port: what a handler of port-forward gets. */
export interface ServedConnection {
  /** What was asked for. */
  readonly call: StreamingCall;
  /** The port in the pod, 1..65535. */
  readonly port: number;
  /** What the client sends to the port. */
  readonly readable: ReadableStream<Uint8Array>;
  /** To the client. */
  readonly writable: WritableStream<Uint8Array>;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/**
 * Carries one connection to a port. It resolves when the connection is over; the
 * client is told the message of what it throws.
 */
export type ForwardHandler = (connection: ServedConnection) => Promise<void>;

/** What the client is told about a port that could not be reached, or failed. */
export function failureText(port: number, message: string): string {
  return `error forwarding port ${port}: ${message}`;
}
