/**
 * The time limit of `shutdown` also ends connections that already wait for the client to
 * close.
 */

import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { Connection } from "../../http/connection.ts";
import { serveConnection } from "../../http/server/serve_connection.ts";
import type { ServedTransport } from "../../http/server/serve_options.ts";
import { SERVER } from "../../session/constants.ts";
import { assert, assertRejects } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import { type VirtualTime, virtualTime } from "../helpers/virtual_time.ts";

/** What a client sends, after which the server ends the connection. */
const LAST_BYTES: Record<string, readonly number[]> = {
  "a header block that is no zlib stream": [
    ...[0x80, 3, 0, 1, 1, 0, 0, 14],
    ...[0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    ...[9, 9, 9, 9],
  ],
  "a frame of another version": [
    ...[0x80, 2, 0, 1, 1, 0, 0, 14],
    ...[0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    ...[9, 9, 9, 9],
  ],
  "GOAWAY": [0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0],
};

// The connections have no time limit of their own.
const OPTIONS = { closeTimeout: 0 };
const answer = (): Response => new Response();

/** Shuts the server down; fails unless it ends when the time limit is reached, and not before. */
async function shutDown(
  served: ServedTransport,
  time: VirtualTime,
): Promise<void> {
  let ended = false;
  served.finished.then(() => ended = true);
  // The connection waits for its client.
  await time.advance(1000);
  const down = served.shutdown({ timeout: 30_000 });
  await time.advance(29_999);
  assert(!ended, "it ended before the limit");
  await time.advance(1);
  await waitFor("shutdown", down);
}

for (const [what, bytes] of Object.entries(LAST_BYTES)) {
  for (const reads of [true, false]) {
    Deno.test(`shutdown: its limit ends a connection after ${what}, with a client that ${reads ? "reads" : "does not read"} and never closes`, async () => {
      using time = virtualTime();
      const [client, right] = memoryStreams();
      const served = serveConnection(right, OPTIONS, answer);
      const isWritten = client.writable.getWriter().write(
        Uint8Array.from(bytes),
      );
      // Its end is an error, because the server cuts the connection.
      const isRead = reads
        ? client.readable.pipeTo(new WritableStream()).catch(() => {})
        : undefined;
      await isWritten;
      await shutDown(served, time);
      await Promise.all([served.finished, isRead]);
    });
  }
}

Deno.test("shutdown: its limit ends a Connection of the caller that is closing", async () => {
  using time = virtualTime();
  const [, right] = memoryStreams();
  const connection = new Connection(right, {
    ...OPTIONS,
    side: SERVER,
    version: PROTO_SPDY3_1,
  });
  const served = serveConnection(connection, answer);
  const closing = connection.close();
  await shutDown(served, time);
  await closing;
});

Deno.test("shutdown: its limit ends a closing connection whose transport ignores its close", async () => {
  using time = virtualTime();
  const connection = new Connection({
    read: () => new Promise<number | null>(() => {}),
    write: (data: Uint8Array) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  }, { ...OPTIONS, side: SERVER, version: PROTO_SPDY3_1 });
  const served = serveConnection(connection, answer);
  const closing = connection.close();
  await shutDown(served, time);
  await closing;
  await assertRejects(() => connection.ping());
});
