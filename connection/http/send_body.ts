/**
 * Bodies on their way out, the same for requests and responses.
 *
 * @module
 */

import { INTERNAL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import type { StreamState } from "../stream_state.ts";
import type { BodySource } from "./read_ahead.ts";

/** Headers to send after a body. */
export type Trailers = () => Promise<NameValue[]>;

/**
 * Sends a body in memory and ends this side's half; resolves when the end is on
 * its way. Throws or rejects when it cannot.
 */
export function sendBytes(
  state: StreamState,
  body: Uint8Array,
  trailers: Trailers | undefined,
): Promise<void> {
  const taken = state.outbox.write(body);
  if (trailers !== undefined) {
    return Promise.resolve(taken).then(() => sendTrailers(state, trailers));
  }
  // Before any wait, so that FIN rides on the last DATA.
  const ended = state.outbox.end();
  state.submitNow();
  return ended;
}

/**
 * Sends a body as it comes, no faster than the peer takes it, and ends this
 * side's half. When the body fails the stream is reset with INTERNAL_ERROR;
 * when the stream fails the body is cancelled. Rejects with that failure.
 */
export async function sendSource(
  state: StreamState,
  source: BodySource,
  trailers: Trailers | undefined,
): Promise<void> {
  const { reader, ahead } = source;
  let { next } = source;
  const cancel = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {});
  };
  // A silent body must not outlive the stream it is for.
  state.closed.promise.then(cancel, cancel);
  try {
    if (ahead !== undefined) await state.outbox.write(ahead);
    for (;;) {
      const { done, value } = await orReset(state, next);
      if (done) break;
      await state.outbox.write(value);
      next = reader.read();
    }
  } catch (error) {
    cancel(error);
    throw error;
  }
  if (trailers === undefined) await state.outbox.end();
  else await sendTrailers(state, trailers);
}

/** Sends trailers and with them the end of this side's half. */
export async function sendTrailers(
  state: StreamState,
  trailers: Trailers,
): Promise<void> {
  await state.sendHeaders(await orReset(state, trailers()), true);
}

/** Resets the stream when what was to be sent on it failed. */
async function orReset<T>(state: StreamState, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    state.reset(INTERNAL_ERROR, error);
    throw error;
  }
}
