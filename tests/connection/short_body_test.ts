import { connect, serve, WINDOW_UPDATE } from "../../mod.ts";
import { assertEquals } from "../deps.ts";

Deno.test("a body of less than half a window makes no WINDOW_UPDATE for its stream", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      new Response(
        new Uint8Array(Number(new URL(request.url).pathname.slice(1))),
      ),
  );
  const updates = new Set<number>();
  await using connection = await connect({
    port: server.addr.port,
    onFrame(direction, frame) {
      if (
        direction === "sent" && frame.frameType === WINDOW_UPDATE &&
        frame.streamId > 0
      ) updates.add(frame.streamId);
    },
  });
  // A long body first: its measurements let the windows of later streams grow.
  await (await connection.fetch("/4000000")).bytes();
  assertEquals(updates.size, 1);
  await Promise.all([1000, 16384, 30000].map(async (size) => {
    assertEquals(
      (await (await connection.fetch(`/${size}`)).bytes()).length,
      size,
    );
  }));
  assertEquals(updates.size, 1);
});
