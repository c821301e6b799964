/**
 * The callbacks of a session.
 *
 * @module
 */

import type { ERR_DEFERRED } from "../errors.ts";
import type { CtrlFrame } from "../frame/types.ts";

/**
 * The callbacks of a session, all optional. The first argument of each is the
 * session. `S` is the session's class.
 *
 * Callbacks may call the session's `submit` methods and getters, but neither
 * `send()` nor `recv()`. The `send()` or `recv()` that ran a callback rethrows
 * what it threw, after finishing its work. If several callbacks threw, it
 * rethrows the last exception.
 *
 * @category Session
 */
export interface SessionCallbacks<S> {
  /**
   * Writes bytes to the transport. Returns how many it took; 0 or `undefined`
   * when it would block. It may keep `data` unless `reuseSendBuffer` is set.
   * An exception ends `send()`; the next `send()` offers the same bytes again.
   */
  send?(session: S, data: Uint8Array): number | undefined;
  /**
   * Reads at most `length` bytes from the transport. An empty array or
   * `undefined` means that it would block. The callback throws `EOFError` at the end of
   * input, and `CallbackFailureError` on any other failure.
   */
  recv?(session: S, length: number): Uint8Array | undefined;
  /** A control frame was received and accepted. */
  onCtrlRecv?(session: S, frame: CtrlFrame): void;
  /** A control frame was received and refused; RST_STREAM or GOAWAY with `statusCode` follows. */
  onInvalidCtrlRecv?(session: S, frame: CtrlFrame, statusCode: number): void;
  /** A piece of a DATA frame's payload arrived; `flags` are the frame's. `data` is a view of the bytes passed to `recv`. */
  onDataChunkRecv?(
    session: S,
    flags: number,
    streamId: number,
    data: Uint8Array,
  ): void;
  /** A DATA frame of `length` payload bytes is complete. */
  onDataRecv?(
    session: S,
    flags: number,
    streamId: number,
    length: number,
  ): void;
  /** A control frame is about to be sent; a SYN_STREAM already has its id. */
  beforeCtrlSend?(session: S, frame: CtrlFrame): void;
  /** A control frame was written. */
  onCtrlSend?(session: S, frame: CtrlFrame): void;
  /**
   * A control frame will not be sent, for the reason `errorCode` (`ERR_*`). As in
   * spdylay, the frames that a failed session leaves unsent are not reported.
   */
  onCtrlNotSend?(session: S, frame: CtrlFrame, errorCode: number): void;
  /** A DATA frame of `length` payload bytes was written. */
  onDataSend?(
    session: S,
    flags: number,
    streamId: number,
    length: number,
  ): void;
  /**
   * The rest of a body will not be sent, for the reason `errorCode` (`ERR_*`).
   * Every provider ends either when its `READ_EOF` is written or with this call.
   * When the session has failed, `send()` calls this for every body that is left, at
   * the latest when it has written GOAWAY. `streamId` is 0 if the SYN_STREAM of the
   * body was never sent and has no id. python-spdylay drops such bodies without
   * reporting it.
   */
  onDataNotSend?(session: S, streamId: number, errorCode: number): void;
  /** A stream ended; its user data can still be read. */
  onStreamClose?(session: S, streamId: number, statusCode: number): void;
  /** The peer ended its half of a stream that it had opened. */
  onRequestRecv?(session: S, streamId: number): void;
  /** A control frame could not be read; the session fails. `payload` holds received bytes only. */
  onCtrlRecvParseError?(
    session: S,
    type: number,
    head: Uint8Array,
    payload: Uint8Array,
    errorCode: number,
  ): void;
  /** A control frame of an unknown type was received. */
  onUnknownCtrlRecv?(session: S, head: Uint8Array, payload: Uint8Array): void;
}

/** Names of all callbacks. */
export const CALLBACK_NAMES: readonly (keyof SessionCallbacks<never>)[] = [
  "send",
  "recv",
  "onCtrlRecv",
  "onInvalidCtrlRecv",
  "onDataChunkRecv",
  "onDataRecv",
  "beforeCtrlSend",
  "onCtrlSend",
  "onCtrlNotSend",
  "onDataSend",
  "onDataNotSend",
  "onStreamClose",
  "onRequestRecv",
  "onCtrlRecvParseError",
  "onUnknownCtrlRecv",
];

/**
 * What a read callback reports in addition to the bytes.
 *
 * @category Session
 */
export interface ReadCtrl {
  /** 0 at first; `READ_EOF` with the last bytes. */
  flags: number;
}

/** The source of a stream's body. `S` is the session's class. */
export interface BodySource<S> {
  /** Passed to `readCb` unchanged. */
  source: unknown;
  /** Returns at most the next `length` bytes. */
  readCb: (
    session: S,
    streamId: number,
    length: number,
    readCtrl: ReadCtrl,
    source: unknown,
  ) => Uint8Array | typeof ERR_DEFERRED;
}
