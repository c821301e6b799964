/**
 * What a server needs for each connection, compared with servers of Node and
 * Deno: memory, and CPU time to accept it and to answer its first request.
 *
 * @module
 */

import { bound, type Row, type Subject } from "./harness.ts";
import {
  type Protocol,
  SERVER_NAMES,
  type ServerClient,
  type ServerProcess,
  startServer,
} from "./peers/servers.ts";

/** Connections whose memory is measured at once. */
const HELD = 500;
/** Connections of one round that are accepted and answered once. */
const ACCEPTED = 200;
/** Connections that are opened at the same time. */
const AT_ONCE = 10;
/**
 * How long connections are silent before memory is measured, ms. This is longer
 * than any server here keeps buffers of a silent connection, and long enough for
 * V8 to collect garbage.
 */
const SILENCE = 30_000;

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "server memory for a connection, after a request",
    picture: "Server memory for a connection, bytes",
    unit: "bytes",
    isCold: true,
    rounds: 1,
    ours: () => memory("spdy", (client) => client.get()),
    peers: [
      bound(64 * 1024, "64 KiB"),
      {
        name: SERVER_NAMES.http2,
        open: () => memory("http2", (client) => client.get()),
        aim: 1,
      },
      {
        name: SERVER_NAMES.http1,
        open: () => memory("http1", (client) => client.get()),
      },
    ],
  },
  {
    name: "server memory for a connection, after 1 MiB each way",
    picture: "Server memory for a connection, bytes",
    unit: "bytes",
    isCold: true,
    rounds: 1,
    ours: () => memory("spdy", (client) => client.moveBulk()),
    peers: [
      bound(64 * 1024, "64 KiB"),
      {
        name: SERVER_NAMES.http2,
        open: () => memory("http2", (client) => client.moveBulk()),
        aim: 1,
      },
      {
        name: SERVER_NAMES.http1,
        open: () => memory("http1", (client) => client.moveBulk()),
      },
    ],
  },
  accepting("server CPU to accept and answer once", false, 600),
  accepting("server CPU to accept and answer once, TLS", true, 1000),
];

/** @param most Required: at most so many us. */
function accepting(name: string, secure: boolean, most: number): Row {
  return {
    name,
    unit: "us",
    rounds: 3,
    ours: () => acceptance("spdy", secure),
    peers: [
      bound(most, `${most.toLocaleString("en-US")} us`),
      {
        name: SERVER_NAMES.http2,
        open: () => acceptance("http2", secure),
      },
      {
        name: SERVER_NAMES.http1,
        open: () => acceptance("http1", secure),
        aim: 0.5,
      },
    ],
  };
}

/** Resident memory for each of many connections that did something and are silent now. */
async function memory(
  protocol: Protocol,
  work: (client: ServerClient) => Promise<void>,
): Promise<Subject> {
  // Only checks whether it can be started.
  await using _server = await startServer(protocol);
  return {
    name: SERVER_NAMES[protocol],
    async run(): Promise<number> {
      await using server = await startServer(protocol);
      const first = await server.connect();
      for (let count = 0; count < 3; count++) await work(first);
      const before = await server.used();
      const clients = await openMany(server, HELD, work);
      await new Promise((resolve) => setTimeout(resolve, SILENCE));
      const after = await server.used();
      for (const client of [first, ...clients]) client.close();
      return (after.rss - before.rss) / HELD;
    },
  };
}

/** CPU time of the server for each connection, us. */
async function acceptance(
  protocol: Protocol,
  secure: boolean,
): Promise<Subject> {
  const server = await startServer(protocol, secure);
  return {
    name: SERVER_NAMES[protocol],
    measuresItself: true,
    async run(): Promise<number> {
      const before = await server.used();
      const clients = await openMany(
        server,
        ACCEPTED,
        (client) => client.get(),
      );
      const after = await server.used();
      for (const client of clients) client.close();
      return (after.cpu - before.cpu) / ACCEPTED;
    },
    async close() {
      await server[Symbol.asyncDispose]();
    },
  };
}

async function openMany(
  server: ServerProcess,
  count: number,
  work: (client: ServerClient) => Promise<void>,
): Promise<ServerClient[]> {
  const clients: ServerClient[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < count) {
      const client = await server.connect();
      await work(client);
      clients.push(client);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return clients;
}
