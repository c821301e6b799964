/** `onConnection` whose answer comes late or never. */

import { connect } from "../../http/connect.ts";
import { Connection } from "../../http/connection.ts";
import { serve } from "../../http/server/serve.ts";
import { serveConnection } from "../../http/server/serve_connection.ts";
import type { ServeConnectionOptions } from "../../http/server/serve_options.ts";
import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { ERR_PROTO, SpdyError } from "../../errors.ts";
import { CANCEL, REFUSED_STREAM } from "../../frame/constants.ts";
import { CLIENT, PROTO_SPDY3_1 } from "../../mod.ts";
import { assertEquals } from "../deps.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { waitFor, waitUntil } from "../helpers/deadline.ts";
import { assertFetchFails } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };
const never = (): Promise<never> => new Promise(() => {});

interface Served extends AsyncDisposable {
  readonly client: Connection;
  readonly served: ReturnType<typeof serveConnection>;
  /** Number of calls of the handler. */
  requests(): number;
}

function serveInMemory(options: ServeConnectionOptions): Served {
  let requests = 0;
  const [left, right] = memoryStreams();
  const served = serveConnection(right, options, () => {
    requests++;
    return new Response();
  });
  const client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    origin: "http://h",
  });
  return {
    client,
    served,
    requests: () => requests,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

Deno.test("onConnection: shutdown does not wait for an answer that never comes, and refuses the requests", async () => {
  await using pair = serveInMemory({ onConnection: never });
  const asked = pair.client.fetch("/");
  await pair.client.ping();
  await waitFor("shutdown", pair.served.shutdown());
  const error = await assertFetchFails(() => asked, StreamResetError);
  assertEquals(error.statusCode, REFUSED_STREAM);
  assertEquals(error.unprocessed, true);
  assertEquals(pair.requests(), 0);
});

Deno.test("onConnection: the signal ends a server whose answer never comes", async () => {
  const abort = new AbortController();
  const called = Promise.withResolvers<void>();
  const server = serve({
    ...quiet,
    signal: abort.signal,
    onConnection: () => {
      called.resolve();
      return never();
    },
  }, () => new Response());
  await using client = await connect({ port: server.addr.port });
  await called.promise;
  abort.abort();
  await waitFor("finished", server.finished);
  await client.closed.catch(() => {});
});

for (const isClean of [true, false]) {
  Deno.test(`onConnection: a client that leaves ${isClean ? "cleanly" : "suddenly"} is no longer counted, although the answer never comes`, async () => {
    const told: unknown[] = [];
    let called = 0;
    await using server = serve({
      ...quiet,
      maxConnections: 1,
      onConnection: () => ++called === 1 ? never() : undefined,
      onConnectionError: (error) => told.push(error),
    }, () => new Response("served"));
    const { port } = server.addr;
    if (isClean) {
      const first = await connect({ port });
      await first.ping();
      await first.close();
    } else {
      const first = await Deno.connect({ hostname: "127.0.0.1", port });
      first.close();
    }
    await waitUntil(
      "the end of the first connection",
      () => called > 0 && [...server.connections].length === 0,
    );
    await using second = await connect({ port });
    assertEquals(await (await second.fetch("/")).text(), "served");
    assertEquals(told, []);
  });
}

Deno.test("onConnection: a client that breaks a rule before the answer is reported once", async () => {
  const told: string[] = [];
  const [left, right] = memoryStreams();
  const late = Promise.withResolvers<void>();
  const served = serveConnection(right, {
    onConnection: () => late.promise,
    onConnectionError: (error) => told.push((error as Error).message),
  }, () => new Response());
  const writer = left.writable.getWriter();
  writer.write(new TextEncoder().encode("GET / HTTP/1.1\r\n")).catch(() => {});
  left.readable.pipeTo(new WritableStream()).catch(() => {});
  await waitFor("finished", served.finished);
  late.reject(new ConnectionClosedError("the connection is gone"));
  await late.promise.catch(() => {});
  assertEquals(told.length, 1);
  assertEquals(told[0].includes("HTTP/1.1 request"), true);
});

Deno.test("onConnection: requests that wait for a refusal may be sent again", async () => {
  const answer = Promise.withResolvers<boolean>();
  await using pair = serveInMemory({ onConnection: () => answer.promise });
  const asked = pair.client.fetch("/", { method: "POST", body: "x" });
  await pair.client.ping();
  answer.resolve(false);
  const error = await assertFetchFails(() => asked, StreamResetError);
  assertEquals(error.unprocessed, true);
  assertEquals(pair.requests(), 0);
  await pair.served.finished;
});

Deno.test("onConnection: requests of a client that has left before the answer reach no handler", async () => {
  const answer = Promise.withResolvers<void>();
  await using pair = serveInMemory({ onConnection: () => answer.promise });
  const asked = pair.client.fetch("/").catch(() => {});
  await pair.client.ping();
  await pair.client.close();
  await waitFor("finished", pair.served.finished);
  answer.resolve();
  await asked;
  assertEquals(pair.requests(), 0);
});

Deno.test("onConnection: an error that it throws after it has closed the connection is reported", async () => {
  const told: unknown[] = [];
  const bug = new Error("a bug");
  let connection: Connection | undefined;
  await using pair = serveInMemory({
    onConnection: (given) => {
      connection = given;
      given.close();
      throw bug;
    },
    onConnectionError: (error, info) => told.push(error, info.connection),
  });
  await waitFor("finished", pair.served.finished);
  assertEquals(told, [bug, connection]);
});

const LATE: Record<string, [error: Error, isReported: boolean]> = {
  "an error of its own": [new Error("a bug"), true],
  "an error of this package": [new SpdyError("another", ERR_PROTO), true],
  "the error of a closed connection": [new ConnectionClosedError(), false],
  "the error of a stream": [
    new StreamResetError("reset", { streamId: 2, statusCode: CANCEL }),
    false,
  ],
};

for (const [what, [error, isReported]] of Object.entries(LATE)) {
  Deno.test(`onConnection: after its client has left, it rejects with ${what}`, async () => {
    const told: unknown[] = [];
    const answer = Promise.withResolvers<void>();
    await using pair = serveInMemory({
      onConnection: () => answer.promise,
      onConnectionError: (error) => told.push(error),
    });
    await pair.client.ping();
    await pair.client.close();
    await waitFor("finished", pair.served.finished);
    answer.reject(error);
    await turn();
    assertEquals(told, isReported ? [error] : []);
  });
}

withCollector.test({
  name:
    "onConnection: a connection that has ended is not kept by an answer that never comes",
  async fn() {
    const answer = Promise.withResolvers<void>();
    const told: unknown[] = [];
    const connections: WeakRef<Connection>[] = [];
    await using server = serve({
      ...quiet,
      onConnection: (connection) => {
        connections.push(new WeakRef(connection));
        return answer.promise;
      },
      onConnectionError: (error, info) => told.push(error, info.connection),
    }, () => new Response());
    for (let count = 1; count <= 5; count++) {
      const client = await connect({ port: server.addr.port });
      await client.ping();
      await client.close();
    }
    await waitUntil(
      "the end of the connections",
      () => connections.length === 5 && [...server.connections].length === 0,
    );
    await waitUntil("the collector", () => {
      collect?.();
      return connections.filter((each) => each.deref()).length === 0;
    });
    const bug = new Error("a bug");
    answer.reject(bug);
    await turn();
    assertEquals(told, Array(5).fill([bug, undefined]).flat());
  },
});

Deno.test("onConnection: the error with which its connection ends is reported once", async () => {
  const told: unknown[] = [];
  // Not of a class that the package uses for the end of a connection.
  const broken = new SpdyError("a fault of the transport", ERR_PROTO);
  const failing = Promise.withResolvers<void>();
  const [, { writable }] = memoryStreams();
  const readable = new ReadableStream({
    async pull() {
      await failing.promise;
      throw broken;
    },
  });
  const served = serveConnection({ readable, writable }, {
    onConnection: (connection) => {
      const pinged = connection.ping();
      failing.resolve();
      return pinged;
    },
    onConnectionError: (error) => told.push(error),
  }, () => new Response());
  await waitFor("finished", served.finished);
  await turn();
  assertEquals(told, [broken]);
});
