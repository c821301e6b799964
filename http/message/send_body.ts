/**
 * Sends bodies of requests and responses.
 *
 * @module
 */

import type { LazyPromise } from "../../connection/deferred.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import { INTERNAL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { bytesOf } from "./body_bytes.ts";
import { wrongLength } from "./content_length.ts";
import { sendable } from "./fields.ts";
import { HttpMessageError } from "./message_error.ts";
import type { StartedBody } from "./read_ahead.ts";

/** Headers to send after a body. */
export type TrailersCallback = () => Promise<NameValue[]>;

/** How to send a body that is a stream. */
export interface SourceOptions {
  /** Called once, when the body has ended by itself: headers to send after it. */
  trailers(): TrailersCallback | undefined;
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
  core: StreamCore,
  length: number,
  announced: number | undefined,
): void {
  if (announced === undefined || length === announced) return;
  const error = otherLength(length, announced);
  core.reset(INTERNAL_ERROR, error);
  throw error;
}

function otherLength(length: number, announced: number): HttpMessageError {
  const arrived = length < announced ? `only ${length}` : String(length);
  return wrongLength(announced, arrived, "local");
}

/**
 * Sends a body in memory and ends this side's half of the stream; resolves when the
 * end was submitted. Throws or rejects if the body cannot be sent.
 */
export function sendBytes(
  core: StreamCore,
  body: Uint8Array,
  trailers: TrailersCallback | undefined,
  failed?: Failed,
): Promise<void> | LazyPromise<void> {
  const taken = core.sendBuffer.write(body);
  if (trailers !== undefined) {
    return Promise.resolve(taken).then(() =>
      sendTrailers(core, trailers, failed)
    );
  }
  // Called before any await, so that the last DATA frame carries FIN.
  const ended = core.sendBuffer.endLazily();
  core.sender.submitNow();
  return ended;
}

/**
 * Sends a body that is a stream, with back-pressure, and ends this side's half of
 * the stream. If the body fails or has another length than announced, the stream is
 * reset with INTERNAL_ERROR. If the stream fails, the body is cancelled. Rejects
 * with that failure.
 */
export async function sendSource(
  core: StreamCore,
  source: StartedBody,
  options: SourceOptions,
): Promise<void> {
  const { announced, failed } = options;
  const { reader, ahead } = source;
  let { next } = source;
  let size = 0;
  const write = (chunk: unknown): Promise<void> | undefined => {
    const bytes = bytesOf(chunk);
    // A web stream can produce any value, such as text that was not encoded.
    if (bytes === undefined) throw notBytes(chunk);
    size += bytes.length;
    // Rule: no more bytes are sent than announced, because the peer would accept
    // these as the complete body.
    if (announced !== undefined && size > announced) {
      throw otherLength(size, announced);
    }
    return core.sendBuffer.write(bytes);
  };
  const cancel = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {});
  };
  // Cancels a body that produces nothing when its stream ends. It must not count as
  // a waiting application: see `StreamCore.wait`.
  const ended = (): void => cancel(core.failure);
  core.closed.observed.then(ended, ended);
  try {
    if (ahead !== undefined) await write(ahead);
    for (;;) {
      const { done, value } = await orTell(core, next, failed);
      if (done) break;
      await write(value);
      next = reader.read();
    }
    // When the stream ends, the body is cancelled, which ends it too early. That is not
    // the body's fault, and the end below throws the reason.
    if (announced !== undefined && size !== announced && !core.ended) {
      throw otherLength(size, announced);
    }
  } catch (error) {
    cancel(error);
    await resetLater(core, error);
    throw error;
  }
  // A cancelled body ends as well. It has no trailers, because nobody can get them.
  const trailers = core.failure === undefined ? options.trailers() : undefined;
  if (trailers === undefined) await core.sendBuffer.end();
  else await sendTrailers(core, trailers, failed);
}

/** The error for a chunk that is not bytes. */
function notBytes(chunk: unknown): HttpMessageError {
  return new HttpMessageError(
    `the body's stream gave ${
      typeof chunk === "string" ? "a string" : `a value (${typeof chunk})`
    } where bytes (Uint8Array) are needed: pipe text through a TextEncoderStream`,
    { initiator: "local" },
  );
}

/** Sends trailers, which end this side's half of the stream. */
export async function sendTrailers(
  core: StreamCore,
  trailers: TrailersCallback,
  failed?: Failed,
): Promise<void> {
  let nv: NameValue[];
  try {
    nv = await orTell(core, trailers(), failed);
  } catch (error) {
    await resetLater(core, error);
    throw error;
  }
  await core.sender.sendHeaders(sendable(nv, core.version), true);
}

/**
 * Resets the stream when the head and the bytes so far are in the write buffer. An earlier
 * reset would drop them, and the peer could not see how far the message went. Resolves
 * after the reset, or when the stream has ended.
 */
export async function resetLater(
  core: StreamCore,
  error: unknown,
): Promise<void> {
  await core.whenBuffered();
  core.reset(INTERNAL_ERROR, error);
}

/** Calls `failed` if the promise rejects while the stream is open. */
async function orTell<T>(
  core: StreamCore,
  promise: Promise<T>,
  failed: Failed | undefined,
): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!core.ended) failed?.(error);
    throw error;
  }
}
