import { connect, serve, WINDOW_UPDATE } from "../../mod.ts";
import { assertEquals, assertGreater } from "../deps.ts";
import { delayProxy } from "../helpers/delay_proxy.ts";

Deno.test("a body of less than half a window makes no WINDOW_UPDATE for its stream", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      new Response(
        new Uint8Array(Number(new URL(request.url).pathname.slice(1))),
      ),
  );
  await using link = delayProxy(server.addr.port, 5);
  const updated = new Map<number, number>();
  await using connection = await connect({
    port: link.port,
    onFrame(direction, frame) {
      if (direction === "sent" && frame.frameType === WINDOW_UPDATE) {
        updated.set(frame.streamId, frame.deltaWindowSize);
      }
    },
  });
  // A long body first: what is measured lets the windows of later streams grow.
  await (await connection.fetch("/2000000")).bytes();
  assertGreater(Math.max(...updated.values()), 65536);
  updated.clear();
  await Promise.all([1000, 16384, 30000].map(async (size) => {
    const response = await connection.fetch(`/${size}`);
    assertEquals((await response.bytes()).length, size);
  }));
  assertEquals([...updated.keys()].filter((streamId) => streamId > 0), []);
});
