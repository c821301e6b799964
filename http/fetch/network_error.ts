/**
 * The error of `fetch` for a failed request: a `TypeError`, as the Fetch standard
 * requires for every network error.
 *
 * @module
 */

/**
 * The error with which `fetch` and reading a response fail: a `TypeError` whose
 * `cause` has the details. The reason of the signal that aborted the request is
 * returned unchanged, and so is a `TypeError`.
 *
 * @param what What failed, such as "fetch failed".
 */
export function networkError(
  what: string,
  error: unknown,
  signal?: AbortSignal,
): unknown {
  if (error instanceof TypeError) return error;
  if (signal?.aborted) {
    const { reason } = signal;
    // A stream that is reset without a reason has an error of its own.
    if (error === reason || reason === null) return reason;
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new TypeError(`${what}: ${detail}`, { cause: error });
}
