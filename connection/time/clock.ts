/**
 * The clock of this package, which tests can replace.
 *
 * @module
 */

import {
  startSystemTimer,
  stopSystemTimer,
  type SystemTimer,
  unrefSystemTimer,
} from "./system_timers.ts";

const { performance } = globalThis;

/** A running timer. */
export type Timer = SystemTimer;

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
  /**
   * Calls `callback` at the end of this turn, before the next I/O. During the first turns
   * of a process, it is called when almost everything of the turn has run.
   */
  atEndOfTurn(callback: () => void): void;
}

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  startTimer: startSystemTimer,
  unrefTimer: unrefSystemTimer,
  stopTimer: stopSystemTimer,
  atEndOfTurn: (callback) => atEndOfTurnOfProcess(callback),
};

// The end of a turn.
//
// No web API calls a function after the microtasks and before the next poll for I/O:
// setTimeout takes 2 ms, a message channel a poll, setImmediate a poll and 5 ms when it is
// first used. `process.nextTick` does, but Deno takes 14 ms of CPU time to load
// `node:process`, a sixth of a program with one request. So it is loaded when a program
// has used some turns. Until then, a chain of microtasks is used instead.

/** Turns that end without `node:process`: a connection and its first request take about ten. */
const FIRST_TURNS = 64;
/**
 * Microtasks until one of the first turns counts as ended, about 10 us. After so many, a
 * hundred concurrent requests, or a hundred small writes that are awaited one by one,
 * leave in as many writes as with `process.nextTick`: 2 to 4. After one microtask, each
 * small message would leave in a write of its own, since a write that the socket takes
 * at once resolves within the microtasks; after 16, it is 7 to 9 writes.
 */
const MICROTASKS = 128;

let nextTick: ((callback: () => void) => void) | undefined;
let turns = 0;

function atEndOfTurnOfProcess(callback: () => void): void {
  if (nextTick !== undefined) {
    nextTick(callback);
    return;
  }
  if (++turns === FIRST_TURNS) loadNextTick();
  let left = MICROTASKS;
  const step = (): void => {
    if (--left === 0) callback();
    else queueMicrotask(step);
  };
  queueMicrotask(step);
}

async function loadNextTick(): Promise<void> {
  try {
    const { default: process } = await import("node:process");
    nextTick = process.nextTick;
  } catch {
    // This runtime does not have it, or an import map hides it: turns still use microtasks.
  }
}

let clock: Clock = SYSTEM_CLOCK;

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

/**
 * The same for a wait for a peer. The transport decides whether that keeps the process
 * alive: after `unref` of a server, its clients must not.
 */
export function startIdleTimeout(
  callback: () => void,
  timeout: number,
): Timer | undefined {
  return timeout === 0 ? undefined : startIdleTimer(callback, timeout);
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

/**
 * A wait that ends within this number of microtasks needs no timer. A socket ends its
 * direction in six, and a timer for that would take 2 % of an accept.
 */
const WITHOUT_TIMER = 8;

/** Waits for the promise, but at most `timeout` ms; 0: no limit. */
export async function within(
  timeout: number,
  promise: Promise<unknown>,
): Promise<void> {
  if (timeout === 0) {
    await promise;
    return;
  }
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  for (let turn = 0; turn < WITHOUT_TIMER && !isOver; turn++) await undefined;
  if (isOver) {
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
