/**
 * The result of a sequence of calls, in one form for recordings and for replays,
 * and the comparison of two results.
 *
 * @module
 */

import { RawDecoder, type RawFrame } from "./raw_frames.ts";
import {
  type RecordedCall,
  type RecordedEvent,
  type RecordedHeader,
  type Recording,
  type SideName,
  textOf,
  type Wants,
} from "./recording.ts";

/** A callback with its fields in a fixed form. */
export interface Event {
  readonly callback: string;
  readonly [field: string]: unknown;
}

/** One call, its return value and its effects. */
export interface Step {
  readonly side: SideName;
  readonly call: RecordedCall;
  /** Bytes that `recv` received. */
  readonly input?: Uint8Array;
  readonly returns: number;
  readonly events: readonly Event[];
  readonly frames: readonly RawFrame[];
  /** `want_read` and `want_write` after the step, if they were recorded. */
  readonly wants?: Wants;
}

/** All steps of a recording. */
export type Outcome = readonly Step[];

/** How the input is passed to the session. */
export type Feed = "whole" | "bytewise";

/**
 * The result in the recording. `undefined` if the library crashed, so that there
 * is nothing to compare.
 */
export function recordedOutcome(
  recording: Recording,
  feed: Feed,
): Outcome | undefined {
  if (recording.result?.crash !== undefined) return undefined;
  const builder = new OutcomeBuilder(recording);
  for (const call of recording.calls ?? recording.setup ?? []) {
    builder.addCall(call);
  }
  if (recording.result !== undefined) builder.addResult(feed);
  else builder.addAfter();
  return builder.steps;
}

class OutcomeBuilder {
  readonly steps: Step[] = [];
  readonly #recording: Recording;
  readonly #decoders = { client: new RawDecoder(), server: new RawDecoder() };

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  #sideOf(call: RecordedCall): SideName {
    const side = call.side ?? this.#recording.side;
    return side === "both" ? "client" : side;
  }

  #emitted(side: SideName, range: readonly [number, number]): Uint8Array {
    const { hex } = this.#recording;
    const all = typeof hex === "string" ? hex : hex[side];
    return Uint8Array.fromHex(all.slice(range[0] * 2, range[1] * 2));
  }

  addCall(call: RecordedCall): void {
    const side = this.#sideOf(call);
    const emits = call.emits_range
      ? this.#emitted(side, call.emits_range)
      : Uint8Array.fromHex(call.call === "send" ? call.emits ?? "" : "");
    const input = call.input_range
      ? this.#emitted(side === "client" ? "server" : "client", call.input_range)
      : call.call === "recv"
      ? Uint8Array.fromHex(call.hex ?? "")
      : undefined;
    this.steps.push({
      side,
      call,
      input,
      returns: call.returns,
      events: (call.events ?? []).map(normalEvent),
      frames: this.#decoders[side].decode(emits),
    });
  }

  /** The values of `want_read` and `want_write` at the end, on the last step of each side. */
  addAfter(): void {
    const { after, side } = this.#recording;
    for (const name of ["client", "server"] as const) {
      const wants = after === undefined
        ? undefined
        : "want_read" in after
        ? side === name ? after : undefined
        : after[name];
      const last = this.steps.findLastIndex((step) => step.side === name);
      if (wants !== undefined && last >= 0) {
        this.steps[last] = { ...this.steps[last], wants: normalWants(wants) };
      }
    }
  }

  addResult(feed: Feed): void {
    const { result, before_send_calls, followup, hex } = this.#recording;
    if (result === undefined || typeof hex !== "string") return;
    const side = this.#sideOf({ call: "recv", returns: 0 });
    const bytewise = feed === "bytewise" ? result.bytewise : undefined;
    const input = Uint8Array.fromHex(hex);
    const events = bytewise
      ? bytewise.events.map((event) =>
        isChunk(event) ? chunkEvent(event) : normalEvent(event)
      )
      : (result.events ?? []).map(normalEvent);
    this.steps.push({
      side,
      call: { call: "recv", returns: result.returns },
      input,
      returns: result.returns,
      events,
      frames: [],
      wants: normalWants(result.before_send),
    });
    for (const call of before_send_calls ?? []) this.addCall(call);
    const frames = this.#decoders[side].decode(
      Uint8Array.fromHex(bytewise ? bytewise.emits : result.emits),
    );
    this.steps.push({
      side,
      call: { call: "send", returns: 0 },
      returns: 0,
      events: bytewise
        ? [UNRECORDED]
        : (result.send_events ?? []).map(normalEvent),
      frames,
      wants: normalWants(result.after),
    });
    if (followup === undefined) return;
    this.steps.push({
      side,
      call: { call: "recv", returns: 0 },
      input: Uint8Array.fromHex(followup.input),
      returns: followup.input.length / 2,
      events: followup.events.map(normalEvent),
      frames: [],
    });
    const after = this.#decoders[side].decode(
      Uint8Array.fromHex(followup.emits),
    );
    this.steps.push({
      side,
      // The callbacks of this call of `send` were not recorded.
      call: { call: "send", returns: 0 },
      returns: 0,
      events: [UNRECORDED],
      frames: after,
      wants: normalWants(followup.after),
    });
  }
}

/** A placeholder for events that are not in the recording. */
export const UNRECORDED: Event = { callback: "unrecorded" };

function isChunk(
  event: RecordedEvent | readonly ["chunk", number, number, number],
): event is readonly ["chunk", number, number, number] {
  return Array.isArray(event);
}

function chunkEvent(
  [, stream_id, flags, length]: readonly ["chunk", number, number, number],
): Event {
  return { callback: "on_data_chunk_recv", flags, stream_id, length };
}

function normalWants(wants: Wants): Wants {
  return {
    want_read: Boolean(wants.want_read),
    want_write: Boolean(wants.want_write),
  };
}

/** A recorded event without the names of its numbers, and with headers as text. */
function normalEvent(recorded: RecordedEvent): Event {
  const { status_name: _status, error_name: _error, ...event } = recorded;
  const headers = event.headers as readonly RecordedHeader[] | null | undefined;
  if (headers === undefined) return event;
  return {
    ...event,
    headers: (headers ?? []).map((
      [name, value],
    ) => [textOf(name), textOf(value)]),
  };
}

/** The first difference between two results, or `undefined`. */
export function difference(
  expected: Outcome,
  actual: Outcome,
): string | undefined {
  for (let index = 0; index < expected.length; index++) {
    const want = expected[index];
    const got = actual[index];
    const where = `step ${index} (${want.side} ${want.call.call})`;
    if (got === undefined) return `${where}: missing`;
    for (const part of ["returns", "events", "frames", "wants"] as const) {
      if (part === "events" && want.events.includes(UNRECORDED)) continue;
      if (part === "wants" && want.wants === undefined) continue;
      const left = text(want[part]);
      const right = text(got[part]);
      if (left !== right) {
        return `${where} ${part}:\n  expected ${left}\n  actual   ${right}`;
      }
    }
  }
  return undefined;
}

function text(value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) => {
    if (part === null || typeof part !== "object" || Array.isArray(part)) {
      return part;
    }
    return Object.fromEntries(
      Object.entries(part).sort(([left], [right]) => left < right ? -1 : 1),
    );
  });
  return json.length > 1500 ? `${json.slice(0, 1500)}...` : json;
}

/** The result without WINDOW_UPDATEs and their callbacks. */
export function withoutWindowUpdates(outcome: Outcome): Outcome {
  return outcome.map((step) => ({
    ...step,
    wants: step.wants && { ...step.wants, want_write: false },
    frames: step.frames.filter(({ type }) => type !== "WINDOW_UPDATE"),
    events: step.events.filter(({ type, callback }) =>
      type !== "WINDOW_UPDATE" || callback === "on_ctrl_recv"
    ),
  }));
}
