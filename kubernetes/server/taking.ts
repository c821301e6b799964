/**
 * What a server does with a stream of its client before a handler has it.
 *
 * @module
 */

import { stateOf, type Stream } from "../../connection/stream.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";

/** Resolves when the reply has left, or cannot: one stream's end is no fault of the others. */
export function reply(stream: Stream): Promise<void> {
  return stream.reply([]).catch(() => {});
}

/**
 * Lets go of what stood in the SYN_STREAM, which is read by now, and takes no
 * more: no peer sends HEADERS, and a stream would hold them to its end.
 */
export function refuseHeaders(stream: Stream): void {
  stream.headers.length = 0;
  stream.onheaders = () => stream.reset(PROTOCOL_ERROR);
}

/**
 * What the peer sends, without a reset when the reader gives up: what still
 * comes is dropped. moby/spdystream 0.5.1 goes on writing to a stream that was
 * reset, and those frames would be charged to the peer as a fault.
 */
export function drainedReadable(stream: Stream): ReadableStream<Uint8Array> {
  stateOf(stream).keepOnCancel = true;
  return stream.readable;
}

/** Drops what the peer has sent and what it sends. */
export function discard(stream: Stream | undefined): void {
  if (stream !== undefined) stateOf(stream).dropBody("nobody reads it here");
}

/**
 * Unread bytes of the stream count against `maxBufferedBytes` until a handler
 * has read them, also when the stream has closed: without windows a client could
 * otherwise fill one stream after another behind a handler that is slow. A
 * client that resets the stream gives them up, as with TCP.
 */
export function boundUnread(stream: Stream): void {
  const state = stateOf(stream);
  state.countedWhenClosed = true;
  state.onEnd(() => {
    if (state.resetByPeer) state.receiveBuffer.abort(state.failure);
  });
}
