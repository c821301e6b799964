/**
 * The server's side of exec and attach.
 *
 * @module
 */

import type { ServerChannels } from "../channels.ts";
import { messageOf, RemoteCommandError } from "../errors.ts";
import type { CommandProtocol } from "../protocol.ts";
import { encodeExit, encodeFailure } from "../status.ts";
import type { StreamingCall } from "./call.ts";
import { Output } from "./ending.ts";
import { readSizes, type TerminalSize } from "./sizes.ts";

/** A client's end of a process: what a handler of exec or attach gets. */
export interface ServedProcess {
  /** What was asked for. */
  readonly call: StreamingCall;
  /** What the client sends to the process; empty if it sends nothing. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** To the client; dropped if the client does not want it. */
  readonly stdout: WritableStream<Uint8Array>;
  /** To the client; dropped if the client does not want it, and with a terminal. */
  readonly stderr: WritableStream<Uint8Array>;
  /** Sizes of the client's terminal as they change; empty without a terminal. */
  readonly resizes: ReadableStream<TerminalSize>;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/**
 * Runs a process for a client. It resolves to the exit code, 0..255 (on Windows
 * any of 32 bits), when all output has been written; nothing means 0. If it
 * throws, the client receives the error: a `RemoteCommandError` unchanged, anything
 * else, including an impossible exit code, as an internal error.
 */
export type ProcessHandler = (process: ServedProcess) => Promise<number | void>;

/** An exec or attach that has been granted. */
export interface GrantedCommand {
  readonly protocol: CommandProtocol;
  readonly call: StreamingCall;
  readonly handler: ProcessHandler;
}

/** Runs the handler, ends the outputs, then reports how it ended: the status proves the output before it. */
export async function serveCommand(
  channels: ServerChannels,
  { protocol, call, handler }: GrantedCommand,
): Promise<void> {
  const gone = new AbortController();
  channels.closed.catch(() => {}).then(() => gone.abort());
  const { stdin, resize } = channels;
  const stdout = channels.stdout && new Output(channels.stdout);
  const stderr = channels.stderr && new Output(channels.stderr);
  let status: string;
  try {
    const code = await handler({
      call,
      stdin: stdin?.readable ?? emptyReadable(),
      stdout: stdout?.writable ?? new WritableStream(),
      stderr: stderr?.writable ?? new WritableStream(),
      resizes: resize === undefined
        ? emptyReadable()
        : readSizes(resize.readable),
      signal: gone.signal,
    });
    status = encodeExit(protocol, code ?? 0);
  } catch (error) {
    status = encodeFailure(protocol, asCommandError(error));
  }
  // The process has ended: what it did not read is of no use.
  stdin?.discard();
  resize?.discard();
  await stdout?.finish();
  await stderr?.finish();
  await new Output(channels.error).finish(status);
  await channels.finish();
}

function asCommandError(error: unknown): RemoteCommandError {
  if (error instanceof RemoteCommandError) return error;
  const message = messageOf(error);
  // The words that a container runtime's streaming server uses.
  return new RemoteCommandError(
    `Internal error occurred: error executing command in container: ${message}`,
    { cause: error, reason: "InternalError", httpStatus: 500 },
  );
}

function emptyReadable<T>(): ReadableStream<T> {
  return new ReadableStream({
    start: (controller) => controller.close(),
  });
}
