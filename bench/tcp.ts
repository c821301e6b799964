/**
 * `Connection` over loopback TCP: requests on plain streams, and bulk.
 *
 * @module
 */

import {
  CLIENT,
  Connection,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SERVER,
} from "../mod.ts";
import type { Row, Subject } from "./harness.ts";
import {
  BODY,
  BULK,
  IN_FLIGHT,
  requestHeaders,
  responseHeaders,
} from "./load.ts";
import { connPair, rawConn } from "./peers/raw_conn.ts";
import { tcpBulk, tcpRequests } from "./peers/spdy_transport.ts";
import { spdystream } from "./peers/spdystream.ts";

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "request/response over TCP",
    unit: "req/s",
    ours: requests,
    peers: [
      {
        name: "spdystream (Go)",
        open: () => spdystream("tcp", "requests"),
        atLeast: 4,
        aim: 8,
      },
      { name: "spdy-transport, TCP", open: tcpRequests },
    ],
  },
  {
    name: "bulk over TCP, one stream",
    unit: "GB/s",
    ours: bulk,
    peers: [
      { name: "raw Deno.Conn", open: rawConn, atLeast: 0.8, aim: 0.95 },
      { name: "spdystream (Go)", open: () => spdystream("tcp", "bulk") },
      { name: "spdy-transport, TCP", open: tcpBulk },
    ],
  },
];

async function requests(): Promise<Subject> {
  const [clientConn, serverConn] = await connPair();
  const version = PROTO_SPDY3;
  const client = new Connection(clientConn, { side: CLIENT, version });
  const server = new Connection(serverConn, { side: SERVER, version });
  const serving = (async () => {
    let index = 0;
    for await (const stream of server) {
      const answer = async (): Promise<void> => {
        await stream.reply(responseHeaders(index++));
        const writer = stream.writable.getWriter();
        writer.write(BODY);
        await writer.close();
      };
      answer();
    }
  })();
  let next = 0;
  const request = async (): Promise<void> => {
    const stream = await client.openStream(requestHeaders(next++), {
      fin: true,
    });
    await stream.response;
    const reader = stream.readable.getReader();
    let received = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      received += value.length;
    }
    if (received !== BODY.length) throw new Error("bytes are lost");
  };
  return {
    name: "Connection",
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let done = 0;
      const worker = async (): Promise<void> => {
        while (performance.now() - begin < milliseconds) {
          await request();
          done++;
        }
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      return done / (performance.now() - begin) * 1000;
    },
    async close(): Promise<void> {
      await client.close();
      await server.close();
      await serving;
    },
  };
}

async function bulk(): Promise<Subject> {
  const [clientConn, serverConn] = await connPair();
  const version = PROTO_SPDY3_1;
  const client = new Connection(clientConn, { side: CLIENT, version });
  const server = new Connection(serverConn, { side: SERVER, version });
  const opened = await client.openStream(requestHeaders(0), { fin: true });
  const { value: stream } = await server[Symbol.asyncIterator]().next();
  if (stream === undefined) throw new Error("the stream did not come");
  await stream.reply(responseHeaders(0));
  const writer = stream.writable.getWriter();
  const reader = opened.readable.getReader();
  return {
    name: "Connection, one stream",
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let sent = 0;
      let received = 0;
      let writing = true;
      const write = async (): Promise<void> => {
        while (performance.now() - begin < milliseconds) {
          await writer.write(BULK);
          sent += BULK.length;
        }
        writing = false;
      };
      const read = async (): Promise<void> => {
        while (writing || received < sent) {
          const { value } = await reader.read();
          received += value?.length ?? 0;
        }
      };
      await Promise.all([write(), read()]);
      return received / 1e6 / (performance.now() - begin);
    },
    async close(): Promise<void> {
      await client.close();
      await server.close();
    },
  };
}
