/**
 * Control frames in the queue: complete except for what is known only when they
 * are sent, which is the length and the id of a new stream, and for the headers.
 *
 * @module
 */

import {
  GOAWAY,
  GOAWAY_OK,
  type HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  type SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import type {
  CtrlFrame,
  GoawayFrame,
  HeadersFrame,
  NameValue,
  PingFrame,
  RstStreamFrame,
  SettingsEntry,
  SettingsFrame,
  SynReplyFrame,
  SynStreamFrame,
  WindowUpdateFrame,
} from "../frame/types.ts";
import type { VersionTraits } from "../frame/version.ts";

/** A frame whose fields can still be set. */
export type OutboundFrame<Frame> = Frame extends CtrlFrame
  ? { -readonly [Field in keyof Frame]: Frame[Field] }
  : never;

/** The headers of a frame that no callback has seen; see `ControlItem.shown`. */
export const NOT_SHOWN: NameValue[] = [];

/** The length of a frame that was not encoded, as `onCtrlNotSend` sees it. */
const NOT_ENCODED = 0;

/** SYN_STREAM; its stream id is set when it is sent. */
export function makeSynStream(
  { wireVersion: version }: VersionTraits,
  flags: number,
  assocStreamId: number,
  pri: number,
): OutboundFrame<SynStreamFrame> {
  return {
    frameType: SYN_STREAM,
    version,
    flags,
    length: NOT_ENCODED,
    streamId: 0,
    assocStreamId,
    pri,
    slot: 0,
    nv: NOT_SHOWN,
  };
}

/** SYN_REPLY or HEADERS. */
export function makeHeaders(
  { wireVersion: version }: VersionTraits,
  frameType: typeof SYN_REPLY | typeof HEADERS,
  flags: number,
  streamId: number,
): OutboundFrame<SynReplyFrame | HeadersFrame> {
  return {
    frameType,
    version,
    flags,
    length: NOT_ENCODED,
    streamId,
    nv: NOT_SHOWN,
  };
}

/** RST_STREAM. */
export function makeRstStream(
  { wireVersion: version }: VersionTraits,
  streamId: number,
  statusCode: number,
): OutboundFrame<RstStreamFrame> {
  return {
    frameType: RST_STREAM,
    version,
    flags: 0,
    length: NOT_ENCODED,
    streamId,
    statusCode,
  };
}

/** SETTINGS. */
export function makeSettings(
  { wireVersion: version }: VersionTraits,
  flags: number,
  iv: SettingsEntry[],
): OutboundFrame<SettingsFrame> {
  return { frameType: SETTINGS, version, flags, length: NOT_ENCODED, iv };
}

/** PING. */
export function makePing(
  { wireVersion: version }: VersionTraits,
  uniqueId: number,
): OutboundFrame<PingFrame> {
  return { frameType: PING, version, flags: 0, length: NOT_ENCODED, uniqueId };
}

/** GOAWAY, which has no status in SPDY/2. */
export function makeGoaway(
  { wireVersion: version, goawayLength }: VersionTraits,
  lastGoodStreamId: number,
  status: number,
): OutboundFrame<GoawayFrame> {
  return {
    frameType: GOAWAY,
    version,
    flags: 0,
    length: NOT_ENCODED,
    lastGoodStreamId,
    statusCode: goawayLength === 8 ? status : GOAWAY_OK,
  };
}

/** WINDOW_UPDATE. */
export function makeWindowUpdate(
  { wireVersion: version }: VersionTraits,
  streamId: number,
  deltaWindowSize: number,
): OutboundFrame<WindowUpdateFrame> {
  return {
    frameType: WINDOW_UPDATE,
    version,
    flags: 0,
    length: NOT_ENCODED,
    streamId,
    deltaWindowSize,
  };
}
