/** Bodies whose bytes are of another realm. The platform's bodies accept them as well. */

import { runInNewContext } from "node:vm";
import { bytesOf } from "../../http/message/body_bytes.ts";
import { assertEquals, assertMatch } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";
import { Client, listener } from "../helpers/http1_client.ts";

const foreign: Uint8Array<ArrayBuffer> = runInNewContext(
  "new Uint8Array([0, 104, 105, 0]).subarray(1, 3)",
);

function source(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(foreign);
      controller.close();
    },
  });
}

Deno.test("another realm: bodies of a request and of a response", async () => {
  assertEquals(foreign instanceof Uint8Array, false);
  for (const make of [() => foreign, source]) {
    await using pair = await httpPair(async (request) => {
      assertEquals(await request.text(), "hi");
      return new Response(make());
    });
    const init = { method: "POST", body: make() };
    assertEquals(await (await pair.client.fetch("/", init)).text(), "hi");
  }
});

Deno.test("another realm: the body of an answer over HTTP/1.1", async () => {
  const { listener: http } = listener({
    request: () => new Response(source()),
  });
  const client = new Client("GET / HTTP/1.0\r\nHost: h\r\n\r\n", true);
  await http.take(client);
  assertMatch(client.received, /\r\n\r\nhi$/);
});

Deno.test("another realm: what only looks like bytes is none", () => {
  const named = { [Symbol.toStringTag]: "Uint8Array", length: 1 };
  const others = [null, undefined, 1, "hi", named, new Int8Array(1)];
  for (const each of [...others, runInNewContext("new Uint16Array(1)")]) {
    assertEquals(bytesOf(each), undefined);
  }
});
