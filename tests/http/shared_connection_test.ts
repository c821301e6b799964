/** A `connect` of Client that returns a connection which is in use already. */

import { coreOf } from "../../connection.ts";
import { Client } from "../../http/client/client.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { memoryPair, type Pair } from "../helpers/connections.ts";
import { waitFor, waitUntil } from "../helpers/deadline.ts";
import { RESPONSE } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };

Deno.test("client: a connection that is shared by two origins keeps the process alive while either has a request", async () => {
  const held = Promise.withResolvers<void>();
  await using server = serve(quiet, async (request) => {
    if (request.url.endsWith("/held")) await held.promise;
    return new Response("x");
  });
  const shared = await connect({ port: server.addr.port });
  const calls: string[] = [];
  shared.ref = () => void calls.push("ref");
  shared.unref = () => void calls.push("unref");
  await using client = new Client({ connect: () => Promise.resolve(shared) });
  const first = client.fetch("http://one/held");
  await turn();
  assertEquals(calls, ["unref", "ref"]);
  assertEquals(await (await client.fetch("http://two/")).text(), "x");
  await turn();
  assertEquals(calls.at(-1), "ref");
  held.resolve();
  assertEquals(await (await first).text(), "x");
  await turn();
  assertEquals(calls.at(-1), "unref");
});

/** A server that allows one stream, begins endless responses and notes the hosts of the requests. */
class NarrowServer implements AsyncDisposable {
  readonly pair: Pair = memoryPair({
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  readonly hosts: (string | undefined)[] = [];

  constructor() {
    this.#answer().catch(() => {});
  }

  get queued(): number {
    return coreOf(this.pair.client).pending.queued;
  }

  async #answer(): Promise<void> {
    for await (const stream of this.pair.server) {
      this.hosts.push(
        stream.headers.find(([name]) => name === ":host")?.[1],
      );
      await stream.reply([...RESPONSE]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pair[Symbol.asyncDispose]();
  }
}

/** Gives `http://one` both connections, and every other origin only the shared one. */
function clientOf(shared: NarrowServer, own: NarrowServer): Client {
  const ofOne = [shared, own];
  return new Client({
    maxConnectionsPerOrigin: 2,
    connect: async (origin) => {
      const { client } = (origin === "http://one" && ofOne.shift() || shared)
        .pair;
      // The limit of streams has arrived.
      await client.ping();
      return client;
    },
  });
}

Deno.test("client: a request that waits moves to a connection that another origin has got since", async () => {
  await using shared = new NarrowServer();
  await using own = new NarrowServer();
  await using client = clientOf(shared, own);
  const first = await client.fetch("http://one/");
  const second = await client.fetch("http://one/");
  // The other origin gets the shared connection, but does not use it in the end.
  const abort = new AbortController();
  const other = client.fetch("http://two/", { signal: abort.signal });
  await waitUntil("the other origin to wait", () => shared.queued === 1);
  const waiting = client.fetch("http://one/");
  await waitUntil("the request to wait", () => own.queued === 1);
  abort.abort();
  await assertRejects(() => other, DOMException);
  await first.body?.cancel();
  const third = await waitFor("the request to move", waiting);
  assertEquals([shared.hosts, own.hosts], [["one", "one"], ["one"]]);
  await Promise.all([second, third].map(({ body }) => body?.cancel()));
});

Deno.test("client: a request that waits on a shared connection does not move to one of another origin", async () => {
  await using shared = new NarrowServer();
  await using own = new NarrowServer();
  await using client = clientOf(shared, own);
  const first = await client.fetch("http://one/");
  const second = await client.fetch("http://one/");
  const other = client.fetch("http://two/");
  await waitUntil("the other origin to wait", () => shared.queued === 1);
  await second.body?.cancel();
  await waitUntil(
    "room on the own connection, or a request that took it",
    () => coreOf(own.pair.client).pending.hasRoom || own.hosts.length > 1,
  );
  assertEquals([shared.queued, own.hosts], [1, ["one"]]);
  await first.body?.cancel();
  await (await waitFor("the other origin", other)).body?.cancel();
  assertEquals([shared.hosts, own.hosts], [["one", "two"], ["one"]]);
});
