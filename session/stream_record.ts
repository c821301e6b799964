/**
 * One stream of a session: its state, its windows, and its queued bodies.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import { ReceiveWindow } from "./flow_control.ts";
import type { DataItem } from "./outbound_items.ts";
import type { StreamState } from "./stream_states.ts";

/** A stream in the `StreamTable`. `S` is the class of the session. */
export class StreamRecord<S> {
  static {
    keepCompiledCode(
      new StreamRecord<never>(1, true, 0, 0, undefined, new ReceiveWindow(0)),
    );
  }

  readonly id: number;
  /** Opened by this side. */
  readonly own: boolean;
  /** 0 (highest) to 3 or 7. */
  readonly pri: number;
  /** The stream this one was pushed for, 0 for none. */
  readonly assocStreamId: number;
  /**
   * The user data that the application submitted with the SYN_STREAM. The
   * connection layer sets it on the peer's streams as well.
   */
  userData: unknown;

  state: StreamState;
  /** The peer sends no more. */
  shutRead = false;
  /** This side sends no more. */
  shutWrite = false;
  /** It has closed and is not in the table any more. */
  removed = false;
  /** A SYN_REPLY of this side was written. */
  replied = false;
  /** The send window minus the peer's initial window: bytes granted since, minus bytes sent. */
  sendCredit = 0;
  /** The receive window; `undefined` without flow control. */
  readonly receiveWindow: ReceiveWindow | undefined;
  /** The body being sent; others wait for it. */
  body: DataItem<S> | undefined;
  /** The last body in that list. */
  lastBody: DataItem<S> | undefined;
  /** How many bodies wait for the first. */
  bodiesBehind = 0;

  /** Creates a stream whose SYN_STREAM was received, or is about to be sent. */
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
