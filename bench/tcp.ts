/**
 * `Connection` over loopback TCP: requests on plain streams, and bulk, with a
 * stream's own `read` and `write` and with its web streams.
 *
 * @module
 */

import {
  CLIENT,
  Connection,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SERVER,
  type Stream,
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

/** How a body is sent and received. */
interface Way {
  readonly name: string;
  send(stream: Stream, body: Uint8Array): Promise<unknown>;
  /** Resolves to the length of the whole body. */
  receive(stream: Stream): Promise<number>;
}

const DIRECT: Way = {
  name: "read and write",
  send(stream, body) {
    stream.write(body);
    return stream.closeWrite();
  },
  async receive(stream) {
    const buffer = new Uint8Array(2048);
    let received = 0;
    for (;;) {
      const size = await stream.read(buffer);
      if (size === null) return received;
      received += size;
    }
  },
};

const WEB_STREAMS: Way = {
  name: "web streams",
  send(stream, body) {
    const writer = stream.writable.getWriter();
    writer.write(body);
    return writer.close();
  },
  async receive(stream) {
    const reader = stream.readable.getReader();
    let received = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return received;
      received += value.length;
    }
  },
};

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "request/response over TCP",
    unit: "req/s",
    ours: () => requests(DIRECT),
    peers: [
      {
        name: "spdystream (Go)",
        open: () => spdystream("tcp", "requests"),
        atLeast: 4,
        aim: 8,
      },
      { name: "spdy-transport, TCP", open: tcpRequests },
      { name: "Connection, web streams", open: () => requests(WEB_STREAMS) },
    ],
  },
  {
    name: "bulk over TCP, one stream",
    unit: "GB/s",
    ours: directBulk,
    peers: [
      { name: "raw Deno.Conn", open: rawConn, atLeast: 0.9, aim: 0.95 },
      { name: "spdystream (Go)", open: () => spdystream("tcp", "bulk") },
      { name: "spdy-transport, TCP", open: tcpBulk },
      { name: "Connection, web streams", open: webStreamsBulk },
    ],
  },
];

interface Pair {
  readonly client: Connection;
  readonly server: Connection;
  close(): Promise<void>;
}

async function connections(version: ProtocolVersion): Promise<Pair> {
  const [clientConn, serverConn] = await connPair();
  const client = new Connection(clientConn, { side: CLIENT, version });
  const server = new Connection(serverConn, { side: SERVER, version });
  return {
    client,
    server,
    async close(): Promise<void> {
      await client.close();
      await server.close();
    },
  };
}

async function requests(way: Way): Promise<Subject> {
  const { client, server, close } = await connections(PROTO_SPDY3);
  const serving = (async () => {
    let index = 0;
    for await (const stream of server) {
      stream.reply(responseHeaders(index++));
      way.send(stream, BODY);
    }
  })();
  let next = 0;
  const request = async (): Promise<void> => {
    const stream = await client.openStream(requestHeaders(next++), {
      fin: true,
    });
    await stream.response;
    if (await way.receive(stream) !== BODY.length) {
      throw new Error("bytes are lost");
    }
  };
  return {
    name: `Connection, ${way.name}`,
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
      await close();
      await serving;
    },
  };
}

/** One stream of the client, open, and the server's side of it. */
async function openBulk(
  { client, server }: Pair,
): Promise<[client: Stream, server: Stream]> {
  const opened = await client.openStream(requestHeaders(0), { fin: true });
  const { value } = await server[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error("the server received no stream");
  await value.reply(responseHeaders(0));
  return [opened, value];
}

async function directBulk(): Promise<Subject> {
  const pair = await connections(PROTO_SPDY3_1);
  const [client, server] = await openBulk(pair);
  const buffer = new Uint8Array(64 * 1024);
  return bulk(
    "Connection, read and write",
    () => server.write(BULK),
    async () => await client.read(buffer) ?? 0,
    pair,
  );
}

async function webStreamsBulk(): Promise<Subject> {
  const pair = await connections(PROTO_SPDY3_1);
  const [client, server] = await openBulk(pair);
  const writer = server.writable.getWriter();
  const reader = client.readable.getReader();
  return bulk(
    "Connection, web streams",
    () => writer.write(BULK),
    async () => (await reader.read()).value?.length ?? 0,
    pair,
  );
}

function bulk(
  name: string,
  write: () => Promise<void>,
  read: () => Promise<number>,
  { close }: Pair,
): Subject {
  return {
    name,
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let sent = 0;
      let received = 0;
      let writing = true;
      const writeAll = async (): Promise<void> => {
        while (performance.now() - begin < milliseconds) {
          await write();
          sent += BULK.length;
        }
        writing = false;
      };
      const readAll = async (): Promise<void> => {
        while (writing || received < sent) received += await read();
      };
      await Promise.all([writeAll(), readAll()]);
      return received / 1e6 / (performance.now() - begin);
    },
    close,
  };
}
