/**
 * Responses on their way out.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import type { StreamState } from "../stream_state.ts";
import { httpDate } from "./date.ts";
import { type BodySource, readAhead } from "./read_ahead.ts";
import { isNullBodyStatus, writeResponseHead } from "./response_head.ts";
import {
  sendBytes,
  sendSource,
  sendTrailers,
  type Trailers,
} from "./send_body.ts";

/** How a response is sent. */
export interface SendResponseOptions {
  /** Method of the request. */
  readonly method: string;
  /**
   * Sends the head; with `fin` nothing comes after it. The body waits for the
   * promise, if there is one.
   */
  readonly sendHead: (
    nv: NameValue[],
    fin: boolean,
  ) => Promise<void> | undefined;
  /** Headers to send after the body. */
  readonly trailers: Trailers | undefined;
}

/** Sends a response in full; resolves when its end is on its way. */
export async function sendResponse(
  state: StreamState,
  response: Response,
  { method, sendHead, trailers }: SendResponseOptions,
): Promise<void> {
  const body = response.body === null
    ? undefined
    : await readAhead(response.body);
  const bare = method === "HEAD" || isNullBodyStatus(response.status);
  if (bare && body !== undefined && !(body instanceof Uint8Array)) {
    // Rule: neither has a body, whatever the handler gave (RFC 9110 6.4.1).
    body.reader.cancel().catch(() => {});
  }
  const nv = writeResponseHead(
    response,
    isNullBodyStatus(response.status) ? undefined : lengthOf(body),
    httpDate(),
  );
  const rest = bare || lengthOf(body) === 0 ? undefined : body;
  const head = sendHead(nv, rest === undefined && trailers === undefined);
  // Not awaited for nothing: head and body would leave in two writes.
  if (head !== undefined) await head;
  if (rest instanceof Uint8Array) await sendBytes(state, rest, trailers);
  else if (rest !== undefined) await sendSource(state, rest, trailers);
  else if (trailers !== undefined) await sendTrailers(state, trailers);
}

/** Bytes of a body whose length is known. */
function lengthOf(
  body: Uint8Array | BodySource | undefined,
): number | undefined {
  if (body === undefined) return 0;
  return body instanceof Uint8Array ? body.length : undefined;
}
