/**
 * The server's side of port-forward.
 *
 * @module
 */

import { coreOf, type RawConnection } from "../../connection.ts";
import { startTimer, stopTimer } from "../../connection/clock.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { stateOf, type Stream } from "../../connection/stream.ts";
import {
  CANCEL,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "../../frame/constants.ts";
import { PORT, REQUEST_ID, STREAM_TYPE } from "../protocol.ts";
import { header } from "../streams.ts";
import type { StreamingCall } from "./call.ts";
import { messageOf } from "../errors.ts";
import { LINGER, Output } from "./ending.ts";
import {
  boundUnread,
  discard,
  drainedReadable,
  refuseHeaders,
} from "./taking.ts";
import { HalfPairs, type StreamPair, type StreamPlace } from "./half_pairs.ts";

/** A connection to a port: what a handler of port-forward gets. */
export interface ServedConnection {
  /** What was asked for. */
  readonly call: StreamingCall;
  /** The port in the pod, 1..65535. */
  readonly port: number;
  /** What the client sends to the port. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Goes to the client. */
  readonly writable: WritableStream<Uint8Array>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/**
 * Carries one connection to a port. It resolves when the connection is over;
 * the message of what it throws is told to the client.
 */
export type ForwardHandler = (connection: ServedConnection) => Promise<void>;

/**
 * Connections of one session under way. The memory that one session can hold
 * grows with it: see `docs/security.md`.
 */
export const MAX_CONNECTIONS = 500;

/** Longest request id, characters; clients count from 0. */
const MAX_REQUEST_ID = 256;

/** Serves the connections of one port-forward; resolves when the session has ended. */
export async function serveForward(
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
      // Reset by the client before its turn came.
      if (stateOf(stream).ended) continue;
      const place = parseStream(stream);
      if (place === undefined) {
        stream.reset(PROTOCOL_ERROR);
        continue;
      }
      // The streams themselves are counted by the session; a handler may go on
      // when its streams have ended.
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
    // A client ends a port-forward by going away; that is no failure.
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
  const output = new Output(data);
  const status = new Output(error);
  try {
    // Before anything else: spdystream's clients take a reset without a reply for a fault.
    await replied;
    await handler({
      call,
      port,
      readable: drainedReadable(data),
      writable: output.writable,
      signal,
    });
    // The error stream first: its end without a word tells that the other end is no failure.
    await status.finish();
    await output.finish();
  } catch (failure) {
    await status.finish(
      `error forwarding port ${port}: ${messageOf(failure)}`,
    );
    data.reset();
  }
  // Whatever the handler left unread would count against the other connections.
  discard(data);
  endLater([data, error]);
}

/** A client that never ends its halves holds no place for ever. */
function endLater(streams: readonly Stream[]): void {
  const left = streams.filter((stream) => !stateOf(stream).ended);
  if (left.length === 0) return;
  let open = left.length;
  const timer = startTimer(
    () => left.forEach((stream) => stream.reset(CANCEL)),
    LINGER,
  );
  for (const stream of left) {
    stateOf(stream).onEnd(() => {
      if (--open === 0) stopTimer(timer);
    });
  }
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
  // Clients before Kubernetes 1.1 send no id, and open the data stream right after the error stream.
  const implied = type === "error" ? stream.id : stream.id - 2;
  const id = `stream ${implied}`;
  return { type, port, id, request: `the request of ${id}` };
}
