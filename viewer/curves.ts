/**
 * Windows over time, and how busy a connection was.
 *
 * @module
 */

import { WindowTracker } from "../capture/mod.ts";
import {
  DATA,
  DATA_FLAG_FIN,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import type { Steps } from "./chart.ts";
import type { Connection } from "./model.ts";

/** The window of a session or a stream over time. */
export interface WindowCurve extends Steps {
  /** Stream id; 0 for the session. */
  readonly streamId: number;
  /** Periods during which it was used up. */
  readonly stalls: readonly (readonly [begin: number, end: number])[];
  /** Whether its sender respects it: spdystream exceeds windows, and SPDY/2 has none. */
  readonly isObeyed: boolean;
}

interface CurveUnderWay {
  readonly streamId: number;
  readonly times: number[];
  readonly values: number[];
  readonly stalls: [number, number][];
  since: number | undefined;
  end: number | undefined;
  isObeyed: boolean;
}

/**
 * The windows of one sender: of the session (`0`) and of streams. `undefined` if
 * the capture lacks the beginning of the connection, because the windows are then
 * unknown.
 */
export function windowCurves(
  connection: Connection,
  fromClient: boolean,
  streamIds: readonly number[],
): WindowCurve[] | undefined {
  if (!connection.isComplete) return undefined;
  const tracker = new WindowTracker();
  const curves = streamIds.map((streamId): CurveUnderWay => ({
    streamId,
    times: [],
    values: [],
    stalls: [],
    since: undefined,
    end: undefined,
    isObeyed: true,
  }));
  for (const { record } of connection.rows) {
    if (record.kind !== "frame" || record.frame === undefined) continue;
    const { frame, time } = record;
    tracker.add(record);
    const isOwn = record.fromClient === fromClient;
    const changes = frame.frameType === DATA
      ? isOwn
      : (frame.frameType === WINDOW_UPDATE || frame.frameType === SETTINGS) &&
        !isOwn;
    for (const curve of curves) {
      if (curve.end !== undefined) continue;
      const { streamId } = curve;
      const isMeant = record.streamId === streamId;
      if (
        isMeant && (frame.frameType === RST_STREAM ||
          frame.frameType === DATA && isOwn && frame.flags & DATA_FLAG_FIN)
      ) {
        endCurve(curve, time);
      } else if (
        streamId === 0 ? changes || curve.times.length === 0 : isMeant ||
          changes && frame.frameType === SETTINGS && curve.times.length > 0
      ) {
        addValue(curve, tracker.window(fromClient, streamId), time);
      }
    }
  }
  return curves.map((curve) => {
    if (curve.end === undefined) endCurve(curve, connection.end);
    const { streamId, times, values, stalls, isObeyed } = curve;
    return { streamId, times, values, stalls, isObeyed, end: curve.end! };
  });
}

function addValue(
  curve: CurveUnderWay,
  size: number | undefined,
  time: number,
): void {
  if (size === undefined) {
    curve.isObeyed = false;
    return;
  }
  if (size !== curve.values.at(-1)) {
    curve.times.push(time);
    curve.values.push(size);
  }
  if (size <= 0) curve.since ??= time;
  else endStall(curve, time);
}

function endCurve(curve: CurveUnderWay, time: number): void {
  endStall(curve, time);
  curve.end = time;
}

function endStall(curve: CurveUnderWay, time: number): void {
  if (curve.since !== undefined && time > curve.since) {
    curve.stalls.push([curve.since, time]);
  }
  curve.since = undefined;
}

/** Bytes that each side sent in each of `count` equal parts of a connection's time. */
export function activity(
  { rows, begin, end }: Connection,
  count: number,
): { readonly client: number[]; readonly server: number[] } {
  const client = new Array<number>(count).fill(0);
  const server = new Array<number>(count).fill(0);
  const unit = count / Math.max(end - begin, 1e-9);
  for (const { record } of rows) {
    if (record.kind === "note") continue;
    const part = Math.min(
      count - 1,
      Math.max(0, Math.floor((record.time - begin) * unit)),
    );
    (record.fromClient ? client : server)[part] += record.length +
      (record.kind === "frame" ? 8 : 0);
  }
  return { client, server };
}
