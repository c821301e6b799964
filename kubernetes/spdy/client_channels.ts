/**
 * The channels of a command as SPDY streams, on the client.
 *
 * @module
 */

import type { RawConnection } from "../../connection.ts";
import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import type { ClientChannels } from "../channels.ts";
import { type CommandStreamType, STREAM_TYPE } from "../protocol.ts";
import { openStreams } from "./open.ts";
import { isCancelledByPeer, readableInBackground } from "./streams.ts";

/** Opens a stream for each channel; the error channel is one of them. */
export async function openChannels(
  connection: RawConnection,
  types: readonly CommandStreamType[],
): Promise<ClientChannels> {
  const opened = await openStreams(
    connection,
    types.map((type) => ({ nv: [[STREAM_TYPE, type]] })),
  );
  // moby/spdystream 0.5.1 silently drops DATA that arrives before it has replied.
  await Promise.all(opened.map((stream) => stream.response));
  const streamOf = (type: CommandStreamType): Stream | undefined =>
    opened[types.indexOf(type)];
  const error = streamOf("error");
  if (error === undefined) throw new Error("there is no error channel");
  return {
    transport: "spdy",
    stdin: toPeer(streamOf("stdin")),
    stdout: streamOf("stdout")?.readable,
    stderr: streamOf("stderr")?.readable,
    error: readableInBackground(error),
    resize: toPeer(streamOf("resize")),
    isUnprovenEnd: isCancelledByPeer,
    closed: connection.closed,
    close: () => connection.close(),
  };
}

function toPeer(
  stream: Stream | undefined,
): WritableStream<Uint8Array> | undefined {
  if (stream === undefined) return undefined;
  // Bytes that a server sends there are never read, so they must not fill the
  // connection's buffer.
  streamCoreOf(stream).dropBody("only the client sends on this stream");
  return stream.writable;
}
