/**
 * No test waits forever: a test that has not ended after {@linkcode DEADLINE} ms
 * fails, and the error says what it was waiting for. `tests/deps.ts` loads this
 * module, so it applies to every test.
 *
 * @module
 */

import { replaceEarly } from "../../connection/time/system_timers.ts";

// So that Deno reports the timers that a test leaves.
replaceEarly();

/** Longest time of a test, ms: many times what the longest test takes on a busy machine. */
export const DEADLINE = 300_000;
/** Longest wait for a single thing, ms. */
export const PATIENCE = 60_000;

/** What is being waited for. */
const waits = new Set<string>();
const { setTimeout, clearTimeout } = globalThis;

/**
 * Waits for a promise that settles soon in a correct program; otherwise rejects,
 * with an error that names what was expected.
 */
export async function waitFor<T>(
  what: string,
  promise: Promise<T>,
  patience: number = PATIENCE,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      late.reject(new Error(`waited ${patience / 1000} s in vain for ${what}`)),
    patience,
  );
  waits.add(what);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    waits.delete(what);
    clearTimeout(timer);
  }
}

/**
 * Waits until a condition holds; for conditions that no event and no promise reports.
 * Checks it once in every turn of the event loop. Fails as {@linkcode waitFor} does,
 * and then stops to check.
 */
export async function waitUntil(
  what: string,
  holds: () => boolean,
  patience?: number,
): Promise<void> {
  let isOver = false;
  const looking = async (): Promise<void> => {
    while (!isOver && !holds()) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  try {
    await waitFor(what, looking(), patience);
  } finally {
    isOver = true;
  }
}

type TestFunction = (context: Deno.TestContext) => void | Promise<void>;

/** The function of a test, with a deadline. */
export function bounded(
  fn: TestFunction,
  deadline: number = DEADLINE,
): TestFunction {
  const place = placeOf(new Error());
  const seconds = deadline / 1000;
  return (context) => {
    const result = fn(context);
    if (!(result instanceof Promise)) return;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const named = waits.size === 0
        ? "nothing that it has given a name to (see waitFor)"
        : [...waits].join(", ");
      late.reject(
        new Error(
          `"${context.name}" (${place}) has not ended after ${seconds} s: it waits for ${named}`,
        ),
      );
    }, deadline);
    return Promise.race([result, late.promise])
      .finally(() => clearTimeout(timer));
  };
}

/** The test file in a stack trace, because the runner no longer prints it. */
function placeOf({ stack = "" }: Error): string {
  return /\S*_test\.ts:\d+/.exec(stack)?.[0].replace(/^\(/, "") ??
    "in no test file";
}

/** `Deno.test` in all its forms, with deadlines. */
function boundTests(test: typeof Deno.test): typeof Deno.test {
  return new Proxy(test, {
    apply(target, self, args: unknown[]) {
      const given = args.map((arg) => {
        if (typeof arg === "function") {
          const fn = bounded(arg as TestFunction);
          // A test without a name has the name of its function.
          Object.defineProperty(fn, "name", { value: arg.name });
          return fn;
        }
        if (typeof arg === "object" && arg !== null && "fn" in arg) {
          return { ...arg, fn: bounded(arg.fn as TestFunction) };
        }
        return arg;
      });
      return Reflect.apply(target, self, given);
    },
  });
}

Object.assign(Deno, { test: boundTests(Deno.test) });
