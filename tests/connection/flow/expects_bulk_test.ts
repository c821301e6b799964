/** Whether a connection expects bulk, which it decides after each large read. */

import { coreOf } from "../../../connection.ts";
import type { Connection, Stream } from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";
import { memoryPair } from "../../helpers/connections.ts";
import { turn } from "../../helpers/virtual_time.ts";

/** Opens streams; both ends of each. */
async function open(
  client: Connection,
  server: Connection,
  count: number,
): Promise<{ own: Stream; theirs: Stream }[]> {
  const incoming = server[Symbol.asyncIterator]();
  const pairs: { own: Stream; theirs: Stream }[] = [];
  for (let index = 0; index < count; index++) {
    const own = await client.openStream([["a", "b"]]);
    const { value } = await incoming.next();
    if (value === undefined) throw new Error("no stream was opened");
    await value.reply([["c", "d"]]);
    pairs.push({ own, theirs: value });
  }
  return pairs;
}

/** Counts how often the streams of the connection are listed. */
function listings(connection: Connection): () => number {
  const { streams } = coreOf(connection);
  const values = streams.values.bind(streams);
  let count = 0;
  streams.values = () => {
    count++;
    return values();
  };
  return () => count;
}

Deno.test("expects bulk: a connection expects bulk until its last stream has received its end", async () => {
  const { client, server } = memoryPair();
  const core = coreOf(client);
  assertEquals(core.expectsBulk(), false);
  const pairs = await open(client, server, 3);
  for (const { own, theirs } of pairs) {
    assertEquals(core.expectsBulk(), true);
    await theirs.closeWrite();
    await own.read(new Uint8Array(1));
  }
  await turn();
  assertEquals(core.expectsBulk(), false);
  await Promise.all([client.close(), server.close()]);
});

for (const count of [1, 20]) {
  Deno.test(`expects bulk: with ${count} open streams, they are listed once at most`, async () => {
    const { client, server } = memoryPair();
    await open(client, server, count);
    const listed = listings(client);
    for (let read = 0; read < 100; read++) {
      assertEquals(coreOf(client).expectsBulk(), true);
    }
    assertEquals(listed() <= 1, true, `${listed()} times`);
    await Promise.all([client.close(), server.close()]);
  });
}
