/**
 * The SETTINGS values of both sides that affect a session (SPDY/3 draft 2.6.4).
 *
 * @module
 */

import {
  INITIAL_MAX_CONCURRENT_STREAMS,
  INITIAL_WINDOW_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
} from "../frame/constants.ts";
import type { SettingsEntry } from "../frame/types.ts";

/** The first value of `id` in a SETTINGS frame; later ones of the same id are ignored (2.6.4). */
export function settingOf(
  entries: readonly SettingsEntry[],
  id: number,
): number | undefined {
  return entries.find((entry) => entry[0] === id)?.[2];
}

/** The values that this side announces. They apply as soon as they are submitted. */
export class LocalSettings {
  /** Streams the peer may have open. */
  maxConcurrentStreams: number;
  /** Window of a new stream of the peer, bytes. */
  initialWindow: number = INITIAL_WINDOW_SIZE;
  readonly #loweredByPing: boolean;
  #granted: number = INITIAL_WINDOW_SIZE;
  /** A lower window that was written, and the id of the PING sent after it, 0 while none was sent. */
  #unseen: { readonly window: number; ping: number } | undefined;

  /** How many streams above the limit the peer may open while it cannot know the limit; 0 once it knows. */
  #early: number;
  /** The PING after the SETTINGS with the limit; 0 while none was sent, `undefined` before the SETTINGS. */
  #limitPing: number | undefined;

  /**
   * Creates the values that apply before any SETTINGS. `earlyStreams` is how many
   * streams above the limit the peer may open while it cannot know the limit.
   */
  constructor(
    maxConcurrentStreams: number,
    loweredByPing = false,
    earlyStreams = 0,
  ) {
    this.maxConcurrentStreams = maxConcurrentStreams;
    this.#loweredByPing = loweredByPing;
    this.#early = earlyStreams;
  }

  /** How many streams the peer may have open before another one is refused. */
  get allowedStreams(): number {
    return this.maxConcurrentStreams + this.#early;
  }

  /**
   * The largest window that the peer may assume for a new stream. A lower value
   * applies once it is written or, with `loweredByPing`, once the peer has answered
   * a PING that was sent after it: the peer is not at fault for what it sent before
   * it saw the value (2.6.8).
   */
  get grantedWindow(): number {
    return this.#granted;
  }

  /** Applies the values of a submitted SETTINGS frame; returns by how much the initial window grows. */
  submitted(entries: readonly SettingsEntry[]): number {
    const streams = settingOf(entries, SETTINGS_MAX_CONCURRENT_STREAMS);
    if (streams !== undefined) this.maxConcurrentStreams = streams;
    const window = settingOf(entries, SETTINGS_INITIAL_WINDOW_SIZE);
    if (window === undefined) return 0;
    const growth = window - this.initialWindow;
    this.initialWindow = window;
    this.#granted = Math.max(this.#granted, window);
    return Math.max(0, growth);
  }

  /** A SETTINGS frame was written. */
  written(entries: readonly SettingsEntry[]): void {
    const streams = settingOf(entries, SETTINGS_MAX_CONCURRENT_STREAMS);
    if (streams !== undefined) this.#limitPing ??= 0;
    const window = settingOf(entries, SETTINGS_INITIAL_WINDOW_SIZE);
    if (window === undefined) return;
    const lowered = window < this.#granted;
    if (lowered && this.#loweredByPing) this.#unseen = { window, ping: 0 };
    else {
      this.#unseen = undefined;
      this.#granted = Math.max(window, this.initialWindow);
    }
  }

  /** A PING of this side was written. */
  pingWritten(id: number): void {
    if (this.#unseen?.ping === 0) this.#unseen.ping = id;
    if (this.#limitPing === 0) this.#limitPing = id;
  }

  /** The peer answered a PING of this side. */
  pingAnswered(id: number): void {
    if (this.#limitPing === id) this.#early = 0;
    if (this.#unseen?.ping !== id) return;
    this.#granted = Math.max(this.#unseen.window, this.initialWindow);
    this.#unseen = undefined;
  }
}

/** The values that the peer announced. */
export class PeerSettings {
  /** Streams this side may have open. */
  maxConcurrentStreams: number = INITIAL_MAX_CONCURRENT_STREAMS;
  /** Send window of a new stream, bytes. */
  initialWindow: number = INITIAL_WINDOW_SIZE;
}
