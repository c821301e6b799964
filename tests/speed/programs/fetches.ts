/**
 * Fetches over one connection to a server of this process: the program that
 * `survivors.ts` runs with a trace of the collections.
 *
 * @module
 */

import {
  asObject,
  BODY,
  IN_FLIGHT,
  path,
  requestHeaders,
  responseHeaders,
} from "../../../bench/load.ts";
import { connect, PROTO_SPDY3, serve } from "../../../mod.ts";

/**
 * How many requests are sent, and how many of them at a time. While more are in flight,
 * more of what they allocate survives, and this is when V8 makes its decisions.
 */
const ROUNDS: readonly (readonly [requests: number, inFlight: number])[] = [
  [3000, 3 * IN_FLIGHT],
  [5000, IN_FLIGHT],
];

const isAddedByPeer = (name: string): boolean =>
  name.startsWith(":") || name === "accept-encoding";

let answered = 0;
const server = serve(
  { hostname: "127.0.0.1", port: 0, version: PROTO_SPDY3, onListen: () => {} },
  () => {
    const headers = asObject(responseHeaders(answered++), isAddedByPeer);
    return new Response(BODY.slice(), { headers });
  },
);
const { hostname, port } = server.addr as Deno.NetAddr;
const connection = await connect({ hostname, port, version: PROTO_SPDY3 });
let sent = 0;

/** Sends one request after another while fewer than `end` have been sent. */
async function fetchUntil(end: number): Promise<void> {
  while (sent < end) {
    const index = sent++;
    const url = `http://${hostname}:${port}${path(index)}`;
    const headers = asObject(requestHeaders(index), isAddedByPeer);
    const response = await connection.fetch(url, { headers });
    const { byteLength } = await response.arrayBuffer();
    if (byteLength !== BODY.length) throw new Error("bytes are lost");
  }
}

for (const [requests, inFlight] of ROUNDS) {
  const end = sent + requests;
  await Promise.all(Array.from({ length: inFlight }, () => fetchUntil(end)));
}
await connection.close();
await server.shutdown();
