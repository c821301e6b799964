/**
 * Statistics of a connection: what it has sent and received, and what each of its
 * streams waits for.
 *
 * @module
 */

import { countersOf, headerBytesOf } from "../session.ts";
import type { SessionStreamCounters } from "../session/counters.ts";
import type { ConnectionCore } from "./connection_core.ts";
import type { StreamCore } from "./stream/stream_core.ts";

/**
 * What a stream waits for:
 *
 * - `"reply"`: bytes wait until the application replies
 * - `"stream window"`: bytes wait until the peer enlarges the stream's window
 * - `"connection window"`: bytes wait until the peer enlarges the connection's window
 * - `"transport"`: bytes wait until the transport takes them
 * - `"writer"`: this side's half is open, and the application has written nothing more
 * - `"response"`: the peer has sent no SYN_REPLY yet
 * - `"reader"`: received bytes wait for the application to read them
 * - `"peer"`: the application has read everything, and the peer's half is open
 *
 * @category Connection
 */
export type StreamWait =
  | "reply"
  | "stream window"
  | "connection window"
  | "transport"
  | "writer"
  | "response"
  | "reader"
  | "peer";

/**
 * One direction of a connection.
 *
 * @category Connection
 */
export interface DirectionStats {
  /** Bytes on the transport. */
  readonly bytes: number;
  /** Frames of all known types. */
  readonly frames: number;
  /**
   * The effect of header compression on header blocks: bytes before and after it,
   * and `ratio`, the bytes after it divided by those before. 1 if there was no
   * block.
   */
  readonly headers: {
    readonly plain: number;
    readonly compressed: number;
    readonly ratio: number;
  };
  /**
   * Bytes that may still be sent in this direction before the connection's window
   * is used up; `undefined` before SPDY/3.1 and without flow control, where there is no
   * such window.
   */
  readonly window: number | undefined;
}

/**
 * One open stream.
 *
 * @category Connection
 */
export interface StreamStats {
  /** Stream id. */
  readonly id: number;
  /** Priority, 0 (highest) to 3 (SPDY/2) or 7. */
  readonly pri: number;
  /** Which side opened it. */
  readonly opener: "local" | "remote";
  /** What it waits for: one entry for each direction that waits. */
  readonly waitsFor: readonly StreamWait[];
  /** Bytes that the application wrote and that are not sent yet. */
  readonly unsent: number;
  /** Bytes that were received and not read yet. */
  readonly unread: number;
  /** Bytes that this side may send; `undefined` without flow control. */
  readonly sendWindow: number | undefined;
  /** Bytes that the peer may send; `undefined` without flow control. */
  readonly receiveWindow: number | undefined;
}

/**
 * The state of a connection at one moment.
 *
 * @category Connection
 */
export interface ConnectionStats {
  /**
   * Whether streams can be opened (`"open"`), only open streams continue
   * (`"closing"`), or the connection has ended.
   */
  readonly state: "open" | "closing" | "closed";
  /** What was sent. `bytes` includes bytes in the send buffer. */
  readonly sent: DirectionStats;
  /** What was received. */
  readonly received: DirectionStats;
  /**
   * The last round trip that a PING measured, ms, without the PINGs that adapt
   * windows to the path; `undefined` before the first.
   */
  readonly roundTrip: number | undefined;
  /** Streams that wait until the peer allows one more; see `maxStreams`. */
  readonly waitingStreams: number;
  /** Most open streams of this side that the peer allows. */
  readonly maxStreams: number;
  /** The open streams, by id. */
  readonly streams: readonly StreamStats[];
}

/** Whether a connection is open, ending, or has ended. */
export function stateOfConnection(
  { ending, closed }: ConnectionCore,
): ConnectionStats["state"] {
  if (ending.begun || closed.settled) return "closed";
  return ending.accepting ? "open" : "closing";
}

/** Reads the statistics. Costs a few microseconds, and one more for each open stream. */
export function connectionStats(core: ConnectionCore): ConnectionStats {
  const { session, traffic, io, pending, pinger } = core;
  const counters = countersOf(session);
  const headers = headerBytesOf(session);
  const byId = new Map(counters.streams.map((each) => [each.id, each]));
  const streams: StreamStats[] = [];
  const { hasWindows } = core.receiveFlow;
  for (const stream of core.streams.values()) {
    const windowsOf = hasWindows ? byId.get(stream.id) : undefined;
    streams.push(streamStats(stream, windowsOf, counters.sendWindow));
  }
  const hasWindow = hasWindows && Number.isFinite(counters.sendWindow);
  return {
    state: stateOfConnection(core),
    sent: {
      bytes: io.out.appended + 0,
      frames: traffic.framesSent,
      headers: withRatio(headers.sent),
      window: hasWindow ? counters.sendWindow : undefined,
    },
    received: {
      bytes: traffic.bytesReceived + 0,
      frames: traffic.framesReceived,
      headers: withRatio(headers.received),
      window: hasWindow ? counters.receiveWindow?.available : undefined,
    },
    roundTrip: pinger.roundTrip,
    waitingStreams: pending.queued,
    maxStreams: pending.limit,
    streams,
  };
}

function streamStats(
  core: StreamCore,
  windows: SessionStreamCounters | undefined,
  connectionWindow: number,
): StreamStats {
  const { id, init, receiveBuffer, sendBuffer } = core;
  const sendWindow = windows?.sendWindow;
  const waitsFor: StreamWait[] = [];
  const sending = sendingWait(core, sendWindow, connectionWindow);
  if (sending !== undefined) waitsFor.push(sending);
  const receiving = receivingWait(core);
  if (receiving !== undefined) waitsFor.push(receiving);
  return {
    id,
    pri: init.pri,
    opener: init.own ? "local" : "remote",
    waitsFor,
    unsent: sendBuffer.size,
    unread: receiveBuffer.size,
    sendWindow,
    receiveWindow: windows?.receiveWindow?.available,
  };
}

function sendingWait(
  { sendBuffer, sender }: StreamCore,
  streamWindow: number | undefined,
  connectionWindow: number,
): StreamWait | undefined {
  if (sendBuffer.ended) return undefined;
  if (!sender.replied) return "reply";
  if (sendBuffer.size === 0) return "writer";
  if (streamWindow !== undefined && streamWindow <= 0) return "stream window";
  return connectionWindow <= 0 ? "connection window" : "transport";
}

function receivingWait(core: StreamCore): StreamWait | undefined {
  if (core.receiveBuffer.size > 0) return "reader";
  if (core.remoteEnded) return undefined;
  return core.init.own && !core.response.settled ? "response" : "peer";
}

function withRatio(
  { plain, compressed }: { plain: number; compressed: number },
): DirectionStats["headers"] {
  return { plain, compressed, ratio: plain === 0 ? 1 : compressed / plain };
}
