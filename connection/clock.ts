/**
 * The clock of this package, which tests can replace.
 *
 * @module
 */

// Web APIs have nothing that runs after the microtasks and before the next poll for
// I/O: setTimeout takes 2 ms, and a message channel needs a poll. With
// queueMicrotask each small message would be sent in a separate write, because a
// write that the socket accepts at once resolves within the microtasks.
import process from "node:process";

// Bound when the module is loaded. Deno creates these functions on first use, and runs
// pending microtasks while it does so. On a first use inside a callback of the
// session, those microtasks would call the session again.
const { setTimeout, clearTimeout, performance } = globalThis;

/** A running timer. */
export type Timer = ReturnType<typeof globalThis.setTimeout>;

/** A source of time and timers. */
export interface Clock {
  /** Time since an arbitrary moment, ms; it never decreases. */
  now(): number;
  /** Time since 1970, ms. */
  date(): number;
  /** Calls `callback` once, after `delay` ms. */
  startTimer(callback: () => void, delay: number): Timer;
  /** Lets the timer not keep the process alive; missing if the clock cannot do that. */
  unrefTimer?(timer: Timer): void;
  /** Stops the timer; does nothing for `undefined`. */
  stopTimer(timer: Timer | undefined): void;
  /** Calls `callback` at the end of this turn, before the next I/O. */
  atEndOfTurn(callback: () => void): void;
}

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  startTimer: (callback, delay) => setTimeout(callback, delay),
  unrefTimer: (timer) => {
    if (typeof timer === "number") globalThis.Deno?.unrefTimer(timer);
    else (timer as { unref?(): void }).unref?.();
  },
  stopTimer: (timer) => clearTimeout(timer),
  atEndOfTurn: (callback) => process.nextTick(callback),
};

let clock = SYSTEM_CLOCK;

/**
 * For tests: all time comes from `replacement` until the result is disposed of.
 */
export function useClock(replacement: Clock): Disposable {
  const before = clock;
  clock = replacement;
  return {
    [Symbol.dispose]: () => {
      clock = before;
    },
  };
}

/** See {@linkcode Clock.now}. */
export function now(): number {
  return clock.now();
}

/** See {@linkcode Clock.date}. */
export function date(): number {
  return clock.date();
}

/** See {@linkcode Clock.startTimer}. */
export function startTimer(callback: () => void, delay: number): Timer {
  return clock.startTimer(callback, delay);
}

/** Calls `callback` once, after `delay` ms, unless the process exits before. */
export function startIdleTimer(callback: () => void, delay: number): Timer {
  const timer = clock.startTimer(callback, delay);
  clock.unrefTimer?.(timer);
  return timer;
}

/**
 * Calls `callback` once, after `timeout` ms; for 0 there is no timer, and it is
 * never called.
 */
export function startTimeout(
  callback: () => void,
  timeout: number,
): Timer | undefined {
  return timeout === 0 ? undefined : clock.startTimer(callback, timeout);
}

/** See {@linkcode Clock.stopTimer}. */
export function stopTimer(timer: Timer | undefined): void {
  clock.stopTimer(timer);
}

/** See {@linkcode Clock.atEndOfTurn}. */
export function atEndOfTurn(callback: () => void): void {
  clock.atEndOfTurn(callback);
}

/** Resolves at the end of this turn. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => clock.atEndOfTurn(resolve));
}

/** Resolves after `milliseconds`. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.startTimer(resolve, milliseconds);
  });
}

/** Waits for the promise, but at most `timeout` ms; 0: no limit. */
export async function within(
  timeout: number,
  promise: Promise<unknown>,
): Promise<void> {
  if (timeout === 0) {
    await promise;
    return;
  }
  let timer: Timer | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = startTimer(resolve, timeout);
  });
  await Promise.race([promise, limit]);
  stopTimer(timer);
}
