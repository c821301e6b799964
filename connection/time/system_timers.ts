/**
 * The timers of the machine. A program with one request does not create `setTimeout`.
 *
 * Deno 2.9 creates `setTimeout` on first use, and takes 6 ms of CPU time for it: an
 * eighth of a program that fetches one page. Such a program only has timers that limit
 * how long closing takes, and stops them at once. So the first timers wait for a common
 * alarm, an `AbortSignal.timeout`, which costs 1 ms. `setTimeout` is created when the
 * alarm fires, or when many timers were started.
 *
 * @module
 */

type StartTimeout = typeof globalThis.setTimeout;
type StopTimeout = typeof globalThis.clearTimeout;

/** A timer that was started before `setTimeout` was created. */
export class EarlyTimer {
  readonly callback: () => void;
  /** When it fires, ms of `performance.now()`. */
  readonly due: number;
  /** Whether it keeps the process alive. */
  referenced = true;
  /** The timer that replaces it once `setTimeout` exists. */
  replacement: ReturnType<StartTimeout> | undefined;

  constructor(callback: () => void, due: number) {
    this.callback = callback;
    this.due = due;
  }
}

/** A running timer. */
export type SystemTimer = ReturnType<StartTimeout> | EarlyTimer;

/** The alarm fires after this time at the latest, ms. */
const LATEST_ALARM = 2000;
/** After this number of timers, the process probably runs for a while. */
const MOST_EARLY = 16;

// Read when the module is loaded, because tests of programs replace the global functions.
const { performance } = globalThis;
const creators = {
  start: Object.getOwnPropertyDescriptor(globalThis, "setTimeout")?.get,
  stop: Object.getOwnPropertyDescriptor(globalThis, "clearTimeout")?.get,
};
let startTimeout: StartTimeout | undefined;
let stopTimeout: StopTimeout | undefined;
// Other runtimes, and Deno before 2.9, have the functions from the beginning.
if (creators.start === undefined || creators.stop === undefined) {
  startTimeout = globalThis.setTimeout;
  stopTimeout = globalThis.clearTimeout;
}

const early = new Set<EarlyTimer>();
let started = 0;
let alarm: AbortSignal | undefined;
/** When the alarm fires, ms of `performance.now()`. */
let alarmDue = 0;

/** Calls `callback` once, after `delay` ms. */
export function startSystemTimer(
  callback: () => void,
  delay: number,
): SystemTimer {
  if (startTimeout !== undefined) return startTimeout(callback, delay);
  const timer = new EarlyTimer(callback, performance.now() + delay);
  early.add(timer);
  if (++started < MOST_EARLY) setAlarm(delay);
  else if (started === MOST_EARLY) queueMicrotask(replaceEarly);
  return timer;
}

/** Stops the timer; does nothing for `undefined`. */
export function stopSystemTimer(timer: SystemTimer | undefined): void {
  if (!(timer instanceof EarlyTimer)) {
    if (timer !== undefined) stopTimeout?.(timer);
    return;
  }
  if (timer.replacement !== undefined) stopTimeout?.(timer.replacement);
  // Without a listener, the alarm does not keep the process alive.
  if (early.delete(timer) && early.size === 0) {
    alarm?.removeEventListener("abort", replaceEarly);
  }
}

/** Lets the timer not keep the process alive. */
export function unrefSystemTimer(timer: SystemTimer): void {
  if (timer instanceof EarlyTimer) {
    timer.referenced = false;
    if (timer.replacement !== undefined) unref(timer.replacement);
    // The alarm would keep the process alive.
    else queueMicrotask(replaceEarly);
  } else unref(timer);
}

function unref(timer: ReturnType<StartTimeout>): void {
  if (typeof timer === "number") globalThis.Deno?.unrefTimer(timer);
  else (timer as { unref?(): void }).unref?.();
}

/** Makes the alarm fire after `delay` ms at the latest. */
function setAlarm(delay: number): void {
  const wait = Math.max(0, Math.min(Math.ceil(delay), LATEST_ALARM));
  const due = performance.now() + wait;
  if (alarm === undefined || alarm.aborted || alarmDue > due) {
    alarm?.removeEventListener("abort", replaceEarly);
    alarm = AbortSignal.timeout(wait);
    alarmDue = due;
  }
  alarm.addEventListener("abort", replaceEarly);
}

/**
 * Creates `setTimeout`, and replaces all timers that were started before. It must not be
 * called within a call of the session: Deno runs pending microtasks meanwhile, and these
 * call the session. Tests call it at their start, because Deno's test runner finds only
 * timers of `setTimeout` that a test has not stopped.
 */
export function replaceEarly(): void {
  if (startTimeout === undefined) {
    const start: StartTimeout = creators.start?.call(globalThis);
    stopTimeout = creators.stop?.call(globalThis);
    startTimeout = start;
  }
  alarm?.removeEventListener("abort", replaceEarly);
  for (const timer of early) {
    const rest = Math.max(0, timer.due - performance.now());
    timer.replacement = startTimeout(timer.callback, rest);
    if (!timer.referenced) unref(timer.replacement);
  }
  early.clear();
}
