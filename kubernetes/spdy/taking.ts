/**
 * Prepares a client's stream before a handler gets it.
 *
 * @module
 */

import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import { startTimer, stopTimer } from "../../connection/time/clock.ts";
import { CANCEL, PROTOCOL_ERROR } from "../../frame/constants.ts";
import { LINGER } from "../call/ending.ts";
import type { InputChannel, OutputChannel } from "../channels.ts";

/**
 * Resolves when the reply was sent, or cannot be: the end of one stream must not
 * affect the others.
 */
export function reply(stream: Stream): Promise<void> {
  return stream.reply([]).catch(() => {});
}

/**
 * Frees the headers of the SYN_STREAM, which have already been read, and accepts no
 * more: no peer sends HEADERS, and a stream would keep them until it ends.
 */
export function refuseHeaders(stream: Stream): void {
  stream.headers.length = 0;
  stream.onHeaders = () => stream.reset(PROTOCOL_ERROR);
}

/**
 * The bytes that the client sends on a stream. If the reader cancels, the stream is
 * not reset, and bytes that still arrive are dropped: moby/spdystream 0.5.1
 * continues to write to a stream that was reset, and those frames would count as
 * its fault.
 */
export function inputOf(stream: Stream): InputChannel {
  return {
    get readable() {
      streamCoreOf(stream).keepOnCancel = true;
      return stream.readable;
    },
    discard: () => discard(stream),
  };
}

/** The bytes that this side sends on a stream. */
export function outputOf(stream: Stream): OutputChannel {
  return {
    write: (chunk) => stream.write(chunk),
    closeWrite: () => stream.closeWrite(),
    abort: () => stream.reset(),
    get ended() {
      // It must not count as a waiting application: see `StreamCore.wait`.
      const { observed } = streamCoreOf(stream).closed;
      return observed.then(() => {}, () => {});
    },
  };
}

/** Drops all bytes of the peer, also later ones. */
export function discard(stream: Stream): void {
  streamCoreOf(stream).dropBody("the server does not read this stream");
}

/**
 * Counts unread bytes of the stream against `maxBufferedBytes` until a handler has
 * read them, even after the stream has closed. Without windows, a client could
 * otherwise fill one stream after another for a slow handler. If a client resets
 * the stream, its bytes are dropped, as in TCP.
 */
export function boundUnread(stream: Stream): void {
  const core = streamCoreOf(stream);
  core.countedWhenClosed = true;
  core.onEnd(() => {
    if (core.resetByPeer) core.receiveBuffer.abort(core.failure);
  });
}

/** Resets streams that a client never ends, so that they do not count forever. */
export function endLater(streams: readonly Stream[]): void {
  const left = streams.filter((stream) => !streamCoreOf(stream).ended);
  if (left.length === 0) return;
  let open = left.length;
  const timer = startTimer(
    () => left.forEach((stream) => stream.reset(CANCEL)),
    LINGER,
  );
  for (const stream of left) {
    streamCoreOf(stream).onEnd(() => {
      if (--open === 0) stopTimer(timer);
    });
  }
}
