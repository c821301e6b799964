/** SETTINGS of this side: which limits apply to what a peer sent before it knew them. */

import {
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  type SettingsEntry,
} from "../../mod.ts";
import { DEFAULT_SESSION_LIMITS } from "../../session/limits.ts";
import { LocalSettings } from "../../session/session_settings.ts";
import { assertEquals } from "../deps.ts";

const STREAMS: SettingsEntry[] = [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 3]];
const WINDOW: SettingsEntry[] = [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 1000]];

function makeSettings(): LocalSettings {
  return new LocalSettings(100, true, 20);
}

Deno.test("own settings: early streams are allowed until the PING after the limit is answered", () => {
  const settings = makeSettings();
  settings.submitted(STREAMS);
  settings.pingWritten(7);
  settings.pingAnswered(7);
  // This PING was sent before the SETTINGS, so its answer says nothing.
  assertEquals(settings.allowedStreams, 23);
  settings.written(STREAMS);
  settings.pingWritten(9);
  settings.pingWritten(11);
  settings.pingAnswered(11);
  assertEquals(settings.allowedStreams, 23);
  settings.pingAnswered(9);
  assertEquals(settings.allowedStreams, 3);
});

Deno.test("own settings: SETTINGS without a limit of streams, or sent again, change nothing about early streams", () => {
  const settings = makeSettings();
  settings.written(WINDOW);
  settings.pingWritten(1);
  settings.pingAnswered(1);
  assertEquals(settings.allowedStreams, 120);
  settings.written(STREAMS);
  settings.pingWritten(3);
  settings.written(STREAMS);
  settings.pingWritten(5);
  settings.pingAnswered(3);
  assertEquals(settings.allowedStreams, 100);
});

Deno.test("own settings: a lower window applies once the first PING after it is answered", () => {
  const settings = makeSettings();
  settings.submitted(WINDOW);
  settings.written(WINDOW);
  settings.pingWritten(1);
  settings.pingWritten(3);
  settings.pingAnswered(3);
  assertEquals(settings.grantedWindow, 65_536);
  settings.pingAnswered(1);
  assertEquals(settings.grantedWindow, 1000);
});

Deno.test("the default limits of a session are those that the documentation names", () => {
  assertEquals(DEFAULT_SESSION_LIMITS, {
    maxConcurrentStreams: 100,
    maxDataFrameSize: 16_384,
    maxQueuedReplies: 1000,
    maxOutstandingPings: 1000,
    maxRapidResets: 1000,
    maxIdleSettings: 1000,
    maxIdleWindowUpdates: 10_000,
    maxIdleEmptyData: 1000,
    maxTinyData: 10_000,
    maxIdleHeaders: 1000,
    maxIdleIgnored: 1000,
  });
});
