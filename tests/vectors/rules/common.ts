/**
 * The form of a rule, and what rules share: steps, frames and events in their
 * recorded form.
 *
 * @module
 */

import type { Event, Outcome, Step } from "../outcome.ts";
import type { RawFrame } from "../raw_frames.ts";
import type { Recording, SideName } from "../recording.ts";

/**
 * Turns a recorded result into the expected one; returns it unchanged if the rule
 * does not apply.
 */
export type Rule = (outcome: Outcome, recording: Recording) => Outcome;

export const MAX_WINDOW = 0x7fffffff;

export function isOwn(streamId: number, side: SideName): boolean {
  return streamId % 2 === (side === "client" ? 1 : 0);
}

/** Stream id of a control frame or of DATA. */
export function streamOf(frame: RawFrame): number {
  return frame.streamId ?? Number.parseInt(frame.payload.slice(0, 8), 16);
}

export function uint32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

export function rstStream(
  streamId: number,
  status: number,
  recording: Recording,
): RawFrame {
  return {
    type: "RST_STREAM",
    flags: 0,
    payload: uint32(streamId) + uint32(status),
    version: recording.version === "2" ? 2 : 3,
  };
}

export function rstEvents(stream_id: number, status_code: number): Event[] {
  const fields = { type: "RST_STREAM", stream_id, status_code };
  return [
    { callback: "before_ctrl_send", ...fields },
    { callback: "on_ctrl_send", ...fields },
  ];
}

/** The first `send` of that side after `index`. */
export function nextSend(
  outcome: Outcome,
  index: number,
  side: SideName,
): number {
  return outcome.findIndex((step, at) =>
    at > index && step.side === side && step.call.call === "send"
  );
}

export function replaceStep(
  outcome: Outcome,
  index: number,
  change: Partial<Step>,
): Outcome {
  return outcome.map((step, at) =>
    at === index ? { ...step, ...change } : step
  );
}

/** DATA or SYN_STREAM with another id. */
export function renumbered(
  frame: RawFrame,
  id: (old: number) => number,
): RawFrame {
  if (frame.type === "DATA") return { ...frame, streamId: id(streamOf(frame)) };
  if (frame.type !== "SYN_STREAM") return frame;
  const payload = uint32(id(streamOf(frame))) + frame.payload.slice(8);
  return { ...frame, payload };
}

/**
 * Inserts the GOAWAY of a failure at `index` into the next send; the rule
 * `failureEndsAll` does the rest.
 */
export function failedAt(
  outcome: Outcome,
  index: number,
  status: number,
  recording: Recording,
): Outcome {
  const { side } = outcome[index];
  const last = Math.max(
    0,
    ...outcome.slice(0, index + 1).filter((step) => step.side === side)
      .flatMap(({ events }) => events).filter((event) =>
        event.type === "SYN_STREAM" && !isOwn(Number(event.stream_id), side)
      ).map((event) => Number(event.stream_id)),
  );
  const isSpdy2 = recording.version === "2";
  const fields = {
    type: "GOAWAY",
    last_good_stream_id: last,
    status_code: isSpdy2 ? 0 : status,
  };
  const result = replaceStep(outcome, index, {
    wants: outcome[index].wants && { want_read: false, want_write: true },
  });
  const send = nextSend(result, index, side);
  if (send < 0) return result;
  return replaceStep(result, send, {
    frames: [{
      type: "GOAWAY",
      flags: 0,
      payload: uint32(last) + (isSpdy2 ? "" : uint32(status)),
      version: isSpdy2 ? 2 : 3,
      // They show which refused frames were not the reason.
    }, ...result[send].frames.filter(({ type }) => type === "RST_STREAM")],
    events: [
      { callback: "before_ctrl_send", ...fields },
      { callback: "on_ctrl_send", ...fields },
    ],
  });
}

/** What the calls that can be refused would have sent. */
export const FRAME_OF: Readonly<Record<string, string>> = {
  submit_request: "SYN_STREAM",
  submit_syn_stream: "SYN_STREAM",
  submit_response: "SYN_REPLY",
  submit_syn_reply: "SYN_REPLY",
  submit_headers: "HEADERS",
  submit_settings: "SETTINGS",
  submit_window_update: "WINDOW_UPDATE",
};
