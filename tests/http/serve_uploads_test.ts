/** `serve` and bodies of requests that the handler does not read. */

import { CANCEL, PROTO_SPDY3, PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { assert, assertEquals, assertLess } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";

Deno.test("serve: an unread upload gets back-pressure and is then stopped", async () => {
  const release = Promise.withResolvers<void>();
  await using pair = await httpPair(async () => {
    await release.promise;
    return new Response("no thanks", { status: 413 });
  });
  let sent = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 65536;
      controller.enqueue(new Uint8Array(65536));
    },
    cancel: () => {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  const asked = pair.client.fetch("/", { method: "POST", body });
  for (let i = 0; i < 5; i++) await pair.client.ping();
  // The window of 64 KiB, the send buffer of 256 KiB, and chunks on their way.
  assertLess(sent, 640 * 1024);
  release.resolve();
  const response = await asked;
  assertEquals(response.status, 413);
  assertEquals(await response.text(), "no thanks");
  assertEquals(await response.stream.closed, CANCEL);
  assert(cancelled);
});

// SPDY/2 has no windows, so the socket fills up, and PINGs wait as well.
for (const version of [PROTO_SPDY3, PROTO_SPDY3_1] as const) {
  Deno.test(`serve: a client that does not read stops the producer, ${versionName(version)}`, async () => {
    let produced = 0;
    const cancelled = Promise.withResolvers<void>();
    await using pair = await httpPair(
      () =>
        new Response(
          new ReadableStream<Uint8Array>({
            pull(controller) {
              produced += 65536;
              controller.enqueue(new Uint8Array(65536));
            },
            cancel: () => cancelled.resolve(),
          }, { highWaterMark: 0 }),
        ),
      { version },
      { windowTuning: false },
    );
    const response = await pair.client.fetch("/");
    const reader = response.body!.getReader();
    await reader.read();
    let before = -1;
    // Until nothing more is produced during a round trip.
    while (before !== produced) {
      before = produced;
      for (let i = 0; i < 3; i++) await pair.client.ping();
    }
    // The window of 64 KiB, the send buffer of 256 KiB, chunks on their way.
    assertLess(produced, 640 * 1024);
    await reader.cancel();
    await cancelled.promise;
  });
}

Deno.test("serve: a handler may cancel the request's body and still answer", async () => {
  await using pair = await httpPair(async (request) => {
    await request.body?.cancel();
    return new Response("too large", { status: 413 });
  });
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
  });
  const response = await pair.client.fetch("/", { method: "POST", body });
  assertEquals(response.status, 413);
  assertEquals(await response.text(), "too large");
  assertEquals(await response.stream.closed, CANCEL);
});

Deno.test("serve: small unread uploads end cleanly", async () => {
  await using pair = await httpPair(() => new Response("no", { status: 404 }));
  const response = await pair.client.fetch("/", {
    method: "POST",
    body: new Uint8Array(50_000),
  });
  assertEquals(await response.text(), "no");
  assertEquals(await response.stream.closed, 0);
});

Deno.test("serve: 1,000 requests one after another leave nothing in memory", async () => {
  await using pair = await httpPair(async (request) =>
    new Response(await request.text())
  );
  for (let i = 0; i < 1000; i++) {
    const response = await pair.client.fetch("/", {
      method: "POST",
      body: String(i),
    });
    assertEquals(await response.text(), String(i));
  }
});
