/**
 * How large a receive window should be: bandwidth times delay, measured.
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

/** A window is grown when so much of it arrived within one round trip. */
const FILLED = 2 / 3;
/** Pause before the next measurement, ms, after one that changed nothing; doubled each time. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 10_000;

/** The shortest round trip counts for so long, ms; then the path may be another. */
const ROUND_TRIP_LIFE = 10_000;

/**
 * Measures with PINGs: the bytes that arrive between a PING and its reply are what the
 * path carries in that time, unless the window limits them. If they nearly fill the
 * window, it is set to twice the bandwidth times the shortest round trip seen. A longer
 * round trip only means that bytes wait in a queue, which a larger window would
 * lengthen. On loopback the result is near 256 KiB, which stay in the processor's
 * cache: that takes a third of the CPU time of 4 MiB.
 *
 * It reads no clock: callers pass the times, in ms.
 */
export class WindowTuner {
  readonly #max: number;
  #window: number;
  #sample = 0;
  #begin = 0;
  #shortest = Infinity;
  #shortestAt = 0;
  #measuring = false;
  #pause = FIRST_PAUSE;
  #notBefore = 0;

  constructor(options: WindowTunerOptions) {
    this.#window = options.initial;
    this.#max = Math.max(options.max, options.initial);
  }

  /** The window a stream should have now, bytes. */
  get window(): number {
    return this.#window;
  }

  /** Whether the window may still grow. */
  get growing(): boolean {
    return this.#window < this.#max;
  }

  /** `size` bytes arrived; true when a PING should leave now to begin a measurement. */
  received(size: number, now: number): boolean {
    if (this.#measuring) {
      this.#sample += size;
      return false;
    }
    if (!this.growing || now < this.#notBefore) return false;
    this.#measuring = true;
    this.#sample = 0;
    this.#begin = now;
    return true;
  }

  /** The reply arrived; true when the window has grown. */
  measured(now: number): boolean {
    if (!this.#measuring) return false;
    this.#measuring = false;
    const roundTrip = Math.max(now - this.#begin, 0.001);
    if (
      roundTrip < this.#shortest || now - this.#shortestAt > ROUND_TRIP_LIFE
    ) {
      this.#shortest = roundTrip;
      this.#shortestAt = now;
    }
    const wanted = Math.min(
      Math.ceil(2 * this.#sample * this.#shortest / roundTrip),
      this.#max,
    );
    if (this.#sample < this.#window * FILLED || wanted <= this.#window) {
      this.#notBefore = now + this.#pause;
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
      return false;
    }
    this.#pause = FIRST_PAUSE;
    this.#window = wanted;
    return true;
  }

  /** The PING could not be sent or was not answered. */
  abandoned(now: number): void {
    this.#measuring = false;
    this.#notBefore = now + LONGEST_PAUSE;
  }
}
