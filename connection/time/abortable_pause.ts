/**
 * A pause that an abort ends early.
 *
 * @module
 */

import { startTimer, stopTimer } from "./clock.ts";

/** Resolves after `milliseconds`, or when `signal` aborts. Leaves no listener behind. */
export async function abortablePause(
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = startTimer(resolve, milliseconds);
  try {
    await promise;
  } finally {
    stopTimer(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
