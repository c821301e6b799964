/**
 * Time that passes when a test says so.
 *
 * ```ts ignore
 * using time = virtualTime();
 * const { client } = memoryPair({ client: { keepAlive: { interval: 30_000 } } });
 * await time.advance(30_000); // the PING leaves now
 * ```
 *
 * Everything in `connection/` and `kubernetes/` sees it. Transports must be in
 * memory: what waits for a socket waits for real time.
 *
 * @module
 */

import {
  type Clock,
  SYSTEM_CLOCK,
  type Timer,
  useClock,
} from "../../connection/time/clock.ts";

/** When the virtual clocks start, ms since 1970. */
const EPOCH = Date.UTC(2024, 0, 1);

/** Turns between two timers while a test waits for sockets. */
const SOCKET_TURNS = 10;
/** Turns without a change after which nothing moves any more. */
const QUIET_TURNS = 50;

interface VirtualTimer {
  readonly id: number;
  readonly at: number;
  readonly callback: () => void;
  /** Keeps the process alive. */
  referenced: boolean;
}

/** Timers that fire in the order of their times, and a clock that only they and the test move. */
export class VirtualClock implements Clock {
  #now = 0;
  #lastId = 0;
  /** In the order of their times; those of one time in the order they were started. */
  readonly #timers: VirtualTimer[] = [];

  now(): number {
    return this.#now;
  }

  date(): number {
    return EPOCH + this.#now;
  }

  startTimer(callback: () => void, delay: number): Timer {
    const timer = {
      id: ++this.#lastId,
      at: this.#now + Math.max(0, delay),
      callback,
      referenced: true,
    };
    let index = this.#timers.length;
    while (index > 0 && this.#timers[index - 1].at > timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return timer.id as unknown as Timer;
  }

  stopTimer(timer: Timer | undefined): void {
    if (timer === undefined) return;
    const id = timer as unknown as number;
    const index = this.#timers.findIndex((other) => other.id === id);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  atEndOfTurn(callback: () => void): void {
    SYSTEM_CLOCK.atEndOfTurn(callback);
  }

  unrefTimer(timer: Timer): void {
    const id = timer as unknown as number;
    for (const each of this.#timers) {
      if (each.id === id) each.referenced = false;
    }
  }

  /** How many timers are under way that something waits for. */
  get timers(): number {
    return this.#timers.filter(({ referenced }) => referenced).length;
  }

  /** When the next timer fires, ms; `undefined` when there is none. */
  get next(): number | undefined {
    return this.#timers[0]?.at;
  }

  /** Sets the clock on, to no earlier than it shows; fires nothing. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** Fires the first timer if its time has come; whether there was one. */
  fire(): boolean {
    const first = this.#timers[0];
    if (first === undefined || first.at > this.#now) return false;
    this.#timers.shift();
    first.callback();
    return true;
  }
}

/** A clock in the hands of a test; disposing of it brings the machine's back. */
export class VirtualTime extends VirtualClock implements Disposable {
  readonly #restore: Disposable = useClock(this);

  /**
   * Lets so many ms pass: each timer fires at its time, and all that follows
   * from it runs before the next one.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.now() + milliseconds;
    await turn();
    while (this.next !== undefined && this.next <= end) {
      this.moveTo(this.next);
      this.fire();
      await turn();
    }
    this.moveTo(end);
  }

  /**
   * Lets time pass until the promise is settled: timer by timer, and between two
   * of them sockets have their turn. For an end that only a timer can bring.
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = () => settled = true;
    promise.then(settle, settle);
    for (;;) {
      for (let count = 0; count < SOCKET_TURNS && !settled; count++) {
        await turn();
      }
      if (settled) return await promise;
      if (this.next !== undefined) {
        this.moveTo(this.next);
        this.fire();
      }
    }
  }

  [Symbol.dispose](): void {
    this.#restore[Symbol.dispose]();
  }
}

/** From now on time passes only by {@linkcode VirtualTime.advance}. */
export function virtualTime(): VirtualTime {
  return new VirtualTime();
}

/**
 * Waits until turn after turn leaves a figure as it is: in memory, nothing moves
 * then until a timer fires. Does not see what comes by a socket.
 */
export async function quiet(figure: () => unknown): Promise<void> {
  let last = figure();
  for (let still = 0; still < QUIET_TURNS; still++) {
    await turn();
    const now = figure();
    if (now !== last) still = -1;
    last = now;
  }
}

/** Lets everything run that can run without time or I/O. */
export async function turn(): Promise<void> {
  // A turn of the event loop begins when promises and ends of turns are through.
  await new Promise((resolve) => setTimeout(resolve, 0));
}
