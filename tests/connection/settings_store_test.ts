/** Settings that servers ask a client to persist, without a connection. */

import {
  applySettings,
  firstSettings,
  persistSettings,
} from "../../connection/settings_store.ts";
import {
  FLAG_SETTINGS_CLEAR_SETTINGS,
  ID_FLAG_SETTINGS_PERSIST_VALUE,
  ID_FLAG_SETTINGS_PERSISTED,
  INITIAL_WINDOW_SIZE,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_ROUND_TRIP_TIME,
} from "../../frame/constants.ts";
import type { SettingsEntry } from "../../frame/types.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import { assertEquals } from "../deps.ts";

const ORIGIN = "https://example.org";
const PERSIST = ID_FLAG_SETTINGS_PERSIST_VALUE;
const PERSISTED = ID_FLAG_SETTINGS_PERSISTED;

function storeOf(
  frames: readonly (readonly [flags: number, iv: SettingsEntry[]])[],
): Map<string, SettingsEntry[]> {
  const store = new Map<string, SettingsEntry[]>();
  for (const [flags, iv] of frames) {
    const frame = { frameType: SETTINGS, version: 3, length: 0, flags, iv };
    persistSettings(
      store,
      ORIGIN,
      frame as Parameters<typeof persistSettings>[2],
    );
  }
  return store;
}

Deno.test("settings store: each id is stored once, with its last value, until the server clears them", () => {
  const first: SettingsEntry[] = [
    [SETTINGS_ROUND_TRIP_TIME, PERSIST, 100],
    [SETTINGS_MAX_CONCURRENT_STREAMS, PERSIST, 50],
    [SETTINGS_INITIAL_WINDOW_SIZE, 0, 1000],
    [9, PERSIST, 1],
  ];
  const next: SettingsEntry[] = [[SETTINGS_ROUND_TRIP_TIME, PERSIST, 70]];
  assertEquals(storeOf([[0, first], [0, next]]).get(ORIGIN), [
    [SETTINGS_ROUND_TRIP_TIME, PERSISTED, 70],
    [SETTINGS_MAX_CONCURRENT_STREAMS, PERSISTED, 50],
  ]);
  assertEquals(
    storeOf([[0, first], [FLAG_SETTINGS_CLEAR_SETTINGS, next]]).get(ORIGIN),
    [[SETTINGS_ROUND_TRIP_TIME, PERSISTED, 70]],
  );
  assertEquals(
    storeOf([[0, first], [FLAG_SETTINGS_CLEAR_SETTINGS, []]]).get(ORIGIN),
    undefined,
  );
});

Deno.test("settings store: a client sends stored values up to its own limits, after the application's", () => {
  const stored: SettingsEntry[] = [
    [SETTINGS_ROUND_TRIP_TIME, PERSISTED, 0xffffffff],
    [SETTINGS_MAX_CONCURRENT_STREAMS, PERSISTED, 20],
    [SETTINGS_INITIAL_WINDOW_SIZE, PERSISTED, INITIAL_WINDOW_SIZE],
    [9, PERSISTED, 1],
  ];
  const settingsStore = new Map([[ORIGIN, stored]]);
  const source = {
    side: CLIENT,
    settingsStore,
    origin: ORIGIN,
    limits: { maxConcurrentStreams: 20 },
  } as const;
  assertEquals(firstSettings(source), stored.slice(0, 3));
  assertEquals(
    firstSettings({ ...source, limits: { maxConcurrentStreams: 19 } }),
    [stored[0], stored[2]],
  );
  const settings: SettingsEntry[] = [[SETTINGS_ROUND_TRIP_TIME, 0, 5]];
  assertEquals(
    firstSettings({ ...source, settings }),
    [...settings, stored[1], stored[2]],
  );
  stored[2] = [
    SETTINGS_INITIAL_WINDOW_SIZE,
    PERSISTED,
    INITIAL_WINDOW_SIZE + 1,
  ];
  assertEquals(firstSettings(source), stored.slice(0, 2));
  assertEquals(firstSettings({ ...source, side: SERVER }), []);
  assertEquals(firstSettings({ ...source, origin: "https://other" }), []);
});

Deno.test("settings store: of the entries of a frame, the first of each known id counts", () => {
  const values = new Map([[1, 9], [2, 9]]);
  applySettings(values, [
    [0, 0, 1],
    [1, 0, 2],
    [1, 0, 3],
    [SETTINGS_MAX, 0, 4],
    [SETTINGS_MAX + 1, 0, 5],
  ]);
  assertEquals([...values], [[1, 2], [2, 9], [SETTINGS_MAX, 4]]);
});
