/**
 * A worker of `cores.ts`: a server or a client.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { connect, type Connection, serve } from "../mod.ts";
import { BODY, path } from "./load.ts";

/** A message to a worker: what it is, or how long to send requests. */
export type Order =
  | { readonly role: "server" | "client"; readonly port: number }
  | { readonly role: "load"; readonly milliseconds: number };

/** A server's port, 0 when a client is ready, or a client's requests per second. */
export interface Answer {
  readonly figure: number;
}

/**
 * Enough connections that the kernel, which distributes them by hash, gives some
 * to each server.
 */
const CONNECTIONS = 8;
const IN_FLIGHT_EACH = 12;

const connections: Connection[] = [];

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  const figure = await obey(data);
  self.postMessage({ figure } satisfies Answer);
};

async function obey(order: Order): Promise<number> {
  switch (order.role) {
    case "server":
      return startServer(order.port);
    case "client":
      for (let index = 0; index < CONNECTIONS; index++) {
        connections.push(await connect({ port: order.port }));
      }
      return 0;
    case "load":
      return await load(order.milliseconds);
  }
}

function startServer(port: number): number {
  const server = serve(
    { hostname: "127.0.0.1", port, reusePort: true, onListen() {} },
    () => new Response(BODY.slice()),
  );
  return (server.addr as Deno.NetAddr).port;
}

async function load(milliseconds: number): Promise<number> {
  const begin = performance.now();
  let done = 0;
  const ask = async (connection: Connection): Promise<void> => {
    while (performance.now() - begin < milliseconds) {
      const response = await connection.fetch(path(done));
      await response.arrayBuffer();
      done++;
    }
  };
  await Promise.all(
    connections.flatMap((connection) =>
      Array.from({ length: IN_FLIGHT_EACH }, () => ask(connection))
    ),
  );
  return done / (performance.now() - begin) * 1000;
}
