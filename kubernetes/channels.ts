/**
 * Command channels: standard input and output, standard error, the error
 * channel, and sizes of a terminal, whatever carries them. SPDY streams
 * (`spdy/`) and WebSocket messages (`websocket/`) are two ways to carry them.
 *
 * @module
 */

import type { Transport } from "./protocol.ts";

/** The channels of a command on the client. */
export interface ClientChannels {
  /** What carries them. */
  readonly transport: Transport;
  /** To the process; closing it ends its input. */
  readonly stdin: WritableStream<Uint8Array> | undefined;
  /** From the process. */
  readonly stdout: ReadableStream<Uint8Array> | undefined;
  /** The same for standard error. */
  readonly stderr: ReadableStream<Uint8Array> | undefined;
  /** The text that says how the command ended. Nobody waits for it in place of what he does not read. */
  readonly error: ReadableStream<Uint8Array>;
  /** Sizes of the terminal, one JSON object in each chunk. */
  readonly resize: WritableStream<Uint8Array> | undefined;
  /**
   * Whether reading a channel failed with this because the peer ended it in a way
   * in which it ends a finished command and an aborted one. Only the exit status
   * tells which of them it was.
   */
  isUnprovenEnd(failure: unknown): boolean;
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** Ends the connection; never rejects. */
  close(): Promise<void>;
}

/** What a client sends to a server on one channel. */
export interface InputChannel {
  /** The bytes. If the reader gives up, the rest is dropped, and the client is not told. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Drops the bytes that have arrived and those that still arrive. */
  discard(): void;
}

/** What a server sends to a client on one channel. */
export interface OutputChannel {
  /** Resolves when the transport's buffer has taken the chunk. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the channel after everything that was written. */
  closeWrite(): Promise<void>;
  /** Ends the channel at once. */
  abort(): void;
  /** Resolves when the channel takes nothing more. */
  readonly ended: Promise<void>;
}

/** The channels of a command on the server. */
export interface ServerChannels {
  readonly stdin: InputChannel | undefined;
  readonly stdout: OutputChannel | undefined;
  readonly stderr: OutputChannel | undefined;
  readonly error: OutputChannel;
  readonly resize: InputChannel | undefined;
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** Everything has been said: lets the client close first, for a while. Never rejects. */
  finish(): Promise<void>;
}
