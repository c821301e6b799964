/**
 * `Session` to `Session` in memory: requests and bulk DATA.
 *
 * @module
 */

import type { Row } from "./harness.ts";
import { inMemoryBulk, inMemoryRequests } from "./peers/spdy_transport.ts";
import { spdystream } from "./peers/spdystream.ts";
import { sessionBulk, sessionRequests } from "./session_load.ts";

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "request/response in memory",
    unit: "req/s",
    ours: () => sessionRequests(),
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
      { name: "policy full", open: () => sessionRequests("full") },
      { name: "policy none", open: () => sessionRequests("none") },
    ],
  },
  {
    name: "bulk DATA in memory",
    unit: "GB/s",
    ours: sessionBulk,
    peers: [{ name: "spdy-transport, in memory", open: inMemoryBulk }],
  },
];
