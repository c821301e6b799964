import type { ByteStreams, CtrlFrame } from "../../../mod.ts";
import {
  CLIENT,
  Connection,
  PING,
  PROTO_SPDY3,
  SERVER,
  Session,
  SYN_STREAM,
} from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";
import { memoryPair, memoryStreams } from "../../helpers/connections.ts";
import { quiet, virtualTime } from "../../helpers/virtual_time.ts";

const FLOOD = 300;

Deno.test("streams opened before the server's SETTINGS arrive are not refused", async () => {
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

/** A server without a limit or SETTINGS; `onFrame` is called with what it receives. */
async function serveSilently(
  { readable, writable }: ByteStreams,
  onFrame: (frame: CtrlFrame) => void,
): Promise<void> {
  const writer = writable.getWriter();
  const server = new Session(SERVER, PROTO_SPDY3, {
    limits: { maxConcurrentStreams: 0x7fffffff },
    send: (_session, data) => (writer.write(data).catch(() => {}), data.length),
    onCtrlRecv: (_session, frame) => onFrame(frame),
  });
  for await (const chunk of readable) {
    server.recv(chunk);
    server.send();
  }
}

for (const flowControl of [true, false]) {
  Deno.test(`as many streams as wanted can be opened to a silent server, flow control ${flowControl}`, async () => {
    using time = virtualTime();
    const [left, right] = memoryStreams();
    await using client = new Connection(left, {
      side: CLIENT,
      version: PROTO_SPDY3,
      flowControl,
    });
    const types: number[] = [];
    const serving = serveSilently(
      right,
      ({ frameType }) => void types.push(frameType),
    );
    const streams = await Promise.all(
      Array.from({ length: FLOOD }, () => client.openStream([["a", "b"]])),
    );
    assertEquals(new Set(streams.map(({ id }) => id)).size, FLOOD);
    const closing = client.close();
    await quiet(() => types.length);
    await time.until(closing);
    await serving;
    assertEquals(types.includes(PING), flowControl);
    const opened = types.filter((type) => type === SYN_STREAM);
    assertEquals(opened.length, FLOOD);
  });
}
