/**
 * Windows that are enforced.
 *
 * @module
 */

import {
  ERR_STREAM_CLOSED,
  FLOW_CONTROL_ERROR,
  GOAWAY_PROTOCOL_ERROR,
  INITIAL_WINDOW_SIZE,
  PROTOCOL_ERROR,
} from "../../../mod.ts";
import { type Event, type Outcome, type Step, UNRECORDED } from "../outcome.ts";
import { type RawFrame, splitFrames } from "../raw_frames.ts";
import type { RecordedCall, Recording } from "../recording.ts";
import {
  failedAt,
  MAX_WINDOW,
  nextSend,
  replaceStep,
  rstEvents,
  rstStream,
  type Rule,
  streamOf,
  uint32,
} from "./common.ts";

/** DATA beyond the window of its stream resets the stream. */
export const windowsAreEnforced: Rule = (outcome, recording) => {
  if (recording.version === "2") return outcome;
  let result = outcome;
  const initial = { client: INITIAL_WINDOW_SIZE, server: INITIAL_WINDOW_SIZE };
  const windows = new Map<string, number>();
  outcome.forEach((step, index) => {
    const { side, call } = step;
    const announced = call.call === "submit_settings"
      ? call.entries?.find(({ id }) => id === 7)
      : undefined;
    if (announced) initial[side] = announced.value;
    for (const frame of result[index].frames) {
      const key = `${side} ${streamOf(frame)}`;
      const window = windows.get(key);
      if (frame.type === "WINDOW_UPDATE" && window !== undefined) {
        const delta = Number.parseInt(frame.payload.slice(8), 16);
        windows.set(key, window + delta);
      }
    }
    for (const event of step.events) {
      if (event.type === "SYN_STREAM" && /^on_ctrl/.test(event.callback)) {
        windows.set(`${side} ${event.stream_id}`, initial[side]);
      }
    }
    for (const event of step.events) {
      if (event.callback !== "on_data_recv") continue;
      const key = `${side} ${event.stream_id}`;
      const window = (windows.get(key) ?? Infinity) - Number(event.length);
      windows.set(key, window);
      if (window >= 0) continue;
      result = overrun(result, index, event, recording);
      windows.delete(key);
    }
  });
  return result;
};

function overrun(
  outcome: Outcome,
  index: number,
  data: Event,
  recording: Recording,
): Outcome {
  const id = Number(data.stream_id);
  const { side, events } = outcome[index];
  const ofFrame = (event: Event): boolean =>
    event.stream_id === id &&
    /^on_(data|request|stream_close)/.test(event.callback);
  const end = events.indexOf(data);
  const begin = events.slice(0, end).findLastIndex((event) =>
    event.callback === "on_data_chunk_recv" && event.stream_id === id
  );
  const result = replaceStep(outcome, index, {
    events: events.filter((event, at) =>
      at < Math.max(0, begin) || !ofFrame(event)
    ),
    wants: outcome[index].wants && { want_read: true, want_write: true },
  });
  const send = nextSend(result, index, side);
  if (send < 0) return result;
  const closed = {
    callback: "on_stream_close",
    stream_id: id,
    status_code: FLOW_CONTROL_ERROR,
  };
  const step = result[send];
  const others = step.events.filter((event) => event.stream_id !== id);
  return replaceStep(result, send, {
    frames: [
      ...step.frames.filter((frame) => streamOf(frame) !== id),
      rstStream(id, FLOW_CONTROL_ERROR, recording),
    ],
    events: step.events.includes(UNRECORDED)
      ? step.events
      : [...others, ...rstEvents(id, FLOW_CONTROL_ERROR), closed],
  });
}

/** SETTINGS that raise a stream's window past 2^31-1 reset the stream. */
export const raisedWindowsAreChecked: Rule = (outcome, recording) => {
  if (recording.version === "2") return outcome;
  let result = outcome;
  const granted = new Map<string, number>();
  outcome.forEach((step, index) => {
    for (const event of step.events) {
      if (event.callback !== "on_ctrl_recv") continue;
      const key = `${step.side} ${event.stream_id}`;
      if (event.type === "WINDOW_UPDATE" && event.stream_id !== 0) {
        const delta = Number(event.delta_window_size);
        granted.set(key, (granted.get(key) ?? 0) + delta);
      }
      if (event.type !== "SETTINGS") continue;
      const entries = event.entries as RecordedCall["entries"];
      const window = entries?.find(({ id }) => id === 7)?.value ?? 0;
      for (const [stream, credit] of granted) {
        const [side, id] = stream.split(" ");
        if (side !== step.side || window + credit <= MAX_WINDOW) continue;
        result = resetRaised(result, index, Number(id), recording);
        granted.delete(stream);
      }
    }
  });
  return result;
};

function resetRaised(
  outcome: Outcome,
  index: number,
  id: number,
  recording: Recording,
): Outcome {
  const result = replaceStep(outcome, index, {
    wants: outcome[index].wants && { want_read: true, want_write: true },
  });
  const send = nextSend(result, index, result[index].side);
  if (send < 0) return result;
  const step = result[send];
  const lost = step.events.filter((event) =>
    event.stream_id === id && event.callback === "before_ctrl_send"
  );
  return replaceStep(result, send, {
    frames: [
      rstStream(id, FLOW_CONTROL_ERROR, recording),
      ...step.frames.filter((frame) => streamOf(frame) !== id),
    ],
    events: [
      ...rstEvents(id, FLOW_CONTROL_ERROR),
      {
        callback: "on_stream_close",
        stream_id: id,
        status_code: FLOW_CONTROL_ERROR,
      },
      ...lost.map((event) => ({
        ...event,
        callback: "on_ctrl_not_send",
        error_code: ERR_STREAM_CLOSED,
      })),
      ...step.events.filter((event) => event.stream_id !== id),
    ],
  });
}

/** An INITIAL_WINDOW_SIZE above 2^31-1 is a session error. */
export const windowsHaveALimit: Rule = (outcome, recording) => {
  if (recording.version === "2") return outcome;
  let result = outcome;
  outcome.forEach((step, index) => {
    const at = step.events.findIndex((event) => {
      if (event.callback !== "on_ctrl_recv" || event.type !== "SETTINGS") {
        return false;
      }
      const entries = event.entries as RecordedCall["entries"];
      return (entries?.find(({ id }) => id === 7)?.value ?? 0) > MAX_WINDOW;
    });
    if (at < 0 || result !== outcome) return;
    const refused = {
      ...step.events[at],
      callback: "on_invalid_ctrl_recv",
      status_code: PROTOCOL_ERROR,
    };
    result = failedAt(
      replaceStep(result, index, {
        events: [...step.events.slice(0, at), refused],
      }),
      index,
      GOAWAY_PROTOCOL_ERROR,
      recording,
    );
  });
  return result;
};

/** DATA beyond the window of the session (SPDY/3.1) ends the session. */
export const sessionWindowIsEnforced: Rule = (outcome, recording) => {
  if (recording.version !== "3.1") return outcome;
  const windows = {
    client: INITIAL_WINDOW_SIZE,
    server: INITIAL_WINDOW_SIZE,
  };
  for (let index = 0; index < outcome.length; index++) {
    const { side, frames, input } = outcome[index];
    for (const frame of frames) {
      if (frame.type !== "WINDOW_UPDATE" || streamOf(frame) !== 0) continue;
      windows[side] += Number.parseInt(frame.payload.slice(8), 16);
    }
    if (input === undefined) continue;
    for (const frame of splitFrames(input)) {
      if (frame.type !== "DATA") continue;
      windows[side] -= frame.payload.length / 2;
      if (windows[side] < 0) {
        return failedAt(
          replaceStep(outcome, index, {
            events: beforeData(outcome[index], frame),
          }),
          index,
          GOAWAY_PROTOCOL_ERROR,
          recording,
        );
      }
    }
  }
  return outcome;
};

/**
 * Without automatic updates, DATA that nobody reads is returned to the session's
 * window; spdylay loses it. The rule applies where the application consumes
 * nothing.
 */
export const ignoredDataIsCredited: Rule = (outcome, recording) => {
  if (recording.version !== "3.1") return outcome;
  let result = outcome;
  const due = { client: 0, server: 0 };
  outcome.forEach((step, index) => {
    const { side, input, events } = step;
    const manual = outcome.some(({ side: other, call }) =>
      other === side && call.call === "set_option" &&
      call.option === "NO_AUTO_WINDOW_UPDATE" && call.returns === 0
    );
    if (input === undefined || !manual) return;
    for (const frame of splitFrames(input)) {
      const read = events.some((event) =>
        event.callback === "on_data_chunk_recv" &&
        event.stream_id === frame.streamId
      );
      if (frame.type !== "DATA" || read) continue;
      due[side] += frame.payload.length / 2;
    }
    if (due[side] < INITIAL_WINDOW_SIZE / 2) return;
    const delta_window_size = due[side];
    due[side] = 0;
    result = replaceStep(result, index, {
      wants: result[index].wants && {
        ...result[index].wants,
        want_write: true,
      },
    });
    const send = nextSend(result, index, side);
    if (send < 0) return;
    const fields = { type: "WINDOW_UPDATE", stream_id: 0, delta_window_size };
    result = replaceStep(result, send, {
      frames: [...result[send].frames, {
        type: "WINDOW_UPDATE",
        flags: 0,
        payload: uint32(0) + uint32(delta_window_size),
        version: 3,
      }],
      events: [
        ...result[send].events,
        { callback: "before_ctrl_send", ...fields },
        { callback: "on_ctrl_send", ...fields },
      ],
    });
  });
  return result;
};

/**
 * While the session's window is used up, the session does not want to write DATA,
 * even if SETTINGS have just raised its stream's window.
 */
export const blockedBodiesAreNotWanted: Rule = (outcome, recording) => {
  if (recording.version !== "3.1") return outcome;
  const windows = {
    client: INITIAL_WINDOW_SIZE,
    server: INITIAL_WINDOW_SIZE,
  };
  return outcome.map((step, index) => {
    const { side, wants } = step;
    const input = splitFrames(step.input ?? new Uint8Array(0));
    for (const frame of input) {
      if (frame.type === "WINDOW_UPDATE" && streamOf(frame) === 0) {
        windows[side] += Number.parseInt(frame.payload.slice(8), 16);
      }
    }
    for (const frame of step.frames) {
      if (frame.type === "DATA") windows[side] -= frame.payload.length / 2;
    }
    const send = nextSend(outcome, index, side);
    const sends = send >= 0 &&
      outcome[send].frames.length + outcome[send].events.length > 0;
    const raises = input.length > 0 &&
      input.every(({ type }) => type === "SETTINGS");
    return raises && !sends && windows[side] <= 0 && wants?.want_write
      ? { ...step, wants: { ...wants, want_write: false } }
      : step;
  });
};

/** The events before those of the last DATA frame of that length on that stream. */
function beforeData(step: Step, frame: RawFrame): readonly Event[] {
  const at = step.events.findLastIndex((event) =>
    event.callback === "on_data_chunk_recv" &&
    event.stream_id === frame.streamId &&
    event.length === frame.payload.length / 2
  );
  return at < 0 ? step.events : step.events.slice(0, at);
}
