/** What `close()` still sends: everything whose write has resolved. */

import { assert, assertEquals, assertRejects } from "../deps.ts";
import { ConnectionClosedError } from "../../mod.ts";
import { memoryPair, tcpPair } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import { nextStream } from "../helpers/http.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

/** All bytes before the end or the error. */
async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let size = 0;
  try {
    for await (const chunk of stream) size += chunk.length;
  } catch (error) {
    assert(error instanceof ConnectionClosedError, `${error}`);
  }
  return size;
}

for (
  const [name, makePair] of [["TCP", tcpPair], ["memory", memoryPair]] as const
) {
  for (const size of [1, 5, 4096, 4097, 100_000]) {
    Deno.test(`close: ${size} bytes whose write has resolved arrive, ${name}`, async () => {
      await using pair = await makePair();
      const stream = await pair.client.openStream([["a", "b"]]);
      const incoming = await nextStream(pair.server);
      const received = bytesOf(incoming.readable);
      await stream.write(new Uint8Array(size));
      await pair.client.close();
      assertEquals(await received, size);
    });
  }

  Deno.test(`close: many small writes on many streams arrive, ${name}`, async () => {
    await using pair = await makePair();
    const streams = await Promise.all(
      Array.from({ length: 20 }, () => pair.client.openStream([["a", "b"]])),
    );
    const received: Promise<number>[] = [];
    for (const _ of streams) {
      received.push(bytesOf((await nextStream(pair.server)).readable));
    }
    for (let count = 0; count < 50; count++) {
      for (const stream of streams) await stream.write(new Uint8Array(7));
    }
    await pair.client.close();
    assertEquals(await Promise.all(received), streams.map(() => 350));
  });
}

Deno.test("close: it waits for a window no longer than closeTimeout, and not for a reply", async () => {
  using time = virtualTime();
  const pair = await tcpPair({ both: { closeTimeout: 20_000 } });
  const stream = await pair.client.openStream([["a", "b"]]);
  const incoming = await nextStream(pair.server);
  const unanswered = incoming.write(new Uint8Array(5));
  await unanswered;
  // No time passes, so neither end waits for a timer.
  const serverClosed = pair.server.close();
  await waitFor(
    "the end without a reply",
    assertRejects(() => stream.response, ConnectionClosedError),
  );
  await waitFor("the server to close", serverClosed);
  await pair[Symbol.asyncDispose]();

  const other = await tcpPair({ both: { closeTimeout: 20_000 } });
  const full = await other.client.openStream([["a", "b"]]);
  await nextStream(other.server);
  // Nobody reads, so the window of 64 KiB is used up.
  const large = full.write(new Uint8Array(65536)).catch(() => {});
  await large;
  await full.write(new Uint8Array(5));
  let ended = false;
  const failed = assertRejects(() => full.closed, ConnectionClosedError)
    .then(() => ended = true);
  const closing = other.client.close();
  await time.advance(19_999);
  assert(!ended, "did not wait for a window");
  await time.advance(1);
  assert(ended, "waited longer than closeTimeout");
  await Promise.all([failed, waitFor("the client to close", closing)]);
  await other[Symbol.asyncDispose]();
});

Deno.test("close: bytes of one stream do not wait for the bulk of another", async () => {
  using _time = virtualTime();
  const pair = await tcpPair({ both: { closeTimeout: 20_000 } });
  const bulk = await pair.client.openStream([["bulk", "1"]]);
  const small = await pair.client.openStream([["small", "1"]]);
  const bulkIn = await nextStream(pair.server);
  const smallIn = await nextStream(pair.server);
  const bulkReceived = bytesOf(bulkIn.readable);
  const received = bytesOf(smallIn.readable);
  const sending = (async () => {
    for (;;) await bulk.write(new Uint8Array(65536));
  })().catch((error) => error);
  await small.write(new Uint8Array(9));
  // No time passes, so it ends only if it waits for no timer.
  await waitFor("the client to close", pair.client.close());
  assertEquals(await received, 9);
  assert(await sending instanceof ConnectionClosedError);
  await bulkReceived;
  await pair[Symbol.asyncDispose]();
});
