/**
 * SPDY streams as Kubernetes uses them.
 *
 * @module
 */

import { StreamResetError } from "../../connection/errors.ts";
import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import { CANCEL } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";

/** The first value of a header, `""` if there is none. */
export function header(headers: readonly NameValue[], name: string): string {
  return headers.find(([each]) => each === name)?.[1] ?? "";
}

/**
 * Whether this is how spdystream 0.5.1 ends a stream: when a server has finished,
 * it resets all its streams with CANCEL instead of sending FIN.
 */
export function isCancelledByPeer(error: unknown): boolean {
  return error instanceof StreamResetError && error.initiator === "remote" &&
    error.statusCode === CANCEL;
}

/**
 * A stream that this module reads in the background, so that an output that the
 * application does not read cannot block it.
 */
export function readableInBackground(
  stream: Stream,
): ReadableStream<Uint8Array> {
  streamCoreOf(stream).readInBackground = true;
  return stream.readable;
}
