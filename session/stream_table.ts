/**
 * The open streams, and the stream ids used so far (SPDY/3 draft 2.3.2).
 *
 * @module
 */

import { MAX_STREAM_ID } from "../frame/constants.ts";
import { CLIENT, type Side } from "./constants.ts";
import { IdMap } from "./id_map.ts";
import type { StreamRecord } from "./stream_record.ts";

/** All open streams of a session. `S` is the session's class. */
export class StreamTable<S> {
  readonly #streams = new IdMap<StreamRecord<S>>();
  /** Open streams, by the id of the stream that they were pushed for, which may have ended. */
  #pushed: Map<number, Set<StreamRecord<S>>> | undefined;
  readonly #ownParity: number;
  #nextOwn: number;
  #ownOpen = 0;
  #peerOpen = 0;
  /** The last stream id that the peer used; 0 at first. */
  lastReceived = 0;

  /** Creates an empty table. `nextOwn` is the first own id, for tests of the last one. */
  constructor(side: Side, nextOwn?: number) {
    // A client's ids are odd, a server's even (2.3.2).
    this.#ownParity = side === CLIENT ? 1 : 0;
    this.#nextOwn = nextOwn ?? (side === CLIENT ? 1 : 2);
  }

  /** Number of open streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** Number of open streams that this side opened. */
  get ownOpen(): number {
    return this.#ownOpen;
  }

  /** Number of open streams that the peer opened. */
  get peerOpen(): number {
    return this.#peerOpen;
  }

  /** The stream with that id, if it is open. */
  get(id: number): StreamRecord<S> | undefined {
    return this.#streams.get(id);
  }

  /** All open streams. */
  values(): Iterable<StreamRecord<S>> {
    return this.#streams.values();
  }

  /** Whether the id is one that this side assigns. */
  isOwn(id: number): boolean {
    return id % 2 === this.#ownParity;
  }

  /** The next own id, 0 when all are used up. */
  takeOwnId(): number {
    const id = this.#nextOwn;
    if (id > MAX_STREAM_ID) return 0;
    this.#nextOwn += 2;
    return id;
  }

  /** Adds a stream. */
  add(stream: StreamRecord<S>): void {
    this.#streams.set(stream.id, stream);
    if (stream.own) this.#ownOpen++;
    else this.#peerOpen++;
    const { assocStreamId } = stream;
    if (assocStreamId === 0) return;
    this.#pushed ??= new Map();
    const pushed = this.#pushed.get(assocStreamId);
    if (pushed !== undefined) pushed.add(stream);
    else this.#pushed.set(assocStreamId, new Set([stream]));
  }

  /** Removes a stream. */
  remove(stream: StreamRecord<S>): void {
    if (!this.#streams.delete(stream.id)) return;
    stream.removed = true;
    if (stream.own) this.#ownOpen--;
    else this.#peerOpen--;
    if (stream.assocStreamId === 0) return;
    const pushed = this.#pushed?.get(stream.assocStreamId);
    if (pushed?.delete(stream) && pushed.size === 0) {
      this.#pushed?.delete(stream.assocStreamId);
    }
  }

  /** The open streams that were pushed for the stream of that id, open or not. */
  pushedFor(id: number): readonly StreamRecord<S>[] {
    const pushed = this.#pushed?.get(id);
    return pushed === undefined ? [] : [...pushed];
  }
}
