/**
 * Streams: pushes that end with their request, and ids that are used up.
 *
 * @module
 */

import { CANCEL, GOAWAY_PROTOCOL_ERROR, PROTOCOL_ERROR } from "../../../mod.ts";
import type { Event } from "../outcome.ts";
import {
  failedAt,
  isOwn,
  nextSend,
  replaceStep,
  rstEvents,
  rstStream,
  type Rule,
  streamOf,
  uint32,
} from "./common.ts";

/** If a client cancels a request with CANCEL, the streams pushed for it end as well. */
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

/** A SYN_STREAM with a valid number uses up its id, whatever its header block contains. */
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

/** A new stream below an id that a refused block used up is a session error. */
export const lowerIdsAreRefused: Rule = (outcome, recording) => {
  const highest = { client: 0, server: 0 };
  for (let index = 0; index < outcome.length; index++) {
    const { side, events } = outcome[index];
    for (const [at, event] of events.entries()) {
      const id = Number(event.stream_id);
      if (event.type !== "SYN_STREAM" || isOwn(id, side)) continue;
      if (event.callback === "on_ctrl_recv" && id < highest[side]) {
        const refused = {
          ...event,
          callback: "on_invalid_ctrl_recv",
          status_code: PROTOCOL_ERROR,
        };
        const cut = replaceStep(outcome, index, {
          events: [...events.slice(0, at), refused],
        });
        return failedAt(cut, index, GOAWAY_PROTOCOL_ERROR, recording);
      }
      if (/^on_(ctrl|invalid_ctrl)_recv$/.test(event.callback)) {
        highest[side] = Math.max(highest[side], id);
      }
    }
  }
  return outcome;
};

/** The last stream that a GOAWAY names may therefore be one whose header block was refused. */
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
      // A session error uses up no id.
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
