/**
 * The parameters with which a stream is opened.
 *
 * @module
 */

import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
} from "../../frame/constants.ts";
import type { NameValue, SynStreamFrame } from "../../frame/types.ts";
import type { Names } from "../../values.ts";

/**
 * The options of a push.
 *
 * @category Connection
 */
export interface PushOptions {
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7; default that of the associated stream. */
  readonly pri?: number;
  /** Cancels the stream. Before its SYN_STREAM is sent, `push` rejects; afterwards the stream is reset with CANCEL. */
  readonly signal?: AbortSignal;
}

/** The names of `PushOptions`, for the check of options. */
export const PUSH_NAMES: Names<PushOptions> = { pri: true, signal: true };

/** The parameters with which a stream was opened. */
export class StreamInit {
  /** Opened by this side. */
  readonly own: boolean;
  readonly headers: NameValue[];
  readonly pri: number;
  readonly associatedStreamId: number;
  readonly unidirectional: boolean;
  /** The opener's half ended with the SYN_STREAM. */
  readonly fin: boolean;

  constructor(
    own: boolean,
    headers: NameValue[],
    pri: number,
    associatedStreamId: number,
    unidirectional: boolean,
    fin: boolean,
  ) {
    this.own = own;
    this.headers = headers;
    this.pri = pri;
    this.associatedStreamId = associatedStreamId;
    this.unidirectional = unidirectional;
    this.fin = fin;
  }
}

/** The parameters of a stream that the peer opened, with its headers or without them. */
export function peerStreamInit(
  frame: SynStreamFrame,
  headers: NameValue[],
): StreamInit {
  return new StreamInit(
    false,
    headers,
    frame.pri,
    frame.assocStreamId,
    (frame.flags & CTRL_FLAG_UNIDIRECTIONAL) !== 0,
    (frame.flags & CTRL_FLAG_FIN) !== 0,
  );
}
