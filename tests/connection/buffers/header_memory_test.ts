/** A silent connection releases the memory of its header compression. */

import { assert, assertEquals, assertGreater, assertLess } from "../../deps.ts";
import { memoryPair, type Pair } from "../../helpers/connections.ts";
import { nextStream, REQUEST, RESPONSE } from "../../helpers/http.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

/** Longer than the silence after which memory is released, ms. */
const SILENCE = 10_500;
/** So many requests have more than 8 KiB of headers. */
const MANY = 60;

/** A path in which hardly anything is repeated. */
const LONG = "/kx7Qe9vR2mZp4WfTb8Ys1LhGc6NdJa3UoV5iXqBtKwEzMrPyDnHgFjSlCuA0";

/** One request and its answer. */
async function ask({ client, server }: Pair, path: string): Promise<void> {
  const asked = client.openStream([
    ...REQUEST.filter(([name]) => name !== ":path"),
    [":path", path],
    ["user-agent", "a browser with a name that is not short/1.0"],
    ["cookie", "id=0123456789abcdef0123456789abcdef"],
  ]);
  const answering = await nextStream(server);
  await answering.reply([...RESPONSE, ["etag", `"${path}"`]], { fin: true });
  const stream = await asked;
  await stream.response;
  await stream.writable.close();
}

/** Compressed bytes of the headers that both ends send for one more request. */
async function sizes(pair: Pair, path: string): Promise<number[]> {
  const sent = (): number[] =>
    [pair.client, pair.server].map((end) =>
      end.stats().sent.headers.compressed
    );
  const before = sent();
  await ask(pair, path);
  return sent().map((size, index) => size - before[index]);
}

Deno.test("header memory: after a silence both ends compress with the last block only", async () => {
  using time = virtualTime();
  await using pair = memoryPair();
  await ask(pair, LONG);
  for (let count = 0; count < MANY; count++) await ask(pair, `/path/${count}`);
  await time.advance(0);
  assert(time.next !== undefined);
  const known = await sizes(pair, LONG);
  // Each block postpones it.
  for (let count = 0; count < 4; count++) {
    await time.advance(9000);
    await ask(pair, `/other/${count}`);
  }
  assertLess((await sizes(pair, LONG))[0], known[0] + 8);
  await ask(pair, "/last");
  await time.advance(2 * SILENCE);
  assertEquals(time.next, undefined);
  const forgotten = await sizes(pair, LONG);
  for (const [index, size] of forgotten.entries()) {
    assertGreater(size, known[index] + LONG.length / 2);
    assertLess(size, known[index] + LONG.length + 16);
  }
  // A few blocks later there is not enough memory to release.
  await ask(pair, "/path/9");
  assertEquals(time.next, undefined);
  for (let count = 0; count < MANY; count++) await ask(pair, `/more/${count}`);
  await time.advance(0);
  assert(time.next !== undefined);
});

Deno.test("header memory: few requests start no timer, and the end of a connection stops it", async () => {
  using time = virtualTime();
  const pair = memoryPair();
  for (let count = 0; count < 5; count++) await ask(pair, `/${count}`);
  await time.advance(0);
  assertEquals(time.next, undefined);
  for (let count = 0; count < MANY; count++) await ask(pair, `/${count}`);
  await time.advance(0);
  assert(time.next !== undefined);
  await pair[Symbol.asyncDispose]();
  assert(pair.client.stats().state === "closed");
  assertEquals(time.next, undefined);
});
