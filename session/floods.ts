/**
 * Budgets against floods of useless frames, which cost this side work. There is no
 * clock here: useful work restores a budget.
 *
 * @module
 */

import type { SessionLimits } from "./limits.ts";

/** The limits that are budgets. */
export type Budget =
  | "maxRapidResets"
  | "maxIdleSettings"
  | "maxIdleWindowUpdates"
  | "maxIdleEmptyData"
  | "maxTinyData"
  | "maxIdleHeaders"
  | "maxIdleIgnored";

/** Payload bytes that restore one unit of a budget. Each DATA frame restores one more. */
const BYTES_PER_UNIT = 256;

/** What was spent, and the amount of work done by then. */
interface Account {
  spent: number;
  workSeen: number;
}

/** The budgets of one session. */
export class Floods {
  readonly #limits: SessionLimits;
  /** Created with the first frame of each budget: a connection without any has none. */
  readonly #accounts: Partial<Record<Budget, Account>> = {};
  /** Units of useful work done so far. */
  #work = 0;
  /** Replies written and streams ended without a reset so far. */
  #exchanges = 0;

  /** Creates full budgets. */
  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** `size` payload bytes of a stream were received or sent. */
  transferred(size: number): void {
    this.#work += 1 + Math.floor(size / BYTES_PER_UNIT);
  }

  /** A reply was written, or a stream ended without a reset. */
  exchanged(): void {
    this.#work++;
    this.#exchanges++;
  }

  /** Spends one unit; false when the budget was already used up. */
  spend(budget: Budget): boolean {
    const account = this.#accounts[budget] ??= { spent: 0, workSeen: 0 };
    // Bytes do not restore the budget for resets: a peer could send one on each stream.
    const work = budget === "maxRapidResets" ? this.#exchanges : this.#work;
    account.spent = Math.max(0, account.spent - (work - account.workSeen)) + 1;
    account.workSeen = work;
    return account.spent <= this.#limits[budget];
  }
}
