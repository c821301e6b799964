import { assertEquals } from "../deps.ts";
import {
  applySettings,
  firstSettings,
  persistSettings,
  type SettingsSource,
} from "../../connection/settings_store.ts";
import {
  CLIENT,
  ID_FLAG_SETTINGS_PERSIST_VALUE as PERSIST,
  ID_FLAG_SETTINGS_PERSISTED as PERSISTED,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_ROUND_TRIP_TIME,
  type SettingsEntry,
} from "../../mod.ts";
import { tcpPair } from "../helpers/connections.ts";

const origin = "https://example.org";

Deno.test("SETTINGS with unknown ids are not stored: 2^24 ids would fill the memory", () => {
  const values = new Map<number, number>();
  for (let first = 0; first < 100_000; first += 250) {
    applySettings(
      values,
      Array.from({ length: 250 }, (_, index) => [first + index, 0, 1]),
    );
  }
  assertEquals([...values.keys()], [1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("a server cannot make a client store what it could not send back", async () => {
  const store = new Map<string, SettingsEntry[]>();
  const frame = {
    frameType: SETTINGS,
    version: 3,
    flags: 0,
    length: 0,
    iv: [[0, PERSIST, 1], [9, PERSIST, 1], [0xffffff, PERSIST, 1], [
      SETTINGS_ROUND_TRIP_TIME,
      PERSIST,
      50,
    ]] as SettingsEntry[],
  } as const;
  persistSettings(store, origin, frame);
  assertEquals(store.get(origin), [[SETTINGS_ROUND_TRIP_TIME, PERSISTED, 50]]);
  // A store that others have filled does no harm either: the connection can be
  // opened.
  store.set(origin, [[9, PERSISTED, 1]]);
  await using pair = await tcpPair({
    client: { settingsStore: store, origin },
  });
  await pair.client.ping();
});

Deno.test("stored settings raise no limit of the client", () => {
  const store = new Map<string, SettingsEntry[]>();
  const sent = (id: number, value: number, maxConcurrentStreams?: number) => {
    store.set(origin, [[id, PERSISTED, value]]);
    const limits = { maxConcurrentStreams };
    const source: SettingsSource = {
      side: CLIENT,
      settingsStore: store,
      origin,
      limits,
    };
    return firstSettings(source).length === 1;
  };
  assertEquals(sent(SETTINGS_INITIAL_WINDOW_SIZE, 65536), true);
  assertEquals(sent(SETTINGS_INITIAL_WINDOW_SIZE, 65537), false);
  assertEquals(sent(SETTINGS_MAX_CONCURRENT_STREAMS, 100), true);
  assertEquals(sent(SETTINGS_MAX_CONCURRENT_STREAMS, 101), false);
  assertEquals(sent(SETTINGS_MAX_CONCURRENT_STREAMS, 10, 10), true);
  assertEquals(sent(SETTINGS_MAX_CONCURRENT_STREAMS, 11, 10), false);
  assertEquals(sent(SETTINGS_ROUND_TRIP_TIME, 0xffffffff), true);
});
