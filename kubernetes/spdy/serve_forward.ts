/**
 * The server's side of port-forward over SPDY streams.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import { PROTOCOL_ERROR, REFUSED_STREAM } from "../../frame/constants.ts";
import type { StreamingCall } from "../call/call.ts";
import { Output } from "../call/ending.ts";
import { failureText, type ForwardHandler } from "../call/forward.ts";
import { messageOf } from "../errors.ts";
import { PORT, REQUEST_ID, STREAM_TYPE } from "../protocol.ts";
import { HalfPairs, type StreamPair, type StreamPlace } from "./half_pairs.ts";
import { header } from "./streams.ts";
import {
  boundUnread,
  discard,
  endLater,
  inputOf,
  outputOf,
  refuseHeaders,
} from "./taking.ts";

/**
 * Most connections of one session at the same time. The memory of a session grows
 * with it: see `docs/security.md`.
 */
export const MAX_CONNECTIONS = 500;

/** Longest request id, characters; clients count from 0. */
const MAX_REQUEST_ID = 256;

/** Serves the connections of one port-forward; resolves when the session has ended. */
export async function serveSpdyForward(
  connection: RawConnection,
  call: StreamingCall,
  handler: ForwardHandler,
  creationTimeout: number,
): Promise<void> {
  const gone = new AbortController();
  connection.closed.catch(() => {}).then(() => gone.abort());
  const halves = new HalfPairs(creationTimeout);
  let atWork = 0;
  try {
    for await (const stream of coreOf(connection).incoming) {
      // The client has already reset it.
      if (streamCoreOf(stream).ended) continue;
      const place = parseStream(stream);
      if (place === undefined) {
        stream.reset(PROTOCOL_ERROR);
        continue;
      }
      // The session counts the streams themselves; a handler may continue after
      // its streams have ended.
      if (atWork >= MAX_CONNECTIONS) {
        stream.reset(REFUSED_STREAM);
        continue;
      }
      refuseHeaders(stream);
      const pair = halves.add(stream, place);
      if (pair === undefined) continue;
      atWork++;
      carry({ ...pair, port: place.port, call, signal: gone.signal }, handler)
        .finally(() => atWork--);
    }
  } catch (error) {
    // A client ends a port-forward by closing the connection, which is not a
    // failure.
    if (!(error instanceof ConnectionClosedError)) throw error;
  } finally {
    halves.clear();
    await connection.close();
  }
}

interface Carried extends StreamPair {
  readonly port: number;
  readonly call: StreamingCall;
  readonly signal: AbortSignal;
}

async function carry(
  { data, error, replied, port, call, signal }: Carried,
  handler: ForwardHandler,
): Promise<void> {
  discard(error);
  boundUnread(data);
  const output = new Output(outputOf(data));
  const status = new Output(outputOf(error));
  try {
    // Sent first, because spdystream's clients treat a reset without a reply as an
    // error.
    await replied;
    await handler({
      call,
      port,
      readable: inputOf(data).readable,
      writable: output.writable,
      signal,
    });
    // The error stream ends first: if it is empty, the end of the other stream is
    // not a failure.
    await status.finish();
    await output.finish();
  } catch (failure) {
    await status.finish(failureText(port, messageOf(failure)));
    data.reset();
  }
  // Bytes that the handler did not read would count against the other connections.
  discard(data);
  endLater([data, error]);
}

function parseStream(stream: Stream): StreamPlace | undefined {
  const type = header(stream.headers, STREAM_TYPE);
  const text = header(stream.headers, PORT);
  const port = Number(text);
  if (type !== "data" && type !== "error") return undefined;
  if (!/^\d+$/.test(text) || port < 1 || port > 0xffff) return undefined;
  const given = header(stream.headers, REQUEST_ID);
  if (given.length > MAX_REQUEST_ID) return undefined;
  if (given !== "") {
    return { type, port, id: `id ${given}`, request: `request ${given}` };
  }
  // Clients before Kubernetes 1.1 send no id, and open the data stream directly
  // after the error stream.
  const implied = type === "error" ? stream.id : stream.id - 2;
  const id = `stream ${implied}`;
  return { type, port, id, request: `the request of ${id}` };
}
