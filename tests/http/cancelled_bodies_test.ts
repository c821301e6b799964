/** What the source of a body is told when the body can no longer be sent. */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { CANCEL, INTERNAL_ERROR } from "../../frame/constants.ts";
import { assertEquals, assertInstanceOf, assertRejects } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import { httpPair, nextStream } from "../helpers/http.ts";

/** A body that begins and goes on without bytes; `reason` is that of its cancellation. */
function endless(): {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly reason: Promise<unknown>;
} {
  const cancelled = Promise.withResolvers<unknown>();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: (reason) => cancelled.resolve(reason),
  });
  return { body, reason: waitFor("the cancellation", cancelled.promise) };
}

Deno.test("cancelled bodies: that of a response whose client resets the stream", async () => {
  const { body, reason } = endless();
  await using pair = await httpPair(() => new Response(body));
  const response = await pair.client.fetch("/");
  await response.body?.cancel();
  const error = await reason as StreamResetError;
  assertInstanceOf(error, StreamResetError);
  assertEquals([error.statusCode, error.initiator], [CANCEL, "remote"]);
});

Deno.test("cancelled bodies: that of a request whose stream the server resets", async () => {
  await using pair = memoryPair();
  const { body, reason } = endless();
  const url = "http://h/";
  const fetched = pair.client.fetch(url, { method: "POST", body });
  const stream = await nextStream(pair.server);
  await stream.read(new Uint8Array(10));
  stream.reset(INTERNAL_ERROR);
  await assertRejects(() => fetched, TypeError);
  const error = await reason as StreamResetError;
  assertInstanceOf(error, StreamResetError);
  assertEquals([error.statusCode, error.initiator], [INTERNAL_ERROR, "remote"]);
});

Deno.test("cancelled bodies: those of both sides when the connection ends", async () => {
  const down = endless();
  const up = endless();
  await using pair = await httpPair(() => new Response(down.body));
  await pair.client.fetch("/", { method: "POST", body: up.body });
  await pair.client.close();
  assertInstanceOf(await up.reason, ConnectionClosedError);
  assertInstanceOf(await down.reason, ConnectionClosedError);
});
