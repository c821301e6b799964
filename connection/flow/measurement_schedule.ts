/**
 * When a round trip is measured with a PING.
 *
 * @module
 */

import { LONG_COUNT } from "../../numbers.ts";

/** Time between two measurements, ms; doubled each time if nothing changes. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 500;
/** Time after a PING that was not answered, ms. */
const AFTER_FAILURE = 10_000;
/** A quiet path is measured again after this time, ms, and this number of bytes. */
const QUIET_AFTER = 2000;
const QUIET_BYTES = 256 * 1024;
/**
 * Number of first measurements of a quiet path, during which both ends still load
 * and compile code.
 */
const QUIET_FIRST = 3;
const QUIET_FIRST_AFTER = 100;

/** Decides when a PING is sent, and counts the bytes that arrive until its reply. */
export class MeasurementSchedule {
  #isMeasuring = false;
  #begin = 0;
  #size = 0;
  #pause = FIRST_PAUSE;
  #notBefore = 0;
  /** Time of the last measurement of the quiet path, and the bytes since then. */
  #quietAt = 0;
  #sinceQuiet = LONG_COUNT;
  #quietSamples = 0;

  get isMeasuring(): boolean {
    return this.#isMeasuring;
  }

  /** Bytes since the PING. */
  get size(): number {
    return this.#size;
  }

  /** Time since the PING, ms. */
  time(now: number): number {
    return Math.max(now - this.#begin, 0.001);
  }

  /** The path may be quiet; true if a PING should be sent now. */
  mayBeQuiet(now: number, isKnown: boolean): boolean {
    if (this.#isMeasuring) return false;
    const age = now - this.#quietAt;
    const isRecent = this.#quietSamples < QUIET_FIRST
      ? age < QUIET_FIRST_AFTER
      : this.#sinceQuiet < QUIET_BYTES || age < QUIET_AFTER;
    if (isKnown && isRecent) return false;
    this.#start(now);
    return true;
  }

  /** `size` bytes arrived; true if a PING should be sent now. */
  received(size: number, now: number): boolean {
    this.#sinceQuiet += size;
    if (this.#isMeasuring) this.#size += size;
    else if (now >= this.#notBefore) {
      this.#start(now);
      return true;
    }
    return false;
  }

  #start(now: number): void {
    this.#isMeasuring = true;
    this.#size = 0;
    this.#begin = now;
  }

  /** The PING could not be sent or was not answered. */
  abandon(now: number): void {
    this.#isMeasuring = false;
    this.#notBefore = now + AFTER_FAILURE;
  }

  /** The reply arrived. */
  end(): void {
    this.#isMeasuring = false;
  }

  /** The path was quiet during the measurement. */
  wasQuiet(now: number): void {
    this.#quietAt = now;
    this.#quietSamples++;
    this.#sinceQuiet = 0;
  }

  /** Plans the next measurement: soon if `isChanging`. */
  plan(now: number, isChanging: boolean): void {
    if (isChanging) {
      this.#pause = FIRST_PAUSE;
      this.#notBefore = now;
    } else {
      this.#notBefore = now + this.#pause;
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    }
  }
}
