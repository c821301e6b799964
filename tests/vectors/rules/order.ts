/**
 * The order in which frames are sent, and PINGs.
 *
 * @module
 */

import { type Event, type Outcome, type Step, UNRECORDED } from "../outcome.ts";
import { type RawFrame, splitFrames } from "../raw_frames.ts";
import type { RecordedCall, SideName } from "../recording.ts";
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

/** Every PING that waits is remembered, not only the last one. */
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

/** A PING of the peer is answered whatever its id is, even if the peer has used it before. */
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

/** The units of a send: each is a frame with its callbacks. */
interface Unit {
  readonly frame: RawFrame;
  readonly events: readonly Event[];
}

/** A stream in the recording: its SYN_STREAM, and its DATA in the same send. */
interface Opening {
  readonly id: number;
  readonly priority: number;
  readonly units: readonly Unit[];
}

/** What happened to the SYN_STREAMs of one side. */
interface SideOrder {
  /** The streams in the order in which they were submitted in the recording. */
  readonly openings: Opening[];
  /** The number that was submitted so far. */
  submitted: number;
  /** The streams that were submitted and not sent yet. */
  pending: Opening[];
  /** The ids of streams here, by their ids in the recording. */
  readonly ids: Map<number, number>;
}

/** SYN_STREAMs are sent by priority, and get their ids then. */
export const synStreamsLeaveByPriority: Rule = (outcome, recording) => {
  const lowest = recording.version === "2" ? 3 : 7;
  const sides = {
    client: orderOf(outcome, "client"),
    server: orderOf(outcome, "server"),
  };
  const priorities = new Map<string, number>();
  return outcome.map((step, index) => {
    const side = sides[step.side];
    for (const { type, callback, stream_id, priority } of step.events) {
      if (type === "SYN_STREAM" && /^on_ctrl_/.test(callback)) {
        priorities.set(`${step.side} ${stream_id}`, Number(priority));
      }
    }
    if (FRAME_OF[step.call.call] === "SYN_STREAM" && step.returns === 0) {
      const opening = side.openings[side.submitted++];
      if (opening !== undefined) side.pending.push(opening);
    }
    if (step.call.call !== "send" || step.events.includes(UNRECORDED)) {
      return step;
    }
    const units = unitsOf(step);
    if (units === undefined) return step;
    const priorityOf = (frame: RawFrame): number => {
      if (frame.type === "PING") return -10;
      if (frame.type === "SETTINGS") return -1;
      if (frame.type === "GOAWAY") return lowest;
      return priorities.get(`${step.side} ${streamOf(frame)}`) ?? lowest;
    };
    for (const { id, priority } of side.pending) {
      priorities.set(`${step.side} ${id}`, priority);
    }
    const chosen = chooseOpenings(side, units);
    if (chosen.length === 0) return renumberedStep(step, units, side.ids);
    const before = outcome.slice(0, index).filter((other) =>
      other.side === step.side
    );
    const calls = before.slice(
      before.findLastIndex(({ call }) => call.call === "send") + 1,
    ).map(({ call }) => call);
    const sent = schedule(chosen, calls, priorityOf);
    return renumberedStep(step, sent, side.ids);
  });
};

function orderOf(outcome: Outcome, side: SideName): SideOrder {
  const openings = outcome.flatMap((step): Opening[] => {
    const units = step.side === side && step.call.call === "send"
      ? unitsOf(step) ?? []
      : [];
    return units.filter(({ frame }) => frame.type === "SYN_STREAM").map(
      ({ frame, events }) => ({
        id: streamOf(frame),
        priority: Number(events[0]?.priority),
        units: units.filter((unit) => opens(unit.frame, [streamOf(frame)])),
      }),
    );
  });
  return { openings, submitted: 0, pending: [], ids: new Map() };
}

/** A SYN_STREAM or DATA frame of one of those streams. */
function opens(frame: RawFrame, ids: readonly number[]): boolean {
  return ["SYN_STREAM", "DATA"].includes(frame.type) &&
    ids.includes(streamOf(frame));
}

/**
 * The units of a send with the SYN_STREAMs that are sent first here; none if it
 * opens no stream. As many are sent as in the recording: a limit delayed the
 * rest.
 */
function chooseOpenings(side: SideOrder, units: readonly Unit[]): Unit[] {
  const opened = units.filter(({ frame }) => frame.type === "SYN_STREAM").map(
    ({ frame }) => streamOf(frame),
  );
  if (opened.length === 0) return [];
  const chosen = [...side.pending].sort((left, right) =>
    left.priority - right.priority || left.id - right.id
  ).slice(0, opened.length);
  side.pending = side.pending.filter((opening) => !chosen.includes(opening));
  const ids = [...opened].sort((left, right) => left - right);
  chosen.forEach(({ id }, index) => side.ids.set(id, ids[index]));
  return [
    ...chosen.toSorted((left, right) => left.id - right.id).flatMap((opening) =>
      opening.units
    ),
    ...units.filter(({ frame }) => !opens(frame, opened)),
  ];
}

function renumberedStep(
  step: Step,
  units: readonly Unit[],
  ids: ReadonlyMap<number, number>,
): Step {
  const renumber = (id: number): number => ids.get(id) ?? id;
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
 * Sends the units again: the most urgent priority first, then in the order of the
 * calls that queued them. Bodies take turns.
 */
function schedule(
  units: readonly Unit[],
  calls: readonly RecordedCall[],
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
  const waiting = units.filter(({ frame }) => frame.type !== "DATA");
  const take = (type: string | undefined, id?: number): void => {
    const at = waiting.findIndex(({ frame }) =>
      frame.type === type && (id === undefined || streamOf(frame) === id)
    );
    if (at >= 0) push(waiting.splice(at, 1));
  };
  // SYN_STREAMs that an earlier send delayed come first.
  const synStreams =
    calls.filter(({ call }) => QUEUED_BY[call] === "SYN_STREAM").length;
  const opened =
    units.filter(({ frame }) => frame.type === "SYN_STREAM").length;
  for (let count = synStreams; count < opened; count++) take("SYN_STREAM");
  for (const { call, stream_id } of calls) take(QUEUED_BY[call], stream_id);
  // What no call asked for was queued by the session itself, or much earlier.
  for (const unit of waiting) push([unit]);
  const opening = new Set(
    units.filter(({ frame }) => /^SYN_/.test(frame.type)).map(({ frame }) =>
      streamOf(frame)
    ),
  );
  const started = new Set<number>();
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
