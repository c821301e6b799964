/**
 * The PINGs of this side that have no reply yet (SPDY/3 draft 2.6.5).
 *
 * @module
 */

import type { SpdyError } from "../../errors.ts";
import { CLIENT, type Side } from "../../session/constants.ts";
import { Deferred } from "../deferred.ts";
import { now } from "./clock.ts";

interface PendingPing {
  readonly reply: Deferred<number>;
  /** Whether it only measures the path for the windows. */
  readonly forWindows: boolean;
  /** Time at which it was sent, ms of the clock. */
  sentAt: number;
}

/** Matches replies with PINGs and measures the round trip. */
export class Pinger {
  /** The last round trip, ms, not counting PINGs for the windows; `undefined` before the first reply. */
  roundTrip: number | undefined;
  readonly #submit: () => void;
  /** A client's ids are odd, and a server's are even (2.6.5). */
  readonly #parity: number;
  /** Submitted PINGs without an id: they are sent in the order in which they were submitted. */
  #submitted: PendingPing[] = [];
  #sent: Map<number, PendingPing> | undefined;
  #onNextSent: (() => void) | undefined;

  /** `submit` queues a PING frame. */
  constructor(side: Side, submit: () => void) {
    this.#parity = side === CLIENT ? 1 : 0;
    this.#submit = submit;
  }

  /** Sends a PING; resolves to the round trip in ms. */
  ping(forWindows = false): Promise<number> {
    const ping: PendingPing = {
      reply: new Deferred<number>(),
      forWindows,
      sentAt: 0,
    };
    this.#submit();
    this.#submitted.push(ping);
    return ping.reply.promise;
  }

  /** Calls `listener` once when the next PING of this side is in the write buffer. It replaces an earlier listener. */
  onNextSent(listener: () => void): void {
    this.#onNextSent = listener;
  }

  /** A PING is about to be sent: one of this side or, with an id of the peer, a reply. */
  idAssigned(uniqueId: number): void {
    if (!this.#isOwn(uniqueId)) return;
    const ping = this.#submitted.shift();
    if (ping === undefined) return;
    ping.sentAt = now();
    this.#sent ??= new Map();
    this.#sent.set(uniqueId, ping);
  }

  /** A PING or a reply is in the write buffer. */
  sent(uniqueId: number): void {
    if (this.#onNextSent === undefined || !this.#isOwn(uniqueId)) return;
    this.#onNextSent();
    this.#onNextSent = undefined;
  }

  /** A PING arrived: a reply if its id is one of this side. */
  received(uniqueId: number): void {
    const ping = this.#sent?.get(uniqueId);
    if (ping === undefined) return;
    this.#sent?.delete(uniqueId);
    // An empty map would take 240 bytes of every idle connection.
    if (this.#sent?.size === 0) this.#sent = undefined;
    const roundTrip = now() - ping.sentAt;
    if (!ping.forWindows) this.roundTrip = roundTrip;
    ping.reply.resolve(roundTrip);
  }

  /** PINGs of this side that have no reply. */
  get waiting(): number {
    return this.#submitted.length + (this.#sent?.size ?? 0);
  }

  /**
   * Fails all PINGs, because no reply can arrive any more. `reason` is only called if
   * there are any.
   */
  fail(reason: () => SpdyError): void {
    if (this.waiting === 0) return;
    const error = reason();
    for (const { reply } of this.#submitted.splice(0)) reply.reject(error);
    for (const { reply } of this.#sent?.values() ?? []) reply.reject(error);
    this.#sent = undefined;
  }

  #isOwn(uniqueId: number): boolean {
    return uniqueId % 2 === this.#parity;
  }
}
