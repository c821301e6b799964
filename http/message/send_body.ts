/**
 * Sends bodies of requests and responses.
 *
 * @module
 */

import type { LazyPromise } from "../../connection/deferred.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import { INTERNAL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { wrongLength } from "./content_length.ts";
import { sendable } from "./fields.ts";
import { HttpMessageError } from "./message_error.ts";
import type { StartedBody } from "./read_ahead.ts";

/** Headers to send after a body. */
export type TrailersCallback = () => Promise<NameValue[]>;

/** How to send a body that is a stream. */
export interface SourceOptions {
  /** Headers to send after the body. */
  readonly trailers: TrailersCallback | undefined;
  /** Its `content-length`, bytes; `undefined` without one. */
  readonly announced: number | undefined;
  /** See {@linkcode Failed}. */
  readonly failed?: Failed;
}

/**
 * Called with the error of a body or of trailers that fail while the SPDY stream is
 * open. A later error is most likely a consequence of the stream's end.
 */
export type Failed = (error: unknown) => void;

/**
 * Resets the stream and throws if a body in memory has another length than
 * announced, so that the peer does not accept it as complete.
 */
export function checkLength(
  state: StreamCore,
  length: number,
  announced: number | undefined,
): void {
  if (announced === undefined || length === announced) return;
  const arrived = length < announced ? `only ${length}` : String(length);
  const error = wrongLength(announced, arrived, "local");
  state.reset(INTERNAL_ERROR, error);
  throw error;
}

/**
 * Sends a body in memory and ends this side's half of the stream; resolves when the
 * end was submitted. Throws or rejects if the body cannot be sent.
 */
export function sendBytes(
  state: StreamCore,
  body: Uint8Array,
  trailers: TrailersCallback | undefined,
  failed?: Failed,
): Promise<void> | LazyPromise<void> {
  const taken = state.sendBuffer.write(body);
  if (trailers !== undefined) {
    return Promise.resolve(taken).then(() =>
      sendTrailers(state, trailers, failed)
    );
  }
  // Called before any await, so that the last DATA frame carries FIN.
  const ended = state.sendBuffer.endLazily();
  state.sender.submitNow();
  return ended;
}

/**
 * Sends a body that is a stream, with back-pressure, and ends this side's half of
 * the stream. If the body fails or has another length than announced, the stream is
 * reset with INTERNAL_ERROR. If the stream fails, the body is cancelled. Rejects
 * with that failure.
 */
export async function sendSource(
  state: StreamCore,
  source: StartedBody,
  { trailers, announced, failed }: SourceOptions,
): Promise<void> {
  const { reader, ahead } = source;
  let { next } = source;
  let size = 0;
  const write = (chunk: Uint8Array): Promise<void> | undefined => {
    // A web stream can produce any value, such as text that was not encoded.
    if (!(chunk instanceof Uint8Array)) throw notBytes(state, chunk);
    size += chunk.length;
    // Rule: no more bytes are sent than announced, because the peer would accept
    // these as the complete body.
    if (announced !== undefined && size > announced) {
      checkLength(state, size, announced);
    }
    return state.sendBuffer.write(chunk);
  };
  const cancel = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {});
  };
  // Cancels a body that produces nothing when its stream ends. It must not count as
  // a waiting application: see `StreamCore.wait`.
  state.closed.observed.then(cancel, cancel);
  try {
    if (ahead !== undefined) await write(ahead);
    for (;;) {
      const { done, value } = await orReset(state, next, failed);
      if (done) break;
      await write(value);
      next = reader.read();
    }
    checkLength(state, size, announced);
  } catch (error) {
    cancel(error);
    throw error;
  }
  if (trailers === undefined) await state.sendBuffer.end();
  else await sendTrailers(state, trailers, failed);
}

/** Resets the stream. Returns the error for a chunk that is not bytes. */
function notBytes(state: StreamCore, chunk: unknown): HttpMessageError {
  const error = new HttpMessageError(
    `the body's stream gave ${
      typeof chunk === "string" ? "a string" : `a value (${typeof chunk})`
    } where bytes (Uint8Array) are needed: pipe text through a TextEncoderStream`,
    { initiator: "local" },
  );
  state.reset(INTERNAL_ERROR, error);
  return error;
}

/** Sends trailers, which end this side's half of the stream. */
export async function sendTrailers(
  state: StreamCore,
  trailers: TrailersCallback,
  failed?: Failed,
): Promise<void> {
  const nv = await orReset(state, trailers(), failed);
  await state.sender.sendHeaders(sendable(nv, state.version), true);
}

/** Resets the stream if the promise rejects. */
async function orReset<T>(
  state: StreamCore,
  promise: Promise<T>,
  failed: Failed | undefined,
): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!state.ended) failed?.(error);
    state.reset(INTERNAL_ERROR, error);
    throw error;
  }
}
