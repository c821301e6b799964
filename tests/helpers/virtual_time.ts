/**
 * Time that passes only when a test lets it pass.
 *
 * ```ts ignore
 * using time = virtualTime();
 * const { client } = memoryPair({ client: { keepAlive: { interval: 30_000 } } });
 * await time.advance(30_000); // the PING leaves now
 * ```
 *
 * All code in `connection/` and `kubernetes/` uses this time. Transports must be
 * in memory, because a wait for a socket takes real time.
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
/** After this many turns without a change, nothing moves any more. */
const QUIET_TURNS = 50;

interface VirtualTimer {
  readonly id: number;
  readonly at: number;
  readonly callback: () => void;
  /** Keeps the process alive. */
  referenced: boolean;
}

/** Timers that fire in the order of their times, and a clock that only they and the test change. */
export class VirtualClock implements Clock {
  #now = 0;
  #lastId = 0;
  /**
   * In the order of their times; timers of the same time in the order in which
   * they were started.
   */
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

  /** Number of running timers, without those that do not keep the process alive. */
  get timers(): number {
    return this.#timers.filter(({ referenced }) => referenced).length;
  }

  /** When the next timer fires, ms; `undefined` if there is none. */
  get next(): number | undefined {
    return this.#timers[0]?.at;
  }

  /** Sets the clock forward, if `time` is later; fires nothing. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** Fires the first timer if its time has come; returns whether it did. */
  fire(): boolean {
    const first = this.#timers[0];
    if (first === undefined || first.at > this.#now) return false;
    this.#timers.shift();
    first.callback();
    return true;
  }
}

/** A clock that a test controls. Disposing of it restores the machine's clock. */
export class VirtualTime extends VirtualClock implements Disposable {
  readonly #restore: Disposable = useClock(this);

  /**
   * Lets this many ms pass. Each timer fires at its time, and everything that
   * follows from it runs before the next one.
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
   * Lets time pass until the promise is settled: one timer after another, with
   * turns for the sockets in between. For ends that only a timer can cause.
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = () => settled = true;
    promise.then(settle, settle);
    for (;;) {
      for (let count = 0; count < SOCKET_TURNS && !settled; count++) {
        await turn();
        await threadTurn();
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
 * Lets other threads do their work: hashing, as in the handshake of a WebSocket, is done
 * by them. On a busy machine they may not have run for many turns of this one.
 */
async function threadTurn(): Promise<void> {
  await crypto.subtle.digest("SHA-1", new Uint8Array(1));
}

/**
 * Waits until some turns do not change a figure: in memory, nothing moves then
 * until a timer fires. It does not wait for what arrives on a socket.
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

/** Lets everything run that needs neither time nor I/O. */
export async function turn(): Promise<void> {
  // A turn of the event loop begins when all promises and ends of turns have
  // been processed.
  await new Promise((resolve) => setTimeout(resolve, 0));
}
