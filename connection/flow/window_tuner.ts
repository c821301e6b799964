/**
 * Measures how many bytes should be in flight to this side: what the path carries
 * in a round trip.
 *
 * @module
 */

import { LONG_COUNT } from "../../numbers.ts";

/** Options of {@linkcode WindowTuner}, bytes. */
export interface WindowTunerOptions {
  /** The window at the start. */
  readonly initial: number;
  /** The largest window. */
  readonly max: number;
  /**
   * The smallest window that limits the peer, if that is more than 32 KiB: a smaller
   * one would change nothing, so it could not be tried.
   */
  readonly least?: number;
}

/**
 * Lower limit of the window, bytes. A smaller one has no benefit: this one delays
 * an urgent frame by 13 ms at 20 Mbit/s.
 */
const LEAST = 32 * 1024;
/**
 * Lower limit of a window that is tried for a moment, to learn whether the path
 * carries as much with it.
 */
const LEAST_TRIED = LEAST / 2;
/** The window is what the path carries in this number of round trips. */
const ROUND_TRIPS = 1.5;
/** While the path has no queue, the window is this multiple of what arrives in a round trip. */
const GROWTH = 3;
/** The same if the path carries no more than before. */
const STEADY_GROWTH = 2;
/** A window is in use if this part of it arrives in a round trip. */
const USED = 0.45;
/** A round trip of at most this multiple of the shortest one has no queue in it. */
const NEAR = 1.25;
/** A round trip of more than this multiple shows a queue, or a change of the path. */
const FAR = 2;
/** Time that both ends take to answer, ms, which says nothing about the path. */
const SLACK = 1;
/** The window is only reduced if the new one is smaller than this part of it. */
const ENOUGH_LESS = 0.75;
/**
 * With a reduced window, the path is still full if it carries this part of what it
 * carried before.
 */
const STILL_FULL = 0.8;
/**
 * If the path carries this multiple of its earlier maximum, it is not full yet: TCP
 * is still in slow start.
 */
const GROWING = 1.2;
/** After each round trip, the earlier maximum is multiplied by this. */
const FORGOTTEN = 0.95;
/** TCP is no longer in slow start after this number of round trips without growth. */
const STEADY = 2;
/** With at most this number of bytes in a round trip, the path is quiet. */
const QUIET = 4096;
/**
 * Rate for the window if only the round trip is known, bytes per ms: 40 Mbit/s.
 * During TCP's slow start, this is enough for a faster path as well.
 */
const FIRST_RATE = 5000;
/** Largest window of that first guess, bytes. */
const FIRST_MOST = 1024 * 1024;
/**
 * Largest window for each ms of the round trip, at least 1 ms: 4 Gbit/s. On
 * loopback, more bytes would only wait in the peer's socket. With half of it, bulk
 * over loopback loses a third, and small requests beside it are not faster.
 */
const MOST_PER_MS = 512 * 1024;

/** Time between two measurements, ms; doubled each time if nothing changes. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 500;
/** Time after a PING that was not answered, ms. */
const AFTER_FAILURE = 10_000;
/** A peer that has not answered the first PING after this time, ms, may never answer one. */
const UNANSWERED = 1000;
/** Time between two trials of half the window, ms. */
const TRIAL = 10_000;
/**
 * The same if round trips are {@linkcode FAR} from the shortest one, or if the
 * window has its lower limit and cannot be derived from them.
 */
const FAR_TRIAL = 2000;
/**
 * With twice the window, the path is not full if it carries this multiple of what it
 * carried before.
 */
const CARRIES_MORE = 1.4;
/** A quiet path is measured again after this time, ms, and this number of bytes. */
const QUIET_AFTER = 2000;
const QUIET_BYTES = 256 * 1024;
/**
 * Number of first measurements of a quiet path, during which both ends still load
 * and compile code.
 */
const QUIET_FIRST = 3;
const QUIET_FIRST_AFTER = 100;

/** What arrived in one or two round trips. */
interface Sample {
  /** Bytes. */
  readonly size: number;
  /** ms. */
  readonly time: number;
  /** The shorter of the round trips, ms. */
  readonly roundTrip: number;
}

/**
 * - `"once"`: a smaller window.
 * - `"descend"`: the same, and still smaller ones while the path stays full.
 * - `"more"`: a larger one.
 */
type TrialKind = "once" | "descend" | "more";

/** A window that was changed to learn about the path, and what the path carried before. */
interface Trial {
  /** The window before it was changed, once or several times. */
  readonly window: number;
  readonly before: Sample;
  readonly kind: TrialKind;
  /** Whether bytes that the window before allowed are still in flight. */
  settling: boolean;
  /** The first round trip with the changed window. */
  first: Sample | undefined;
}

/** Combines two round trips, because by chance one can appear twice as fast. */
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
 * The shortest round trip can be wrong: the path may have changed, or there may
 * have been a queue during the first PINGs. So each reduction is checked. If the
 * path carries less with the smaller window, there was no queue, and that round
 * trip becomes the shortest. For the same reason, half the window is tried from
 * time to time. Otherwise a window that was reduced by mistake would stay small
 * forever.
 *
 * While this side sends as well, PINGs and WINDOW_UPDATEs wait behind its bytes in its
 * own socket, and that looks like a queue in the other direction. Then twice the window
 * is tried: it is kept if the path carries more and round trips do not become longer.
 *
 * It reads no clock: callers pass the times, in ms.
 */
export class WindowTuner {
  readonly #max: number;
  readonly #least: number;
  readonly #leastTried: number;
  #window: number;
  #sample = 0;
  #begin = 0;
  #measuring = false;
  #shortest = Infinity;
  /** Whether the last round trip showed a queue although the window was not in use. */
  #unusedQueued = false;
  /** The last round trip in which the window was in use. */
  #last: Sample | undefined;
  /** The most that the path carried in a round trip, bytes a ms, and less for each one since. */
  #highestRate = 0;
  /** The path carried more in the last round trip than ever. */
  #isGrowing = false;
  #trial: Trial | undefined;
  #trialAt = 0;
  /** When twice the window may be tried, and how long after that again, ms. */
  #tryMoreAt = 0;
  #tryMorePause = FAR_TRIAL;
  /** Whether this side sent much in the last round trip. */
  #isSending = false;
  #pause = FIRST_PAUSE;
  #notBefore = 0;
  /** Time of the last measurement of the quiet path, and the bytes since then. */
  #quietAt = 0;
  #sinceQuiet = LONG_COUNT;
  #quietSamples = 0;
  readonly #initial: number;
  /** Whether the window is only derived from the round trip, because it was never in use. */
  #isGuess = true;
  /** In how many round trips, one after the other, the path has carried no more than before. */
  #steady = 0;
  /** The path was never quiet, so that all round trips may be those of a queue. */
  #isUnsure = false;

  constructor(options: WindowTunerOptions) {
    this.#initial = options.initial;
    this.#window = options.initial;
    this.#max = Math.max(options.max, options.initial);
    this.#least = Math.max(options.least ?? 0, LEAST);
    this.#leastTried = Math.max(options.least ?? 0, LEAST_TRIED);
  }

  /** Most bytes that should be in flight. */
  get window(): number {
    return this.#window;
  }

  /** The shortest round trip, ms; `Infinity` until one is known. */
  get roundTrip(): number {
    return this.#shortest;
  }

  /**
   * Called when a stream begins or ends, because the path may be quiet then; true
   * if a PING should be sent now.
   */
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
        // Without round trips, only the rate of the path is known.
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

  /**
   * The reply arrived, and this side has sent so many bytes since the PING; true when the
   * window has changed.
   */
  measured(now: number, sent = 0): boolean {
    if (!this.#measuring) return false;
    this.#measuring = false;
    const before = this.#window;
    const roundTrip = Math.max(now - this.#begin, 0.001);
    this.#isSending = sent > QUIET;
    this.#apply(roundTrip, now, this.#sample <= QUIET && !this.#isSending);
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

  #apply(roundTrip: number, now: number, isQuiet: boolean): void {
    const isFirst = this.#shortest === Infinity;
    this.#shortest = isQuiet ? roundTrip : Math.min(this.#shortest, roundTrip);
    if (isFirst) this.#trialAt = now + TRIAL;
    this.#isUnsure = !isQuiet && (isFirst || this.#isUnsure);
    if (this.#isGuess && (isFirst || !this.#isUnsure)) {
      this.#guess(this.#isUnsure ? GROWTH * this.#sample : Infinity);
    }
    if (isQuiet) {
      this.#quietAt = now;
      this.#quietSamples++;
      this.#sinceQuiet = 0;
    }
    this.#isGrowing = false;
    if (isQuiet) return;
    const rate = this.#sample / roundTrip;
    if (isFirst) {
      this.#highestRate = rate;
      return;
    }
    this.#window = Math.min(this.#window, this.#most);
    if (this.#trial !== undefined) {
      this.#check(this.#trial, roundTrip, now);
      return;
    }
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
    this.#steady = this.#isGrowing ? 0 : this.#steady + 1;
    if (this.#isUnsure && this.#steady >= STEADY) {
      // A quarter of the window shows whether all these bytes wait in a queue.
      this.#isUnsure = false;
      this.#trialAt = now + TRIAL;
      this.#try(Math.max(this.#least, this.#window / 4), sample, "descend");
      return;
    }
    const limit = this.#shortest * NEAR + SLACK;
    if (roundTrip <= limit) {
      const growth = this.#isGrowing ? GROWTH : STEADY_GROWTH;
      this.#grow(growth * sample.size);
    } else if (this.#isGrowing) this.#grow(GROWTH * rate * this.#shortest);
    else if (last !== undefined && last.roundTrip > limit) this.#fit(both);
    if (this.#trial === undefined) this.#tryLess(both, now);
    if (this.#trial === undefined) this.#tryMore(both, now);
  }

  /** `most` bounds what follows from a round trip that may be that of a queue. */
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

  /** The window for a path that carries `rate` bytes per ms. */
  #needed(rate: number): number {
    const wanted = ROUND_TRIPS * rate * (this.#shortest + SLACK);
    return Math.floor(Math.max(this.#least, Math.min(wanted, this.#most)));
  }

  /**
   * The path is full but the window is not in use: limits the window so that the
   * queue cannot grow without end.
   */
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
    // What waits in the sender's socket delays urgent bytes as well.
    if (roundTrip > this.#shortest * FAR + SLACK) this.#fit(sample);
  }

  /** The window is in use and there is a queue: adapts the window. */
  #fit(sample: Sample): void {
    const needed = this.#needed(sample.size / sample.time);
    if (needed >= this.#window * ENOUGH_LESS) {
      this.#window = Math.max(this.#window, needed);
      return;
    }
    // To a quarter at most, so that one wrong measurement does little harm.
    this.#try(Math.max(needed, this.#window / 4), sample, "once");
  }

  #try(
    window: number,
    before: Sample,
    kind: TrialKind,
    from: number = this.#window,
  ): void {
    const wanted = Math.floor(window);
    // With a lower limit above the window, there is no smaller one.
    if (kind !== "more" && wanted >= this.#window) return;
    this.#trial = {
      window: from,
      before,
      kind,
      settling: true,
      first: undefined,
    };
    this.#window = wanted;
  }

  /** Tries half the window from time to time. */
  #tryLess(sample: Sample, now: number): void {
    const far = this.#window <= this.#least ? NEAR : FAR;
    const isFar = sample.roundTrip > this.#shortest * far + SLACK;
    const at = isFar ? Math.min(this.#trialAt, now + FAR_TRIAL) : this.#trialAt;
    this.#trialAt = at;
    if (now < at || this.#window / 2 < this.#leastTried) return;
    this.#trialAt = now + TRIAL;
    this.#try(this.#window / 2, sample, "descend");
  }

  /**
   * Tries twice the window where a long round trip does not show that it is too large:
   * while this side sends, a PING waits behind its bytes; and where a smaller window
   * cannot be tried.
   */
  #tryMore(sample: Sample, now: number): void {
    const isFar = sample.roundTrip > this.#shortest * NEAR + SLACK;
    const mayBeSmall = this.#isSending ||
      this.#window / 2 < this.#leastTried;
    if (!isFar || !mayBeSmall || now < this.#tryMoreAt) return;
    this.#tryMoreAt = now + this.#tryMorePause;
    this.#tryMorePause = Math.min(2 * this.#tryMorePause, TRIAL);
    this.#try(Math.min(2 * this.#window, this.#most), sample, "more");
  }

  /** Evaluates a changed window. */
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
    const { window, before, kind } = trial;
    const rate = sample.size / sample.time;
    const rateBefore = before.size / before.time;
    if (kind === "more") {
      // With a queue, twice the window makes it longer.
      const isLonger = sample.roundTrip > before.roundTrip * NEAR + SLACK;
      if (isLonger || rate < rateBefore * CARRIES_MORE) {
        this.#window = window;
        return;
      }
      // There was no queue, so this is the round trip of the path.
      this.#shortest = Math.max(
        this.#shortest,
        Math.min(sample.roundTrip, before.roundTrip),
      );
      this.#tryMoreAt = now;
      this.#tryMorePause = FAR_TRIAL;
      return;
    }
    if (rate < rateBefore * STILL_FULL) {
      // There was no queue, so this is the round trip of the path. A smaller window
      // does not make it longer, so if it is longer, the path has changed.
      if (sample.roundTrip <= before.roundTrip * NEAR) {
        this.#trialAt = now + TRIAL;
        this.#shortest = sample.roundTrip;
      }
      const needed = this.#needed(rateBefore);
      this.#window = Math.max(this.#window, Math.min(window, needed));
      return;
    }
    if (kind === "once") return;
    if (this.#window / 2 >= this.#leastTried) {
      const best = rate > rateBefore ? sample : before;
      this.#try(this.#window / 2, best, "descend", window);
      return;
    }
    this.#window = this.#needed(rate);
  }
}
