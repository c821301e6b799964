/**
 * SETTINGS values of a side, and their persistence by origin (SPDY/3 draft
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
 * Where a client keeps the settings that servers asked it to persist. A `Map`
 * serves for the life of the process; a store that outlives it must be cleared
 * together with cookies.
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
  /** What is kept for the origin. */
  get(origin: string): SettingsEntry[] | undefined;
  /** Keeps entries for the origin, in place of what was kept. */
  set(origin: string, entries: SettingsEntry[]): unknown;
  /** Forgets the origin. */
  delete(origin: string): unknown;
}

/** Ids go up to 2^24-1: keeping unknown ones would let a peer fill the memory. */
function isKnown(id: number): boolean {
  return id >= 1 && id <= SETTINGS_MAX;
}

/** Puts the entries of a frame with known ids into `values`: of a repeated id the first counts. */
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

/** Keeps what the server asked to keep, forgets what it asked to forget. */
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

/** Where the first settings come from: part of a connection's options. */
export interface SettingsSource {
  readonly side: Side;
  readonly settings?: readonly SettingsEntry[];
  readonly settingsStore?: SettingsStore;
  readonly origin?: string;
  /** Bounds that no kept value lifts. */
  readonly limits?: { readonly maxConcurrentStreams?: number };
}

/**
 * The SETTINGS a connection begins with: the application's, and from a client
 * what the server had it keep, marked as persisted.
 *
 * A client also grants what it sends. So a kept value above the client's own limit is
 * not sent: otherwise a server could make its client promise a window of 2 GiB for
 * each stream.
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
