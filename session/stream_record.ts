/**
 * One stream of a session: its state, its windows, and the bodies that wait to be sent.
 *
 * @module
 */

import { ReceiveWindow } from "./flow_control.ts";
import type { DataItem } from "./items.ts";
import type { StreamState } from "./stream_states.ts";

/** A stream in the `StreamTable`. `S` is the class of the session. */
export class StreamRecord<S> {
  /** Keeps the code for streams compiled while none is open; see `zlib/deflate.ts`. */
  static readonly #kept: StreamRecord<never> = new StreamRecord<never>(
    1,
    true,
    0,
    0,
    undefined,
    new ReceiveWindow(0),
  );

  readonly id: number;
  /** Opened by this end. */
  readonly own: boolean;
  /** 0 (highest) to 3 or 7. */
  readonly pri: number;
  /** The stream this one was pushed for, 0 for none. */
  readonly assocStreamId: number;
  /** What the application gave with the SYN_STREAM. */
  readonly userData: unknown;

  state: StreamState;
  /** The peer sends no more. */
  shutRead = false;
  /** This end sends no more. */
  shutWrite = false;
  /** A SYN_REPLY of this end was written. */
  replied = false;
  /** The send window, less the peer's initial window: bytes granted since, less bytes sent. */
  sendCredit = 0;
  /** The receive window; `undefined` without flow control. */
  readonly receiveWindow: ReceiveWindow | undefined;
  /** The body being sent; others wait behind it. */
  body: DataItem<S> | undefined;
  /** The last of the bodies. */
  lastBody: DataItem<S> | undefined;
  /** How many bodies wait behind the first. */
  bodiesBehind = 0;

  /** Makes a stream whose SYN_STREAM is under way. */
  constructor(
    id: number,
    own: boolean,
    pri: number,
    assocStreamId: number,
    userData: unknown,
    receiveWindow: ReceiveWindow | undefined,
  ) {
    this.id = id;
    this.own = own;
    this.pri = pri;
    this.assocStreamId = assocStreamId;
    this.userData = userData;
    this.receiveWindow = receiveWindow;
    this.state = own ? "initial" : "opening";
  }
}
