/**
 * Why a connection ended, as the error that everything pending gets.
 *
 * @module
 */

import { type Initiator, SpdyError } from "../errors.ts";
import type { GoawayFrame } from "../frame/types.ts";
import { REFUSED_STREAM } from "../frame/constants.ts";
import { statusName } from "../frame/names.ts";
import { ConnectionClosedError, StreamResetError } from "./errors.ts";

/** The connection ended for this reason. */
export function closedBy(
  initiator: Initiator,
  message: string,
  cause?: unknown,
): ConnectionClosedError {
  return new ConnectionClosedError(`the connection ended: ${message}`, {
    initiator,
    cause,
  });
}

/** The transport failed: its own error, told in this module's way. */
export function broken(what: string, error: unknown): SpdyError {
  if (error instanceof SpdyError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return closedBy("remote", `${what} (${detail})`, error);
}

/** The session failed; `failure` is its own account of it. */
export function sessionFailed(
  failure: SpdyError | undefined,
): ConnectionClosedError {
  return new ConnectionClosedError(
    `the connection ended: ${failure?.message ?? "the session failed"}`,
    { code: failure?.code, initiator: failure?.initiator, cause: failure },
  );
}

/** The peer's GOAWAY named a fault. */
export function wentAway(statusCode: number): ConnectionClosedError {
  return new ConnectionClosedError(
    `the connection ended: the peer went away with status ${statusCode}`,
    { initiator: "remote", statusCode },
  );
}

/** A stream was asked for when none could be opened any more. */
export function notOpened(
  received: GoawayFrame | undefined,
  goawaySent: boolean,
): ConnectionClosedError {
  let why = "it is closed";
  if (received !== undefined) why = "the peer went away";
  else if (goawaySent) why = "this side went away";
  return new ConnectionClosedError(
    `the connection takes no more streams: ${why}`,
    {
      initiator: received === undefined ? "local" : "remote",
      statusCode: received?.statusCode,
      unprocessed: true,
    },
  );
}

/** The peer's GOAWAY says that it did not take the stream (SPDY/3 draft 2.6.6). */
export function notTaken(streamId: number): StreamResetError {
  return new StreamResetError(
    `stream ${streamId}: the peer went away before it took the stream`,
    { streamId, statusCode: REFUSED_STREAM, initiator: "remote" },
  );
}

/** An own stream ended while its SYN_STREAM was on its way, as one pushed for a stream that the peer cancels (SPDY/3 draft 3.3.2). */
export function closedUnsent(
  streamId: number,
  statusCode: number,
): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} ended with ${
      statusName(statusCode)
    } before its SYN_STREAM had left: the peer ended the stream it belongs to`,
    { streamId, statusCode, initiator: "remote" },
  );
}
