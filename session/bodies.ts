/**
 * The bodies of streams: one after another on a stream, each in the queue
 * while it has something to send and out of it while it waits.
 *
 * @module
 */

import { ERR_STREAM_CLOSED } from "../errors.ts";
import type { Application } from "./application.ts";
import type { BodySource } from "./callbacks.ts";
import { DataItem, type OutboundItem } from "./items.ts";
import type { OutboundQueue } from "./outbound_queue.ts";
import type { StreamRecord } from "./stream_record.ts";

/** All bodies of a session. `S` is the session's class. */
export class Bodies<S> {
  readonly #queue: OutboundQueue<OutboundItem<S>>;
  readonly #app: Application<S>;
  readonly #windowBlocked = new Set<StreamRecord<S>>();
  #behind = 0;

  /** Makes it for one session. */
  constructor(queue: OutboundQueue<OutboundItem<S>>, app: Application<S>) {
    this.#queue = queue;
    this.#app = app;
  }

  /** Bodies that stand behind one that can go. */
  get behind(): number {
    return this.#behind;
  }

  /** Streams whose body waits for their window. */
  get windowBlocked(): Iterable<StreamRecord<S>> {
    return this.#windowBlocked;
  }

  /** Queues a body, behind those the stream already has. */
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

  /** The stream's body, taken from the queue, waits for the application or for the window. */
  park(
    stream: StreamRecord<S>,
    item: DataItem<S>,
    why: "deferred" | "window",
  ): void {
    item.parked = why;
    this.#behind -= stream.bodiesBehind;
    if (why === "window") this.#windowBlocked.add(stream);
  }

  /** Puts the stream's body back into its old place; false when it does not wait for that. */
  resume(stream: StreamRecord<S>, why: "deferred" | "window"): boolean {
    const item = stream.body;
    if (item?.parked !== why) return false;
    item.parked = "no";
    this.#behind += stream.bodiesBehind;
    this.#windowBlocked.delete(stream);
    this.#queue.push(item);
    return true;
  }

  /** The stream's body is done with: the next one gets its turn. */
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

  /** The stream's body is given up; says so and lets the next one have its turn. */
  drop(stream: StreamRecord<S>, errorCode: number): void {
    this.next(stream);
    this.#app.onDataNotSend(stream.id, errorCode);
  }

  /** The stream is gone: all its bodies are given up. */
  dropAll(stream: StreamRecord<S>): void {
    const first = stream.body;
    if (first === undefined) return;
    if (first.parked === "no") {
      this.#behind -= stream.bodiesBehind;
      // The session's window may never open: nobody else would take it out.
      this.#queue.removeBlocked(first);
    }
    this.#windowBlocked.delete(stream);
    stream.body = undefined;
    stream.lastBody = undefined;
    stream.bodiesBehind = 0;
    let item: DataItem<S> | undefined = first;
    while (item !== undefined) {
      this.#app.onDataNotSend(stream.id, ERR_STREAM_CLOSED);
      item = item.next;
    }
  }
}
