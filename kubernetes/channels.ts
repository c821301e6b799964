/**
 * Command channels: standard input and output, standard error, the error channel,
 * and sizes of a terminal. SPDY streams (`spdy/`) or WebSocket messages
 * (`websocket/`) carry them.
 *
 * @module
 */

import type { Transport } from "./protocol.ts";

/** The channels of a command on the client. */
export interface ClientChannels {
  /** The transport that carries the channels. */
  readonly transport: Transport;
  /** Writes to the process; closing it ends the input of the process. */
  readonly stdin: WritableStream<Uint8Array> | undefined;
  /** Standard output of the process. */
  readonly stdout: ReadableStream<Uint8Array> | undefined;
  /** Standard error of the process. */
  readonly stderr: ReadableStream<Uint8Array> | undefined;
  /**
   * The text that reports how the command ended. It is read in the background, so
   * an unread output cannot block it.
   */
  readonly error: ReadableStream<Uint8Array>;
  /** Sizes of the terminal, one JSON object in each chunk. */
  readonly resize: WritableStream<Uint8Array> | undefined;
  /**
   * Whether reading a channel failed with `failure` because the server ended the
   * channel in the way in which it ends it after a finished and also after an aborted
   * command. Only the exit status distinguishes the two.
   */
  isUnprovenEnd(failure: unknown): boolean;
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** Ends the connection; never rejects. */
  close(): Promise<void>;
}

/** What a client sends to a server on one channel. */
export interface InputChannel {
  /** The bytes. If the reader cancels, the rest is dropped without notice to the client. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Drops the bytes that have arrived and those that still arrive. */
  discard(): void;
}

/** What a server sends to a client on one channel. */
export interface OutputChannel {
  /** Resolves when the transport's buffer has accepted the chunk. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the channel after everything that was written. */
  closeWrite(): Promise<void>;
  /** Ends the channel at once. */
  abort(): void;
  /** Resolves when the channel accepts no more bytes. */
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
  /** Lets the client close first, for a limited time, after everything was sent. Never rejects. */
  finish(): Promise<void>;
}
