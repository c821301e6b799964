/**
 * The channels of a command as SPDY streams, on the server.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import { startTimeout, stopTimer } from "../../connection/time/clock.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";
import { type GrantedCommand, serveCommand } from "../call/command.ts";
import { linger } from "../call/ending.ts";
import type { ServerChannels } from "../channels.ts";
import {
  type CommandStreamType,
  STREAM_TYPE,
  streamTypes,
} from "../protocol.ts";
import { header } from "./streams.ts";
import {
  boundUnread,
  discard,
  inputOf,
  outputOf,
  refuseHeaders,
  reply,
} from "./taking.ts";

/**
 * Most open streams of a client: an exec has at most five, and wrong ones are reset
 * when they arrive.
 */
export const MAX_COMMAND_STREAMS = 16;

type CommandStreamMap = ReadonlyMap<CommandStreamType, Stream>;

/**
 * Serves one exec or attach on the streams of a connection; resolves when the
 * connection has ended. `creationTimeout`: longest wait for the client's streams,
 * ms; 0: no limit.
 */
export async function serveSpdyCommand(
  connection: RawConnection,
  granted: GrantedCommand,
  creationTimeout: number,
): Promise<void> {
  try {
    const streams = await collect(connection, granted, creationTimeout);
    const error = streams?.get("error");
    if (streams === undefined || error === undefined) return;
    await serveCommand(channelsOf(connection, streams, error), granted);
  } finally {
    await connection.close();
  }
}

function channelsOf(
  connection: RawConnection,
  streams: CommandStreamMap,
  error: Stream,
): ServerChannels {
  const [stdin, stdout, stderr, resize] =
    (["stdin", "stdout", "stderr", "resize"] as const)
      .map((type) => streams.get(type));
  return {
    stdin: stdin && inputOf(stdin),
    stdout: stdout && outputOf(stdout),
    stderr: stderr && outputOf(stderr),
    error: outputOf(error),
    resize: resize && inputOf(resize),
    closed: connection.closed,
    finish: () => linger(connection.closed),
  };
}

/** The streams that the client announced; `undefined` if some of them do not arrive. */
async function collect(
  connection: RawConnection,
  { protocol, call }: GrantedCommand,
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
      // The client has already reset it, and may open another one.
      if (streamCoreOf(stream).ended) {
        missing.add(type);
        continue;
      }
      take(stream, type);
      streams.set(type as CommandStreamType, stream);
      replies.push(reply(stream));
      if (missing.size > 0) continue;
      // Sent first, because spdystream's clients treat a reset without a reply as
      // an error.
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

/** Bytes that are never read must not fill the connection's buffer. */
function take(stream: Stream, type: string): void {
  refuseHeaders(stream);
  if (type === "stdin" || type === "resize") boundUnread(stream);
  else discard(stream);
}
