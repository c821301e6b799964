/** The settings of a connection's session. */

import { resolveOnce, resolveOptions } from "../../connection/options.ts";
import {
  type SessionEventParts,
  sessionOptions,
} from "../../connection/session_events.ts";
import { PROTO_SPDY3_1, SERVER } from "../../mod.ts";
import { RESOLVED, resolveSettings } from "../../session/options.ts";
import { assert, assertEquals, assertStrictEquals } from "../deps.ts";

const OPTIONS = {
  side: SERVER,
  version: PROTO_SPDY3_1,
  flowControl: false,
  headerCompression: "full",
  sensitiveHeaders: ["x-key"],
  announceStreams: false,
  limits: { maxHeaderCount: 7 },
} as const;

// The settings do not depend on them.
const parts = {} as SessionEventParts;

Deno.test("session settings: the options that a server's connections share are checked once", () => {
  const shared = resolveOnce({ ...OPTIONS, sensitiveHeaders: ["x-key"] });
  const first = sessionOptions(parts, shared);
  assertStrictEquals(sessionOptions(parts, shared)[RESOLVED], first[RESOLVED]);
  const other = resolveOnce({ ...OPTIONS, sensitiveHeaders: ["x-other"] });
  assertEquals(
    sessionOptions(parts, other)[RESOLVED]?.sensitiveHeaders,
    ["x-other"],
  );
});

Deno.test("session settings: a connection with its own options has its own settings, with all fields", () => {
  const own = resolveOptions({ ...OPTIONS, sensitiveHeaders: ["x-key"] });
  const settings = sessionOptions(parts, own)[RESOLVED];
  assert(sessionOptions(parts, own)[RESOLVED] !== settings);
  assertEquals(settings, {
    ...resolveSettings({
      flowControl: false,
      headerCompression: "full",
      sensitiveHeaders: ["x-key"],
      announceStreams: false,
      limits: own.limits,
    }),
    autoWindowUpdate: false,
    reuseSendBuffer: true,
    borrowBodies: true,
    creditOnArrival: true,
    urgentUpdates: true,
    loweredByPing: true,
    settingsFirst: true,
    pushBeforeParent: true,
    escapedHeaders: true,
  });
});
