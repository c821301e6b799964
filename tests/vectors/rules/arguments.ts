/**
 * Submit calls that are refused here, and headers that are sent in another form.
 *
 * @module
 */

import { ERR_INVALID_ARGUMENT, ERR_STREAM_CLOSED } from "../../../mod.ts";
import type { Outcome } from "../outcome.ts";
import { SPDY3_NAMES } from "../raw_frames.ts";
import {
  type RecordedCall,
  type Recording,
  type SideName,
  textOf,
} from "../recording.ts";
import {
  FRAME_OF,
  isOwn,
  MAX_WINDOW,
  nextSend,
  renumbered,
  replaceStep,
  type Rule,
  streamOf,
} from "./common.ts";

/** A submit call whose arguments are refused here; nothing of it is sent. */
export const argumentsAreChecked: Rule = (outcome, recording) => {
  let result = outcome;
  outcome.forEach((step, index) => {
    const { call, side } = step;
    const returns = step.returns === 0 ? refusal(call, side, recording) : 0;
    if (returns === 0) return;
    result = replaceStep(result, index, { returns });
    const type = FRAME_OF[call.call];
    if (type === "SYN_STREAM") {
      result = withoutStream(result, index, recording);
      return;
    }
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

/**
 * Removes what the stream sent that was submitted at `index`. Later streams get
 * its id, also in what the peer sends and in later calls.
 */
function withoutStream(
  outcome: Outcome,
  index: number,
  recording: Recording,
): Outcome {
  const { side } = outcome[index];
  const before =
    outcome.slice(0, index).filter(({ call, side: other }) =>
      other === side && FRAME_OF[call.call] === "SYN_STREAM" &&
      refusal(call, side, recording) === 0
    ).length;
  const gone = before * 2 + (side === "client" ? 1 : 2);
  const moved = (id: number): number =>
    isOwn(id, side) && id > gone ? id - 2 : id;
  const movedIn = <T extends { readonly [field: string]: unknown }>(
    fields: T,
  ): T => {
    const ids = ["stream_id", "assoc_stream_id"].filter((name) =>
      fields[name] !== undefined
    );
    return {
      ...fields,
      ...Object.fromEntries(
        ids.map((name) => [name, moved(Number(fields[name]))]),
      ),
    };
  };
  return outcome.map((step, at) => {
    if (step.side !== side || at <= index) return step;
    const events = step.events.filter(({ stream_id }) => stream_id !== gone)
      .map(movedIn);
    if (step.input !== undefined) {
      return { ...step, events, input: withIds(step.input, moved) };
    }
    if (step.call.call !== "send") {
      return { ...step, call: movedIn({ ...step.call }) };
    }
    const frames = step.frames.filter((frame) =>
      frame.type === "DATA" || frame.type === "SYN_STREAM"
        ? streamOf(frame) !== gone
        : true
    ).map((frame) => renumbered(frame, moved));
    return { ...step, events, frames };
  });
}

/** Frames of the peer with other stream ids. */
function withIds(input: Uint8Array, id: (old: number) => number): Uint8Array {
  const bytes = input.slice();
  const view = new DataView(bytes.buffer);
  const replace = (at: number): void => {
    if (at + 4 <= bytes.length) view.setUint32(at, id(view.getUint32(at)));
  };
  for (let at = 0; at + 8 <= bytes.length;) {
    const type = view.getUint16(at + 2);
    if ((bytes[at] & 0x80) === 0) replace(at);
    else if (type === 1) replace(at + 12);
    else if ([2, 3, 7, 8, 9].includes(type)) replace(at + 8);
    at += 8 + (view.getUint32(at + 4) & 0xffffff);
  }
  return bytes;
}

/** 0, or the code of the error here. */
function refusal(
  call: RecordedCall,
  side: SideName,
  { version }: Recording,
): number {
  if (call.call === "submit_window_update") {
    if (version !== "3.1" && call.stream_id === 0) return ERR_STREAM_CLOSED;
    return version === "2" ? ERR_INVALID_ARGUMENT : 0;
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

/** Header values are text: bytes that are not UTF-8 are sent as U+FFFD. */
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
          headerBlock: mapBlock(
            frame.headerBlock,
            frame.version ?? 3,
            (bytes) =>
              new TextEncoder().encode(new TextDecoder().decode(bytes)),
          ),
        }
      ),
    }
  );
};

/** The block with each of its names and values replaced. */
function mapBlock(
  hex: string,
  version: number,
  replace: (bytes: Uint8Array) => Uint8Array,
): string {
  const block = Uint8Array.fromHex(hex);
  const size = version === 2 ? 2 : 4;
  let text = block.subarray(0, size).toHex();
  for (let at = size; at < block.length;) {
    const length = Number.parseInt(block.subarray(at, at + size).toHex(), 16);
    const bytes = replace(block.subarray(at + size, at + size + length));
    text += bytes.length.toString(16).padStart(size * 2, "0") + bytes.toHex();
    at += size + length;
  }
  return text;
}

/** The name on the wire: SPDY/2 has other names for `:path` and similar headers. */
function wireName(name: string, { version }: Recording): string {
  if (version !== "2") return name;
  const renamed = Object.entries(SPDY3_NAMES).find(([, other]) =>
    other === name
  );
  return renamed?.[0] ?? name;
}

/**
 * In `on_ctrl_not_send`, names are the same as in every other callback; spdylay
 * uses SPDY/2's names of the wire there.
 */
export const unsentNamesAreRenamed: Rule = (outcome, recording) => {
  if (recording.version !== "2") return outcome;
  return outcome.map((step) => ({
    ...step,
    events: step.events.map((event) => {
      if (event.callback !== "on_ctrl_not_send" || !event.headers) return event;
      const headers = event.headers as readonly [string, string][];
      return {
        ...event,
        headers: headers.map(([name, value]) => [
          SPDY3_NAMES[name] ?? name,
          value,
        ]).toSorted(([left], [right]) => left < right ? -1 : 1),
      };
    }),
  }));
};

/** Values are separated by NUL, also after an empty one, where spdylay forgets it. */
export const valuesAreSeparated: Rule = (outcome, recording) => {
  const joined = new Map<string, string>();
  for (const { call } of outcome) {
    const values = new Map<string, string[]>();
    for (const [name, value] of call.nv ?? []) {
      const key = wireName(textOf(name).toLowerCase(), recording);
      values.set(key, [...values.get(key) ?? [], textOf(value)]);
    }
    for (const [name, all] of values) {
      const parts = all.filter((value) => value !== "");
      if (all[0] === "" && parts.length > 1) {
        joined.set(`${name}=${parts.join("")}`, parts.join("\0"));
      }
    }
  }
  if (joined.size === 0) return outcome;
  return outcome.map((step) => ({
    ...step,
    frames: step.frames.map((frame) => {
      if (frame.headerBlock === undefined) return frame;
      let name = "";
      let isValue = true;
      const headerBlock = mapBlock(
        frame.headerBlock,
        frame.version ?? 3,
        (bytes) => {
          isValue = !isValue;
          const text = new TextDecoder().decode(bytes);
          if (!isValue) name = text;
          const whole = isValue ? joined.get(`${name}=${text}`) : undefined;
          return whole === undefined ? bytes : new TextEncoder().encode(whole);
        },
      );
      return { ...frame, headerBlock };
    }),
  }));
};
