/**
 * `Session` to `Session` in memory: requests and bulk DATA.
 *
 * @module
 */

import type { HeaderCompression } from "../mod.ts";
import type { Peer, Row } from "./harness.ts";
import { inMemoryBulk, inMemoryRequests } from "./peers/spdy_transport.ts";
import { SPDYLAY, spdylay } from "./peers/spdylay.ts";
import { spdystream } from "./peers/spdystream.ts";
import { sessionBulk, sessionRequests } from "./session_load.ts";

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "request/response in memory",
    unit: "req/s",
    ours: () => sessionRequests({}),
    peers: [
      {
        name: "spdy-transport, in memory",
        open: inMemoryRequests,
        atLeast: 12,
        aim: 15,
      },
      {
        name: "spdystream (Go)",
        open: () => spdystream("memory", "requests"),
        atLeast: 6,
      },
      {
        name: SPDYLAY,
        open: () => spdylay("requests"),
        atLeast: 0.85,
        aim: 1,
      },
      {
        name: "ours, reuseSendBuffer",
        open: () => sessionRequests({ reuseSendBuffer: true }),
      },
    ],
  },
  requestRow("safe", true, 1.1),
  requestRow("full", true, 0.9),
  requestRow("none", false, 0.9),
  {
    name: "bulk DATA in memory",
    unit: "GB/s",
    ours: sessionBulk,
    peers: [{ name: "spdy-transport, in memory", open: inMemoryBulk }],
  },
];

/** Both sides use one policy. In spdylay, both sides then deflate, or both store. */
function requestRow(
  headerCompression: HeaderCompression,
  deflates: boolean,
  atLeast: number,
): Row {
  const peer: Peer = {
    name: `${SPDYLAY}, ${deflates ? "deflate" : "stored blocks"}`,
    open: () => spdylay("requests", { client: deflates, server: deflates }),
    atLeast,
    aim: Math.max(1, atLeast),
  };
  return {
    name: `request/response in memory, policy ${headerCompression}`,
    unit: "req/s",
    ours: () => sessionRequests({ headerCompression }),
    peers: [peer],
  };
}
