/**
 * The listeners for the end of a stream, the user data of streams, and former
 * names of public members.
 */

import { coreOf } from "../../connection.ts";
import { streamCoreOf } from "../../connection/stream/stream.ts";
import { CANCEL, CTRL_FLAG_FIN, PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { Session } from "../../session.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import { assertEquals, assertStrictEquals } from "../deps.ts";
import { memoryPair, tcpPair } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";

Deno.test("stream end: all listeners are called once, and the signal of openStream has no listener any more", async () => {
  await using pair = memoryPair();
  const { signal } = new AbortController();
  let listening = 0;
  const add = signal.addEventListener;
  const remove = signal.removeEventListener;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening--;
    remove.apply(signal, args);
  };
  const stream = await pair.client.openStream([["a", "b"]], { signal });
  const called: string[] = [];
  const core = streamCoreOf(stream);
  core.onEnd(() => called.push("first"));
  const removeSecond = core.onEnd(() => called.push("second"));
  core.onEnd(() => called.push("third"));
  removeSecond();
  assertEquals(listening, 1);
  const incoming = await nextStream(pair.server);
  incoming.reset(CANCEL);
  await stream.closed;
  assertEquals(called, ["first", "third"]);
  assertEquals(listening, 0);
  core.onEnd(() => called.push("late"));
  assertEquals(called, ["first", "third", "late"]);
});

Deno.test("streams: both ends find their state in the session's record until the stream has closed", async () => {
  await using pair = memoryPair();
  const stream = await pair.client.openStream([["a", "b"]]);
  const incoming = await nextStream(pair.server);
  for (
    const [connection, own] of [[pair.client, stream], [
      pair.server,
      incoming,
    ]] as const
  ) {
    const { streams, session } = coreOf(connection);
    assertEquals(streams.size, 1);
    assertStrictEquals(streams.get(1), streamCoreOf(own));
    assertStrictEquals(session.getStreamUserData(1), streamCoreOf(own));
    assertEquals([...streams.values()], [streamCoreOf(own)]);
  }
  await incoming.reply([], { fin: true });
  await stream.closeWrite();
  assertEquals(await stream.closed, 0);
  assertEquals(await incoming.closed, 0);
  assertEquals(coreOf(pair.client).streams.size, 0);
  assertEquals(coreOf(pair.server).streams.size, 0);
  assertEquals(coreOf(pair.server).streams.get(1), undefined);
});

Deno.test("streams: a stream opened with the session's own methods keeps its user data and is not one of the connection", async () => {
  await using pair = memoryPair();
  const { session } = pair.client;
  const data = { mine: true };
  session.submitSynStream(CTRL_FLAG_FIN, 0, 0, [["a", "b"]], data);
  await pair.client.ping();
  assertStrictEquals(session.getStreamUserData(1), data);
  assertEquals(coreOf(pair.client).streams.size, 0);
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  const writer = incoming.writable.getWriter();
  await writer.write(new Uint8Array(10));
  await writer.close();
  await pair.client.ping();
  assertEquals(session.getStreamUserData(1), undefined);
});

Deno.test("session: the peer's streams have no user data", () => {
  const seen: unknown[] = [];
  const server = new Session(SERVER, PROTO_SPDY3_1, {
    onCtrlRecv: (session) => seen.push(session.getStreamUserData(1)),
    onDataChunkRecv: (session) => seen.push(session.getStreamUserData(1)),
  });
  const client = new Session(CLIENT, PROTO_SPDY3_1, {
    send: (_, data) => (server.recv(data), data.length),
  });
  client.submitSynStream(0, 0, 0, [["a", "b"]], "mine");
  client.send();
  assertEquals(client.getStreamUserData(1), "mine");
  assertEquals(seen, [undefined]);
});

Deno.test("stream: onheaders and assocStreamId are former names of onHeaders and associatedStreamId", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream([["a", "b"]]);
  const handler = () => {};
  stream.onheaders = handler;
  assertStrictEquals(stream.onHeaders, handler);
  stream.onHeaders = undefined;
  assertEquals(stream.onheaders, undefined);
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  const arrivals = pair.client[Symbol.asyncIterator]();
  for (const name of ["assocStreamId", "associatedStreamId"]) {
    const pushed = await pair.server.openStream([["c", "d"]], {
      [name]: incoming.id,
      unidirectional: true,
    });
    assertEquals(pushed.associatedStreamId, incoming.id);
    const { value } = await arrivals.next();
    assertEquals(value?.associatedStreamId, stream.id);
  }
});
