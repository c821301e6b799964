/**
 * The server's side of exec and attach.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import { startTimeout, stopTimer } from "../../connection/clock.ts";
import { stateOf, type Stream } from "../../connection/stream.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";
import { messageOf, RemoteCommandError } from "../errors.ts";
import {
  type CommandProtocol,
  type CommandStreamType,
  STREAM_TYPE,
  streamTypes,
} from "../protocol.ts";
import { encodeExit, encodeFailure } from "../status.ts";
import { header } from "../streams.ts";
import type { StreamingCall } from "./call.ts";
import { linger, Output } from "./ending.ts";
import { readSizes, type TerminalSize } from "./sizes.ts";
import {
  boundUnread,
  discard,
  drainedReadable,
  refuseHeaders,
  reply,
} from "./taking.ts";

/** A client's end of a process: what a handler of exec or attach gets. */
export interface ServedProcess {
  /** What was asked for. */
  readonly call: StreamingCall;
  /** What the client sends to the process; empty when it sends nothing. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Goes to the client; leads nowhere when it does not want it. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Goes to the client; leads nowhere when it does not want it, and with a terminal. */
  readonly stderr: WritableStream<Uint8Array>;
  /** Sizes of the client's terminal as they change; empty without a terminal. */
  readonly resizes: ReadableStream<TerminalSize>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/**
 * Runs a process for a client. It resolves to the exit code, 0..255 (on Windows
 * any of 32 bits), once all output is written; nothing stands for 0. What it
 * throws is told to the client: a `RemoteCommandError` as it is, anything else
 * as an internal error, another exit code among them.
 */
export type ProcessHandler = (process: ServedProcess) => Promise<number | void>;

/** Streams a client may have open: an exec has five at most, and wrong ones are reset as they come. */
export const MAX_COMMAND_STREAMS = 16;

type CommandStreamMap = ReadonlyMap<CommandStreamType, Stream>;

/** Serves one exec or attach; resolves when the connection has ended. */
export async function serveCommand(
  connection: RawConnection,
  protocol: CommandProtocol,
  call: StreamingCall,
  handler: ProcessHandler,
  creationTimeout: number,
): Promise<void> {
  const gone = new AbortController();
  connection.closed.catch(() => {}).then(() => gone.abort());
  try {
    const streams = await collect(connection, protocol, call, creationTimeout);
    if (streams === undefined) return;
    await run(protocol, call, streams, gone.signal, handler);
    await linger(connection);
  } finally {
    await connection.close();
  }
}

/** The streams the client announced; `undefined` when they do not all come. */
async function collect(
  connection: RawConnection,
  protocol: CommandProtocol,
  call: StreamingCall,
  timeout: number,
): Promise<CommandStreamMap | undefined> {
  const missing = new Set<string>(streamTypes(protocol, call));
  const streams = new Map<CommandStreamType, Stream>();
  const replies: Promise<void>[] = [];
  const complete = Promise.withResolvers<boolean>();
  const timer = startTimeout(() => complete.resolve(false), timeout);
  const accept = async (): Promise<void> => {
    for await (const stream of coreOf(connection).incoming) {
      const type = header(stream.headers, STREAM_TYPE);
      if (!missing.delete(type)) {
        stream.reset(PROTOCOL_ERROR);
        continue;
      }
      // Reset by the client before its turn came: it may open another one.
      if (stateOf(stream).ended) {
        missing.add(type);
        continue;
      }
      take(stream, type);
      streams.set(type as CommandStreamType, stream);
      replies.push(reply(stream));
      if (missing.size > 0) continue;
      // Before anything else: spdystream's clients take a reset without a reply for a fault.
      Promise.all(replies).then(() => complete.resolve(true));
    }
    complete.resolve(false);
  };
  accept().catch(() => complete.resolve(false));
  try {
    return await complete.promise ? streams : undefined;
  } finally {
    stopTimer(timer);
  }
}

/** What is nobody's to read must not fill the connection's buffer. */
function take(stream: Stream, type: string): void {
  refuseHeaders(stream);
  if (type === "stdin" || type === "resize") boundUnread(stream);
  else discard(stream);
}

/** Runs the handler, ends the outputs, then tells how it ended: the status proves the output before it. */
async function run(
  protocol: CommandProtocol,
  call: StreamingCall,
  streams: CommandStreamMap,
  signal: AbortSignal,
  handler: ProcessHandler,
): Promise<void> {
  const stdin = streams.get("stdin");
  const resize = streams.get("resize");
  const stdout = outputOf(streams.get("stdout"));
  const stderr = outputOf(streams.get("stderr"));
  let status: string;
  try {
    const code = await handler({
      call,
      stdin: stdin === undefined ? emptyReadable() : drainedReadable(stdin),
      stdout: stdout?.writable ?? new WritableStream(),
      stderr: stderr?.writable ?? new WritableStream(),
      resizes: resize === undefined ? emptyReadable() : readSizes(resize),
      signal,
    });
    status = encodeExit(protocol, code ?? 0);
  } catch (error) {
    status = encodeFailure(protocol, asCommandError(error));
  }
  // The process has ended: what it did not read is of no use.
  discard(stdin);
  discard(resize);
  await stdout?.finish();
  await stderr?.finish();
  await outputOf(streams.get("error"))?.finish(status);
}

function outputOf(stream: Stream | undefined): Output | undefined {
  return stream && new Output(stream);
}

function asCommandError(error: unknown): RemoteCommandError {
  if (error instanceof RemoteCommandError) return error;
  const message = messageOf(error);
  // The words a container runtime's streaming server uses.
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
