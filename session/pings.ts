/**
 * PINGs of this side and their replies (SPDY/3 draft 2.6.5).
 *
 * @module
 */

import { ERR_INVALID_STATE, SpdyError } from "../errors.ts";
import { MAX_INT32 } from "../numbers.ts";
import { CLIENT, type Side } from "./constants.ts";

/** Assigns PING ids, and remembers which of them wait for a reply. */
export class Pings {
  readonly #first: number;
  readonly #limit: number;
  #waiting: Set<number> | undefined;
  #next: number;
  #queued = 0;

  /** `limit` is the most PINGs that may wait for replies. `next` is the first id, for tests of the wraparound. */
  constructor(side: Side, limit: number, next?: number) {
    this.#first = side === CLIENT ? 1 : 2;
    this.#limit = limit;
    this.#next = next ?? this.#first;
  }

  /** Number of PINGs that were queued or written and have no reply yet. */
  get outstanding(): number {
    return this.#queued + (this.#waiting?.size ?? 0);
  }

  /**
   * The id of a new PING. Ids increase by two and start again after 2^31-1.
   *
   * Throws `SpdyError` (`ERR_INVALID_STATE`) when the limit is reached.
   */
  take(): number {
    if (this.outstanding >= this.#limit) {
      throw new SpdyError(
        `${this.#limit} PINGs are waiting for replies of the peer (limits.maxOutstandingPings)`,
        ERR_INVALID_STATE,
      );
    }
    // With an id that is still waiting, one reply would answer two PINGs.
    while (this.#waiting?.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#advance();
    this.#queued++;
    return id;
  }

  #advance(): void {
    this.#next += 2;
    // Ids stay below 2^31, as in spdylay.
    if (this.#next > MAX_INT32) this.#next = this.#first;
  }

  /** The PING was written. */
  written(id: number): void {
    this.#queued--;
    this.#waiting ??= new Set();
    this.#waiting.add(id);
  }

  /** Whether the id is one of this side's (2.6.5: odd from a client, even from a server). */
  isOwn(id: number): boolean {
    return id % 2 === this.#first % 2;
  }

  /** Whether `id` answers a PING that was written; if so, that PING no longer waits. */
  answered(id: number): boolean {
    const answers = this.#waiting?.delete(id) ?? false;
    // An empty set would take 150 bytes of every idle session.
    if (this.#waiting?.size === 0) this.#waiting = undefined;
    return answers;
  }
}
