import { StreamResetError } from "../../../connection/errors.ts";
import { CANCEL, PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { Connection } from "../../../http/connection.ts";
import { CLIENT, SERVER } from "../../../session/constants.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { memoryStreams } from "../../helpers/connections.ts";
import { Random } from "../../helpers/random.ts";
import { turn } from "../../helpers/virtual_time.ts";

Deno.test("a push whose request is cancelled while its SYN_STREAM is half-written rejects and takes no place", async () => {
  const [left, right] = memoryStreams();
  let gate = Promise.resolve();
  const writer = right.writable.getWriter();
  const gated = new WritableStream<Uint8Array>({
    write: async (chunk) => {
      await gate;
      await writer.write(chunk);
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
  const version = PROTO_SPDY3_1;
  await using client = new Connection(left, { side: CLIENT, version });
  await using server = new Connection(
    { readable: right.readable, writable: gated },
    { side: SERVER, version, maxSendBuffer: 1024 },
  );
  const request = await client.openStream([["a", "b"]]);
  const { value } = await server[Symbol.asyncIterator]().next();
  await value!.reply([["ok", "1"]]);
  await request.response;

  const release = Promise.withResolvers<void>();
  gate = release.promise;
  // More than the send buffer accepts at once, even if it compresses well.
  const large = new Random(1).bytes(6000, 64)
    .reduce((text, byte) => text + String.fromCharCode(48 + byte), "");
  const push = value!.push([["large", large]]);
  await turn();
  request.reset(CANCEL);
  await turn();
  const error = await assertRejects(() => push, StreamResetError);
  assertEquals(error.statusCode, CANCEL);
  release.resolve();
  gate = Promise.resolve();

  // Both continue, and the place of the push is free.
  const next = await client.openStream([["c", "d"]], { fin: true });
  assertEquals(next.id, request.id + 2);
  assertEquals(typeof await client.ping(), "number");
});
