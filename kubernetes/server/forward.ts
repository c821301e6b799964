/**
 * The server's side of port-forward.
 *
 * @module
 */

import type { Connection } from "../../connection.ts";
import { startTimeout, stopTimer, type Timer } from "../../connection/clock.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream.ts";
import { PROTOCOL_ERROR, REFUSED_STREAM } from "../../frame/constants.ts";
import { PORT, REQUEST_ID, STREAM_TYPE } from "../protocol.ts";
import { header } from "../streams.ts";
import type { StreamingCall } from "./call.ts";
import { drain, drainedReadable, Output } from "./ending.ts";

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

interface Pair {
  readonly timer: Timer | undefined;
  data?: Stream;
  error?: Stream;
}

/** Connections whose second stream has not come. */
const MAX_HALF_PAIRS = 1000;
/** Connections under way. */
const MAX_CONNECTIONS = 10_000;

/** Serves the connections of one port-forward; resolves when the session has ended. */
export async function serveForward(
  connection: Connection,
  call: StreamingCall,
  handler: ForwardHandler,
  creationTimeout: number,
): Promise<void> {
  const gone = new AbortController();
  connection.closed.catch(() => {}).then(() => gone.abort());
  const pairs = new Map<string, Pair>();
  let open = 0;
  try {
    for await (const stream of connection) {
      const place = parseStream(stream);
      if (place === undefined) {
        stream.reset(PROTOCOL_ERROR);
        continue;
      }
      const { id, type, port } = place;
      let pair = pairs.get(id);
      if (pair === undefined) {
        if (pairs.size >= MAX_HALF_PAIRS || open >= MAX_CONNECTIONS) {
          stream.reset(REFUSED_STREAM);
          continue;
        }
        const timer = startTimeout(() => expire(pairs, id), creationTimeout);
        pair = { timer };
        pairs.set(id, pair);
      }
      // A second stream of the same kind is not the other half.
      if (pair[type] !== undefined) {
        stream.reset(PROTOCOL_ERROR);
        continue;
      }
      pair[type] = stream;
      await stream.reply([]);
      const { data, error } = pair;
      if (data === undefined || error === undefined) continue;
      stopTimer(pair.timer);
      pairs.delete(id);
      open++;
      carry({ data, error, port, call, signal: gone.signal }, handler)
        .finally(() => open--);
    }
  } catch (error) {
    // A client ends a port-forward by going away; that is no failure.
    if (!(error instanceof ConnectionClosedError)) throw error;
  } finally {
    for (const { timer } of pairs.values()) stopTimer(timer);
    await connection.close();
  }
}

/** The half that came waits no longer. */
function expire(pairs: Map<string, Pair>, id: string): void {
  const pair = pairs.get(id);
  pairs.delete(id);
  pair?.data?.reset(PROTOCOL_ERROR);
  if (pair?.error === undefined) return;
  const message = `request ${id}: timed out waiting for the data stream`;
  void new Output(pair.error).finish(message);
}

interface Carried {
  readonly data: Stream;
  readonly error: Stream;
  readonly port: number;
  readonly call: StreamingCall;
  readonly signal: AbortSignal;
}

async function carry(
  { data, error, port, call, signal }: Carried,
  handler: ForwardHandler,
): Promise<void> {
  drain(error);
  const output = new Output(data);
  const status = new Output(error);
  try {
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
    const message = failure instanceof Error
      ? failure.message
      : String(failure);
    await status.finish(`error forwarding port ${port}: ${message}`);
    data.reset();
  }
}

interface StreamPlace {
  readonly id: string;
  readonly type: "data" | "error";
  readonly port: number;
}

function parseStream(stream: Stream): StreamPlace | undefined {
  const type = header(stream.headers, STREAM_TYPE);
  const text = header(stream.headers, PORT);
  const port = Number(text);
  if (type !== "data" && type !== "error") return undefined;
  if (!/^\d+$/.test(text) || port < 1 || port > 0xffff) return undefined;
  const given = header(stream.headers, REQUEST_ID);
  // Clients before Kubernetes 1.1 send no id, and open the data stream right after the error stream.
  const implied = type === "error" ? stream.id : stream.id - 2;
  return { type, port, id: given === "" ? `stream ${implied}` : given };
}
