/**
 * Many seeds of one family.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Family } from "./families.ts";
import { simulate } from "./simulation.ts";

/** Which seeds to run, and when to stop. */
export interface SeedsOptions {
  readonly first: number;
  readonly count: number;
  /** Stops after this many seeds that fail. */
  readonly failures?: number;
  /** Stops after this time, ms. */
  readonly milliseconds?: number;
  readonly verbose?: boolean;
}

/** A seed that failed. */
export interface FailedSeed {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** The results of the seeds. */
export interface SeedsReport {
  readonly seeds: number;
  readonly events: number;
  readonly milliseconds: number;
  readonly failed: readonly FailedSeed[];
  /** For the family "path"; see `PathOutcome`. */
  readonly shares: readonly number[];
  readonly waits: readonly number[];
}

/** Runs seeds, one after the other. */
export async function runSeeds(
  family: Family,
  { first, count, failures = Infinity, milliseconds = Infinity, verbose }:
    SeedsOptions,
): Promise<SeedsReport> {
  using unhandled = new UnhandledRejections();
  const begin = performance.now();
  const failed: FailedSeed[] = [];
  const shares: number[] = [];
  const waits: number[] = [];
  let events = 0;
  let seeds = 0;
  while (
    seeds < count && failed.length < failures &&
    performance.now() - begin < milliseconds
  ) {
    const seed = first + seeds++;
    const outcome = await simulate(family, seed, verbose);
    events += outcome.events;
    shares.push(...outcome.shares ?? []);
    waits.push(...outcome.waits ?? []);
    const violations = [...outcome.violations, ...await unhandled.take()];
    if (violations.length > 0) failed.push({ seed, violations });
  }
  const time = performance.now() - begin;
  return { seeds, events, milliseconds: time, failed, shares, waits };
}

/** Collects rejections that nobody handled. */
class UnhandledRejections implements Disposable {
  #reasons: string[] = [];

  constructor() {
    addEventListener("unhandledrejection", this.#note);
  }

  /** Those since the last call. */
  async take(): Promise<string[]> {
    // The platform reports them at the end of a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    return this.#reasons.splice(0);
  }

  [Symbol.dispose](): void {
    removeEventListener("unhandledrejection", this.#note);
  }

  readonly #note = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    const { reason } = event;
    this.#reasons.push(`an unhandled rejection: ${reason?.stack ?? reason}`);
  };
}
