import { assertEquals, assertRejects } from "../deps.ts";
import { ConnectionClosedError } from "../../mod.ts";
import type { Connection } from "../../mod.ts";
import { memoryPair, tcpPair } from "../helpers/connections.ts";

/** Takes streams and answers none of them, as a loop that nobody awaits. */
async function takeAll(connection: Connection): Promise<number> {
  let taken = 0;
  for await (const _stream of connection) taken++;
  return taken;
}

for (
  const [name, makePair] of [["TCP", tcpPair], ["memory", memoryPair]] as const
) {
  Deno.test(`a peer that closes with streams under way ends in order, ${name}`, async () => {
    await using pair = await makePair({ both: { closeTimeout: 50 } });
    const { client, server } = pair;
    const taking = takeAll(server);
    const cut = await client.openStream([["cut", "1"]]);
    await client.openStream([["asked", "1"]], { fin: true });
    await client.ping();
    await client.close();

    assertEquals(await taking, 2);
    await server.closed;
    await assertRejects(() => cut.closed, ConnectionClosedError);
  });
}

Deno.test("the streams of a peer that closed fail with the reason", async () => {
  await using pair = await tcpPair();
  const { client, server } = pair;
  await client.openStream([["cut", "1"]]);
  const { value: stream } = await server[Symbol.asyncIterator]().next();
  await client.close();

  const error = await assertRejects(
    () => new Response(stream?.readable).bytes(),
    ConnectionClosedError,
  );
  assertEquals(error.initiator, "remote");
  await assertRejects(async () => await stream?.closed, ConnectionClosedError);
  await server.closed;
});
