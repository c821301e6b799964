/**
 * How much memory an idle session takes.
 *
 * @module
 */

import { CLIENT, PROTO_SPDY3_1, SERVER, Session } from "../mod.ts";
import { bound, collectGarbage, type Row, type Subject } from "./harness.ts";
import { requestHeaders } from "./load.ts";
import { transportMemory } from "./peers/spdy_transport.ts";
import { exchange, Pipe, usedSessions } from "./session_pair.ts";

const COUNT = 500;
const STREAMS = 5000;

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "memory of an idle session",
    unit: "bytes",
    rounds: 3,
    ours: () => measured("Session, nothing sent yet", fresh),
    peers: [bound(64 * 1024, "64 KiB", { aim: 4 })],
  },
  {
    name: "memory of an idle session, used",
    unit: "bytes",
    rounds: 3,
    ours: () => measured("Session, after a request", usedSessions),
    peers: [
      bound(64 * 1024, "64 KiB"),
      {
        name: "spdy-transport",
        open: () => transportMemory("connections", COUNT, memoryInUse),
        atLeast: 0.99,
        aim: 1.5,
      },
    ],
  },
  {
    name: "memory of an open stream",
    unit: "bytes",
    rounds: 3,
    ours: openStreams,
    peers: [{
      name: "spdy-transport",
      open: () => transportMemory("streams", STREAMS, memoryInUse),
    }],
  },
];

function fresh(): Session[] {
  return [
    new Session(CLIENT, PROTO_SPDY3_1, {}),
    new Session(SERVER, PROTO_SPDY3_1, {}),
  ];
}

/** Streams that wait for their answers: the memory of both sides of one stream. */
function openStreams(): Subject {
  return {
    name: "Session, both sides of a stream",
    run(): number {
      const toServer = new Pipe();
      const toClient = new Pipe();
      const client = new Session(CLIENT, PROTO_SPDY3_1, {
        send: toServer.write,
      });
      const server = new Session(SERVER, PROTO_SPDY3_1, {
        send: toClient.write,
        limits: { maxConcurrentStreams: STREAMS },
      });
      exchange(client, toServer, server, toClient);
      const before = memoryInUse();
      for (let index = 0; index < STREAMS; index++) {
        client.submitRequest(3, requestHeaders(index));
        // Only from time to time, because a long queue would keep its memory.
        if (index % 100 === 0) exchange(client, toServer, server, toClient);
      }
      exchange(client, toServer, server, toClient);
      const bytes = (memoryInUse() - before) / STREAMS;
      if (!client.wantRead() || !server.wantRead()) {
        throw new Error("a session has ended");
      }
      return bytes;
    },
  };
}

function measured(name: string, make: () => Session[]): Subject {
  return {
    name,
    run(): number {
      const sessions: Session[] = [];
      const before = memoryInUse();
      while (sessions.length < COUNT) sessions.push(...make());
      const bytes = (memoryInUse() - before) / sessions.length;
      // Read after the measurement, so that the sessions are still there.
      if (!sessions.every((session) => session.wantRead())) {
        throw new Error("a session has ended");
      }
      return bytes;
    },
  };
}

function memoryInUse(): number {
  // Twice, because the memory of array buffers is freed some time after a
  // collection, and the next collection waits for that.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
