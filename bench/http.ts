/**
 * `connection.fetch` against `serve` over loopback TCP.
 *
 * @module
 */

import { connect, PROTO_SPDY3, serve } from "../mod.ts";
import type { Row, Subject } from "./harness.ts";
import {
  asObject,
  BODY,
  path,
  requestHeaders,
  requestsPerSecond,
  responseHeaders,
} from "./load.ts";
import { denoHttp } from "./peers/deno_http.ts";
import { tcpRequests } from "./peers/spdy_transport.ts";

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "connection.fetch against serve",
    unit: "req/s",
    ours: fetchAndServe,
    peers: [
      { name: "spdy-transport, TCP", open: tcpRequests, atLeast: 3 },
      { name: "fetch + Deno.serve, HTTP/1.1", open: denoHttp, aim: 1 },
    ],
  },
];

/** Headers that `fetch` and `serve` add themselves. */
const madeByItself = (name: string): boolean =>
  name.startsWith(":") || name === "accept-encoding";

async function fetchAndServe(): Promise<Subject> {
  const version = PROTO_SPDY3;
  let served = 0;
  const server = serve(
    { hostname: "127.0.0.1", port: 0, version, onListen: () => {} },
    () =>
      new Response(BODY.slice(), {
        headers: asObject(responseHeaders(served++), madeByItself),
      }),
  );
  const { hostname, port } = server.addr as Deno.NetAddr;
  const connection = await connect({ hostname, port, version });
  const origin = `http://${hostname}:${port}`;
  let next = 0;
  return {
    name: "connection.fetch + serve",
    run: (milliseconds: number): Promise<number> =>
      requestsPerSecond(milliseconds, () => {
        const index = next++;
        return connection.fetch(origin + path(index), {
          headers: asObject(requestHeaders(index), madeByItself),
        });
      }),
    async close(): Promise<void> {
      await connection.close();
      await server.shutdown();
    },
  };
}
