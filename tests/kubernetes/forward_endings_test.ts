/**
 * Servers that end a forwarded connection in other ways than ours.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../deps.ts";
import {
  type ForwardedConnection,
  portForward,
  PortForwardError,
} from "../../kubernetes/mod.ts";
import { Connection, PROTO_SPDY3_1, SERVER, type Stream } from "../../mod.ts";
import { type VirtualTime, virtualTime } from "../helpers/virtual_time.ts";

const encoder = new TextEncoder();

Deno.test("after an end without a byte, the client waits for the message of the server", async () => {
  using time = virtualTime();
  const wait = Promise.withResolvers<void>();
  await against(time, async (error, data) => {
    await data.closeWrite();
    await wait.promise;
    await error.write(encoder.encode("connection refused"));
    await error.closeWrite();
  }, async ({ readable }) => {
    const failed = assertRejects(
      () => new Response(readable).text(),
      PortForwardError,
      "connection refused",
    );
    await time.advance(900);
    wait.resolve();
    await failed;
  });
});

Deno.test("an end without a byte is a clean end if the error stream also ends or stays silent", async () => {
  using time = virtualTime();
  await against(time, async (error, data) => {
    await data.closeWrite();
    await error.closeWrite();
  }, async ({ readable }) => {
    assertEquals(await new Response(readable).text(), "");
  });
  assertEquals(time.now(), 0);
  await against(time, async (_error, data) => {
    await data.closeWrite();
  }, async ({ readable }) => {
    assertEquals(await time.until(new Response(readable).text()), "");
  });
});

Deno.test("an end after bytes is reported at once", async () => {
  using time = virtualTime();
  await against(time, async (_error, data) => {
    await data.write(encoder.encode("hi"));
    await data.closeWrite();
  }, async ({ readable }) => {
    // No time passes, so code that waits for a while would never continue.
    assertEquals(await new Response(readable).text(), "hi");
  });
});

/** Forwards one connection to a server that calls `end` with its two streams. */
async function against(
  time: VirtualTime,
  end: (error: Stream, data: Stream) => Promise<void>,
  check: (connection: ForwardedConnection) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    for (let head = ""; !head.includes("\r\n\r\n");) {
      const size = await conn.read(buffer);
      head += new TextDecoder().decode(buffer.subarray(0, size ?? 0));
    }
    await conn.write(encoder.encode(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n",
    ));
    await using connection = new Connection(conn, {
      side: SERVER,
      version: PROTO_SPDY3_1,
      flowControl: false,
    });
    const streams: Stream[] = [];
    for await (const stream of connection) {
      await stream.reply([]);
      if (streams.push(stream) === 2) break;
    }
    const [error, data] = streams;
    await end(error, data);
    await connection.closed.catch(() => {});
  })();
  const forwarder = await portForward({
    url: `http://127.0.0.1:${listener.addr.port}`,
    pod: { name: "web" },
    transport: "spdy",
  });
  await check(await forwarder.connect(80));
  await time.until(forwarder.close());
  await time.until(served);
}
