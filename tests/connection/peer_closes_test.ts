import { assertEquals, assertRejects } from "../deps.ts";
import {
  CLIENT,
  Connection,
  ConnectionClosedError,
  CTRL_FLAG_FIN,
  GOAWAY,
  PROTO_SPDY3_1,
  SERVER,
  Session,
  type Stream,
} from "../../mod.ts";
import { memoryPair, tcpConns, tcpPair } from "../helpers/connections.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

/** Accepts streams and answers none of them, in a loop that nobody awaits. */
async function takeAll(connection: Connection): Promise<number> {
  let taken = 0;
  for await (const _stream of connection) taken++;
  return taken;
}

for (
  const [name, makePair] of [["TCP", tcpPair], ["memory", memoryPair]] as const
) {
  Deno.test(`a peer that closes with open streams ends the connection cleanly, ${name}`, async () => {
    using time = virtualTime();
    const told = Promise.withResolvers<void>();
    await using pair = await makePair({
      server: {
        onFrame: (direction, { frameType }) => {
          if (direction === "received" && frameType === GOAWAY) told.resolve();
        },
      },
    });
    const { client, server } = pair;
    const taking = takeAll(server);
    const cut = await client.openStream([["cut", "1"]]);
    await client.openStream([["asked", "1"]], { fin: true });
    await client.ping();
    const closing = client.close();
    // The server has noticed. Its answers never arrive, and they are what the
    // client waits for.
    await told.promise;
    await time.until(closing);

    assertEquals(await time.until(taking), 2);
    await time.until(server.closed);
    await assertRejects(() => cut.closed, ConnectionClosedError);
  });
}

Deno.test("the streams of a peer that closed fail with the reason", async () => {
  await using pair = await tcpPair();
  const { client, server } = pair;
  await client.openStream([["cut", "1"]]);
  const { value: stream } = await server[Symbol.asyncIterator]().next();
  await client.close();

  const error = await assertRejects(
    () => new Response(stream?.readable).bytes(),
    ConnectionClosedError,
  );
  assertEquals(error.initiator, "remote");
  await assertRejects(async () => await stream?.closed, ConnectionClosedError);
  await server.closed;
});

Deno.test("a peer that closes before it has read everything ends the connection cleanly", async () => {
  using time = virtualTime();
  const toServer = new TransformStream<Uint8Array, Uint8Array>();
  const toClient = new TransformStream<Uint8Array, Uint8Array>();
  const writer = toClient.writable.getWriter();
  const ending = toServer.writable.getWriter();
  const answered = Promise.withResolvers<void>();
  let gone = false;
  const version = PROTO_SPDY3_1;
  const server = new Connection({
    readable: toServer.readable,
    // As a WebSocket that the peer has closed.
    writable: new WritableStream({
      write(chunk) {
        if (!gone) return writer.write(chunk);
        answered.resolve();
        throw new Error("it is closed");
      },
    }),
  }, { side: SERVER, version });
  const client = new Connection({
    readable: toClient.readable,
    // The end comes when the answer to the PING has failed.
    writable: new WritableStream({
      write: (chunk) => ending.write(chunk),
      close: () => answered.promise.then(() => ending.close()),
    }),
  }, { side: CLIENT, version });
  const taking = takeAll(server);
  await client.openStream([["cut", "1"]]);
  await client.ping();

  gone = true;
  // Its answer can no longer be written; the GOAWAY after it is read.
  client.ping().catch(() => {});
  await time.until(client.close());
  assertEquals(await time.until(taking), 1);
  await time.until(server.closed);
});

Deno.test("a peer that only reads gets answers that do not fit into one write", async () => {
  const [left, right] = await tcpConns();
  const inputEnded = Promise.withResolvers<void>();
  const server = new Connection({
    read: async (buffer) => {
      const size = await right.read(buffer);
      if (size === null) inputEnded.resolve();
      return size;
    },
    write: async (data) => {
      await turn();
      return await right.write(data);
    },
    closeWrite: () => right.closeWrite(),
    close: () => right.close(),
  }, { side: SERVER, version: PROTO_SPDY3_1, maxSendBuffer: 8192 });
  const asked: Uint8Array<ArrayBuffer>[] = [];
  const arrived = new Map<number, number>();
  const client = new Session(CLIENT, PROTO_SPDY3_1, {
    send: (_, data) => asked.push(data.slice()) && data.length,
    onDataChunkRecv: (_, _flags, id, data) =>
      arrived.set(id, (arrived.get(id) ?? 0) + data.length),
  });
  for (let count = 0; count < 12; count++) {
    client.submitSynStream(CTRL_FLAG_FIN, 0, 0, [["asked", "1"]]);
  }
  client.send();
  for (const frame of asked) await left.write(frame);
  await left.closeWrite();

  const answers: Promise<void>[] = [];
  const streams: Stream[] = [];
  const answering = (async () => {
    for await (const stream of server) {
      answers.push(stream.reply([["x", "1"]]));
      streams.push(stream);
    }
  })();
  // The input has ended. Each chunk is small enough to be copied; all together
  // are more than one write.
  const ending = inputEnded.promise.then(async () => {
    await turn();
    assertEquals(streams.length, 12);
    for (const stream of streams) {
      stream.write(new Uint8Array(2000));
      answers.push(stream.closeWrite());
    }
  });
  for await (const data of left.readable) client.recv(data);
  await ending;
  assertEquals(arrived.size, 12);
  assertEquals(new Set(arrived.values()), new Set([2000]));
  await Promise.all(answers);
  await server.closed;
  await answering;
});

Deno.test("a close truncates bodies, and does not end them cleanly", async () => {
  // Only the send buffer limits the first body, and the window the second.
  for (const flowControl of [false, true]) {
    await using pair = await tcpPair({
      both: { flowControl, maxSendBuffer: 65_536 },
    });
    const { client, server } = pair;
    const asked = await client.openStream([["asked", "1"]], { fin: true });
    const { value } = await server[Symbol.asyncIterator]().next();
    if (value === undefined) throw new Error("no stream was opened");
    await value.reply([["x", "1"]]);
    const writing = value.write(new Uint8Array(5_000_000));
    const ending = value.closeWrite();
    await asked.response;
    await server.close();

    await assertRejects(() => writing, ConnectionClosedError);
    await assertRejects(() => ending, ConnectionClosedError);
    await assertRejects(
      () => new Response(asked.readable).bytes(),
      ConnectionClosedError,
    );
  }
});
