/**
 * Bodies on their way out, the same for requests and responses.
 *
 * @module
 */

import { INTERNAL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import type { StreamCore } from "../../connection/stream_core.ts";
import { wrongLength } from "./content_length.ts";
import { sendable } from "./fields.ts";
import { HttpMessageError } from "./message_error.ts";
import type { BodySource } from "./read_ahead.ts";

/** Headers to send after a body. */
export type Trailers = () => Promise<NameValue[]>;

/** The options of a body that is a stream. */
export interface SourceOptions {
  /** Headers to send after it. */
  readonly trailers: Trailers | undefined;
  /** Its `content-length`, bytes; `undefined` without one. */
  readonly announced: number | undefined;
}

/**
 * Resets the stream, and throws, when a whole body has another length than
 * announced: the peer must not take it for what it was promised.
 */
export function checkLength(
  state: StreamCore,
  length: number,
  announced: number | undefined,
): void {
  if (announced === undefined || length === announced) return;
  const came = length < announced ? `only ${length}` : String(length);
  const error = wrongLength(announced, came, "local");
  state.reset(INTERNAL_ERROR, error);
  throw error;
}

/**
 * Sends a body in memory and ends this side's half; resolves when the end is on
 * its way. Throws or rejects when it cannot.
 */
export function sendBytes(
  state: StreamCore,
  body: Uint8Array,
  trailers: Trailers | undefined,
): Promise<void> {
  const taken = state.sendBuffer.write(body);
  if (trailers !== undefined) {
    return Promise.resolve(taken).then(() => sendTrailers(state, trailers));
  }
  // Before any wait, so that FIN rides on the last DATA.
  const ended = state.sendBuffer.end();
  state.sender.submitNow();
  return ended;
}

/**
 * Sends a body as it comes, no faster than the peer takes it, and ends this
 * side's half. When the body fails, or has another length than announced, the
 * stream is reset with INTERNAL_ERROR; when the stream fails the body is
 * cancelled. Rejects with that failure.
 */
export async function sendSource(
  state: StreamCore,
  source: BodySource,
  { trailers, announced }: SourceOptions,
): Promise<void> {
  const { reader, ahead } = source;
  let { next } = source;
  let size = 0;
  const write = (chunk: Uint8Array): Promise<void> | undefined => {
    // A stream of anything can be a body: of text, when it was not encoded.
    if (!(chunk instanceof Uint8Array)) throw notBytes(state, chunk);
    size += chunk.length;
    // Rule: no more than announced is sent, lest the peer take that for all.
    if (announced !== undefined && size > announced) {
      checkLength(state, size, announced);
    }
    return state.sendBuffer.write(chunk);
  };
  const cancel = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {});
  };
  // A silent body must not outlive the stream it is for. Not as an application
  // that waits: see `StreamCore.wait`.
  state.closed.observed.then(cancel, cancel);
  try {
    if (ahead !== undefined) await write(ahead);
    for (;;) {
      const { done, value } = await orReset(state, next);
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
  else await sendTrailers(state, trailers);
}

/** Resets the stream; the error for a chunk of a body that is not bytes. */
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

/** Sends trailers and with them the end of this side's half. */
export async function sendTrailers(
  state: StreamCore,
  trailers: Trailers,
): Promise<void> {
  const nv = await orReset(state, trailers());
  await state.sender.sendHeaders(sendable(nv, state.version), true);
}

/** Resets the stream when what was to be sent on it failed. */
async function orReset<T>(state: StreamCore, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    state.reset(INTERNAL_ERROR, error);
    throw error;
  }
}
