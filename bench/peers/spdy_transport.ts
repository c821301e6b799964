/**
 * The peer spdy-transport 3.0.0 (npm), on Deno, both sides in this process.
 *
 * @module
 */

import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { setImmediate } from "node:timers";
import {
  createFramer,
  createParser,
  startTransport,
  type TransportConnection,
  type TransportStream,
} from "../../tests/interop/spdy_transport.ts";
import type { NameValue } from "../../frame/types.ts";
import type { Subject } from "../harness.ts";
import {
  asObject,
  BODY,
  BULK,
  IN_FLIGHT,
  path,
  requestHeaders,
  responseHeaders,
} from "../load.ts";

/** Headers that it adds itself, so they are not passed to it. */
const madeByItself = (name: string): boolean => name.startsWith(":");

/** Request and response, 100 in flight, through a pair of in-memory Duplexes. */
export function inMemoryRequests(): Subject {
  const [client, server] = duplexPair();
  return requests("spdy-transport, in memory", client, server);
}

/** Request and response, 100 in flight, over loopback TCP. */
export async function tcpRequests(): Promise<Subject> {
  const [client, server] = await tcpPair();
  return requests("spdy-transport, TCP", client, server);
}

/** One long response body, in memory. */
export function inMemoryBulk(): Promise<Subject> {
  const [client, server] = duplexPair();
  return bulk("spdy-transport, in memory", client, server);
}

/** One long response body over loopback TCP. */
export async function tcpBulk(): Promise<Subject> {
  const [client, server] = await tcpPair();
  return await bulk("spdy-transport, TCP", client, server);
}

/**
 * Bytes that one side of a connection takes after a request, or both sides of a
 * stream that waits for its answer, without the memory of native zlib.
 */
export function transportMemory(
  what: "connections" | "streams",
  count: number,
  memoryInUse: () => number,
): Subject {
  const kept: Duplex[] = [];
  const openPair = (answer: boolean): TransportConnection => {
    const [client, server] = duplexPair();
    kept.push(client, server);
    serve(server, (stream, index) => {
      if (!answer) return;
      stream.respond(200, asObject(responseHeaders(index), madeByItself));
      stream.end(BODY);
    });
    return start(client, false);
  };
  return {
    name: "spdy-transport",
    async run(): Promise<number> {
      const waiting = openPair(false);
      const before = memoryInUse();
      for (let index = 0; index < count; index++) {
        if (what === "streams") {
          waiting.request({
            method: "GET",
            path: path(index),
            headers: asObject(requestHeaders(index), madeByItself),
          });
        } else if (index % 2 === 0) {
          await request(openPair(true), index);
        }
      }
      // A PING returns when everything that was sent before it has been
      // received.
      await new Promise<void>((resolve) => waiting.ping(resolve));
      return (memoryInUse() - before) / count;
    },
    close(): void {
      for (const socket of kept) socket.destroy();
    },
  };
}

/** Only its framer: SYN_STREAM frames of the header lists. */
export function headerEncoding(lists: readonly NameValue[][]): Subject {
  const framer = createFramer(3);
  framer.resume();
  const headers = lists.map((nv) => asObject(nv, madeByItself));
  return eachAsync("spdy-transport", headers, (list, index, done) => {
    framer.requestFrame({
      id: 2 * index + 1,
      fin: true,
      method: "GET",
      path: path(index),
      host: "www.example.com",
      headers: list,
    }, done);
  });
}

/** Only its parser: the given SYN_STREAM frames, in one context. */
export function headerDecoding(frames: readonly Uint8Array[]): Subject {
  return {
    name: "spdy-transport",
    async run(milliseconds: number): Promise<number> {
      let decoded = 0;
      let elapsed = 0;
      while (elapsed < milliseconds) {
        const begin = performance.now();
        const parser = createParser(3);
        await new Promise<void>((resolve, reject) => {
          let left = frames.length;
          parser.on("data", () => {
            if (--left === 0) resolve();
          });
          parser.on("error", reject);
          for (const frame of frames) parser.write(frame);
        });
        decoded += frames.length;
        elapsed += performance.now() - begin;
      }
      return decoded / elapsed * 1000;
    },
  };
}

/** Runs `work` over the items, all of them at once, again and again. */
function eachAsync<T>(
  name: string,
  items: readonly T[],
  work: (item: T, index: number, done: () => void) => void,
): Subject {
  return {
    name,
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let count = 0;
      while (performance.now() - begin < milliseconds) {
        await Promise.all(
          items.map((item, index) =>
            new Promise<void>((resolve) => work(item, index, resolve))
          ),
        );
        count += items.length;
      }
      return count / (performance.now() - begin) * 1000;
    },
  };
}

function requests(name: string, client: Duplex, server: Duplex): Subject {
  serve(server, (stream, index) => {
    stream.respond(200, asObject(responseHeaders(index), madeByItself));
    stream.end(BODY);
  });
  const connection = start(client, false);
  let next = 0;
  return {
    name,
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let done = 0;
      const worker = async (): Promise<void> => {
        while (performance.now() - begin < milliseconds) {
          await request(connection, next++);
          done++;
        }
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      return done / (performance.now() - begin) * 1000;
    },
    close: () => end(client, server),
  };
}

function request(
  connection: TransportConnection,
  index: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = connection.request({
      method: "GET",
      path: path(index),
      host: "www.example.com",
      headers: asObject(requestHeaders(index), madeByItself),
    });
    let received = 0;
    stream.on("data", (data: Uint8Array) => received += data.length);
    stream.on("end", () => {
      if (received === BODY.length) resolve();
      else reject(new Error(`${received} bytes of ${BODY.length} arrived`));
    });
    stream.on("error", reject);
  });
}

async function bulk(
  name: string,
  client: Duplex,
  server: Duplex,
): Promise<Subject> {
  const accepted = new Promise<TransportStream>((resolve) =>
    serve(server, resolve)
  );
  const connection = start(client, false);
  const receiving = connection.request({
    method: "GET",
    path: "/",
    host: "www.example.com",
  });
  let received = 0;
  receiving.on("data", (data: Uint8Array) => received += data.length);
  const sending = await accepted;
  sending.respond(200, {});
  return {
    name,
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      const before = received;
      let sent = 0;
      while (performance.now() - begin < milliseconds) {
        sent += BULK.length;
        if (sending.write(BULK)) continue;
        await new Promise<void>((resolve) => sending.once("drain", resolve));
        // In memory all of it runs in ticks, which would starve the timers.
        if (sent % (16 * BULK.length) === 0) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      // Nothing may continue after this round, because it would count in other
      // rounds.
      while (received - before < sent) {
        await new Promise((resolve) => receiving.once("data", resolve));
      }
      return (received - before) / 1e6 / (performance.now() - begin);
    },
    close: () => end(client, server),
  };
}

function start(socket: Duplex, isServer: boolean): TransportConnection {
  const connection = startTransport(socket, isServer, 3);
  // At the end of the row, the sockets are destroyed while a stream is open.
  connection.on("error", () => {});
  return connection;
}

function serve(
  socket: Duplex,
  handler: (stream: TransportStream, index: number) => void,
): void {
  let index = 0;
  start(socket, true).on("stream", (stream) => {
    stream.on("error", () => {});
    handler(stream, index++);
  });
}

async function tcpPair(): Promise<[client: Socket, server: Socket]> {
  const listener = createServer();
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = listener.address() as AddressInfo;
  const accepted = new Promise<Socket>((resolve) =>
    listener.once("connection", resolve)
  );
  const client = connect(port, "127.0.0.1");
  await new Promise<void>((resolve) => client.once("connect", () => resolve()));
  const server = await accepted;
  listener.close();
  return [client, server];
}

function end(client: Duplex, server: Duplex): void {
  client.destroy();
  server.destroy();
}
