/**
 * The server's side of port-forward, for any transport.
 *
 * @module
 */

import type { StreamingCall } from "./call.ts";

/** A connection to a port: the argument of a handler of port-forward. */
export interface ServedConnection {
  /** The request. */
  readonly call: StreamingCall;
  /** The port in the pod, 1..65535. */
  readonly port: number;
  /** The bytes that the client sends to the port. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes for the client. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Aborted when the request has ended, and with it all of its forwarded connections.
   * If the client ends this one alone, `readable` ends or fails, and writes to
   * `writable` fail once the client has reset it.
   */
  readonly signal: AbortSignal;
}

/**
 * Carries one connection to a port. Resolves when the connection has ended; if it
 * throws, the client receives the message.
 */
export type ForwardHandler = (connection: ServedConnection) => Promise<void>;

/** The message for the client about a port that could not be reached, or failed. */
export function failureText(port: number, message: string): string {
  return `error forwarding port ${port}: ${message}`;
}
