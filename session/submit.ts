/**
 * The submit calls. They check types and ranges of their arguments before they
 * queue anything.
 *
 * @module
 */

import {
  ERR_STREAM_CLOSED,
  ERR_STREAM_CLOSING,
  ERR_STREAM_SHUT_WR,
  InvalidArgumentError,
  StreamClosedError,
} from "../errors.ts";
import { checkStreamIdOrZero, checkUint32 } from "../frame/check.ts";
import {
  type HEADERS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX,
  type SYN_REPLY,
} from "../frame/constants.ts";
import { checkLengthFields } from "../frame/header_block.ts";
import {
  type CheckedHeaders,
  type HeaderChecker,
  type HeaderList,
  ownHeaders,
} from "../frame/header_checker.ts";
import { fromSpdy2Names, sortByName, wirePairs } from "../frame/header_list.ts";
import type { SettingsEntry } from "../frame/types.ts";
import type { VersionTraits } from "../frame/version.ts";
import { MAX_FLOW_WINDOW } from "../frame/window_update.ts";
import { checkWhole } from "../numbers.ts";
import type { BodySource } from "./callbacks.ts";
import { SERVER } from "./constants.ts";
import type { SessionCore } from "./core.ts";
import { makeHeaders, makeSynStream } from "./outbound_frames.ts";
import type { StreamRecord } from "./stream_record.ts";
import { SENDABLE, sendError } from "./stream_states.ts";

/** The bits of `flags` in `mask`; others are dropped, as in spdylay. Throws `InvalidArgumentError` unless `flags` is a whole number. */
export function maskFlags(flags: number, mask: number): number {
  checkUint32("flags", flags);
  return flags & mask;
}

/** Throws `InvalidArgumentError` unless the version has the priority `pri`. */
function checkPriority(pri: number, traits: VersionTraits): void {
  checkWhole("pri", pri, 0, traits.lowestPriority);
}

/**
 * Checks a list, and converts its names to lower case and sorts them.
 *
 * Throws `InvalidArgumentError` for a name or value that cannot be sent, or
 * that is too long for the version.
 */
function checkHeaders(
  nv: HeaderList,
  traits: VersionTraits,
  checker: HeaderChecker,
): CheckedHeaders {
  const headers = checker.checkLike(nv) ?? checkPairs(nv, checker);
  if (traits.lengthSize === 4) return headers;
  // Only in SPDY/2 can a header be too long for its length field.
  checkLengthFields(wirePairs(headers.pairs, traits), traits);
  // `host` and `:host` are the same on the wire, and callbacks see what is sent.
  const pairs = ownHeaders(headers);
  fromSpdy2Names(pairs);
  return { pairs: sortByName(pairs), hasParts: false, repeats: true };
}

function checkPairs(nv: HeaderList, checker: HeaderChecker): CheckedHeaders {
  if (!Array.isArray(nv) || !nv.every(isPair)) {
    throw new InvalidArgumentError("nv is not a list of [name, value] pairs");
  }
  return checker.check(nv);
}

function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2;
}

/** Throws `InvalidArgumentError` unless `body` has a read callback. */
export function checkBody<S>(body: BodySource<S>): void {
  if (typeof body?.readCb !== "function") {
    throw new InvalidArgumentError("dataPrd is not a DataProvider");
  }
}

/**
 * The associated stream of a new stream: 0 on a client, and on a server 0 or a
 * stream of the client.
 *
 * Throws `InvalidArgumentError` for any other.
 */
export function checkAssociated<S>(
  core: SessionCore<S>,
  assocStreamId: number,
): number {
  checkStreamIdOrZero("assocStreamId", assocStreamId);
  if (core.side !== SERVER) return 0;
  if (assocStreamId !== 0 && core.streams.isOwn(assocStreamId)) {
    throw new InvalidArgumentError(
      `assocStreamId ${assocStreamId} is not a stream of the client`,
    );
  }
  return assocStreamId;
}

/**
 * The open stream of a body.
 *
 * Throws `StreamClosedError` when the stream is not open, or this side can send
 * nothing more on it; spdylay drops such bodies silently.
 */
export function checkBodyStream<S>(
  core: SessionCore<S>,
  streamId: number,
): StreamRecord<S> {
  checkStreamIdOrZero("streamId", streamId);
  const stream = core.streams.get(streamId);
  switch (sendError(SENDABLE.DATA, stream)) {
    case ERR_STREAM_CLOSED:
      throw new StreamClosedError(`stream ${streamId} is not open`);
    case ERR_STREAM_SHUT_WR:
      throw new StreamClosedError(
        `this side has already ended its half of stream ${streamId}`,
      );
    case ERR_STREAM_CLOSING:
      throw new StreamClosedError(`stream ${streamId} is being reset`);
  }
  // Any other refusal may no longer apply when the body is sent. Without a stream, the
  // result is ERR_STREAM_CLOSED, so that `stream` is defined here.
  return stream as StreamRecord<S>;
}

/**
 * The entries in ascending order of their ids, as they are sent.
 *
 * Throws `InvalidArgumentError` for an unknown or duplicate id, and for flags or a
 * value out of range.
 */
export function checkSettings(iv: readonly SettingsEntry[]): SettingsEntry[] {
  if (!Array.isArray(iv)) {
    throw new InvalidArgumentError("iv is not a list of [id, flags, value]");
  }
  const ids = new Set<number>();
  const entries = iv.map((entry): SettingsEntry => {
    if (!Array.isArray(entry) || entry.length !== 3) {
      throw new InvalidArgumentError(
        "an entry of iv is not [id, flags, value]",
      );
    }
    const [id, flags, value] = entry;
    checkWhole("SETTINGS id", id, 1, SETTINGS_MAX);
    checkWhole(`flags of SETTINGS id ${id}`, flags, 0, 0xff);
    checkUint32(`value of SETTINGS id ${id}`, value);
    // A window is at most 2^31-1 (SPDY/3 draft 2.6.8).
    if (id === SETTINGS_INITIAL_WINDOW_SIZE) {
      checkWhole("INITIAL_WINDOW_SIZE", value, 0, MAX_FLOW_WINDOW);
    }
    if (ids.has(id)) {
      throw new InvalidArgumentError(`SETTINGS id ${id} is in the list twice`);
    }
    ids.add(id);
    return [id, flags, value];
  });
  return entries.sort((left, right) => left[0] - right[0]);
}

/**
 * Throws unless WINDOW_UPDATE can be sent for the stream: `InvalidArgumentError`
 * for a bad delta, `StreamClosedError` for a stream that is not open (stream 0
 * exists only in SPDY/3.1), `InvalidArgumentError` for a session without flow
 * control.
 */
export function checkWindowUpdate<S>(
  core: SessionCore<S>,
  streamId: number,
  deltaWindowSize: number,
): void {
  checkStreamIdOrZero("streamId", streamId);
  checkWhole("deltaWindowSize", deltaWindowSize, 1, MAX_FLOW_WINDOW);
  const open = streamId === 0
    ? core.receiveWindow !== undefined
    : core.streams.get(streamId) !== undefined;
  if (!open) throw new StreamClosedError(`stream ${streamId} is not open`);
  if (!core.flowControl) {
    throw new InvalidArgumentError(
      core.traits.windowUpdate
        ? "the session has no flow control (option flowControl: false)"
        : `${core.traits.name} has no WINDOW_UPDATE`,
    );
  }
}

/**
 * Queues SYN_STREAM. Throws `InvalidArgumentError` for a bad priority or header.
 */
export function submitSynStream<S>(
  core: SessionCore<S>,
  flags: number,
  assocStreamId: number,
  pri: number,
  nv: HeaderList,
  body: BodySource<S> | undefined,
  userData: unknown,
): void {
  const { traits } = core;
  checkPriority(pri, traits);
  const headers = checkHeaders(nv, traits, core.headers);
  const frame = makeSynStream(traits, flags, assocStreamId, pri);
  core.pushSynStream(frame, headers, body, userData);
}

/**
 * Queues SYN_REPLY or HEADERS. Throws `InvalidArgumentError` for a bad id or header.
 */
export function submitHeaders<S>(
  core: SessionCore<S>,
  frameType: typeof SYN_REPLY | typeof HEADERS,
  flags: number,
  streamId: number,
  nv: HeaderList,
  body?: BodySource<S>,
): void {
  checkStreamIdOrZero("streamId", streamId);
  const headers = checkHeaders(nv, core.traits, core.headers);
  const frame = makeHeaders(core.traits, frameType, flags, streamId);
  core.pushHeaders(frame, headers, body);
}
