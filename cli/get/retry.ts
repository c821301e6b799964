/**
 * When `get --retry` sends a request again, and how long it waits before.
 *
 * @module
 */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { abortablePause } from "../../connection/time/abortable_pause.ts";
import { date } from "../../connection/time/clock.ts";
import { UnreachableError } from "../target.ts";

/** Statuses after which `--retry` tries again, as in curl. */
export const RETRIED: ReadonlySet<number> = new Set([
  408,
  429,
  500,
  502,
  503,
  504,
]);

/** First pause between two attempts, ms. */
export const FIRST_PAUSE = 1000;
/** Longest pause between two attempts, ms. */
const LONGEST_PAUSE = 600_000;

/** The pause after the one of `pause` ms. */
export function nextPause(pause: number): number {
  return Math.min(2 * pause, LONGEST_PAUSE);
}

/**
 * The pause after a response, ms: what its `retry-after` asks for, as seconds or as a
 * date (RFC 9110, 10.2.3), or else `otherwise`.
 */
export function pauseAfter(headers: Headers, otherwise: number): number {
  const text = headers.get("retry-after") ?? "";
  const seconds = Number(text);
  const asked = Number.isNaN(seconds)
    ? Date.parse(text) - date()
    : seconds * 1000;
  return asked > 0 ? Math.min(asked, LONGEST_PAUSE) : otherwise;
}

/** Resolves after `ms`; rejects with the reason of `signal` if it aborts before. */
export async function pauseUnlessAborted(
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await abortablePause(ms, signal);
  signal?.throwIfAborted();
}

/**
 * Whether the server certainly did not process the request. After any other error,
 * such as an output that cannot be written, it may have done so, and another attempt
 * could repeat a step that must be done only once.
 */
export function isHarmless(error: unknown): boolean {
  // A request that fails has the reason as its cause.
  const reason = error instanceof TypeError ? error.cause : error;
  return error instanceof UnreachableError ||
    (reason instanceof StreamResetError ||
        reason instanceof ConnectionClosedError) && reason.unprocessed;
}
