/**
 * The order in which frames leave, and PINGs.
 *
 * @module
 */

import { type Event, type Step, UNRECORDED } from "../outcome.ts";
import { type RawFrame, splitFrames } from "../raw_frames.ts";
import {
  FRAME_OF,
  isOwn,
  nextSend,
  renumbered,
  replaceStep,
  type Rule,
  streamOf,
  uint32,
} from "./common.ts";

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
    frames: units.map(({ frame }) => renumbered(frame, renumber)),
    events: units.flatMap(({ events }) =>
      events.map((event) =>
        event.stream_id === undefined
          ? event
          : { ...event, stream_id: renumber(Number(event.stream_id)) }
      )
    ),
  };
}
