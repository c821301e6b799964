/**
 * Changes of the window that are made to learn about the path.
 *
 * @module
 */

import {
  joined,
  type PathEstimate,
  rateOf,
  type Sample,
  SLACK,
} from "./path_estimate.ts";

/**
 * With a reduced window, the path is still full if it carries this part of what it
 * carried before.
 */
const STILL_FULL = 0.8;
/**
 * If it carries less than this part, and the round trip has no queue in it, one round
 * trip is enough to know that it is not full.
 */
const CLEARLY_LESS = 0.7;
/**
 * With twice the window, the path was not full before if it carries this multiple of
 * what it carried then.
 */
const CARRIES_MORE = 1.4;
/** A round trip of more than this multiple of the one before is a longer one. */
const LONGER = 1.25;

/**
 * - `"once"`: a smaller window.
 * - `"descend"`: the same, and still smaller ones while the path stays full.
 * - `"more"`: a larger one.
 */
export type TrialKind = "once" | "descend" | "more";

/** A window that was changed, and what the path carried before. */
export class WindowTrial {
  readonly kind: TrialKind;
  /** The window before it was changed, once or several times, bytes. */
  readonly window: number;
  readonly before: Sample;
  /** Whether bytes that the window before allowed are still in flight. */
  #isSettling = true;
  /** The first round trip with the changed window. */
  #first: Sample | undefined;

  constructor(kind: TrialKind, window: number, before: Sample) {
    this.kind = kind;
    this.window = window;
    this.before = before;
  }

  /** True once, for the round trip in which bytes of the window before arrive. */
  settles(): boolean {
    const isSettling = this.#isSettling;
    this.#isSettling = false;
    return isSettling;
  }

  /** Adds a round trip; returns all of them if they are enough for a conclusion. */
  add(sample: Sample, path: PathEstimate): Sample | undefined {
    if (this.#first !== undefined) return joined(this.#first, sample);
    this.#first = sample;
    const isClear = this.kind !== "more" && path.isNear(sample.roundTrip) &&
      rateOf(sample) < rateOf(this.before) * CLEARLY_LESS;
    return isClear ? sample : undefined;
  }

  /** Whether the path carries much more, and no queue has become longer. */
  carriesMore(sample: Sample): boolean {
    const { before } = this;
    return sample.roundTrip <= before.roundTrip * LONGER + SLACK &&
      rateOf(sample) >= rateOf(before) * CARRIES_MORE;
  }

  /** Whether the path is not full with the smaller window. */
  carriesLess(sample: Sample): boolean {
    return rateOf(sample) < rateOf(this.before) * STILL_FULL;
  }

  /** Whether the round trip is longer than before, although the window is smaller. */
  isLonger(sample: Sample): boolean {
    return sample.roundTrip > this.before.roundTrip * LONGER;
  }
}
