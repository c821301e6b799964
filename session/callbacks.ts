/**
 * What an application may be called for.
 *
 * @module
 */

import type { ERR_DEFERRED } from "../errors.ts";
import type { CtrlFrame } from "../frame/types.ts";

/**
 * The callbacks of a session, all optional. Each gets the session first.
 * `S` is the session's class.
 *
 * Callbacks may call the session's `submit` methods and getters, but neither
 * `send()` nor `recv()`. What a callback throws comes out of the call of
 * `send()` or `recv()` that ran it, when that call has done all its work; of
 * several exceptions the last.
 */
export interface SessionCallbacks<S> {
  /**
   * Takes bytes to the transport. Returns how many it took, 0 or `undefined`
   * when it would block. `data` may be kept, unless `reuseSendBuffer` is set.
   * What it throws ends `send()`; the bytes are offered again by the next
   * `send()`.
   */
  send?(session: S, data: Uint8Array): number | undefined;
  /**
   * Reads at most `length` bytes from the transport. Empty or `undefined`:
   * would block. Throws `EOFError` at end of input, `CallbackFailureError` on
   * any other failure.
   */
  recv?(session: S, length: number): Uint8Array | undefined;
  /** A control frame was received and accepted. */
  onCtrlRecv?(session: S, frame: CtrlFrame): void;
  /** A control frame was received and refused; RST_STREAM or GOAWAY with `statusCode` follows. */
  onInvalidCtrlRecv?(session: S, frame: CtrlFrame, statusCode: number): void;
  /** A piece of a DATA frame's payload; `flags` are the frame's. `data` is a view of what `recv` was given. */
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
  /** A control frame is about to be sent; a SYN_STREAM has its id by now. */
  beforeCtrlSend?(session: S, frame: CtrlFrame): void;
  /** A control frame was written. */
  onCtrlSend?(session: S, frame: CtrlFrame): void;
  /** A control frame will not be sent, for the reason `errorCode` (`ERR_*`). */
  onCtrlNotSend?(session: S, frame: CtrlFrame, errorCode: number): void;
  /** A DATA frame of `length` payload bytes was written. */
  onDataSend?(
    session: S,
    flags: number,
    streamId: number,
    length: number,
  ): void;
  /**
   * The rest of a body will not be sent, for the reason `errorCode` (`ERR_*`):
   * every provider ends either with its `READ_EOF` written or with this call.
   * python-spdylay drops such bodies without a word.
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

/** What a read callback tells besides the bytes. */
export interface ReadCtrl {
  /** 0 at first; `READ_EOF` with the last bytes. */
  flags: number;
}

/** Where the body of a stream comes from. `S` is the session's class. */
export interface BodySource<S> {
  /** Handed to `readCb` as it is. */
  source: unknown;
  /** Gives the next at most `length` bytes. */
  readCb: (
    session: S,
    streamId: number,
    length: number,
    readCtrl: ReadCtrl,
    source: unknown,
  ) => Uint8Array | typeof ERR_DEFERRED;
}
