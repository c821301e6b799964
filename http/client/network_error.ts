/**
 * What users of `fetch` get when a request fails: a `TypeError`, as the Fetch
 * standard says of every network error.
 *
 * @module
 */

/**
 * The error with which `fetch` and reading a response fail: a `TypeError`, whose
 * `cause` is the error that says more. The reason of the signal that ended the request
 * stays as it is, and so does a `TypeError`.
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
    // A stream that is reset for no reason has an error of its own.
    if (error === reason || reason === null) return reason;
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new TypeError(`${what}: ${detail}`, { cause: error });
}
