/**
 * Calls the application's callbacks. All calls go through this class, so that an
 * exception is kept until the current `send()` or `recv()` has finished its work,
 * and so that no callback can call `send()` or `recv()`.
 *
 * @module
 */

import {
  CallbackFailureError,
  ERR_DEFERRED,
  ERR_INVALID_STATE,
  SpdyError,
} from "../errors.ts";
import type { ControlType } from "../frame/control_frame.ts";
import type { CtrlFrame } from "../frame/types.ts";
import { isDetached, show } from "../values.ts";
import type { BodySource, ReadCtrl, SessionCallbacks } from "./callbacks.ts";
import {
  DATA_ROOM,
  ON_STREAM_DATA,
  SENT_WITHOUT_HEADERS,
  type StreamDataCallback,
  type TransportSettings,
} from "./options.ts";

/** An item of the queue whose frame a callback sees. */
interface SentFrame {
  /** The frame; its headers may be missing. */
  readonly frame: CtrlFrame;
  readonly shown: CtrlFrame;
}

/** Runs the callbacks of one session. `S` is the session's class. */
export class Application<S> {
  readonly #session: S;
  readonly #callbacks: SessionCallbacks<S>;
  readonly #onStreamData: StreamDataCallback | undefined;
  readonly #withoutHeaders: boolean;
  /** See `TransportSettings`. */
  readonly dataRoom: () => number;
  #thrown: { readonly error: unknown } | undefined;
  #busy = "";

  /** `session` is the first argument of each callback. */
  constructor(
    session: S,
    callbacks: SessionCallbacks<S> & TransportSettings,
  ) {
    this.#session = session;
    this.#callbacks = callbacks;
    this.#onStreamData = callbacks[ON_STREAM_DATA];
    this.#withoutHeaders = callbacks[SENT_WITHOUT_HEADERS] ?? false;
    this.dataRoom = callbacks[DATA_ROOM] ?? anyRoom;
  }

  /** Whether a callback may be running, in which neither `send()` nor `recv()` can be called. */
  get isBusy(): boolean {
    return this.#busy !== "";
  }

  /**
   * Runs `work` and returns its result, or throws the last exception that a callback threw meanwhile.
   *
   * Throws `SpdyError` (`ERR_INVALID_STATE`) when called from a callback.
   */
  run<T>(name: string, work: () => T): T {
    if (this.#busy !== "") {
      throw new SpdyError(
        `${name}() was called inside a callback of ${this.#busy}(): call it after ${this.#busy}() has returned`,
        ERR_INVALID_STATE,
      );
    }
    this.#busy = name;
    try {
      const result = work();
      const thrown = this.#thrown;
      if (thrown !== undefined) throw thrown.error;
      return result;
    } finally {
      this.#busy = "";
      this.#thrown = undefined;
    }
  }

  /**
   * Offers `data` to the transport; returns how many bytes it took. Without a
   * callback all bytes count as sent, as in spdylay.
   *
   * Throws what the callback throws, and `CallbackFailureError` when it returns
   * an impossible number.
   */
  send(data: Uint8Array): number {
    if (this.#callbacks.send === undefined) return data.length;
    const taken = this.#callbacks.send(this.#session, data) ?? 0;
    if (!Number.isInteger(taken) || taken < 0 || taken > data.length) {
      throw new CallbackFailureError(
        `the send callback returned ${
          show(taken)
        } for ${data.length} bytes: it must return how many of them it took`,
      );
    }
    return taken;
  }

  /**
   * Asks the transport for at most `length` bytes; `undefined` means that it would
   * block.
   *
   * Throws what the callback throws, and `CallbackFailureError` when there is no
   * callback or its result is invalid.
   */
  recv(length: number): Uint8Array | undefined {
    if (this.#callbacks.recv === undefined) {
      throw new CallbackFailureError(
        "recv() was called without data, and the session has no recv callback",
      );
    }
    const data = this.#callbacks.recv(this.#session, length);
    if (data === undefined) return undefined;
    checkBytes("recv", data, length);
    return data.length === 0 ? undefined : data;
  }

  /**
   * Asks a body for at most `length` bytes.
   *
   * Throws what the callback throws, and `CallbackFailureError` when its result
   * is invalid.
   */
  read(
    body: BodySource<S>,
    streamId: number,
    length: number,
    readCtrl: ReadCtrl,
  ): Uint8Array | typeof ERR_DEFERRED {
    const data = body.readCb(
      this.#session,
      streamId,
      length,
      readCtrl,
      body.source,
    );
    if (data !== ERR_DEFERRED) checkBytes("readCb", data, length);
    return data;
  }

  onCtrlRecv(frame: CtrlFrame): void {
    try {
      this.#callbacks.onCtrlRecv?.(this.#session, frame);
    } catch (error) {
      this.#keep(error);
    }
  }

  onInvalidCtrlRecv(frame: CtrlFrame, statusCode: number): void {
    try {
      this.#callbacks.onInvalidCtrlRecv?.(this.#session, frame, statusCode);
    } catch (error) {
      this.#keep(error);
    }
  }

  onDataChunkRecv(
    flags: number,
    streamId: number,
    data: Uint8Array,
    userData: unknown,
  ): void {
    try {
      this.#onStreamData?.(userData, data);
      this.#callbacks.onDataChunkRecv?.(this.#session, flags, streamId, data);
    } catch (error) {
      this.#keep(error);
    }
  }

  onDataRecv(flags: number, streamId: number, length: number): void {
    try {
      this.#callbacks.onDataRecv?.(this.#session, flags, streamId, length);
    } catch (error) {
      this.#keep(error);
    }
  }

  beforeCtrlSend(item: SentFrame): void {
    try {
      this.#callbacks.beforeCtrlSend?.(this.#session, this.#sent(item));
    } catch (error) {
      this.#keep(error);
    }
  }

  onCtrlSend(item: SentFrame): void {
    try {
      this.#callbacks.onCtrlSend?.(this.#session, this.#sent(item));
    } catch (error) {
      this.#keep(error);
    }
  }

  onCtrlNotSend(item: SentFrame, errorCode: number): void {
    try {
      this.#callbacks.onCtrlNotSend?.(this.#session, item.shown, errorCode);
    } catch (error) {
      this.#keep(error);
    }
  }

  onDataSend(flags: number, streamId: number, length: number): void {
    try {
      this.#callbacks.onDataSend?.(this.#session, flags, streamId, length);
    } catch (error) {
      this.#keep(error);
    }
  }

  onDataNotSend(streamId: number, errorCode: number): void {
    try {
      this.#callbacks.onDataNotSend?.(this.#session, streamId, errorCode);
    } catch (error) {
      this.#keep(error);
    }
  }

  onStreamClose(streamId: number, statusCode: number): void {
    try {
      this.#callbacks.onStreamClose?.(this.#session, streamId, statusCode);
    } catch (error) {
      this.#keep(error);
    }
  }

  onRequestRecv(streamId: number): void {
    try {
      this.#callbacks.onRequestRecv?.(this.#session, streamId);
    } catch (error) {
      this.#keep(error);
    }
  }

  onCtrlRecvParseError(
    type: ControlType,
    head: Uint8Array,
    payload: Uint8Array,
    errorCode: number,
  ): void {
    try {
      this.#callbacks.onCtrlRecvParseError?.(
        this.#session,
        type,
        head,
        payload,
        errorCode,
      );
    } catch (error) {
      this.#keep(error);
    }
  }

  onUnknownCtrlRecv(head: Uint8Array, payload: Uint8Array): void {
    try {
      this.#callbacks.onUnknownCtrlRecv?.(this.#session, head, payload);
    } catch (error) {
      this.#keep(error);
    }
  }

  #sent(item: SentFrame): CtrlFrame {
    return this.#withoutHeaders ? item.frame : item.shown;
  }

  #keep(error: unknown): void {
    this.#thrown = { error };
  }
}

function anyRoom(): number {
  return Infinity;
}

function checkBytes(name: string, data: unknown, length: number): void {
  if (!(data instanceof Uint8Array) || isDetached(data)) {
    throw new CallbackFailureError(
      `the ${name} callback did not return a Uint8Array`,
    );
  }
  if (data.length > length) {
    throw new CallbackFailureError(
      `the ${name} callback returned ${data.length} bytes; at most ${length} were requested`,
    );
  }
}
