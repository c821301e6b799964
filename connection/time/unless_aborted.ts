/**
 * Waits for work, but only until a signal aborts; the work itself continues.
 *
 * @module
 */

import { Deferred, handled } from "../deferred.ts";

/**
 * Settles like `work`, or rejects with the signal's reason if that aborts first or has
 * aborted already. The work is not stopped. Its later failure counts as handled.
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await work;
  if (signal.aborted) {
    // The work has begun, and may have caused the abort. Nobody else awaits it, so its
    // failure would end the process.
    handled(work);
    throw signal.reason;
  }
  const aborted = new Deferred<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
