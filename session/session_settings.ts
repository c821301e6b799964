/**
 * The SETTINGS values of both ends that change what a session does (SPDY/3
 * draft 2.6.4).
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

/** The first value of `id` in a SETTINGS frame: later ones of the same id do not count (2.6.4). */
export function settingOf(
  entries: readonly SettingsEntry[],
  id: number,
): number | undefined {
  return entries.find((entry) => entry[0] === id)?.[2];
}

/** What this end has told the peer. Values count from when they are submitted. */
export class LocalSettings {
  /** Streams the peer may have open. */
  maxConcurrentStreams: number;
  /** Window of a new stream of the peer, bytes. */
  initialWindow: number = INITIAL_WINDOW_SIZE;
  readonly #loweredByPing: boolean;
  #granted: number = INITIAL_WINDOW_SIZE;
  /** A window that was written, and the PING behind it; 0: none left yet. */
  #unseen: { readonly window: number; ping: number } | undefined;

  /** Makes the values that hold before any SETTINGS. */
  constructor(maxConcurrentStreams: number, loweredByPing = false) {
    this.maxConcurrentStreams = maxConcurrentStreams;
    this.#loweredByPing = loweredByPing;
  }

  /**
   * The window that a peer may rightly take a new stream to have. A lower value
   * counts once it is written, or, for a transport that sends a PING behind it,
   * once that is answered: what the peer sent before it saw the value is no
   * fault (2.6.8).
   */
  get grantedWindow(): number {
    return this.#granted;
  }

  /** Takes the values of a SETTINGS frame that is submitted; returns by how much the initial window grows. */
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

  /** Takes note that a SETTINGS frame was written. */
  written(entries: readonly SettingsEntry[]): void {
    const window = settingOf(entries, SETTINGS_INITIAL_WINDOW_SIZE);
    if (window === undefined) return;
    const lowered = window < this.#granted;
    if (lowered && this.#loweredByPing) this.#unseen = { window, ping: 0 };
    else {
      this.#unseen = undefined;
      this.#granted = Math.max(window, this.initialWindow);
    }
  }

  /** Takes note that a PING of this end was written. */
  pingWritten(id: number): void {
    if (this.#unseen?.ping === 0) this.#unseen.ping = id;
  }

  /** Takes note that the peer answered a PING of this end. */
  pingAnswered(id: number): void {
    if (this.#unseen?.ping !== id) return;
    this.#granted = Math.max(this.#unseen.window, this.initialWindow);
    this.#unseen = undefined;
  }
}

/** What the peer has told this end. */
export class PeerSettings {
  /** Streams this end may have open. */
  maxConcurrentStreams: number = INITIAL_MAX_CONCURRENT_STREAMS;
  /** Send window of a new stream, bytes. */
  initialWindow: number = INITIAL_WINDOW_SIZE;
}
