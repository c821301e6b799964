/**
 * The mark for `connection.fetch`: Deno's own `fetch` against `Deno.serve` on
 * HTTP/1.1, one pool of connections.
 *
 * @module
 */

import type { Subject } from "../harness.ts";
import { asObject, BODY, IN_FLIGHT, path, requestHeaders } from "../load.ts";
import { responseHeaders } from "../load.ts";

/** HTTP/1.1 has no pseudo headers, and both ends make these by themselves. */
const notInHttp1 = (name: string): boolean =>
  name.startsWith(":") || name === "accept-encoding";

/** Requests in flight as in the SPDY rows. */
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
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let done = 0;
      const worker = async (): Promise<void> => {
        while (performance.now() - begin < milliseconds) {
          const index = next++;
          const response = await fetch(origin + path(index), {
            client,
            headers: asObject(requestHeaders(index), notInHttp1),
          });
          const { byteLength } = await response.arrayBuffer();
          if (byteLength !== BODY.length) throw new Error("short body");
          done++;
        }
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      return done / (performance.now() - begin) * 1000;
    },
    async close(): Promise<void> {
      client.close();
      await server.shutdown();
    },
  };
}
