/** What is certain about streams when a connection ends: which of them were not processed. */

import { ConnectionClosedError, type StreamResetError } from "../../mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { memoryStreams, pairOver, tcpConns } from "../helpers/connections.ts";

function turn(): Promise<void> {
  return new Promise((done) => setTimeout(done, 0));
}

Deno.test("a stream that arrives while GOAWAY waits to be sent is refused, not processed", async () => {
  const [left, right] = memoryStreams();
  const output = right.writable.getWriter();
  let gate = Promise.resolve();
  const slow = new WritableStream<Uint8Array>({
    async write(chunk) {
      await gate;
      await output.write(chunk);
    },
    close: () => output.close(),
    abort: (reason) => output.abort(reason),
  });
  const slowRight = { readable: right.readable, writable: slow };
  await using pair = pairOver(left, slowRight, {});
  const opened = await pair.client.openStream([[":path", "/first"]], {
    fin: true,
  });
  const streams = pair.server[Symbol.asyncIterator]();
  const { value: first } = await streams.next();
  await pair.client.ping();

  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  // A write is under way, so that GOAWAY has to wait.
  await first!.reply([]);
  await turn();
  const ended = pair.server.goaway();
  const processed: string[] = [];
  const iterated = (async () => {
    for (;;) {
      const { done, value } = await streams.next();
      if (done) return;
      processed.push(value.headers[0][1]);
    }
  })();
  const late = await Promise.all(
    Array.from(
      { length: 3 },
      (_, index) => pair.client.openStream([[":path", `/late/${index}`]]),
    ),
  );
  // They have arrived when a byte behind them has.
  while (pair.server.stats().received.bytes < pair.client.stats().sent.bytes) {
    await turn();
  }
  resolve();
  for (const stream of late) {
    const error = await assertRejects(() => stream.response);
    assertEquals((error as StreamResetError).unprocessed, true, `${error}`);
  }
  await first!.writable.close();
  await opened.response;
  await iterated;
  assertEquals(processed, []);
  await ended;
});

Deno.test("a stream that was never opened was not processed, however the connection ends", async () => {
  const [left, right] = await tcpConns();
  await using pair = pairOver(left, right, {
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  await pair.client.ping();
  const sent = await pair.client.openStream([[":path", "/sent"]]);
  const waiting = pair.client.openStream([[":path", "/waiting"]]);
  right.close();
  const error = await assertRejects(
    () => waiting,
    ConnectionClosedError,
    "the stream was not opened: ",
  );
  assertEquals(error.unprocessed, true);
  const other = await assertRejects(() => sent.response);
  assertEquals((other as StreamResetError).unprocessed, false);
});
