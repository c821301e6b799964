/**
 * Decides how many bytes should be in flight to this side: what the path carries in a
 * round trip.
 *
 * @module
 */

import {
  type Measurement,
  MeasurementSchedule,
} from "./measurement_schedule.ts";
import { PacedWindow } from "./paced_window.ts";
import {
  joined,
  PathEstimate,
  rateOf,
  type Sample,
  SLACK,
} from "./path_estimate.ts";
import { RecentArrivals } from "./recent_arrivals.ts";
import { type TrialKind, WindowTrial } from "./window_trial.ts";

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
/**
 * The same while more and more arrives and the reply to a PING is late. TCP doubles
 * what is in flight in each round trip; the PING may wait for another one or two in
 * the sender's socket.
 */
const LATE_GROWTH = 6;
/** With fewer bytes since the PING, their rate says nothing. */
const LEAST_FOR_RATE = 16 * 1024;
/** A window is in use if this part of it arrives in a round trip. */
const USED = 0.45;
/** The window is only reduced if the new one is smaller than this part of it. */
const ENOUGH_LESS = 0.75;
/** With at most this number of bytes in a round trip, the path is quiet. */
const QUIET = 4096;
/** WINDOW_UPDATEs for arriving bytes are less than this part of them. */
const UPDATES = 1 / 64;
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

/** A peer that has not answered the first PING after this time, ms, may never answer one. */
const UNANSWERED = 1000;
/** Time between two trials of half the window, ms. */
const TRIAL = 10_000;
/**
 * Time until such a trial if all round trips are far from the shortest one, or if the
 * window has its lower limit and cannot be derived from them.
 */
const FAR_TRIAL = 2000;

/**
 * Measures with PINGs: the bytes that arrive between a PING and its reply are what the
 * path carries in that time, unless the window limits them.
 *
 * - A round trip near the shortest one shows that no bytes wait in a queue: if the
 *   window is in use, it grows to {@linkcode GROWTH} times what arrived.
 * - A longer one shows a queue, which a window larger than bandwidth times round trip
 *   only lengthens: the window becomes {@linkcode ROUND_TRIPS} times that.
 * - While TCP is in slow start, more arrives in each round trip. The window then grows
 *   without waiting for the reply, which may be late for another reason: it waits in
 *   the sender's socket. When the path carries no more than before, the window becomes
 *   {@linkcode GROWTH} times what arrives in a round trip.
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
  readonly #initial: number;
  readonly #max: number;
  readonly #least: number;
  readonly #leastTried: number;
  readonly #window: PacedWindow;
  readonly #path: PathEstimate = new PathEstimate();
  readonly #schedule: MeasurementSchedule = new MeasurementSchedule();
  /** Since the last PING, at most. */
  #recent: RecentArrivals = new RecentArrivals(0);
  /** Whether the window is only derived from the round trip, because it was never in use. */
  #isGuess = true;
  /** Whether the window has grown before the reply to a PING, and not become smaller since. */
  #hasGrownEarly = false;
  /** Whether the window was still growing at the end of the last round trip, if there was one. */
  #wasPending: boolean | undefined;
  /** Whether the last round trip showed a queue although the window was not in use. */
  #unusedQueued = false;
  /** The last round trip, if the window was in use in it. */
  #last: Sample | undefined;
  #trial: WindowTrial | undefined;
  /** When half the window is tried again, as it is from time to time, ms. */
  #trialAt = -Infinity;
  /** When it is tried because all round trips for some time were far from the shortest one, ms. */
  #farTrialAt = Infinity;
  /** When twice the window may be tried, and how long after that again, ms. */
  #tryMoreAt = -Infinity;
  #tryMorePause = FAR_TRIAL;
  /** Whether this side sent much in the last round trip, if there was one. */
  #isSending: boolean | undefined;

  constructor(options: WindowTunerOptions) {
    this.#initial = options.initial;
    this.#window = new PacedWindow(options.initial);
    this.#max = Math.max(options.max, options.initial);
    this.#least = Math.max(options.least ?? LEAST, LEAST);
    this.#leastTried = Math.max(options.least ?? LEAST_TRIED, LEAST_TRIED);
  }

  /** Most bytes that should be in flight. */
  get window(): number {
    return this.#window.size;
  }

  /** The shortest round trip, ms; `Infinity` until one is known. */
  get roundTrip(): number {
    return this.#path.roundTrip;
  }

  /**
   * Called when a stream begins or ends, because the path may be quiet then; true
   * if a PING should be sent now.
   */
  mayBeQuiet(now: number): boolean {
    const begins = this.#schedule.mayBeQuiet(now, this.#path.isKnown);
    if (begins) this.#recent = new RecentArrivals(now);
    return begins;
  }

  /**
   * `size` bytes arrived, so the window may have grown; true when a PING should be sent
   * now to begin a measurement.
   */
  received(size: number, now: number): boolean {
    this.#window.received(size);
    const { current } = this.#schedule;
    const begins = this.#schedule.received(size, now);
    if (begins) this.#recent = new RecentArrivals(now);
    if (current === undefined) return begins;
    const path = this.#path;
    // On a steady path, a burst of what waited behind a lost packet says nothing.
    this.#recent.add(size, now, path.isSteady ? Infinity : path.roundTrip);
    if (path.isKnown) this.#growEarly(now);
    else this.#growUnanswered(current, now);
    return begins;
  }

  /** No PING has had a reply. Without round trips, only the rate of the path is known. */
  #growUnanswered(measurement: Measurement, now: number): void {
    const { size } = measurement;
    const time = measurement.time(now);
    if (time <= UNANSWERED) return;
    const wanted = GROWTH * UNANSWERED * size / time;
    this.#growAtOnce(Math.min(wanted, FIRST_MOST));
  }

  /** The reply to the PING has not arrived, but the window may be too small already. */
  #growEarly(now: number): void {
    const { size } = this.#recent;
    const time = this.#recent.time(now);
    const { roundTrip } = this.#path;
    if (time <= roundTrip + SLACK || size < LEAST_FOR_RATE) return;
    if (this.#trial !== undefined || this.#isSending) return;
    const rate = size / time;
    if (!this.#path.isMore(rate)) return;
    this.#hasGrownEarly = true;
    this.#isGuess = false;
    this.#grow(LATE_GROWTH * rate * roundTrip);
  }

  /** The PING could not be sent or was not answered. */
  abandoned(now: number): void {
    this.#schedule.abandon(now);
  }

  /**
   * The reply arrived. `sent` is the number of bytes that this side has sent since the
   * PING. Returns true if the window has changed.
   */
  measured(now: number, sent = 0): boolean {
    const schedule = this.#schedule;
    const { current } = schedule;
    if (current === undefined) return false;
    schedule.end();
    const before = this.#window.aim;
    const { size } = current;
    const time = current.time(now);
    this.#isSending = sent > QUIET + size * UPDATES;
    const isQuiet = size <= QUIET && !this.#isSending;
    if (isQuiet) schedule.wasQuiet(now);
    this.#apply({ size, time, roundTrip: time }, now, isQuiet);
    this.#wasPending = this.#window.size !== this.#window.aim;
    const hasChanged = this.#window.aim !== before;
    const isChanging = this.#path.isGrowing || this.#trial !== undefined;
    schedule.plan(now, hasChanged || isChanging);
    return hasChanged;
  }

  #apply(sample: Sample, now: number, isQuiet: boolean): void {
    const path = this.#path;
    const isFirst = !path.isKnown;
    if (isQuiet) path.quiet(sample.roundTrip);
    else path.busy(sample);
    if (isFirst) this.#trialAt = now + TRIAL;
    if (this.#isGuess && (isFirst || !path.isUnsure)) {
      this.#guess(path.isUnsure ? GROWTH * sample.size : Infinity);
    }
    if (isQuiet || isFirst) return;
    this.#window.limit(this.#most);
    if (this.#trial !== undefined) {
      this.#check(this.#trial, sample, now);
      return;
    }
    path.carried(sample);
    this.#endEarlyGrowth(sample);
    if (sample.size < this.#window.size * USED) {
      this.#last = undefined;
      this.#bound(sample);
      return;
    }
    this.#isGuess = false;
    this.#adapt(sample, now);
  }

  /** The window is in use. */
  #adapt(sample: Sample, now: number): void {
    const path = this.#path;
    const { size, roundTrip } = sample;
    const last = this.#last;
    const both = last === undefined ? sample : joined(last, sample);
    this.#last = sample;
    if (path.isUnsure && path.isSteady) {
      // A quarter of the window shows whether all these bytes wait in a queue.
      path.beSure();
      this.#trialAt = now + TRIAL;
      const { size } = this.#window;
      const quarter = Math.max(this.#least, size / 4);
      // With a lower limit above the window, there is no smaller one.
      if (quarter < size) this.#try(quarter, sample, "descend");
      return;
    }
    if (path.isNear(roundTrip)) {
      if (path.isGrowing) {
        this.#grow(GROWTH * size);
        // In slow start, bytes arrive in one burst in each round trip: those of the
        // next one would be too late.
        this.#window.received(size);
      } else if (!this.#wasPending) this.#grow(STEADY_GROWTH * size);
    } else if (path.isGrowing) {
      this.#grow(GROWTH * rateOf(sample) * path.roundTrip);
    } else if (last !== undefined && !path.isNear(last.roundTrip)) {
      this.#fit(both);
    }
    if (this.#trial === undefined) this.#tryLess(both, now);
    if (this.#trial === undefined) this.#tryMore(both, now);
  }

  /** `most` bounds what follows from a round trip that may be that of a queue. */
  #guess(most: number): void {
    const guess = Math.min(FIRST_RATE * this.#path.roundTrip, FIRST_MOST);
    this.#window.set(this.#initial);
    this.#growAtOnce(Math.min(guess, most));
  }

  /** Grows as bytes arrive. */
  #grow(wanted: number): void {
    this.#window.grow(Math.min(wanted, this.#most));
  }

  #growAtOnce(wanted: number): void {
    const size = Math.min(wanted, this.#most);
    this.#window.set(Math.max(size, this.#window.size));
  }

  get #most(): number {
    const most = MOST_PER_MS * Math.max(1, this.#path.roundTrip);
    return Math.min(this.#max, Math.floor(most));
  }

  /** The window for a path that carries `rate` bytes per ms. */
  #needed(rate: number): number {
    const wanted = ROUND_TRIPS * rate * (this.#path.roundTrip + SLACK);
    return Math.floor(Math.max(this.#least, Math.min(wanted, this.#most)));
  }

  /** Reduces what was too much when the path carries no more than before. */
  #endEarlyGrowth(sample: Sample): void {
    if (!this.#hasGrownEarly || !this.#path.isSteady) return;
    this.#hasGrownEarly = false;
    const most = GROWTH * rateOf(sample) * (this.#path.roundTrip + SLACK);
    this.#window.limit(Math.max(most, this.#initial));
  }

  /**
   * The path is full but the window is not in use: limits the window so that the
   * queue cannot grow without end.
   */
  #bound(sample: Sample): void {
    const path = this.#path;
    const { size, roundTrip } = sample;
    const isQueued = size >= LEAST && !path.isGrowing &&
      !path.isNear(roundTrip);
    const wasQueued = this.#unusedQueued;
    this.#unusedQueued = isQueued;
    if (!isQueued || !wasQueued) return;
    this.#isGuess = false;
    this.#window.limit(Math.max(this.#least, 1.5 * size));
    // Bytes that wait in the sender's socket delay urgent bytes as well.
    if (path.isFar(roundTrip)) this.#fit(sample);
  }

  /** The window is in use and there is a queue: adapts the window. */
  #fit(sample: Sample): void {
    const needed = this.#needed(rateOf(sample));
    const { size } = this.#window;
    if (needed >= size * ENOUGH_LESS) {
      this.#window.become(Math.max(size, needed));
      return;
    }
    // To a quarter at most, so that one wrong measurement does little harm.
    this.#try(Math.max(needed, size / 4), sample, "once");
  }

  #try(
    window: number,
    before: Sample,
    kind: TrialKind,
    from: number = this.#window.size,
  ): void {
    this.#trial = new WindowTrial(kind, from, before);
    this.#window.become(window);
  }

  /** Tries half the window from time to time. */
  #tryLess(sample: Sample, now: number): void {
    const isLeast = this.#window.size <= this.#least;
    const isFar = isLeast
      ? !this.#path.isNear(sample.roundTrip)
      : this.#path.isFar(sample.roundTrip);
    if (!isFar) {
      // While this side sends, round trips vary too much for this to say anything.
      if (!this.#isSending) this.#farTrialAt = Infinity;
    } else if (this.#farTrialAt === Infinity) {
      this.#farTrialAt = now + FAR_TRIAL;
    }
    if (now < Math.min(this.#trialAt, this.#farTrialAt)) return;
    const half = this.#window.size / 2;
    if (half < this.#leastTried) return;
    this.#trialAt = now + TRIAL;
    this.#farTrialAt = Infinity;
    this.#try(half, sample, "descend");
  }

  /**
   * Tries twice the window where a long round trip does not show that it is too large:
   * while this side sends, a PING waits behind its bytes; and where a smaller window
   * cannot be tried.
   */
  #tryMore(sample: Sample, now: number): void {
    const { size } = this.#window;
    const mayBeSmall = this.#isSending || size / 2 < this.#leastTried;
    if (this.#path.isNear(sample.roundTrip) || !mayBeSmall) return;
    if (now < this.#tryMoreAt) return;
    this.#tryMoreAt = now + this.#tryMorePause;
    this.#tryMorePause = Math.min(2 * this.#tryMorePause, TRIAL);
    this.#try(Math.min(2 * size, this.#most), sample, "more");
  }

  /** Evaluates a changed window. */
  #check(trial: WindowTrial, sample: Sample, now: number): void {
    if (trial.settles()) return;
    if (sample.size < this.#window.size * USED) {
      // The peer had little to send.
      this.#window.become(trial.window);
      this.#trial = undefined;
      return;
    }
    const samples = trial.add(sample, this.#path);
    if (samples === undefined) return;
    this.#trial = undefined;
    this.#last = undefined;
    if (trial.kind === "more") this.#concludeMore(trial, samples, now);
    else this.#concludeLess(trial, samples, now);
  }

  #concludeMore(trial: WindowTrial, sample: Sample, now: number): void {
    if (!trial.carriesMore(sample)) {
      this.#window.become(trial.window);
      return;
    }
    // There was no queue, so this is the round trip of the path.
    const shorter = Math.min(sample.roundTrip, trial.before.roundTrip);
    this.#path.correct(Math.max(this.#path.roundTrip, shorter));
    this.#tryMoreAt = now;
    this.#tryMorePause = FAR_TRIAL;
  }

  #concludeLess(trial: WindowTrial, sample: Sample, now: number): void {
    const { window, before, kind } = trial;
    if (trial.carriesLess(sample)) {
      // There was no queue, so this is the round trip of the path. A smaller window
      // does not make it longer, so if it is longer, the path has changed.
      if (!trial.isLonger(sample)) {
        this.#trialAt = now + TRIAL;
        this.#path.correct(sample.roundTrip);
      }
      const needed = this.#needed(rateOf(before));
      const { size } = this.#window;
      this.#window.become(Math.max(size, Math.min(window, needed)));
      return;
    }
    if (kind === "once") return;
    const half = this.#window.size / 2;
    if (half < this.#leastTried) {
      this.#window.become(this.#needed(rateOf(sample)));
      return;
    }
    const isBetter = rateOf(sample) > rateOf(before);
    this.#try(half, isBetter ? sample : before, "descend", window);
  }
}
