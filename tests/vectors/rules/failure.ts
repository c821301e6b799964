/**
 * What happens when a session fails, and what is still written then.
 *
 * @module
 */

import { concat } from "../../deps.ts";
import {
  ERR_CALLBACK_FAILURE,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
} from "../../../mod.ts";
import { type Event, type Outcome, type Step, UNRECORDED } from "../outcome.ts";
import { headerBlocks, inflateBlocks, splitFrames } from "../raw_frames.ts";
import type { RecordedCall, Recording, SideName } from "../recording.ts";
import {
  isOwn,
  nextSend,
  replaceStep,
  type Rule,
  streamOf,
  uint32,
} from "./common.ts";

/** An unreadable header block is reported with the bytes that arrived, and not padded. */
export const onlyReceivedBytesAreTold: Rule = (outcome) =>
  outcome.map((step) => ({
    ...step,
    events: step.events.map((event) => {
      if (event.callback !== "on_ctrl_recv_parse_error") return event;
      const arrived = Number.parseInt(String(event.head).slice(10), 16);
      const payload_length = Math.min(Number(event.payload_length), arrived);
      return { ...event, payload_length };
    }),
  }));

/**
 * A corrupt header block is reported with the piece that contains the error, and
 * not only when the rest of its frame has arrived.
 */
export const corruptBlocksAreReportedAtOnce: Rule = (outcome, recording) => {
  let result = outcome;
  for (const side of ["client", "server"] as const) {
    const told = result.findIndex((step) =>
      step.side === side &&
      step.events.some(({ callback, error_code }) =>
        callback === "on_ctrl_recv_parse_error" && error_code === ERR_ZLIB
      )
    );
    const shown = firstCorrupt(result, side, recording);
    if (told < 0 || shown < 0 || shown >= told) continue;
    const { events } = result[told];
    const at = events.findIndex(({ error_code }) => error_code === ERR_ZLIB);
    const send = nextSend(result, told, side);
    const earlier = nextSend(result, shown, side);
    result = replaceStep(result, shown, {
      events: [...result[shown].events, events[at]],
    });
    result = replaceStep(result, told, { events: events.slice(0, at) });
    if (send < 0 || earlier >= send) continue;
    result = replaceStep(result, earlier, {
      frames: result[send].frames,
      events: result[send].events,
    });
    result = replaceStep(result, send, { frames: [], events: [] });
  }
  return result;
};

/** The first `recv` of a side whose input makes its header blocks corrupt; -1 if there is none. */
function firstCorrupt(
  outcome: Outcome,
  side: SideName,
  { version }: Recording,
): number {
  let input: Uint8Array = new Uint8Array(0);
  return outcome.findIndex((step) => {
    if (step.side !== side || step.input === undefined) return false;
    input = concat([input, step.input]);
    try {
      const blocks = headerBlocks(input);
      if (blocks.length > 0) inflateBlocks(blocks, version === "2" ? 2 : 3);
      return false;
    } catch {
      return true;
    }
  });
}

/** The GOAWAY of a failed session is sent first and alone; input is discarded from then on. */
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
    const received = (step: Step, at: number): boolean =>
      at < sendAt && step.side === side && step.call.call === "recv";
    // spdylay continues to read after a parse error, and may report a second
    // one.
    begin = outcome.findIndex((step, at) =>
      received(step, at) &&
      step.events.some(({ callback }) =>
        callback === "on_ctrl_recv_parse_error"
      )
    );
    if (begin < 0) begin = outcome.findLastIndex(received);
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
    if (index < sendAt) {
      return step.call.call === "recv"
        ? { ...step, events: [], wants }
        : { ...step, wants };
    }
    const nothing = ["recv", "send"].includes(step.call.call)
      ? { events: [], frames: [] }
      : {};
    return { ...step, ...nothing, wants };
  });
}

/** The events up to the one that reports the failure. */
function untilFailure(step: Step, send: Step): readonly Event[] {
  const reset = new Set(
    send.frames.filter(({ type }) => type === "RST_STREAM").map(streamOf),
  );
  const last = step.events.findIndex(({ callback, stream_id }) =>
    callback === "on_ctrl_recv_parse_error" ||
    callback === "on_invalid_ctrl_recv" && !reset.has(Number(stream_id))
  );
  return last < 0 ? untilRefusedData(step) : step.events.slice(0, last + 1);
}

/**
 * A DATA frame that ends the session has no callback: the events up to the place
 * where it would be.
 */
function untilRefusedData(step: Step): readonly Event[] {
  let at = 0;
  for (const frame of splitFrames(step.input ?? new Uint8Array(0))) {
    const from = at;
    const ofFrame = ({ callback, type, stream_id }: Event): boolean =>
      frame.type === "DATA"
        ? stream_id === frame.streamId &&
          /^on_(data|request|stream)/.test(callback)
        : at === from
        ? type === frame.type
        : /^on_(req|str)/.test(callback);
    while (at < step.events.length && ofFrame(step.events[at])) at++;
    if (frame.type === "DATA" && at === from) return step.events.slice(0, at);
  }
  return step.events;
}

/** `want_write` is true while anything is queued, including a GOAWAY. */
export const queuedFramesAreWanted: Rule = (outcome) => {
  return outcome.map((step, index) => {
    const next = outcome[index + 1];
    const queued = next?.side === step.side && next.call.call === "send"
      ? next.frames.length > 0 ||
        next.events.some(({ callback }) => callback === "on_ctrl_not_send")
      : nextSend(outcome, index, step.side) < 0 && hasPing(step);
    return queued && step.wants?.want_write === false
      ? { ...step, wants: { ...step.wants, want_write: true } }
      : step;
  });
};

/** Input with a PING that must be answered. */
function hasPing({ input, side }: Step): boolean {
  return input !== undefined &&
    splitFrames(input).some(({ type, payload }) =>
      type === "PING" && !isOwn(Number.parseInt(payload, 16), side)
    );
}

/** The expected result where spdylay crashed: a frame with headers and an unknown version. */
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
        // Only version 2 has more bytes before the header block.
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

/** The rule for {@linkcode survivedOutcome}; there is no recorded result to turn. */
export const inputIsSurvived: Rule = (outcome) => outcome;
