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

/** The client's end of a process: the argument of a handler of exec or attach. */
export interface ServedProcess {
  /** The request. */
  readonly call: StreamingCall;
  /** The client's input for the process; empty if there is none. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Output to the client; dropped if the client does not want it. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Errors to the client; dropped if the client does not want them, and with a terminal. */
  readonly stderr: WritableStream<Uint8Array>;
  /** Sizes of the client's terminal when they change; empty without a terminal. */
  readonly resizes: ReadableStream<TerminalSize>;
  /** Aborted when the connection to the client has ended. */
  readonly signal: AbortSignal;
}

/**
 * Runs a process for a client. Resolves to the exit code, 0..255 (on Windows, any
 * 32-bit number), when all output has been written; `undefined` means 0. If it
 * throws, the client receives the error: a `RemoteCommandError` unchanged, and
 * anything else, including an impossible exit code, as an internal error.
 */
export type ProcessHandler = (process: ServedProcess) => Promise<number | void>;

/** An exec or attach that was granted. */
export interface GrantedCommand {
  readonly protocol: CommandProtocol;
  readonly call: StreamingCall;
  readonly handler: ProcessHandler;
}

/**
 * Runs the handler, ends the outputs, and then reports how it ended: the status
 * proves that the output before it is complete.
 */
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
  // The process has ended, so the rest of its input is useless.
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
  // The same text as that of a container runtime's streaming server.
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
