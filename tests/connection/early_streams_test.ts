import { assertEquals } from "../deps.ts";
import { CLIENT, Connection, PROTO_SPDY3 } from "../../mod.ts";
import { Session } from "../../session.ts";
import { SERVER } from "../../session/constants.ts";
import { memoryPair, memoryStreams } from "../helpers/connections.ts";
import type { Stream } from "../../mod.ts";

const FLOOD = 300;

Deno.test("streams opened before the server's SETTINGS came are not refused", async () => {
  await using pair = memoryPair();
  const { client, server } = pair;
  const served = (async () => {
    for await (const stream of server) {
      await stream.reply([["x", `${stream.id}`]], { fin: true });
    }
  })();
  const replies = await Promise.all(
    Array.from({ length: FLOOD }, async () => {
      const stream = await client.openStream([["a", "b"]], { fin: true });
      assertEquals(await stream.closed, 0);
      return await stream.response;
    }),
  );
  assertEquals(replies.length, FLOOD);
  await client.close();
  await served;
});

Deno.test("a server that says nothing of streams gets as many as are asked for", async () => {
  const [left, right] = memoryStreams();
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3,
  });
  // A server without limit or SETTINGS that answers PINGs and nothing else.
  const ids: number[] = [];
  const writer = right.writable.getWriter();
  const server = new Session(SERVER, PROTO_SPDY3, {
    limits: { maxConcurrentStreams: 0x7fffffff },
    send: (_session, data) => (writer.write(data).catch(() => {}), data.length),
    onCtrlRecv: (_session, frame) => {
      if ("nv" in frame) ids.push(frame.streamId);
    },
  });
  const reading = (async () => {
    for await (const chunk of right.readable) {
      server.recv(chunk);
      server.send();
    }
  })();
  const streams: Stream[] = await Promise.all(
    Array.from({ length: FLOOD }, () => client.openStream([["a", "b"]])),
  );
  assertEquals(streams.map(({ id }) => id), ids);
  assertEquals(ids.length, FLOOD);
  await client.close();
  await reading;
});
