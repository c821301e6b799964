/**
 * The SETTINGS of both sides of a connection.
 *
 * @module
 */

import {
  INITIAL_WINDOW_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
} from "../frame/constants.ts";
import type { SettingsEntry, SettingsFrame } from "../frame/types.ts";
import type { Session } from "../session.ts";
import { CLIENT } from "../session/constants.ts";
import type { ResolvedOptions } from "./options.ts";
import {
  applySettings,
  firstSettings,
  persistSettings,
} from "./settings_store.ts";
import type { PendingStreams } from "./stream/pending_streams.ts";

/** Sends the SETTINGS of this side and applies those of the peer. */
export class ConnectionSettings {
  // Created on first use: most connections announce none.
  #own: Map<number, number> | undefined;
  #peer: Map<number, number> | undefined;
  readonly #session: Session;
  readonly #options: ResolvedOptions;
  /** The largest initial window that the peer may assume, bytes. */
  #largestWindow = INITIAL_WINDOW_SIZE;

  /** Submits the first SETTINGS, if there are any. */
  constructor(session: Session, options: ResolvedOptions) {
    this.#session = session;
    this.#options = options;
    const first = firstSettings(options);
    if (first.length > 0) session.submitSettings(0, first);
    const { settings = [] } = options;
    if (settings.length > 0) applySettings(this.own, settings);
  }

  /** The values that this side announced, by id. */
  get own(): Map<number, number> {
    return this.#own ??= new Map();
  }

  /** The values that the peer announced, by id. */
  get peer(): Map<number, number> {
    return this.#peer ??= new Map();
  }

  /** The receive window that the peer may assume for a new stream at the start, bytes. */
  get firstWindow(): number {
    return this.#own?.get(SETTINGS_INITIAL_WINDOW_SIZE) ?? INITIAL_WINDOW_SIZE;
  }

  /** Submits SETTINGS of the application. */
  submit(flags: number, entries: SettingsEntry[]): void {
    this.#session.submitSettings(flags, entries);
    applySettings(this.own, entries);
  }

  /**
   * SETTINGS of this side were sent; true when a PING has to follow, whose reply tells
   * the session that the peer has seen a lower initial window.
   */
  sent(frame: SettingsFrame): boolean {
    const window = frame.iv.find(([id]) => id === SETTINGS_INITIAL_WINDOW_SIZE);
    if (window === undefined) return false;
    if (window[2] < this.#largestWindow) return true;
    this.#largestWindow = window[2];
    return false;
  }

  /** SETTINGS of the peer arrived. */
  received(frame: SettingsFrame, pending: PendingStreams): void {
    applySettings(this.peer, frame.iv);
    const limit = this.peer.get(SETTINGS_MAX_CONCURRENT_STREAMS);
    if (limit !== undefined) pending.limit = limit;
    else pending.peerResponded();
    const { settingsStore, origin, side } = this.#options;
    // SPDY/3 draft 2.6.4: only servers may ask for persistence.
    if (settingsStore && origin !== undefined && side === CLIENT) {
      persistSettings(settingsStore, origin, frame);
    }
  }
}
