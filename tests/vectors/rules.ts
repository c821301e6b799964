/**
 * The rules by which this module differs from spdylay on purpose. Each turns
 * what a recording says into what has to happen here instead, so that a
 * recording under a rule is compared as fully as any other.
 *
 * @module
 */

import {
  CANCEL,
  ERR_CALLBACK_FAILURE,
  ERR_INVALID_ARGUMENT,
  ERR_STREAM_CLOSED,
  ERR_UNSUPPORTED_VERSION,
  FLOW_CONTROL_ERROR,
  GOAWAY_INTERNAL_ERROR,
  GOAWAY_PROTOCOL_ERROR,
  INITIAL_WINDOW_SIZE,
  PROTOCOL_ERROR,
} from "../../mod.ts";
import { type Event, type Outcome, type Step, UNRECORDED } from "./outcome.ts";
import { type RawFrame, splitFrames } from "./raw_frames.ts";
import {
  bytesOf,
  type RecordedCall,
  type Recording,
  type SideName,
  textOf,
} from "./recording.ts";

/** Turns a recorded outcome into the one that holds here; unchanged where the rule does not apply. */
export type Rule = (outcome: Outcome, recording: Recording) => Outcome;

const MAX_WINDOW = 0x7fffffff;

function isOwn(streamId: number, side: SideName): boolean {
  return streamId % 2 === (side === "client" ? 1 : 0);
}

/** Stream id of a control frame or of DATA. */
function streamOf(frame: RawFrame): number {
  return frame.streamId ?? Number.parseInt(frame.payload.slice(0, 8), 16);
}

function uint32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function rstStream(
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

function rstEvents(stream_id: number, status_code: number): Event[] {
  const fields = { type: "RST_STREAM", stream_id, status_code };
  return [
    { callback: "before_ctrl_send", ...fields },
    { callback: "on_ctrl_send", ...fields },
  ];
}

/** The first `send` of that side behind `index`. */
function nextSend(outcome: Outcome, index: number, side: SideName): number {
  return outcome.findIndex((step, at) =>
    at > index && step.side === side && step.call.call === "send"
  );
}

function replaceStep(
  outcome: Outcome,
  index: number,
  change: Partial<Step>,
): Outcome {
  return outcome.map((step, at) =>
    at === index ? { ...step, ...change } : step
  );
}

/** A submit call whose arguments are refused here; nothing of it is sent. */
export const argumentsAreChecked: Rule = (outcome, recording) => {
  let result = outcome;
  outcome.forEach((step, index) => {
    const { call, side } = step;
    const returns = step.returns === 0 ? refusal(call, side, recording) : 0;
    if (returns === 0) return;
    result = replaceStep(result, index, { returns });
    const type = FRAME_OF[call.call];
    const send = nextSend(result, index, side);
    if (send < 0) return;
    result = replaceStep(result, send, {
      frames: result[send].frames.filter((frame) => frame.type !== type),
      events: result[send].events.filter((event) =>
        event.type !== type && event.callback !== "on_stream_close"
      ),
    });
  });
  return result;
};

/** What the calls that can be refused would have sent. */
const FRAME_OF: Readonly<Record<string, string>> = {
  submit_request: "SYN_STREAM",
  submit_syn_stream: "SYN_STREAM",
  submit_response: "SYN_REPLY",
  submit_syn_reply: "SYN_REPLY",
  submit_headers: "HEADERS",
  submit_settings: "SETTINGS",
  submit_window_update: "WINDOW_UPDATE",
};

/** 0, or the code of the error here. */
function refusal(
  call: RecordedCall,
  side: SideName,
  { version }: Recording,
): number {
  if (call.call === "submit_window_update") {
    if (version === "2") return ERR_INVALID_ARGUMENT;
    return version === "3" && call.stream_id === 0 ? ERR_STREAM_CLOSED : 0;
  }
  const lowest = version === "2" ? 3 : 7;
  const assoc = call.assoc_stream_id ?? 0;
  const window = call.entries?.find(({ id }) => id === 7)?.value ?? 0;
  const refused = (call.pri ?? 0) > lowest || window > MAX_WINDOW ||
    side === "server" && assoc !== 0 && assoc % 2 === 0 ||
    hasBadHeader(call, version);
  return refused ? ERR_INVALID_ARGUMENT : 0;
}

function hasBadHeader(
  call: RecordedCall,
  version: Recording["version"],
): boolean {
  const joined = new Map<string, number>();
  return (call.nv ?? []).some(([recordedName, recordedValue]) => {
    const name = textOf(recordedName);
    const value = textOf(recordedValue);
    const length = (joined.get(name) ?? -1) + 1 + value.length;
    joined.set(name, length);
    return !/^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) ||
      // deno-lint-ignore no-control-regex
      /[\x01-\x08\x0a-\x1f\x7f]/.test(value) ||
      version === "2" && Math.max(length, name.length) > 65535;
  });
}

/** Header values are text: bytes that are not UTF-8 go out as U+FFFD. */
export const valuesAreText: Rule = (outcome) => {
  const sides = new Set(
    outcome.filter(({ call }) =>
      (call.nv ?? []).some((pair) =>
        pair.some((text) => typeof text !== "string" && "hex" in text)
      )
    ).map(({ side }) => side),
  );
  return outcome.map((step) =>
    !sides.has(step.side) ? step : {
      ...step,
      frames: step.frames.map((frame) =>
        frame.headerBlock === undefined ? frame : {
          ...frame,
          headerBlock: blockAsText(frame.headerBlock, frame.version ?? 3),
        }
      ),
    }
  );
};

function blockAsText(hex: string, version: number): string {
  const block = Uint8Array.fromHex(hex);
  const size = version === 2 ? 2 : 4;
  const field = (value: number): string =>
    value.toString(16).padStart(size * 2, "0");
  let text = block.subarray(0, size).toHex();
  for (let at = size; at < block.length;) {
    const length = Number.parseInt(block.subarray(at, at + size).toHex(), 16);
    const bytes = block.subarray(at + size, at + size + length);
    const written = new TextEncoder().encode(new TextDecoder().decode(bytes));
    text += field(written.length) + written.toHex();
    at += size + length;
  }
  return text;
}

/** `submit_data` for a stream that takes no DATA says so. */
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
    if (!before || sentBytes(outcome, call, side, index) >= length(before)) {
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
      return sum >= length(before);
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

/** The bodies of a stream, one behind the other where their DATA began in that send. */
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

function length(body: NonNullable<RecordedCall["data"]>): number {
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

/** CANCEL of a request by its client ends the streams pushed for it. */
export const cancelEndsPushes: Rule = (outcome) => {
  const pushed = new Map<string, Set<number>>();
  const ended = new Set<string>();
  return outcome.map((step) => {
    const events: Event[] = [];
    const frames = step.frames.filter((frame) =>
      frame.type !== "DATA" || !ended.has(`${step.side} ${streamOf(frame)}`)
    );
    step.events.forEach((event, at) => {
      const id = Number(event.stream_id);
      if (ended.has(`${step.side} ${id}`)) return;
      const key = (streamId: unknown): string => `${step.side} ${streamId}`;
      const opened = event.callback === "on_ctrl_recv" ||
        event.callback === "on_ctrl_send";
      if (opened && event.type === "SYN_STREAM" && event.assoc_stream_id) {
        const parent = key(event.assoc_stream_id);
        pushed.set(parent, (pushed.get(parent) ?? new Set()).add(id));
      }
      if (event.callback === "on_stream_close") {
        for (const children of pushed.values()) children.delete(id);
        const reset = step.events[at - 1];
        const byClient = reset?.type === "RST_STREAM" &&
          reset.callback ===
            (step.side === "server" ? "on_ctrl_recv" : "on_ctrl_send");
        if (event.status_code === CANCEL && byClient) {
          for (const child of pushed.get(key(id)) ?? []) {
            events.push({ ...event, stream_id: child });
            ended.add(key(child));
          }
        }
      }
      events.push(event);
    });
    return { ...step, events, frames };
  });
};

/** A well-numbered SYN_STREAM uses its id up, whatever its header block holds. */
export const idsAreUsedUp: Rule = (outcome, recording) => {
  let result = outcome;
  outcome.forEach((step, index) => {
    const refused = new Set<unknown>();
    const twice: number[] = [];
    const events: Event[] = [];
    for (const event of step.events) {
      const { stream_id: id, callback } = event;
      if (callback === "on_invalid_ctrl_recv" && event.type === "SYN_STREAM") {
        refused.add(id);
      }
      if (!refused.has(id) || callback === "on_invalid_ctrl_recv") {
        events.push(event);
      } else if (callback === "on_ctrl_recv" && event.type === "SYN_STREAM") {
        twice.push(Number(id));
        events.push({
          ...event,
          callback: "on_invalid_ctrl_recv",
          status_code: PROTOCOL_ERROR,
        });
      } else if (callback !== "on_request_recv") events.push(event);
    }
    if (twice.length === 0) return;
    result = replaceStep(result, index, { events });
    const send = nextSend(result, index, step.side);
    if (send < 0) return;
    const { frames, events: sent } = result[send];
    result = replaceStep(result, send, {
      frames: [
        ...frames,
        ...twice.map((id) => rstStream(id, PROTOCOL_ERROR, recording)),
      ],
      events: [
        ...sent.filter((event) =>
          event.callback !== "on_stream_close" ||
          !twice.includes(Number(event.stream_id))
        ),
        ...twice.flatMap((id) => rstEvents(id, PROTOCOL_ERROR)),
      ],
    });
  });
  return result;
};

/** The last stream that a GOAWAY names is then one whose header block was refused, too. */
export const refusedIdsAreNamed: Rule = (outcome) => {
  const refused = { client: 0, server: 0 };
  const last = { client: 0, server: 0 };
  return outcome.map((step) => {
    const { side } = step;
    for (const event of step.events) {
      const id = Number(event.stream_id);
      if (event.type !== "SYN_STREAM" || isOwn(id, side)) continue;
      if (event.callback === "on_ctrl_recv") {
        last[side] = Math.max(last[side], id);
      }
      // A session error does not use the id up: it is not a new one.
      if (event.callback === "on_invalid_ctrl_recv" && id > last[side]) {
        refused[side] = Math.max(refused[side], id);
      }
    }
    const named = (id: number): number => Math.max(id, refused[side]);
    return {
      ...step,
      frames: step.frames.map((frame) =>
        frame.type === "GOAWAY"
          ? {
            ...frame,
            payload: uint32(named(streamOf(frame))) + frame.payload.slice(8),
          }
          : frame
      ),
      events: step.events.map((event) =>
        event.type === "GOAWAY" && /_send$/.test(event.callback)
          ? {
            ...event,
            last_good_stream_id: named(Number(event.last_good_stream_id)),
          }
          : event
      ),
    };
  });
};

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
  const result = replaceStep(outcome, index, {
    events: events.filter((event) => !ofFrame(event)),
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

/** Every PING that waits is remembered, not the last one alone. */
export const pingRepliesAreKnown: Rule = (outcome) => {
  const waiting = new Set<string>();
  return outcome.map((step) => {
    const { side } = step;
    for (const frame of step.frames) {
      const id = Number.parseInt(frame.payload, 16);
      if (frame.type === "PING" && isOwn(id, side)) {
        waiting.add(`${side} ${id}`);
      }
    }
    if (step.input === undefined) return step;
    const input = splitFrames(step.input);
    const told = step.events.filter(({ type }) => type === "PING");
    const events: Event[] = [];
    for (const frame of input) {
      if (frame.type !== "PING") continue;
      const unique_id = Number.parseInt(frame.payload, 16);
      const known = waiting.delete(`${side} ${unique_id}`) ||
        told.some((event) => event.unique_id === unique_id);
      if (known) {
        events.push({ callback: "on_ctrl_recv", type: "PING", unique_id });
      }
    }
    const onlyPings = input.every(({ type }) => type === "PING");
    return onlyPings && events.length > told.length
      ? { ...step, events }
      : step;
  });
};

/** A PING of the peer is answered whatever its id, also one it has used before. */
export const everyPingIsAnswered: Rule = (outcome, recording) => {
  let result = outcome;
  outcome.forEach((step, index) => {
    const { side, input } = step;
    if (input === undefined) return;
    const asked = splitFrames(input).filter(({ type }) => type === "PING").map(
      (frame) => Number.parseInt(frame.payload, 16),
    ).filter((id) => id !== 0 && !isOwn(id, side));
    const send = nextSend(result, index, side);
    if (send < 0 || result[send].events.includes(UNRECORDED)) return;
    const isReply = (id: unknown): boolean => !isOwn(Number(id), side);
    const { frames, events } = result[send];
    const replies = frames.filter((frame) =>
      frame.type === "PING" && isReply(Number.parseInt(frame.payload, 16))
    );
    if (replies.length >= asked.length) return;
    result = replaceStep(result, send, {
      frames: [
        ...asked.map((id): RawFrame => ({
          type: "PING",
          flags: 0,
          payload: uint32(id),
          version: recording.version === "2" ? 2 : 3,
        })),
        ...frames.filter((frame) => !replies.includes(frame)),
      ],
      events: [
        ...asked.flatMap((unique_id): Event[] => [
          { callback: "before_ctrl_send", type: "PING", unique_id },
          { callback: "on_ctrl_send", type: "PING", unique_id },
        ]),
        ...events.filter((event) =>
          event.type !== "PING" || !isReply(event.unique_id)
        ),
      ],
    });
  });
  return result;
};

/** Puts the GOAWAY of a failure at `index` into the next send; `failureEndsAll` does the rest. */
function failedAt(
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
    }],
    events: [
      { callback: "before_ctrl_send", ...fields },
      { callback: "on_ctrl_send", ...fields },
    ],
  });
}

/** A read callback that fails fails the session. */
export const failedReadsAreFatal: Rule = (outcome, recording) => {
  const index = outcome.findIndex(({ returns }) =>
    returns === ERR_CALLBACK_FAILURE
  );
  return index < 0
    ? outcome
    : failedAt(outcome, index, GOAWAY_INTERNAL_ERROR, recording);
};

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

/** The events before those of the last DATA frame of that length on that stream. */
function beforeData(step: Step, frame: RawFrame): readonly Event[] {
  const at = step.events.findLastIndex((event) =>
    event.callback === "on_data_chunk_recv" &&
    event.stream_id === frame.streamId &&
    event.length === frame.payload.length / 2
  );
  return at < 0 ? step.events : step.events.slice(0, at);
}

/** What the sides of a frame are in a send: the frame with its callbacks. */
interface Unit {
  readonly frame: RawFrame;
  readonly events: readonly Event[];
}

/** SYN_STREAMs leave by priority and get their ids then. */
export const synStreamsLeaveByPriority: Rule = (outcome, recording) => {
  const lowest = recording.version === "2" ? 3 : 7;
  const priorities = new Map<string, number>();
  return outcome.map((step, index) => {
    for (const event of step.events) {
      if (event.type === "SYN_STREAM" && /^on_ctrl_/.test(event.callback)) {
        const key = `${step.side} ${event.stream_id}`;
        priorities.set(key, Number(event.priority));
      }
    }
    if (step.call.call !== "send" || step.events.includes(UNRECORDED)) {
      return step;
    }
    const units = unitsOf(step);
    if (!units?.some(({ frame }) => frame.type === "SYN_STREAM")) return step;
    const before = outcome.slice(0, index).filter(({ side }) =>
      side === step.side
    );
    const calls = before.slice(
      before.findLastIndex(({ call }) => call.call === "send") + 1,
    ).map(({ call }) => call.call);
    const priorityOf = (frame: RawFrame): number => {
      if (frame.type === "PING") return -10;
      if (frame.type === "SETTINGS") return -1;
      if (frame.type === "GOAWAY") return lowest;
      return priorities.get(`${step.side} ${streamOf(frame)}`) ?? lowest;
    };
    return reordered(step, schedule(units, calls, priorityOf));
  });
};

/** The frame that a call queues. */
const QUEUED_BY: Readonly<Record<string, string>> = {
  ...FRAME_OF,
  submit_data: "DATA",
  submit_rst_stream: "RST_STREAM",
  submit_ping: "PING",
  submit_goaway: "GOAWAY",
};

function unitsOf(step: Step): Unit[] | undefined {
  const units: Unit[] = [];
  let at = 0;
  for (const frame of step.frames) {
    const events: Event[] = [];
    const last = frame.type === "DATA" ? "on_data_send" : "on_ctrl_send";
    while (at < step.events.length) {
      const event = step.events[at++];
      events.push(event);
      if (event.callback === last) break;
    }
    while (step.events[at]?.callback === "on_stream_close") {
      events.push(step.events[at++]);
    }
    units.push({ frame, events });
  }
  return at === step.events.length ? units : undefined;
}

/**
 * Sends the units again: smallest priority first, then the order of queueing,
 * which is that of the calls; bodies take turns.
 */
function schedule(
  units: readonly Unit[],
  calls: readonly string[],
  priorityOf: (frame: RawFrame) => number,
): Unit[] {
  interface Queued {
    readonly priority: number;
    readonly sequence: number;
    readonly units: Unit[];
  }
  let sequence = 0;
  const queue: Queued[] = [];
  const push = (items: Unit[]): void => {
    const [first] = items;
    if (first === undefined) return;
    queue.push({
      priority: priorityOf(first.frame),
      sequence: sequence++,
      units: items,
    });
  };
  const dataOf = (id: number): Unit[] =>
    units.filter(({ frame }) => frame.type === "DATA" && frame.streamId === id);
  // In the recording frames of one type and priority left as they were queued.
  const rest = new Map<string, Unit[]>();
  for (const unit of units) {
    if (unit.frame.type === "DATA") continue;
    const list = rest.get(unit.frame.type) ?? [];
    rest.set(unit.frame.type, [...list, unit]);
  }
  const started = new Set<number>();
  for (const call of calls) {
    const next = rest.get(QUEUED_BY[call])?.shift();
    if (next !== undefined) push([next]);
  }
  // What no call asked for was queued by the session itself, or long before.
  for (const list of rest.values()) for (const unit of list) push([unit]);
  const opening = new Set(
    units.filter(({ frame }) => /^SYN_/.test(frame.type)).map(({ frame }) =>
      streamOf(frame)
    ),
  );
  for (const { frame } of units) {
    const id = streamOf(frame);
    if (frame.type === "DATA" && !opening.has(id) && !started.has(id)) {
      started.add(id);
      push(dataOf(id));
    }
  }
  const sent: Unit[] = [];
  while (queue.length > 0) {
    queue.sort((left, right) =>
      left.priority - right.priority || left.sequence - right.sequence
    );
    const [next] = queue.splice(0, 1);
    const unit = next.units.shift();
    if (unit === undefined) continue;
    sent.push(unit);
    const starts = /^SYN_/.test(unit.frame.type);
    push(starts ? dataOf(streamOf(unit.frame)) : next.units);
  }
  return sent;
}

/** The units in their new order, streams numbered in that order. */
function reordered(step: Step, units: readonly Unit[]): Step {
  const old = units.filter(({ frame }) => frame.type === "SYN_STREAM").map(
    ({ frame }) => streamOf(frame),
  );
  const ids = [...old].sort((left, right) => left - right);
  const renumber = (id: number): number => {
    const at = old.indexOf(id);
    return at < 0 ? id : ids[at];
  };
  return {
    ...step,
    frames: units.map(({ frame }) =>
      frame.type === "DATA"
        ? { ...frame, streamId: renumber(streamOf(frame)) }
        : frame.type === "SYN_STREAM"
        ? {
          ...frame,
          payload: uint32(renumber(streamOf(frame))) + frame.payload.slice(8),
        }
        : frame
    ),
    events: units.flatMap(({ events }) =>
      events.map((event) =>
        event.stream_id === undefined
          ? event
          : { ...event, stream_id: renumber(Number(event.stream_id)) }
      )
    ),
  };
}

/** What could not be read is told as far as it came, and not filled up. */
export const onlyReceivedBytesAreTold: Rule = (outcome) =>
  outcome.map((step) => ({
    ...step,
    events: step.events.map((event) => {
      if (event.callback !== "on_ctrl_recv_parse_error") return event;
      const came = Number.parseInt(String(event.head).slice(10), 16);
      const payload_length = Math.min(Number(event.payload_length), came);
      return { ...event, payload_length };
    }),
  }));

/** The GOAWAY of a session that failed goes first and alone; input is discarded from then on. */
export const failureEndsAll: Rule = (outcome) => {
  let result = outcome;
  for (const side of ["client", "server"] as const) {
    result = failOneSide(result, side);
  }
  return result;
};

function failOneSide(outcome: Outcome, side: SideName): Outcome {
  let asked = 0;
  let begin = -1;
  let sendAt = -1;
  outcome.forEach((step, index) => {
    if (step.side !== side || sendAt >= 0) return;
    if (step.call.call === "submit_goaway") asked++;
    const fails = step.call.call === "fail_session" ||
      step.returns === ERR_CALLBACK_FAILURE;
    if (fails && begin < 0) begin = index;
    const goaways = step.frames.filter(({ type }) => type === "GOAWAY").length;
    if (goaways > asked) sendAt = index;
    asked -= Math.min(asked, goaways);
  });
  if (sendAt < 0) return outcome;
  if (begin < 0) {
    begin = outcome.findLastIndex((step, at) =>
      at < sendAt && step.side === side && step.call.call === "recv"
    );
  }
  if (begin < 0) return outcome;
  return outcome.map((step, index) => {
    if (step.side !== side || index < begin) return step;
    const wants = step.wants && {
      want_read: false,
      want_write: index < sendAt,
    };
    if (index === begin) {
      return { ...step, events: untilFailure(step, outcome[sendAt]), wants };
    }
    if (index === sendAt) {
      const goaway = step.frames.filter(({ type }) => type === "GOAWAY");
      const told = step.events.filter(({ type, callback }) =>
        type === "GOAWAY" || callback === UNRECORDED.callback
      );
      return {
        ...step,
        frames: goaway.slice(0, 1),
        events: told.slice(0, 2),
        wants,
      };
    }
    if (index < sendAt) return { ...step, wants };
    const nothing = ["recv", "send"].includes(step.call.call)
      ? { events: [], frames: [] }
      : {};
    return { ...step, ...nothing, wants };
  });
}

/** The events up to the one that told of the failure. */
function untilFailure(step: Step, send: Step): readonly Event[] {
  const reset = new Set(
    send.frames.filter(({ type }) => type === "RST_STREAM").map(streamOf),
  );
  const last = step.events.findIndex(({ callback, stream_id }) =>
    callback === "on_ctrl_recv_parse_error" ||
    callback === "on_invalid_ctrl_recv" && !reset.has(Number(stream_id))
  );
  return last < 0 ? step.events : step.events.slice(0, last + 1);
}

/** `want_write` is true while anything is queued, GOAWAY or not. */
export const queuedFramesAreWanted: Rule = (outcome) => {
  return outcome.map((step, index) => {
    const next = outcome[index + 1];
    const queued = next?.side === step.side && next.call.call === "send" &&
      (next.frames.length > 0 ||
        next.events.some(({ callback }) => callback === "on_ctrl_not_send"));
    return queued && step.wants?.want_write === false
      ? { ...step, wants: { ...step.wants, want_write: true } }
      : step;
  });
};

/** What is to happen where spdylay did not survive: a header frame of an unknown version. */
export function survivedOutcome(recording: Recording): Outcome | undefined {
  if (typeof recording.hex !== "string") return undefined;
  const input = Uint8Array.fromHex(recording.hex);
  const [frame] = splitFrames(input);
  const version = frame?.version ?? 0;
  const isHeaders = frame?.type === "SYN_REPLY" || frame?.type === "HEADERS";
  if (!isHeaders || version === 2 || version === 3) return undefined;
  const side = recording.side === "server" ? "server" : "client";
  const call = (name: string): RecordedCall => ({ call: name, returns: 0 });
  const lastStream = (recording.setup ?? []).flatMap(({ events }) =>
    events ?? []
  ).findLast((event) =>
    event.callback === "on_ctrl_recv" && event.type === "SYN_STREAM"
  )?.stream_id;
  const last_good_stream_id = Number(lastStream ?? 0);
  const isSpdy2 = recording.version === "2";
  const goaway = {
    type: "GOAWAY",
    last_good_stream_id,
    status_code: isSpdy2 ? 0 : 1,
  };
  return [
    {
      side,
      call: call("recv"),
      input,
      returns: input.length,
      events: [{
        callback: "on_ctrl_recv_parse_error",
        type: frame.type,
        head: input.subarray(0, 8).toHex(),
        // Only version 2 has more before the header block.
        payload_length: 4,
        error_code: ERR_UNSUPPORTED_VERSION,
      }],
      frames: [],
      wants: { want_read: false, want_write: true },
    },
    {
      side,
      call: call("send"),
      returns: 0,
      events: [
        { callback: "before_ctrl_send", ...goaway },
        { callback: "on_ctrl_send", ...goaway },
      ],
      frames: [{
        type: "GOAWAY",
        flags: 0,
        payload: uint32(last_good_stream_id) + (isSpdy2 ? "" : uint32(1)),
        version: isSpdy2 ? 2 : 3,
      }],
      wants: { want_read: false, want_write: false },
    },
  ];
}

/** The rule that goes with {@linkcode survivedOutcome}; there is no outcome to turn. */
export const inputIsSurvived: Rule = (outcome) => outcome;
