/**
 * Own PINGs under way (SPDY/3 draft 2.6.5).
 *
 * @module
 */

import { CLIENT, type Side } from "../session/constants.ts";
import { now } from "./clock.ts";
import { Deferred } from "./deferred.ts";

interface Waiting {
  readonly answer: Deferred<number>;
  sentAt: number;
}

/** Pairs replies with PINGs and measures the time between. */
export class Pinger {
  readonly #submit: () => void;
  /** Own ids are odd on a client, even on a server (2.6.5). */
  readonly #parity: number;
  /** Submitted, id not known yet; PINGs leave in the order submitted. */
  #submitted: Waiting[] = [];
  readonly #sent = new Map<number, Waiting>();

  /** `submit` queues a PING frame. */
  constructor(side: Side, submit: () => void) {
    this.#parity = side === CLIENT ? 1 : 0;
    this.#submit = submit;
  }

  /** Sends a PING; resolves to the round trip in ms. */
  ping(): Promise<number> {
    const waiting: Waiting = { answer: new Deferred<number>(), sentAt: 0 };
    this.#submit();
    this.#submitted.push(waiting);
    return waiting.answer.promise;
  }

  /** Whether it is no reply: that has the peer's parity. */
  isOwn(uniqueId: number): boolean {
    return uniqueId % 2 === this.#parity;
  }

  /** A PING is about to leave: an own one, or a reply. */
  sent(uniqueId: number): void {
    if (!this.isOwn(uniqueId)) return;
    const waiting = this.#submitted.shift();
    if (waiting === undefined) return;
    waiting.sentAt = now();
    this.#sent.set(uniqueId, waiting);
  }

  /** A PING came: a reply when its id is one of ours. */
  received(uniqueId: number): void {
    const waiting = this.#sent.get(uniqueId);
    if (waiting === undefined) return;
    this.#sent.delete(uniqueId);
    waiting.answer.resolve(now() - waiting.sentAt);
  }

  /** No reply will come. */
  fail(error: unknown): void {
    for (const { answer } of this.#submitted.splice(0)) answer.reject(error);
    for (const { answer } of this.#sent.values()) answer.reject(error);
    this.#sent.clear();
  }
}
