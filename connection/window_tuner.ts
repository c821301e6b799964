/**
 * How many bytes should be under way to this side: what the path carries in a round
 * trip, measured.
 *
 * @module
 */

/** What {@linkcode WindowTuner} starts from, bytes. */
export interface WindowTunerOptions {
  /** The window at the start. */
  readonly initial: number;
  /** The window is never larger. */
  readonly max: number;
}

/** A smaller window gains nothing: it delays an urgent frame by 13 ms at 20 Mbit/s. */
const LEAST = 32 * 1024;
/** A window of less is tried for a moment, to learn whether the path carries as much with it. */
const LEAST_TRIED = LEAST / 2;
/** The window holds what the path carries in so many round trips. */
const ROUND_TRIPS = 1.5;
/** While the path has no queue, the window is so many times what arrives in a round trip. */
const GROWTH = 3;
/** The same when the path carries no more than before. */
const STEADY_GROWTH = 2;
/** A window is in use when so much of it arrives in a round trip. */
const USED = 0.6;
/** A round trip has no queue in it when it is so many times the shortest at most. */
const NEAR = 1.25;
/** With so much more it shows a queue, or that the path is another now. */
const FAR = 2;
/** What both ends take to answer, ms: it says nothing about the path. */
const SLACK = 1;
/** The window is reduced to less than so much of it, or not at all. */
const ENOUGH_LESS = 0.75;
/** With a window that was reduced, the path is still full when it carries so much of what it did. */
const STILL_FULL = 0.8;
/** The path is not full yet when it carries so many times what it ever did: TCP still starts slowly. */
const GROWING = 1.2;
/** After each round trip, what the path carried before counts for so much less. */
const FORGOTTEN = 0.95;
/** With no more bytes than that in a round trip, the path is quiet. */
const QUIET = 4096;
/**
 * The window when nothing is known but the round trip, bytes a ms: 40 Mbit/s. While TCP
 * still starts slowly, that is enough for a faster path as well.
 */
const FIRST_RATE = 5000;
/** With that first guess, the window is no larger, bytes. */
const FIRST_MOST = 1024 * 1024;
/**
 * The most for a path with a round trip of up to 1 ms, and for each further ms: 4 Gbit/s.
 * On loopback, more only waits in the socket of the peer. With half of it, bulk over
 * loopback loses a third, and small requests beside it are no faster.
 */
const MOST_PER_MS = 512 * 1024;

/** Between two measurements, ms; doubled each time while nothing changes. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 500;
/** After a PING that was not answered, ms. */
const AFTER_FAILURE = 10_000;
/** A peer that has not answered the first PING after so many ms may answer none. */
const UNANSWERED = 1000;
/** Between two trials of half the window, ms. */
const TRIAL = 10_000;
/**
 * The same while round trips are {@linkcode FAR} from the shortest, or the window is the
 * least and cannot follow from them.
 */
const FAR_TRIAL = 2000;
/** A quiet path is measured again after so many ms and bytes. */
const QUIET_AFTER = 2000;
const QUIET_BYTES = 256 * 1024;
/** The first measurements of a quiet path: both ends still load and compile code then. */
const QUIET_FIRST = 3;
const QUIET_FIRST_AFTER = 100;

/** What arrived in a round trip, or in two of them. */
interface Sample {
  /** Bytes. */
  readonly size: number;
  /** ms. */
  readonly time: number;
  /** The shorter of the round trips, ms. */
  readonly roundTrip: number;
}

/** A window that was reduced, and what the path carried before. */
interface Trial {
  /** The window before it was reduced, once or more. */
  readonly window: number;
  readonly before: Sample;
  /** Go on to reduce the window while the path stays full. */
  readonly descend: boolean;
  /** Bytes that the larger window allowed are still under way. */
  settling: boolean;
  /** The first round trip with the smaller window. */
  first: Sample | undefined;
}

/** Two round trips together, because chance makes one appear twice as fast. */
function joined(first: Sample, second: Sample): Sample {
  return {
    size: first.size + second.size,
    time: first.time + second.time,
    roundTrip: Math.min(first.roundTrip, second.roundTrip),
  };
}

/**
 * Measures with PINGs: the bytes that arrive between a PING and its reply are what the
 * path carries in that time, unless the window limits them.
 *
 * - A round trip near the shortest one shows that no bytes wait in a queue: if the
 *   window is in use, it grows to {@linkcode GROWTH} times what arrived.
 * - A longer one shows a queue, which a window larger than bandwidth times round trip
 *   only lengthens: the window becomes {@linkcode ROUND_TRIPS} times that.
 *
 * The shortest round trip can be wrong: the path may change, and the first PINGs may
 * have met a queue. So each reduction is checked. If the path carries less with the
 * smaller window, no bytes waited in a queue: then that round trip is the shortest.
 * Half the window is tried now and then for the same reason. Otherwise a window that
 * was once reduced by mistake would stay small for ever.
 *
 * It reads no clock: callers pass the times, in ms.
 */
export class WindowTuner {
  readonly #max: number;
  #window: number;
  #sample = 0;
  #begin = 0;
  #measuring = false;
  #shortest = Infinity;
  /** The last round trip showed a queue, although the window was not in use. */
  #unusedQueued = false;
  /** The last round trip in which the window was in use. */
  #last: Sample | undefined;
  /** The most that the path carried in a round trip, bytes a ms, and less for each one since. */
  #highestRate = 0;
  /** The path carried more in the last round trip than ever. */
  #isGrowing = false;
  #trial: Trial | undefined;
  #trialAt = 0;
  #pause = FIRST_PAUSE;
  #notBefore = 0;
  /** When the path was last measured while quiet, and the bytes since then. */
  #quietAt = 0;
  #sinceQuiet = 0;
  #quietSamples = 0;
  readonly #initial: number;
  /** The window follows only from the round trip: it was never in use. */
  #isGuess = true;

  constructor(options: WindowTunerOptions) {
    this.#initial = options.initial;
    this.#window = options.initial;
    this.#max = Math.max(options.max, options.initial);
  }

  /** The bytes that should be under way at most. */
  get window(): number {
    return this.#window;
  }

  /** The shortest round trip, ms; `Infinity` until one is known. */
  get roundTrip(): number {
    return this.#shortest;
  }

  /** A stream begins or ends, so the path may be quiet; true when a PING should be sent now. */
  mayBeQuiet(now: number): boolean {
    if (this.#measuring) return false;
    const isKnown = this.#shortest !== Infinity;
    const age = now - this.#quietAt;
    const isRecent = this.#quietSamples < QUIET_FIRST
      ? age < QUIET_FIRST_AFTER
      : this.#sinceQuiet < QUIET_BYTES || age < QUIET_AFTER;
    if (isKnown && isRecent) return false;
    this.#start(now);
    return true;
  }

  /** `size` bytes arrived; true when a PING should be sent now to begin a measurement. */
  received(size: number, now: number): boolean {
    this.#sinceQuiet += size;
    if (this.#measuring) {
      this.#sample += size;
      const time = now - this.#begin;
      if (time > UNANSWERED && this.#shortest === Infinity) {
        // Without round trips nothing else is known of the path but its rate.
        const wanted = GROWTH * UNANSWERED * this.#sample / time;
        this.#grow(Math.min(wanted, FIRST_MOST));
      }
      return false;
    }
    if (now < this.#notBefore) return false;
    this.#start(now);
    return true;
  }

  #start(now: number): void {
    this.#measuring = true;
    this.#sample = 0;
    this.#begin = now;
  }

  /** The PING could not be sent or was not answered. */
  abandoned(now: number): void {
    this.#measuring = false;
    this.#notBefore = now + AFTER_FAILURE;
  }

  /** The reply arrived; true when the window has changed. */
  measured(now: number): boolean {
    if (!this.#measuring) return false;
    this.#measuring = false;
    const before = this.#window;
    const roundTrip = Math.max(now - this.#begin, 0.001);
    this.#apply(roundTrip, now);
    const isChanging = this.#isGrowing || this.#trial !== undefined;
    if (this.#window !== before || isChanging) {
      this.#pause = FIRST_PAUSE;
      this.#notBefore = now;
    } else {
      this.#notBefore = now + this.#pause;
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    }
    return this.#window !== before;
  }

  #apply(roundTrip: number, now: number): void {
    const isFirst = this.#shortest === Infinity;
    const isQuiet = this.#sample <= QUIET;
    this.#shortest = isQuiet ? roundTrip : Math.min(this.#shortest, roundTrip);
    if (isFirst) {
      // The first PING may have met a queue.
      this.#trialAt = now + (isQuiet ? TRIAL : FAR_TRIAL);
    }
    if (this.#isGuess) {
      const wasQuiet = isQuiet || this.#quietSamples > 0;
      this.#guess(wasQuiet ? Infinity : GROWTH * this.#sample);
    }
    if (isQuiet) {
      this.#quietAt = now;
      this.#quietSamples++;
      this.#sinceQuiet = 0;
    }
    this.#isGrowing = false;
    if (isFirst || isQuiet) return;
    this.#window = Math.min(this.#window, this.#most);
    if (this.#trial !== undefined) {
      this.#check(this.#trial, roundTrip, now);
      return;
    }
    const rate = this.#sample / roundTrip;
    this.#isGrowing = rate > this.#highestRate * GROWING;
    this.#highestRate = Math.max(rate, this.#highestRate * FORGOTTEN);
    const sample = { size: this.#sample, time: roundTrip, roundTrip };
    if (sample.size < this.#window * USED) {
      this.#bound(sample);
      return;
    }
    this.#isGuess = false;
    const last = this.#last;
    const both = last === undefined ? sample : joined(last, sample);
    this.#last = sample;
    const limit = this.#shortest * NEAR + SLACK;
    if (roundTrip <= limit) {
      const growth = this.#isGrowing ? GROWTH : STEADY_GROWTH;
      this.#grow(growth * sample.size);
    } else if (this.#isGrowing) this.#grow(GROWTH * rate * this.#shortest);
    else if (last !== undefined && last.roundTrip > limit) this.#fit(both);
    if (this.#trial === undefined) this.#tryLess(both, now);
  }

  /** A round trip of a path that was never quiet may be that of a queue: `most` bounds its guess. */
  #guess(most: number): void {
    const guess = Math.min(FIRST_RATE * this.#shortest, FIRST_MOST);
    this.#window = this.#initial;
    this.#grow(Math.min(guess, most));
  }

  #grow(wanted: number): void {
    this.#window = Math.max(this.#window, Math.min(wanted, this.#most));
    this.#window = Math.floor(this.#window);
  }

  get #most(): number {
    const most = Math.floor(MOST_PER_MS * Math.max(1, this.#shortest));
    return Math.min(this.#max, most);
  }

  /** What the path needs that carries `rate` bytes a ms. */
  #needed(rate: number): number {
    const wanted = ROUND_TRIPS * rate * (this.#shortest + SLACK);
    return Math.floor(Math.max(LEAST, Math.min(wanted, this.#most)));
  }

  /** The path is full, and the window not in use yet: it must not let the queue become longer without end. */
  #bound(sample: Sample): void {
    const { size, time, roundTrip } = sample;
    const isQueued = size >= LEAST && !this.#isGrowing &&
      roundTrip > this.#shortest * NEAR + SLACK;
    const wasQueued = this.#unusedQueued;
    this.#unusedQueued = isQueued;
    if (!isQueued || !wasQueued) return;
    this.#isGuess = false;
    const most = Math.max(this.#needed(size / time), 1.5 * size);
    this.#window = Math.min(this.#window, Math.floor(most));
  }

  /** The window is in use and bytes wait in a queue. */
  #fit(sample: Sample): void {
    const needed = this.#needed(sample.size / sample.time);
    if (needed >= this.#window * ENOUGH_LESS) {
      this.#window = Math.max(this.#window, needed);
      return;
    }
    // A quarter at most, so that one odd measurement does little harm.
    this.#reduce(Math.max(needed, this.#window / 4), sample, false);
  }

  #reduce(
    window: number,
    before: Sample,
    descend: boolean,
    from: number = this.#window,
  ): void {
    this.#trial = {
      window: from,
      before,
      descend,
      settling: true,
      first: undefined,
    };
    this.#window = Math.floor(window);
  }

  /** Now and then half the window is tried. */
  #tryLess(sample: Sample, now: number): void {
    const far = this.#window <= LEAST ? NEAR : FAR;
    const isFar = sample.roundTrip > this.#shortest * far + SLACK;
    const at = isFar ? Math.min(this.#trialAt, now + FAR_TRIAL) : this.#trialAt;
    this.#trialAt = at;
    if (now < at || this.#window / 2 < LEAST_TRIED) return;
    this.#trialAt = now + TRIAL;
    this.#reduce(this.#window / 2, sample, true);
  }

  /** What a reduced window shows. */
  #check(trial: Trial, roundTrip: number, now: number): void {
    if (trial.settling) {
      trial.settling = false;
      return;
    }
    if (this.#sample < this.#window * USED) {
      // The peer had little to send.
      this.#window = trial.window;
      this.#trial = undefined;
      return;
    }
    const sample = { size: this.#sample, time: roundTrip, roundTrip };
    if (trial.first === undefined) {
      trial.first = sample;
      return;
    }
    this.#trial = undefined;
    this.#last = undefined;
    this.#conclude(trial, joined(trial.first, sample), now);
  }

  #conclude(trial: Trial, sample: Sample, now: number): void {
    const { window, before, descend } = trial;
    const rate = sample.size / sample.time;
    const rateBefore = before.size / before.time;
    if (rate < rateBefore * STILL_FULL) {
      // Nothing waited in a queue, so this is the path's own round trip. A smaller
      // window makes none longer: then the path has changed meanwhile.
      if (sample.roundTrip <= before.roundTrip * NEAR) {
        this.#trialAt = now + TRIAL;
        this.#shortest = sample.roundTrip;
      }
      const needed = this.#needed(rateBefore);
      this.#window = Math.max(this.#window, Math.min(window, needed));
      return;
    }
    if (!descend) return;
    if (this.#window / 2 >= LEAST_TRIED) {
      const best = rate > rateBefore ? sample : before;
      this.#reduce(this.#window / 2, best, true, window);
      return;
    }
    this.#window = this.#needed(rate);
  }
}
