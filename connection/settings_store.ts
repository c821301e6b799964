/**
 * SETTINGS values of both sides, and persisting them by origin (SPDY/3 draft
 * 2.6.4).
 *
 * @module
 */

import {
  FLAG_SETTINGS_CLEAR_SETTINGS,
  ID_FLAG_SETTINGS_PERSIST_VALUE,
  ID_FLAG_SETTINGS_PERSISTED,
  INITIAL_WINDOW_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX,
  SETTINGS_MAX_CONCURRENT_STREAMS,
} from "../frame/constants.ts";
import type { SettingsEntry, SettingsFrame } from "../frame/types.ts";
import { CLIENT, type Side } from "../session/constants.ts";
import { DEFAULT_SESSION_LIMITS } from "../session/limits.ts";

/**
 * Stores the settings that servers ask a client to persist. A `Map` is sufficient
 * while the process runs; a permanent store must be cleared together with cookies.
 *
 * @example
 * ```ts
 * import type { SettingsEntry, SettingsStore } from "@spdy/spdy";
 *
 * const store: SettingsStore = new Map<string, SettingsEntry[]>();
 * store.set("https://example.org", [[4, 0, 100]]);
 * ```
 *
 * @category Connection
 */
export interface SettingsStore {
  /** The entries of the origin. */
  get(origin: string): SettingsEntry[] | undefined;
  /** Replaces the entries of the origin. */
  set(origin: string, entries: SettingsEntry[]): unknown;
  /** Removes the entries of the origin. */
  delete(origin: string): unknown;
}

/**
 * Whether the id is known. Ids go up to 2^24-1, so storing unknown ones would let a
 * peer fill the memory.
 */
function isKnown(id: number): boolean {
  return id >= 1 && id <= SETTINGS_MAX;
}

/**
 * Copies the entries of a frame with known ids to `values`; of a repeated id, the
 * first entry is used.
 */
export function applySettings(
  values: Map<number, number>,
  entries: readonly SettingsEntry[],
): void {
  const seen = new Set<number>();
  for (const [id, , value] of entries) {
    if (seen.has(id) || !isKnown(id)) continue;
    seen.add(id);
    values.set(id, value);
  }
}

/** Stores the entries that the server asks to persist, and removes those that it asks to remove. */
export function persistSettings(
  store: SettingsStore,
  origin: string,
  frame: SettingsFrame,
): void {
  if (frame.flags & FLAG_SETTINGS_CLEAR_SETTINGS) store.delete(origin);
  const kept = new Map<number, SettingsEntry>();
  for (const entry of store.get(origin) ?? []) kept.set(entry[0], entry);
  let changed = false;
  for (const [id, flags, value] of frame.iv) {
    if ((flags & ID_FLAG_SETTINGS_PERSIST_VALUE) === 0 || !isKnown(id)) {
      continue;
    }
    kept.set(id, [id, ID_FLAG_SETTINGS_PERSISTED, value]);
    changed = true;
  }
  if (changed) store.set(origin, [...kept.values()]);
}

/** The options that determine the first settings. */
export interface SettingsSource {
  readonly side: Side;
  readonly settings?: readonly SettingsEntry[];
  readonly settingsStore?: SettingsStore;
  readonly origin?: string;
  /** Limits that stored values cannot exceed. */
  readonly limits?: { readonly maxConcurrentStreams?: number };
}

/**
 * The first SETTINGS of a connection: those of the application and, on a client,
 * those that the server asked to persist, marked as persisted.
 *
 * SETTINGS of a client also grant something to the server. A stored value above the
 * client's own limit is therefore not sent; otherwise a server could make its
 * client promise a window of 2 GiB for each stream.
 */
export function firstSettings(source: SettingsSource): SettingsEntry[] {
  const { settings = [], settingsStore, origin, side } = source;
  const entries = [...settings];
  if (settingsStore && origin !== undefined && side === CLIENT) {
    const own = new Set(entries.map(([id]) => id));
    for (const [id, , value] of settingsStore.get(origin) ?? []) {
      if (own.has(id) || !isKnown(id) || value > highest(id, source)) continue;
      entries.push([id, ID_FLAG_SETTINGS_PERSISTED, value]);
    }
  }
  return entries;
}

function highest(id: number, { limits }: SettingsSource): number {
  switch (id) {
    case SETTINGS_MAX_CONCURRENT_STREAMS:
      return limits?.maxConcurrentStreams ??
        DEFAULT_SESSION_LIMITS.maxConcurrentStreams;
    case SETTINGS_INITIAL_WINDOW_SIZE:
      return INITIAL_WINDOW_SIZE;
    default:
      return 0xffffffff;
  }
}
