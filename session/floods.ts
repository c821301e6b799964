/**
 * Budgets against floods of frames that cost this end something and bring
 * nothing. No clock: what gives a budget back is useful work.
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

/** Payload bytes that give back one frame of each budget. */
const BYTES_PER_UNIT = 256;

/** What was spent, and the work that had been done by then. */
interface Account {
  spent: number;
  workSeen: number;
}

/** The budgets of one session. */
export class Floods {
  readonly #limits: SessionLimits;
  readonly #accounts: Readonly<Record<Budget, Account>> = {
    maxRapidResets: { spent: 0, workSeen: 0 },
    maxIdleSettings: { spent: 0, workSeen: 0 },
    maxIdleWindowUpdates: { spent: 0, workSeen: 0 },
    maxIdleEmptyData: { spent: 0, workSeen: 0 },
    maxTinyData: { spent: 0, workSeen: 0 },
    maxIdleHeaders: { spent: 0, workSeen: 0 },
    maxIdleIgnored: { spent: 0, workSeen: 0 },
  };
  /** Units of useful work so far. */
  #work = 0;
  /** Replies written and streams that ended well so far. */
  #exchanges = 0;

  /** Makes full budgets. */
  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** `size` payload bytes of a stream were received or sent. */
  transferred(size: number): void {
    this.#work += 1 + Math.floor(size / BYTES_PER_UNIT);
  }

  /** A reply was written, or a stream ended well. */
  exchanged(): void {
    this.#work++;
    this.#exchanges++;
  }

  /** Spends one; false when the budget was used up before. */
  spend(budget: Budget): boolean {
    const account = this.#accounts[budget];
    // Bytes do not excuse resets: one byte a stream would be enough.
    const work = budget === "maxRapidResets" ? this.#exchanges : this.#work;
    account.spent = Math.max(0, account.spent - (work - account.workSeen)) + 1;
    account.workSeen = work;
    return account.spent <= this.#limits[budget];
  }
}
