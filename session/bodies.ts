/**
 * The bodies that streams send. A stream sends its bodies one after another. A
 * body is in the queue while it has bytes to send, and outside while it waits.
 *
 * @module
 */

import type { Application } from "./application.ts";
import type { BodySource } from "./callbacks.ts";
import { DataItem, type OutboundItem } from "./outbound_items.ts";
import type { OutboundQueue } from "./outbound_queue.ts";
import type { StreamRecord } from "./stream_record.ts";

/** All bodies of a session. `S` is the session's class. */
export class Bodies<S> {
  readonly #queue: OutboundQueue<OutboundItem<S>>;
  readonly #app: Application<S>;
  #windowBlocked: Set<StreamRecord<S>> | undefined;
  #behind = 0;

  /** Creates the bodies of one session. */
  constructor(queue: OutboundQueue<OutboundItem<S>>, app: Application<S>) {
    this.#queue = queue;
    this.#app = app;
  }

  /** Number of bodies that wait for an earlier body of their stream that is in the queue. */
  get behind(): number {
    return this.#behind;
  }

  /** Streams whose body waits for the stream's send window. */
  get windowBlocked(): Iterable<StreamRecord<S>> {
    return this.#windowBlocked ?? [];
  }

  /** Queues a body, after those the stream already has. */
  submit(stream: StreamRecord<S>, fin: boolean, body: BodySource<S>): void {
    const key = this.#queue.keyFor(stream.pri);
    const item = new DataItem(key, stream.id, fin, body);
    if (stream.lastBody === undefined || stream.body === undefined) {
      stream.body = item;
      this.#queue.push(item);
    } else {
      item.parked = "behind";
      stream.lastBody.next = item;
      stream.bodiesBehind++;
      if (stream.body.parked === "no") this.#behind++;
    }
    stream.lastBody = item;
  }

  /** Sets aside the stream's body, which is out of the queue, until the application or the window lets it continue. */
  park(
    stream: StreamRecord<S>,
    item: DataItem<S>,
    why: "deferred" | "window",
  ): void {
    item.parked = why;
    this.#behind -= stream.bodiesBehind;
    if (why === "window") (this.#windowBlocked ??= new Set()).add(stream);
  }

  /** Puts the stream's body back at its old place in the queue; false when it does not wait for the reason `why`. */
  resume(stream: StreamRecord<S>, why: "deferred" | "window"): boolean {
    const item = stream.body;
    if (item?.parked !== why) return false;
    item.parked = "no";
    this.#behind += stream.bodiesBehind;
    this.#windowBlocked?.delete(stream);
    this.#queue.push(item);
    return true;
  }

  /** Removes the stream's current body and queues the next one. */
  next(stream: StreamRecord<S>): void {
    const next = stream.body?.next;
    stream.body = next;
    if (next === undefined) {
      stream.lastBody = undefined;
      return;
    }
    next.parked = "no";
    stream.bodiesBehind--;
    this.#behind--;
    this.#queue.push(next);
  }

  /** Drops the stream's current body, reports that, and queues the next one. */
  drop(stream: StreamRecord<S>, errorCode: number): void {
    this.next(stream);
    this.#app.onDataNotSend(stream.id, errorCode);
  }

  /** Drops all bodies of a stream that sends no more, and reports each of them. */
  dropAll(stream: StreamRecord<S>, errorCode: number): void {
    const first = stream.body;
    if (first === undefined) return;
    if (first.parked === "no") {
      this.#behind -= stream.bodiesBehind;
      // The session's window may never open again, and then no other code would
      // remove it.
      this.#queue.removeBlocked(first);
    }
    this.#windowBlocked?.delete(stream);
    stream.body = undefined;
    stream.lastBody = undefined;
    let item: DataItem<S> | undefined = first;
    while (item !== undefined) {
      if (!item.isEnding) this.#app.onDataNotSend(stream.id, errorCode);
      item = item.next;
    }
  }
}
