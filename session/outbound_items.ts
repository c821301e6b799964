/**
 * The items of the outbound queue: control frames, and bodies, which become DATA
 * frames one by one.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import { ERR_DEFERRED } from "../errors.ts";
import { PING } from "../frame/constants.ts";
import { type CheckedHeaders, ownHeaders } from "../frame/header_checker.ts";
import type { CtrlFrame } from "../frame/types.ts";
import type { BodySource } from "./callbacks.ts";
import { NOT_SHOWN, type OutboundFrame } from "./outbound_frames.ts";

/** A typical key: not a small integer, which V8 represents differently. */
const SOME_KEY = 2 ** 50;
const NO_FRAME: OutboundFrame<CtrlFrame> = {
  frameType: PING,
  version: 3,
  flags: 0,
  length: 4,
  uniqueId: 1,
};
const NO_BODY: BodySource<never> = {
  source: undefined,
  readCb: () => ERR_DEFERRED,
};

/** A control frame. `S` is the session's class. */
export class ControlItem<S> {
  static {
    keepCompiledCode(new ControlItem<never>(SOME_KEY, NO_FRAME, false));
  }

  readonly kind = "control";
  key: number;
  readonly frame: OutboundFrame<CtrlFrame>;
  /** The headers of the frame, if it has any. */
  readonly headers: CheckedHeaders | undefined;
  /** The session queued it itself, in response to the peer. */
  readonly automatic: boolean;
  /** The body that follows a SYN_STREAM or SYN_REPLY. */
  readonly body: BodySource<S> | undefined;
  /** The user data that the application submitted with a SYN_STREAM. */
  readonly userData: unknown;

  /** Creates an item; `key` is its place in the queue. */
  constructor(
    key: number,
    frame: OutboundFrame<CtrlFrame>,
    automatic: boolean,
    headers?: CheckedHeaders,
    body?: BodySource<S>,
    userData?: unknown,
  ) {
    this.key = key;
    this.frame = frame;
    this.headers = headers;
    this.automatic = automatic;
    this.body = body;
    this.userData = userData;
  }

  /**
   * The frame as callbacks see it. They own its list of headers, which is made for the
   * first of them: a session without such callbacks makes none.
   */
  get shown(): CtrlFrame {
    const { frame, headers } = this;
    if (headers !== undefined && "nv" in frame && frame.nv === NOT_SHOWN) {
      frame.nv = ownHeaders(headers);
    }
    return frame;
  }
}

/** Whether, and why, a body is outside the queue. */
export type Parked =
  /** It is in the queue, or being sent. */
  | "no"
  /** Its read callback has no bytes yet. */
  | "deferred"
  /** Its stream's window is used up. */
  | "window"
  /** It waits for an earlier body of its stream. */
  | "behind";

/** A body of a stream. `S` is the session's class. */
export class DataItem<S> {
  static {
    keepCompiledCode(new DataItem<never>(SOME_KEY, 1, true, NO_BODY));
  }

  readonly kind = "data";
  key: number;
  readonly streamId: number;
  /** The last DATA frame carries FIN. */
  readonly fin: boolean;
  readonly body: BodySource<S>;
  parked: Parked = "no";
  /** Its last bytes are in the frame that is being written, which is always completed. */
  isEnding = false;
  /** The next body of the same stream. */
  next: DataItem<S> | undefined;

  /** Creates an item; `key` is its place in the queue. */
  constructor(
    key: number,
    streamId: number,
    fin: boolean,
    body: BodySource<S>,
  ) {
    this.key = key;
    this.streamId = streamId;
    this.fin = fin;
    this.body = body;
  }
}

/** Anything in the outbound queue. */
export type OutboundItem<S> = ControlItem<S> | DataItem<S>;
