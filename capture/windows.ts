/**
 * Follows the flow control windows of a captured connection (SPDY/3 draft 2.6.8).
 *
 * @module
 */

import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA,
  DATA_FLAG_FIN,
  GOAWAY,
  HEADERS,
  INITIAL_WINDOW_SIZE,
  PING,
  RST_STREAM,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import { wireTraits } from "../frame/version.ts";
import type { FrameRecord } from "./records.ts";

/** Most streams that are tracked; a new one replaces the oldest. */
const MOST_STREAMS = 4096;

/** How often and how long a window was used up. */
export interface Stalls {
  /** Stream id; 0 for the window of the session. */
  readonly streamId: number;
  /** Whether the client sends within this window. */
  readonly fromClient: boolean;
  /** Number of times that the window was used up. */
  count: number;
  /** Time for which it was used up, ms. */
  total: number;
  /** The longest of these times, ms. */
  longest: number;
}

/** A window. */
interface Window {
  size: number;
  /** Time since which it is used up. */
  since: number | undefined;
  /** Whether its sender has exceeded it, and so does not respect it. */
  isIgnored: boolean;
  stalls: Stalls | undefined;
}

/** What one side may send. */
interface Sender {
  readonly session: Window;
  readonly streams: Map<number, Window>;
  /** Streams that it has not ended: they wait when its session window is used up. */
  readonly unfinished: Set<number>;
  initial: number;
}

/** The windows of both directions. The capture must have the beginning of the connection. */
export class WindowTracker {
  readonly #client: Sender = newSender();
  readonly #server: Sender = newSender();
  readonly #stalls: Stalls[] = [];
  /** Set for SPDY/2, which has no windows. */
  #isOff = false;

  /** Adds the next frame of the connection. */
  add(record: FrameRecord): void {
    const { frame, fromClient, time, version } = record;
    if (wireTraits(version)?.windowUpdate === false) this.#isOff = true;
    if (frame === undefined || this.#isOff) return;
    const peer = fromClient ? this.#server : this.#client;
    const sender = fromClient ? this.#client : this.#server;
    switch (frame.frameType) {
      case SYN_STREAM:
        if (!(frame.flags & CTRL_FLAG_FIN)) open(sender, frame.streamId, time);
        if (!(frame.flags & CTRL_FLAG_UNIDIRECTIONAL)) {
          open(peer, frame.streamId, time);
        }
        return;
      case SYN_REPLY:
      case HEADERS:
        if (frame.flags & CTRL_FLAG_FIN) finish(sender, frame.streamId, time);
        return;
      case DATA: {
        this.#spend(sender.session, 0, fromClient, frame.length, time);
        const window = streamWindow(sender, frame.streamId);
        if (frame.flags & DATA_FLAG_FIN) {
          // The stream has ended: nothing waits for its window any more.
          if (frame.length > window.size) ignore(window);
          finish(sender, frame.streamId, time);
        } else {
          open(sender, frame.streamId, time);
          this.#spend(window, frame.streamId, fromClient, frame.length, time);
        }
        return;
      }
      case WINDOW_UPDATE:
        grant(
          frame.streamId === 0
            ? peer.session
            : streamWindow(peer, frame.streamId),
          frame.deltaWindowSize,
          time,
        );
        return;
      case SETTINGS:
        for (const [id, , value] of frame.iv) {
          if (id !== SETTINGS_INITIAL_WINDOW_SIZE) continue;
          for (const window of peer.streams.values()) {
            grant(window, value - peer.initial, time);
          }
          peer.initial = value;
        }
        return;
      case RST_STREAM:
        for (const side of [this.#client, this.#server]) {
          finish(side, frame.streamId, time);
        }
        return;
      case PING:
      case GOAWAY:
        return;
      default:
        frame satisfies never;
    }
  }

  /**
   * Bytes that the side may send on a stream, or in total for `streamId` 0;
   * negative if SETTINGS have reduced the window. `undefined` if there is no
   * window, as in SPDY/2, or if its sender has exceeded it.
   */
  window(fromClient: boolean, streamId: number): number | undefined {
    if (this.#isOff) return undefined;
    const sender = fromClient ? this.#client : this.#server;
    const window = streamId === 0
      ? sender.session
      : sender.streams.get(streamId);
    if (window === undefined) return sender.initial;
    return window.isIgnored ? undefined : window.size;
  }

  /** The windows that were used up; those that still are count until `time`. */
  stalls(time: number): Stalls[] {
    for (const sender of [this.#client, this.#server]) {
      for (const window of [sender.session, ...sender.streams.values()]) {
        // Nothing followed its last byte.
        if (window.since === time) window.since = undefined;
        end(window, time);
      }
    }
    return this.#stalls.filter(({ count }) => count > 0);
  }

  #spend(
    window: Window,
    streamId: number,
    fromClient: boolean,
    length: number,
    time: number,
  ): void {
    // SPDY/3 has no session window, and spdystream respects none.
    if (length > window.size) ignore(window);
    window.size -= length;
    if (window.size > 0 || length === 0 || window.isIgnored) return;
    window.since ??= time;
    if (window.stalls === undefined) {
      window.stalls = { streamId, fromClient, count: 0, total: 0, longest: 0 };
      this.#stalls.push(window.stalls);
    }
  }
}

function newSender(): Sender {
  return {
    session: newWindow(INITIAL_WINDOW_SIZE),
    streams: new Map(),
    unfinished: new Set(),
    initial: INITIAL_WINDOW_SIZE,
  };
}

function newWindow(size: number): Window {
  return { size, since: undefined, isIgnored: false, stalls: undefined };
}

function streamWindow(sender: Sender, streamId: number): Window {
  let window = sender.streams.get(streamId);
  if (window === undefined) {
    window = newWindow(sender.initial);
    sender.streams.set(streamId, window);
    if (sender.streams.size > MOST_STREAMS) {
      for (const oldest of sender.streams.keys()) {
        sender.streams.delete(oldest);
        break;
      }
    }
  }
  return window;
}

/** The side may send on the stream. */
function open(sender: Sender, streamId: number, time: number): void {
  const { session, unfinished } = sender;
  if (unfinished.size === 0 && session.stalls !== undefined) {
    if (session.size <= 0 && !session.isIgnored) session.since ??= time;
  }
  unfinished.add(streamId);
  if (unfinished.size <= MOST_STREAMS) return;
  for (const oldest of unfinished) {
    unfinished.delete(oldest);
    break;
  }
}

/** The side sends nothing more on the stream. */
function finish(sender: Sender, streamId: number, time: number): void {
  const { session, streams, unfinished } = sender;
  const window = streams.get(streamId);
  if (window !== undefined) end(window, time);
  streams.delete(streamId);
  unfinished.delete(streamId);
  if (unfinished.size > 0) return;
  // Without streams, nothing waits for the window of the session.
  if (session.since === time) session.since = undefined;
  end(session, time);
}

function grant(window: Window, delta: number, time: number): void {
  window.size += delta;
  if (window.size > 0) end(window, time);
}

/** Its sender does not obey the window: SPDY/3 has none of the session, and spdystream obeys none. */
function ignore(window: Window): void {
  window.isIgnored = true;
  window.since = undefined;
  if (window.stalls !== undefined) window.stalls.count = 0;
}

/** Records that the window is no longer used up. */
function end(window: Window, time: number): void {
  const { since, stalls } = window;
  if (since === undefined || stalls === undefined) return;
  window.since = undefined;
  const length = time - since;
  stalls.count++;
  stalls.total += length;
  stalls.longest = Math.max(stalls.longest, length);
}
