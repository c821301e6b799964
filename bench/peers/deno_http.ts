/**
 * What `connection.fetch` is compared with: Deno's own `fetch` against `Deno.serve`
 * over HTTP/1.1, with one pool of connections.
 *
 * @module
 */

import type { Subject } from "../harness.ts";
import {
  asObject,
  BODY,
  IN_FLIGHT,
  path,
  requestHeaders,
  requestsPerSecond,
  responseHeaders,
} from "../load.ts";

/** HTTP/1.1 has no pseudo-headers, and both ends add `accept-encoding` themselves. */
const notInHttp1 = (name: string): boolean =>
  name.startsWith(":") || name === "accept-encoding";

/** The peer. It has as many requests in flight as the rows of SPDY. */
export function denoHttp(): Subject {
  let served = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () =>
      new Response(BODY.slice(), {
        headers: asObject(responseHeaders(served++), notInHttp1),
      }),
  );
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: IN_FLIGHT });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  let next = 0;
  return {
    name: "fetch + Deno.serve, HTTP/1.1",
    run: (milliseconds: number): Promise<number> =>
      requestsPerSecond(milliseconds, () => {
        const index = next++;
        return fetch(origin + path(index), {
          client,
          headers: asObject(requestHeaders(index), notInHttp1),
        });
      }),
    async close(): Promise<void> {
      client.close();
      await server.shutdown();
    },
  };
}
