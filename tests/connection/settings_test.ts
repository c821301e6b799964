/** SETTINGS of both sides, and which of them a client stores. */

import type { SettingsStore } from "../../connection/settings_store.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  FLAG_SETTINGS_CLEAR_SETTINGS,
  ID_FLAG_SETTINGS_PERSIST_VALUE,
  ID_FLAG_SETTINGS_PERSISTED,
  PING,
  SETTINGS_CURRENT_CWND,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_ROUND_TRIP_TIME,
} from "../../frame/constants.ts";
import type { SettingsEntry } from "../../frame/types.ts";
import { assertEquals, assertThrows } from "../deps.ts";
import { memoryPair, tcpPair } from "../helpers/connections.ts";

const PERSIST = ID_FLAG_SETTINGS_PERSIST_VALUE;
const PERSISTED = ID_FLAG_SETTINGS_PERSISTED;
const origin = "https://example.org";

Deno.test("settings: each side sees its own and the peer's", async () => {
  await using pair = await tcpPair({
    client: { settings: [[SETTINGS_ROUND_TRIP_TIME, 0, 80]] },
  });
  await pair.client.ping();
  assertEquals([...pair.client.settings], [[SETTINGS_ROUND_TRIP_TIME, 80]]);
  assertEquals([...pair.server.peerSettings], [[SETTINGS_ROUND_TRIP_TIME, 80]]);
  assertEquals(
    pair.client.peerSettings.get(SETTINGS_MAX_CONCURRENT_STREAMS),
    100,
  );
  pair.server.sendSettings([[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 7]]);
  assertEquals(pair.server.settings.get(SETTINGS_MAX_CONCURRENT_STREAMS), 7);
  await pair.server.ping();
  assertEquals(
    pair.client.peerSettings.get(SETTINGS_MAX_CONCURRENT_STREAMS),
    7,
  );
  assertThrows(
    () => pair.server.sendSettings([[9, 0, 1]]),
    InvalidArgumentError,
  );
});

Deno.test("settings: they are stored by origin on request, sent again, and removed on request", async () => {
  const store: SettingsStore & Map<string, SettingsEntry[]> = new Map();
  {
    await using pair = await tcpPair({
      client: { settingsStore: store, origin },
    });
    pair.server.sendSettings([
      [SETTINGS_CURRENT_CWND, PERSIST, 20],
      [SETTINGS_ROUND_TRIP_TIME, 0, 5],
    ]);
    await pair.server.ping();
    assertEquals(store.get(origin), [[SETTINGS_CURRENT_CWND, PERSISTED, 20]]);
    pair.server.sendSettings([[SETTINGS_ROUND_TRIP_TIME, PERSIST, 6]]);
    await pair.server.ping();
    assertEquals(store.get(origin)?.length, 2);
  }
  {
    const back: SettingsEntry[] = [];
    const flags: number[] = [];
    await using pair = await tcpPair({
      client: {
        settingsStore: store,
        origin,
        settings: [[SETTINGS_ROUND_TRIP_TIME, 0, 1]],
      },
      server: {
        onFrame: (direction, frame) => {
          if (direction === "received" && frame.frameType === 4) {
            back.push(...frame.iv);
            flags.push(frame.flags);
          }
        },
      },
    });
    await pair.client.ping();
    // They clear nothing on the server.
    assertEquals(flags, [0]);
    // A value that this side has set takes precedence over a stored one.
    assertEquals(back, [
      [SETTINGS_ROUND_TRIP_TIME, 0, 1],
      [SETTINGS_CURRENT_CWND, PERSISTED, 20],
    ]);
    pair.server.sendSettings([], FLAG_SETTINGS_CLEAR_SETTINGS);
    await pair.server.ping();
    assertEquals(store.get(origin), undefined);
  }
});

Deno.test("settings: a server stores nothing that a client sends", async () => {
  const store = new Map<string, SettingsEntry[]>();
  await using pair = await tcpPair({
    client: { settings: [[SETTINGS_CURRENT_CWND, PERSIST, 20]] },
    server: { settingsStore: store, origin },
  });
  await pair.client.ping();
  assertEquals(store.size, 0);
});

Deno.test("settings: a PING follows each announced window that is smaller than the largest before, and no other SETTINGS", async () => {
  let pings = 0;
  await using pair = memoryPair({
    server: {
      windowTuning: false,
      onFrame: (direction, frame) => {
        if (direction === "sent" && frame.frameType === PING) {
          if (frame.uniqueId % 2 === 0) pings++;
        }
      },
    },
  });
  const { server } = pair;
  await pair.client.ping();
  const followedBy = async (id: number, value: number): Promise<number> => {
    const before = pings;
    server.sendSettings([[id, 0, value]]);
    // Its reply follows everything that the server sends at once.
    await pair.client.ping();
    return pings - before;
  };
  const window = SETTINGS_INITIAL_WINDOW_SIZE;
  assertEquals(await followedBy(SETTINGS_MAX_CONCURRENT_STREAMS, 5), 0);
  assertEquals(await followedBy(window, 65536), 0);
  assertEquals(await followedBy(window, 65535), 1);
  assertEquals(await followedBy(window, 65535), 1);
  assertEquals(await followedBy(window, 100_000), 0);
  assertEquals(await followedBy(window, 100_000), 0);
  assertEquals(await followedBy(window, 99_999), 1);
});
