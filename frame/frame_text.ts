/**
 * A frame in words: its type's name, its flags' names, its numbers in order.
 *
 * @module
 */

import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA,
  DATA_FLAG_FIN,
  FLAG_SETTINGS_CLEAR_SETTINGS,
  GOAWAY,
  HEADERS,
  ID_FLAG_SETTINGS_PERSIST_VALUE,
  ID_FLAG_SETTINGS_PERSISTED,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";
import {
  frameName,
  goawayStatusName,
  settingName,
  statusName,
} from "./names.ts";
import type { CtrlFrame, NameValue, SettingsEntry } from "./types.ts";

/** A frame to describe. Of a DATA frame, the payload is not needed, only its length. */
export type DescribedFrame = CtrlFrame | {
  readonly frameType: typeof DATA;
  readonly streamId: number;
  readonly flags: number;
  readonly length: number;
};

/** A frame in words. */
export interface FrameText {
  /** Name of the type, such as `SYN_STREAM`. */
  readonly type: string;
  /** Stream id; `undefined` for a frame of the whole session. */
  readonly streamId: number | undefined;
  /** Names of the flags that are set; a number in hex for one without a name. */
  readonly flags: readonly string[];
  /** Payload length, bytes. */
  readonly length: number;
  /** The other fields, such as `pri 3` or `CANCEL`. */
  readonly detail: string;
  /** Headers; `undefined` for a frame without a header block. */
  readonly headers: readonly NameValue[] | undefined;
}

/** Puts a frame into words. */
export function frameText(frame: DescribedFrame): FrameText {
  const type = frameName(frame.frameType);
  const { length } = frame;
  switch (frame.frameType) {
    case DATA:
      return {
        type,
        streamId: frame.streamId,
        flags: flagNames(frame.flags, [[DATA_FLAG_FIN, "FIN"]]),
        length,
        detail: "",
        headers: undefined,
      };
    case SYN_STREAM: {
      const associated = frame.assocStreamId
        ? `, belongs to ${frame.assocStreamId}`
        : "";
      const slot = frame.slot ? `, slot ${frame.slot}` : "";
      return {
        type,
        streamId: frame.streamId,
        flags: flagNames(frame.flags, [[CTRL_FLAG_FIN, "FIN"], [
          CTRL_FLAG_UNIDIRECTIONAL,
          "UNIDIRECTIONAL",
        ]]),
        length,
        detail: `pri ${frame.pri}${associated}${slot}`,
        headers: frame.nv,
      };
    }
    case SYN_REPLY:
    case HEADERS:
      return {
        type,
        streamId: frame.streamId,
        flags: flagNames(frame.flags, [[CTRL_FLAG_FIN, "FIN"]]),
        length,
        detail: "",
        headers: frame.nv,
      };
    case RST_STREAM:
      return {
        type,
        streamId: frame.streamId,
        flags: flagNames(frame.flags, []),
        length,
        detail: statusName(frame.statusCode),
        headers: undefined,
      };
    case SETTINGS:
      return {
        type,
        streamId: undefined,
        flags: flagNames(frame.flags, [[
          FLAG_SETTINGS_CLEAR_SETTINGS,
          "CLEAR_SETTINGS",
        ]]),
        length,
        detail: frame.iv.map(settingText).join(", "),
        headers: undefined,
      };
    case PING:
      return {
        type,
        streamId: undefined,
        flags: flagNames(frame.flags, []),
        length,
        detail: `id ${frame.uniqueId}`,
        headers: undefined,
      };
    case GOAWAY:
      return {
        type,
        streamId: undefined,
        flags: flagNames(frame.flags, []),
        length,
        detail: `last stream ${frame.lastGoodStreamId}, ${
          goawayStatusName(frame.statusCode)
        }`,
        headers: undefined,
      };
    case WINDOW_UPDATE:
      return {
        type,
        streamId: frame.streamId,
        flags: flagNames(frame.flags, []),
        length,
        detail: `+${frame.deltaWindowSize}${
          frame.streamId === 0 ? " for the session" : ""
        }`,
        headers: undefined,
      };
  }
}

function flagNames(
  flags: number,
  names: readonly (readonly [bit: number, name: string])[],
): string[] {
  const found = names.filter(([bit]) => flags & bit).map(([, name]) => name);
  const rest = names.reduce((left, [bit]) => left & ~bit, flags);
  return rest === 0
    ? found
    : [...found, `0x${rest.toString(16).padStart(2, "0")}`];
}

function settingText([id, flags, value]: SettingsEntry): string {
  const names = flagNames(flags, [
    [ID_FLAG_SETTINGS_PERSIST_VALUE, "PERSIST_VALUE"],
    [ID_FLAG_SETTINGS_PERSISTED, "PERSISTED"],
  ]);
  return `${settingName(id)} = ${value}${
    names.length ? ` (${names.join(", ")})` : ""
  }`;
}
