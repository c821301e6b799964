/** When a client forgets the connections to an origin. */

import { OriginPool } from "../../http/client/origin_pool.ts";
import type { Connection } from "../../http/connection.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

interface Pooled {
  readonly pool: OriginPool;
  /** How often the pool has reported that it is not used. */
  unused(): number;
}

function poolOf(connect: () => Promise<Connection>): Pooled {
  let unused = 0;
  const pool = new OriginPool("http://h", {
    maxConnections: 2,
    connect,
    check() {},
    unused: () => void unused++,
  });
  return { pool, unused: () => unused };
}

Deno.test("origin pool: it is not used after the end of its last connection, if no request runs", async () => {
  await using pair = memoryPair();
  const { pool, unused } = poolOf(() => Promise.resolve(pair.client));
  assertEquals(await pool.run((each) => Promise.resolve(each)), pair.client);
  const last = Promise.withResolvers<void>();
  const running = pool.run(() => last.promise);
  await turn();
  assertEquals(unused(), 0);
  await pair.client.close();
  await turn();
  assertEquals(unused(), 0);
  last.resolve();
  await running;
  assertEquals(unused(), 1);
});

Deno.test("origin pool: it is not used after an idle connection has ended", async () => {
  await using pair = memoryPair();
  const { pool, unused } = poolOf(() => Promise.resolve(pair.client));
  await pool.run(() => Promise.resolve());
  assertEquals(unused(), 0);
  await pair.client.close();
  await turn();
  assertEquals(unused(), 1);
});

Deno.test("origin pool: it is not used after the first connection has failed", async () => {
  const { pool, unused } = poolOf(() => Promise.reject(new Error("no route")));
  await assertRejects(
    () => pool.run(() => Promise.resolve()),
    Error,
    "no route",
  );
  assertEquals(unused(), 1);
});

Deno.test("origin pool: a connection that has left it reports nothing when it ends", async () => {
  await using first = memoryPair();
  await using second = memoryPair();
  const connections = [first.client, second.client];
  const { pool, unused } = poolOf(() => Promise.resolve(connections.shift()!));
  const last = Promise.withResolvers<void>();
  const running = pool.run(() => last.promise);
  const stream = await first.client.openStream([["x", "1"]]);
  await nextStream(first.server);
  // It ends when its stream has ended.
  const ending = first.client.goaway();
  assertEquals(first.client.accepting, false);
  await pool.run(() => Promise.resolve());
  last.resolve();
  await running;
  await second.client.close();
  await turn();
  assertEquals(unused(), 1);
  // From here on, the client may have another pool for the origin.
  assertEquals(first.client.stats().state, "closing");
  stream.reset();
  await ending;
  await turn();
  assertEquals(unused(), 1);
});
