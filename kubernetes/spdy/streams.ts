/**
 * A SPDY stream, as Kubernetes uses it.
 *
 * @module
 */

import { StreamResetError } from "../../connection/errors.ts";
import { stateOf, type Stream } from "../../connection/stream.ts";
import { CANCEL } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";

/** The first value of a header, `""` if there is none. */
export function header(headers: readonly NameValue[], name: string): string {
  return headers.find(([each]) => each === name)?.[1] ?? "";
}

/**
 * Whether this is how spdystream 0.5.1 ends a stream: a server that has
 * finished resets every stream it still has with CANCEL instead of sending FIN.
 */
export function isCancelledByPeer(error: unknown): boolean {
  return error instanceof StreamResetError && error.initiator === "remote" &&
    error.statusCode === CANCEL;
}

/** What the peer sends, for this module to read: nobody waits for it in place of what he does not read. */
export function readableInBackground(
  stream: Stream,
): ReadableStream<Uint8Array> {
  stateOf(stream).readInBackground = true;
  return stream.readable;
}
