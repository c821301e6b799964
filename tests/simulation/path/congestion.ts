/**
 * How many bytes a TCP sender may have under way: it doubles in slow start, and
 * shrinks after a loss.
 *
 * @module
 */

import { PACKET } from "./bottleneck.ts";

/** The first window: ten packets (RFC 6928). */
const FIRST = 10 * PACKET;
const LEAST = 2 * PACKET;

/** The algorithms that the kernels of both ends use. */
export type CongestionControl = "reno" | "cubic";

/** The share of the window that remains after a loss with CUBIC (RFC 9438). */
const CUBIC_BETA = 0.7;
const CUBIC_C = 0.4;

/** The congestion window of one sender (RFC 5681, RFC 9438), bytes. */
export class CongestionWindow {
  readonly #kind: CongestionControl;
  /** Whether slow start ends when round trips become longer (HyStart, RFC 9406). */
  readonly #endsEarly: boolean;
  #window = FIRST;
  #threshold = Infinity;
  /** The window before the last loss, in packets, and the time from which it grows again. */
  #largest = 0;
  #epoch = -1;
  /** When it will be as large again, s after that time. */
  #plateau = 0;
  /** The shortest round trip in the current round, and when this round ends, ms. */
  #lowest = Infinity;
  #roundEnds = 0;

  constructor(kind: CongestionControl, endsEarly: boolean) {
    this.#kind = kind;
    this.#endsEarly = endsEarly;
  }

  /** Bytes that may be under way. */
  get window(): number {
    return this.#window;
  }

  get isSlowStart(): boolean {
    return this.#window < this.#threshold;
  }

  /** `size` bytes were acknowledged, while the window was in use. */
  acknowledged(
    size: number,
    now: number,
    roundTrip: number,
    shortest: number,
  ): void {
    if (this.isSlowStart) {
      this.#window += size;
      if (this.#endsEarly) this.#endIfLonger(now, roundTrip, shortest);
      return;
    }
    const reno = PACKET * size / this.#window;
    if (this.#kind === "reno") {
      this.#window += reno;
      return;
    }
    if (this.#epoch < 0) {
      this.#epoch = now;
      const packets = this.#window / PACKET;
      this.#largest = Math.max(this.#largest, packets);
      this.#plateau = Math.cbrt((this.#largest - packets) / CUBIC_C);
    }
    const seconds = (now + roundTrip - this.#epoch) / 1000;
    const wanted = (CUBIC_C * (seconds - this.#plateau) ** 3 + this.#largest) *
      PACKET;
    const cubic = Math.max(0, wanted - this.#window) * size / this.#window;
    this.#window += Math.min(Math.max(cubic, reno), size / 2);
  }

  /** The shortest time of the last round was longer than the shortest time of all rounds. */
  #endIfLonger(now: number, roundTrip: number, shortest: number): void {
    this.#lowest = Math.min(this.#lowest, roundTrip);
    if (now < this.#roundEnds) return;
    const slack = Math.min(16, Math.max(4, shortest / 8));
    const isLonger = this.#lowest > shortest + slack;
    if (isLonger && this.#lowest < Infinity) this.#threshold = this.#window;
    this.#lowest = Infinity;
    this.#roundEnds = now + roundTrip;
  }

  /** A packet was lost. */
  lost(): void {
    this.#largest = this.#window / PACKET;
    this.#epoch = -1;
    const share = this.#kind === "cubic" ? CUBIC_BETA : 0.5;
    this.#window = Math.max(LEAST, this.#window * share);
    this.#threshold = this.#window;
  }

  /** Nothing was acknowledged for a long time, so the window starts again at one packet. */
  timedOut(): void {
    this.lost();
    this.#window = PACKET;
  }

  /** Nothing was sent for a long time, so the window starts again at ten packets. */
  idle(): void {
    this.#threshold = Math.max(this.#threshold, this.#window * 0.75);
    this.#window = Math.min(this.#window, FIRST);
    this.#epoch = -1;
  }
}
