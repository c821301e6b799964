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

/** The time since a PING, and the bytes that have arrived since then. */
export class Measurement {
  readonly #begin: number;
  #size = 0;

  constructor(begin: number) {
    this.#begin = begin;
  }

  /** Bytes since the PING. */
  get size(): number {
    return this.#size;
  }

  /** Time since the PING, ms. */
  time(now: number): number {
    return Math.max(now - this.#begin, 0.001);
  }

  /** `size` bytes arrived. */
  received(size: number): void {
    this.#size += size;
  }
}

/** Decides when a PING is sent, and counts the bytes that arrive until its reply. */
export class MeasurementSchedule {
  #current: Measurement | undefined;
  #pause = FIRST_PAUSE;
  #notBefore = -Infinity;
  /** Time of the last measurement of the quiet path, and the bytes since then. */
  #quietAt = -Infinity;
  #sinceQuiet = LONG_COUNT;
  #quietSamples = 0;

  /** The measurement whose PING has no reply yet. */
  get current(): Measurement | undefined {
    return this.#current;
  }

  /** The path may be quiet; true if a PING should be sent now. */
  mayBeQuiet(now: number, isKnown: boolean): boolean {
    if (this.#current !== undefined) return false;
    const age = now - this.#quietAt;
    const isRecent = this.#quietSamples < QUIET_FIRST
      ? age < QUIET_FIRST_AFTER
      : this.#sinceQuiet < QUIET_BYTES || age < QUIET_AFTER;
    if (isKnown && isRecent) return false;
    this.#current = new Measurement(now);
    return true;
  }

  /** `size` bytes arrived; true if a PING should be sent now. */
  received(size: number, now: number): boolean {
    this.#sinceQuiet += size;
    if (this.#current !== undefined) {
      this.#current.received(size);
      return false;
    }
    if (now < this.#notBefore) return false;
    this.#current = new Measurement(now);
    return true;
  }

  /** The PING could not be sent or was not answered. */
  abandon(now: number): void {
    this.#current = undefined;
    this.#notBefore = now + AFTER_FAILURE;
  }

  /** The reply arrived. */
  end(): void {
    this.#current = undefined;
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
