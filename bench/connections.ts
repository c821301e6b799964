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
/** Many connections, so that memory that a process needs only once hardly counts. */
const MANY = 5000;
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
  holding("server memory for a connection, after a request", {
    work: (client) => client.get(),
    picture: "Server memory for a connection, bytes",
  }),
  holding("server memory for a connection, after 1 MiB each way", {
    work: (client) => client.moveBulk(),
    picture: "Server memory for a connection, bytes",
  }),
  holding("server memory for each of 5,000, after 1 MiB each way", {
    work: (client) => client.moveBulk(),
    count: MANY,
  }),
  accepting("server CPU to accept and answer once", false, 600),
  accepting("server CPU to accept and answer once, TLS", true, 1000),
];

/** @param count How many connections; with many, what the process holds once counts less. */
function holding(
  name: string,
  { work, picture, count = HELD }: {
    work: (client: ServerClient) => Promise<void>;
    picture?: string;
    count?: number;
  },
): Row {
  return {
    name,
    picture,
    unit: "bytes",
    isCold: true,
    rounds: 1,
    ours: () => memory("spdy", work, count),
    peers: [
      bound(64 * 1024, "64 KiB"),
      {
        name: SERVER_NAMES.http2,
        open: () => memory("http2", work, count),
        aim: 1,
      },
      // With many connections, one peer is enough: a row takes a minute for each.
      ...count === HELD
        ? [{
          name: SERVER_NAMES.http1,
          open: () => memory("http1", work, count),
        }]
        : [],
    ],
  };
}

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
  count: number,
): Promise<Subject> {
  // Only checks whether it can be started.
  await using _server = await startServer(protocol);
  return {
    name: SERVER_NAMES[protocol],
    async run(): Promise<number> {
      await using server = await startServer(protocol);
      const first = await server.connect();
      for (let time = 0; time < 3; time++) await work(first);
      const before = await server.used();
      const clients = await openMany(server, count, work);
      await new Promise((resolve) => setTimeout(resolve, SILENCE));
      const after = await server.used();
      for (const client of [first, ...clients]) client.close();
      return (after.rss - before.rss) / count;
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
