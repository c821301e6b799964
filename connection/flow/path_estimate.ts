/**
 * What is known about the path to the peer: its round trip, and whether it carries
 * more and more.
 *
 * @module
 */

/** A round trip of at most this multiple of the shortest one has no queue in it. */
const NEAR = 1.25;
/** A round trip of more than this multiple shows a queue, or a change of the path. */
const FAR = 2;
/** Time that both ends take to answer, ms, which says nothing about the path. */
export const SLACK = 1;
/**
 * If the path carries this multiple of its earlier maximum, it is not full yet: TCP
 * is still in slow start.
 */
const GROWING = 1.2;
/** After each round trip, the earlier maximum is multiplied by this. */
const FORGOTTEN = 0.95;
/** TCP is no longer in slow start after this number of round trips without growth. */
const STEADY = 2;
/**
 * If the path carries this multiple of what it carried during the shortest round
 * trip, that round trip was not the time in a full queue.
 */
const MUCH_MORE = 4;

/** What arrived in one or two round trips. */
export interface Sample {
  /** Bytes. */
  readonly size: number;
  /** ms. */
  readonly time: number;
  /** The shorter of the round trips, ms. */
  readonly roundTrip: number;
}

/** Combines two round trips, because by chance one can appear twice as fast. */
export function joined(first: Sample, second: Sample): Sample {
  return {
    size: first.size + second.size,
    time: first.time + second.time,
    roundTrip: Math.min(first.roundTrip, second.roundTrip),
  };
}

/** Bytes per ms. */
export function rateOf({ size, time }: Sample): number {
  return size / time;
}

/** Learns the shortest round trip and the rate of the path from samples. */
export class PathEstimate {
  #shortest = Infinity;
  /**
   * The rate during the shortest round trip, bytes per ms, while that may be the time
   * in a queue.
   */
  #unsureRate: number | undefined;
  /** The highest rate, bytes per ms, and less for each round trip since. */
  #highestRate = 0;
  #isGrowing = false;
  #steady = 0;

  /** The shortest round trip, ms; `Infinity` until one is known. */
  get roundTrip(): number {
    return this.#shortest;
  }

  get isKnown(): boolean {
    return this.#shortest !== Infinity;
  }

  /** The path was never quiet, so that all round trips may be those of a queue. */
  get isUnsure(): boolean {
    return this.#unsureRate !== undefined;
  }

  /** The path carried more in the last round trip than ever. */
  get isGrowing(): boolean {
    return this.#isGrowing;
  }

  /** The path has carried no more than before for some round trips. */
  get isSteady(): boolean {
    return this.#steady >= STEADY;
  }

  /** Whether a round trip, ms, has no queue in it. */
  isNear(roundTrip: number): boolean {
    return roundTrip <= this.#shortest * NEAR + SLACK;
  }

  /** Whether a round trip, ms, shows a queue or a change of the path. */
  isFar(roundTrip: number): boolean {
    return roundTrip > this.#shortest * FAR + SLACK;
  }

  /** Whether a path of this rate, bytes per ms, carries clearly more than ever. */
  isMore(rate: number): boolean {
    return rate > this.#highestRate * GROWING;
  }

  /** The round trip of a path without other bytes, ms. */
  quiet(roundTrip: number): void {
    this.#shortest = roundTrip;
    this.#unsureRate = undefined;
    this.#isGrowing = false;
  }

  /** Learns the time of a round trip with other bytes. */
  busy(sample: Sample): void {
    const { roundTrip } = sample;
    const rate = rateOf(sample);
    this.#isGrowing = false;
    if (this.isKnown) {
      this.#compare(rate, roundTrip);
    } else {
      this.#shortest = roundTrip;
      this.#unsureRate = rate;
      this.#highestRate = rate;
    }
  }

  #compare(rate: number, roundTrip: number): void {
    const isMuchShorter = roundTrip * NEAR + SLACK < this.#shortest;
    this.#shortest = Math.min(this.#shortest, roundTrip);
    if (this.#unsureRate === undefined) return;
    if (isMuchShorter) this.#unsureRate = rate;
    else if (rate > MUCH_MORE * this.#unsureRate && !this.isFar(roundTrip)) {
      this.#unsureRate = undefined;
    }
  }

  /** Learns how much the path carries, unless the window was changed to try it. */
  carried(sample: Sample): void {
    const rate = rateOf(sample);
    this.#isGrowing = this.isMore(rate);
    this.#steady = this.#isGrowing ? 0 : this.#steady + 1;
    this.#highestRate = Math.max(rate, this.#highestRate * FORGOTTEN);
  }

  /** The shortest round trip is this one, ms: a changed window has shown it. */
  correct(roundTrip: number): void {
    this.#shortest = roundTrip;
  }

  /** The window is about to change, which shows whether the shortest round trip is that of a queue. */
  beSure(): void {
    this.#unsureRate = undefined;
  }
}
