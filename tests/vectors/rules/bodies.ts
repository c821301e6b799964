/**
 * Bodies that spdylay drops silently, and bytes that are consumed.
 *
 * @module
 */

import {
  ERR_CALLBACK_FAILURE,
  ERR_INVALID_ARGUMENT,
  ERR_STREAM_CLOSED,
  GOAWAY_INTERNAL_ERROR,
} from "../../../mod.ts";
import type { Event, Outcome, Step } from "../outcome.ts";
import type { RawFrame } from "../raw_frames.ts";
import { bytesOf, type RecordedCall, type SideName } from "../recording.ts";
import { failedAt, nextSend, replaceStep, type Rule } from "./common.ts";

/** `submit_data` fails for a stream that accepts no DATA. */
export const lostBodiesAreReported: Rule = (outcome) => {
  const streams = new Map<string, { shut: boolean }>();
  return outcome.map((step) => {
    const { call, side } = step;
    const key = (id: unknown): string => `${side} ${id}`;
    const stream = streams.get(key(call.stream_id));
    const lost = call.call === "submit_data" && (!stream || stream.shut);
    if (call.call === "submit_rst_stream" && stream) stream.shut = true;
    for (const event of step.events) {
      const fin = (Number(event.flags) & 1) !== 0;
      const unidirectional = (Number(event.flags) & 2) !== 0;
      const id = key(event.stream_id);
      const isSyn = event.type === "SYN_STREAM";
      if (event.callback === "on_ctrl_send" && isSyn) {
        streams.set(id, { shut: fin });
      } else if (event.callback === "on_ctrl_recv" && isSyn) {
        streams.set(id, { shut: unidirectional });
      } else if (event.callback === "on_stream_close") {
        streams.delete(id);
      } else if (event.callback === "on_invalid_ctrl_recv") {
        const reset = streams.get(id);
        if (reset) reset.shut = true;
      } else if (fin && /^on_(ctrl|data)_send$/.test(event.callback)) {
        const sent = streams.get(id);
        if (sent) sent.shut = true;
      }
    }
    return lost ? { ...step, returns: ERR_STREAM_CLOSED } : step;
  });
};

/**
 * Calling `consume` with more than was delivered is refused, with either option
 * against automatic updates.
 */
export const consumedBytesAreCounted: Rule = (outcome, recording) => {
  const delivered = new Map<string, number>();
  const add = (key: string, size: number): void => {
    delivered.set(key, (delivered.get(key) ?? 0) + size);
  };
  return outcome.map((step) => {
    const { side, call } = step;
    for (const event of step.events) {
      const key = `${side} ${event.stream_id}`;
      if (event.type === "SYN_STREAM") add(key, 0);
      if (event.callback === "on_stream_close") delivered.delete(key);
      if (event.callback !== "on_data_chunk_recv") continue;
      add(`${side} all`, Number(event.length));
      if (delivered.has(key)) add(key, Number(event.length));
    }
    const manual = outcome.some((other) =>
      other.side === side && other.call.call === "set_option" &&
      /^NO_AUTO/.test(other.call.option ?? "")
    );
    if (
      call.call !== "consume" || !manual ||
      step.returns === ERR_INVALID_ARGUMENT
    ) {
      return step;
    }
    if (recording.version === "2") return { ...step, returns: 0 };
    const size = call.size ?? 0;
    const stream = delivered.get(`${side} ${call.stream_id}`) ?? Infinity;
    const all = recording.version === "3.1"
      ? delivered.get(`${side} all`) ?? 0
      : Infinity;
    if (size > Math.min(stream, all)) {
      return { ...step, returns: ERR_INVALID_ARGUMENT };
    }
    add(`${side} all`, -size);
    if (stream !== Infinity) add(`${side} ${call.stream_id}`, -size);
    return { ...step, returns: 0 };
  });
};

/** A second body of a stream waits for the first, and is not dropped. */
export const bodiesWaitForEachOther: Rule = (outcome) => {
  let result = outcome;
  outcome.forEach((step, index) => {
    const { call, side } = step;
    if (call.call !== "submit_data" || !call.data) return;
    const first = outcome.findIndex((other, at) =>
      at < index && other.side === side && other.call.call === "submit_data" &&
      other.call.stream_id === call.stream_id && other.call.data
    );
    const before = outcome[first]?.call.data;
    if (
      !before || sentBytes(outcome, call, side, index) >= bodyLength(before)
    ) {
      return;
    }
    const send = nextSend(result, first, side);
    if (send > index && sentIn(result[send], call.stream_id) > 0) {
      result = inTurn(result, send, [outcome[first].call, call]);
      return;
    }
    let sum = 0;
    const done = outcome.findIndex((other) => {
      if (other.side !== side) return false;
      sum += sentIn(other, call.stream_id);
      return sum >= bodyLength(before);
    });
    if (done < index) return;
    const added = dataFrames(
      call.stream_id ?? 0,
      bytesOf(call.data),
      (call.flags ?? 0) & 1,
    );
    const frames = [...result[done].frames, ...added];
    const events = [...result[done].events, ...added.map(dataEvent)];
    result = replaceStep(result, done, { frames, events });
  });
  return result;
};

/** The bodies of a stream, in sequence, at the place where their DATA began in that send. */
function inTurn(
  outcome: Outcome,
  send: number,
  calls: readonly RecordedCall[],
): Outcome {
  const { frames, events } = outcome[send];
  const streamId = calls[0].stream_id ?? 0;
  const data = calls.flatMap(({ data, flags = 0 }) =>
    data ? dataFrames(streamId, bytesOf(data), flags & 1) : []
  );
  const ofStream = (frame: RawFrame): boolean =>
    frame.type === "DATA" && frame.streamId === streamId;
  const sent = (event: Event): boolean =>
    event.callback === "on_data_send" && event.stream_id === streamId;
  const frameAt = frames.findIndex(ofStream);
  const eventAt = events.findIndex(sent);
  return replaceStep(outcome, send, {
    frames: [
      ...frames.slice(0, frameAt),
      ...data,
      ...frames.slice(frameAt).filter((frame) => !ofStream(frame)),
    ],
    events: [
      ...events.slice(0, eventAt),
      ...data.map(dataEvent),
      ...events.slice(eventAt).filter((event) => !sent(event)),
    ],
  });
}

function dataFrames(
  streamId: number,
  body: Uint8Array,
  fin: number,
): RawFrame[] {
  const frames: RawFrame[] = [];
  for (let at = 0; at < body.length || at === 0; at += 4096) {
    frames.push({
      type: "DATA",
      flags: at + 4096 >= body.length ? fin : 0,
      payload: body.subarray(at, at + 4096).toHex(),
      streamId,
    });
  }
  return frames;
}

function dataEvent(frame: RawFrame): Event {
  return {
    callback: "on_data_send",
    flags: frame.flags,
    stream_id: frame.streamId,
    length: frame.payload.length / 2,
  };
}

function bodyLength(body: NonNullable<RecordedCall["data"]>): number {
  return bytesOf(body).length;
}

function sentIn(step: Step, streamId: number | undefined): number {
  return step.events.filter((event) =>
    event.callback === "on_data_send" && event.stream_id === streamId
  ).reduce((sum, event) => sum + Number(event.length), 0);
}

function sentBytes(
  outcome: Outcome,
  call: RecordedCall,
  side: SideName,
  before: number,
): number {
  return outcome.filter((step, at) => at < before && step.side === side)
    .reduce((sum, step) => sum + sentIn(step, call.stream_id), 0);
}

/** A read callback that fails ends the session. */
export const failedReadsAreFatal: Rule = (outcome, recording) => {
  const index = outcome.findIndex(({ returns }) =>
    returns === ERR_CALLBACK_FAILURE
  );
  return index < 0
    ? outcome
    : failedAt(outcome, index, GOAWAY_INTERNAL_ERROR, recording);
};
