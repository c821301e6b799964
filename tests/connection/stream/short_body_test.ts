import { connect, serve, WINDOW_UPDATE } from "../../../mod.ts";
import { assertEquals, assertGreater } from "../../deps.ts";
import { delayProxy } from "../../helpers/delay_proxy.ts";

Deno.test("a body of less than half a window causes no WINDOW_UPDATE for its stream", async () => {
  // The second half is sent when the first was read, so the stream has not
  // ended by then.
  const firstRead = Promise.withResolvers<void>();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      if (new URL(request.url).pathname === "/long") {
        return new Response(new Uint8Array(2_000_000));
      }
      return new Response(
        new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(new Uint8Array(15000));
            await firstRead.promise;
            controller.enqueue(new Uint8Array(15000));
            controller.close();
          },
        }),
      );
    },
  );
  await using link = delayProxy(server.addr.port, 5);
  const updated = new Set<number>();
  let largest = 0;
  await using connection = await connect({
    port: link.port,
    onFrame(direction, frame) {
      if (direction === "sent" && frame.frameType === WINDOW_UPDATE) {
        updated.add(frame.streamId);
        largest = Math.max(largest, frame.deltaWindowSize);
      }
    },
  });
  // Long bodies first, because their measurements let the windows of later
  // streams grow.
  for (let count = 0; count < 20 && largest <= 65536; count++) {
    await (await connection.fetch("/long")).bytes();
  }
  assertGreater(largest, 65536);
  updated.clear();
  const { body } = await connection.fetch("/short");
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    await connection.ping();
    firstRead.resolve();
  }
  assertEquals(length, 30000);
  assertEquals([...updated].filter((streamId) => streamId > 0), []);
});
