/**
 * What a server does with a stream of its client before a handler gets it.
 *
 * @module
 */

import { stateOf, type Stream } from "../../connection/stream.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";
import type { InputChannel, OutputChannel } from "../channels.ts";

/** Resolves when the reply has been sent, or cannot be: the end of one stream is no fault of the others. */
export function reply(stream: Stream): Promise<void> {
  return stream.reply([]).catch(() => {});
}

/**
 * Frees the headers of the SYN_STREAM, which have been read by now, and accepts
 * no more: no peer sends HEADERS, and a stream would keep them to its end.
 */
export function refuseHeaders(stream: Stream): void {
  stream.headers.length = 0;
  stream.onHeaders = () => stream.reset(PROTOCOL_ERROR);
}

/**
 * What the client sends on a stream. If the reader gives up, the stream is not
 * reset, and what still arrives is dropped: moby/spdystream 0.5.1 continues to
 * write to a stream that was reset, and those frames would count as its fault.
 */
export function inputOf(stream: Stream): InputChannel {
  return {
    get readable() {
      stateOf(stream).keepOnCancel = true;
      return stream.readable;
    },
    discard: () => discard(stream),
  };
}

/** What this side sends on a stream. */
export function outputOf(stream: Stream): OutputChannel {
  return {
    write: (chunk) => stream.write(chunk),
    closeWrite: () => stream.closeWrite(),
    abort: () => stream.reset(),
    get ended() {
      // Not as an application that waits: see `StreamCore.wait`.
      const { observed } = stateOf(stream).closed;
      return observed.then(() => {}, () => {});
    },
  };
}

/** Drops what the peer has sent and what it sends. */
export function discard(stream: Stream): void {
  stateOf(stream).dropBody("nobody reads it here");
}

/**
 * Unread bytes of the stream count against `maxBufferedBytes` until a handler
 * has read them, also after the stream has closed. Without windows, a client
 * could otherwise fill one stream after another behind a slow handler. A client
 * that resets the stream gives its bytes up, as with TCP.
 */
export function boundUnread(stream: Stream): void {
  const state = stateOf(stream);
  state.countedWhenClosed = true;
  state.onEnd(() => {
    if (state.resetByPeer) state.receiveBuffer.abort(state.failure);
  });
}
