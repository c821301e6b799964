import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { coreOf } from "../../connection.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import type { Connection } from "../../http/connection.ts";
import { streamsOf } from "../../session.ts";
import { CLIENT, SERVER, type Side } from "../../session/constants.ts";
import { StreamTable } from "../../session/stream_table.ts";
import { memoryPair } from "../helpers/connections.ts";

/** From now on the connection takes its stream ids from those beginning with `next`. */
function continueIdsAt(connection: Connection, side: Side, next: number): void {
  const table = streamsOf(coreOf(connection).session);
  const ids = new StreamTable(side, next);
  table.takeOwnId = () => ids.takeOwnId();
}

const LAST = 0x7fffffff;

Deno.test("a stream without an available id rejects, and so do all that wait", async () => {
  await using pair = memoryPair({
    server: { limits: { maxConcurrentStreams: 2 } },
  });
  const { client, server } = pair;
  await client.ping();
  continueIdsAt(client, CLIENT, LAST);
  const last = await client.openStream([["a", "b"]]);
  assertEquals(last.id, LAST);
  assert(client.accepting);
  // One is submitted, the others wait for the server's limit.
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, () => client.openStream([["a", "b"]])),
  );
  for (const result of results) {
    const reason = result.status === "rejected" ? result.reason : undefined;
    assert(reason instanceof ConnectionClosedError);
    assertEquals(reason.unprocessed, true);
    assertStringIncludes(reason.message, "all of its stream ids");
  }
  assertEquals(client.accepting, false);
  await assertRejects(
    () => client.openStream([["a", "b"]]),
    ConnectionClosedError,
    "all of its stream ids",
  );
  assertEquals(coreOf(client).counters.opening, 0);
  assertEquals(coreOf(client).counters.ownStreams, 1);
  // What is under way continues.
  for await (const stream of server) {
    await stream.reply([["c", "d"]], { fin: true });
    break;
  }
  assertEquals(await last.response, [["c", "d"]]);
  await client.ping();
});

Deno.test("a server that has used all of its ids rejects a push, but answers", async () => {
  await using pair = memoryPair();
  const { client, server } = pair;
  continueIdsAt(server, SERVER, LAST + 1);
  const answering = (async () => {
    for await (const stream of server) {
      await assertRejects(
        () => stream.push([[":path", "/"]]),
        ConnectionClosedError,
        "all of its stream ids",
      );
      await stream.reply([["c", "d"]], { fin: true });
    }
  })();
  for (let count = 0; count < 2; count++) {
    const stream = await client.openStream([["a", "b"]], { fin: true });
    assertEquals(await stream.response, [["c", "d"]]);
  }
  await client.close();
  await answering;
});
