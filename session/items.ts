/**
 * What stands in the outbound queue: control frames, and bodies that become
 * DATA frames one by one.
 *
 * @module
 */

import { ERR_DEFERRED } from "../errors.ts";
import { PING } from "../frame/constants.ts";
import type { CtrlFrame } from "../frame/types.ts";
import type { BodySource } from "./callbacks.ts";
import type { Draft } from "./drafts.ts";

/** A key like any other: no small integer. */
const SOME_KEY = 2 ** 50;
const NO_FRAME: Draft<CtrlFrame> = {
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
  /** Keeps its code compiled while none is queued; see `zlib/deflate.ts`. */
  static readonly #kept: ControlItem<never> = new ControlItem<never>(
    SOME_KEY,
    NO_FRAME,
  );

  readonly kind = "control";
  key: number;
  readonly frame: Draft<CtrlFrame>;
  /** The session queued it by itself, because of what the peer sent. */
  readonly automatic: boolean;
  /** The body that follows a SYN_STREAM or SYN_REPLY. */
  readonly body: BodySource<S> | undefined;
  /** What the application gave with a SYN_STREAM. */
  readonly userData: unknown;

  /** Makes an item; `key` is its place in the queue. */
  constructor(
    key: number,
    frame: Draft<CtrlFrame>,
    automatic = false,
    body?: BodySource<S>,
    userData?: unknown,
  ) {
    this.key = key;
    this.frame = frame;
    this.automatic = automatic;
    this.body = body;
    this.userData = userData;
  }
}

/** Why a body is not in the queue. */
export type Parked =
  /** It is in the queue, or on its way. */
  | "no"
  /** Its application has no bytes for now. */
  | "deferred"
  /** Its stream's window is used up. */
  | "window"
  /** Another body of its stream goes first. */
  | "behind";

/** A body of a stream. `S` is the session's class. */
export class DataItem<S> {
  /** Keeps its code compiled while none is queued; see `zlib/deflate.ts`. */
  static readonly #kept: DataItem<never> = new DataItem<never>(
    SOME_KEY,
    1,
    true,
    NO_BODY,
  );

  readonly kind = "data";
  key: number;
  readonly streamId: number;
  /** The last DATA frame carries FIN. */
  readonly fin: boolean;
  readonly body: BodySource<S>;
  parked: Parked = "no";
  /** The body behind this one on the same stream. */
  next: DataItem<S> | undefined;

  /** Makes an item; `key` is its place in the queue. */
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
