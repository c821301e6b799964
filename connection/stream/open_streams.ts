/**
 * The open streams of a connection.
 *
 * @module
 */

import { type Session, streamsOf } from "../../session.ts";
import type { StreamTable } from "../../session/stream_table.ts";
import { StreamCore } from "./stream_core.ts";

/**
 * The open streams of both sides. There is no second table: the `StreamCore` of a stream is
 * the user data of the session's record of it.
 */
export class OpenStreams {
  readonly #records: StreamTable<Session>;
  #size = 0;

  /** Creates the view of `session`, in which no stream is open yet. */
  constructor(session: Session) {
    this.#records = streamsOf(session);
  }

  /** Number of streams that were added and not removed. */
  get size(): number {
    return this.#size;
  }

  /** Number of open streams that the peer opened. */
  get peerOpen(): number {
    return this.#records.peerOpen;
  }

  /**
   * The stream of that id; `undefined` for one that was removed, or that the
   * application opened with the session's own methods.
   */
  get(id: number): StreamCore | undefined {
    const data = this.#records.get(id)?.userData;
    return data instanceof StreamCore ? data : undefined;
  }

  /** All streams, in the order of their ids. Streams can be removed meanwhile. */
  *values(): Generator<StreamCore> {
    for (const { userData } of this.#records.values()) {
      if (userData instanceof StreamCore) yield userData;
    }
  }

  /** Adds a stream of the peer, or one of this side that now has its id. */
  add(core: StreamCore): void {
    const record = this.#records.get(core.id);
    // The session has no record of a stream that ended with its SYN_STREAM.
    if (record === undefined || core.isListedOpen) return;
    record.userData = core;
    core.isListedOpen = true;
    this.#size++;
  }

  /** Removes the stream of that id: the session's later events for it are ignored. */
  remove(id: number): void {
    const record = this.#records.get(id);
    const core = record?.userData;
    if (record === undefined || !(core instanceof StreamCore)) return;
    record.userData = undefined;
    if (!core.isListedOpen) return;
    core.isListedOpen = false;
    this.#size--;
  }
}
