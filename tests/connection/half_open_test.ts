/**
 * Connections that begin to end: what fails at once, what goes on, and until when.
 */

import { ConnectionClosedError } from "../../connection/errors.ts";
import type { ConnectionTuning } from "../../connection/options.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import {
  CTRL_FLAG_FIN,
  DATA,
  GOAWAY,
  SETTINGS,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SYN_REPLY,
} from "../../frame/constants.ts";
import { Connection } from "../../http/connection.ts";
import { CLIENT } from "../../session/constants.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { COMMON, FakePeer, VERSION } from "../helpers/fake_peer.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

/** A client whose peer allows this number of streams. */
async function clientOf(
  peer: FakePeer,
  streams: number,
  tuning: ConnectionTuning = {},
): Promise<Connection> {
  const client = new Connection(peer, {
    ...tuning,
    side: CLIENT,
    version: VERSION,
  });
  await peer.send({
    ...COMMON,
    frameType: SETTINGS,
    iv: [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, streams]],
  });
  return client;
}

/** A stream of which the peer has sent the reply. */
async function answered(
  client: Connection,
  peer: FakePeer,
  flags = 0,
): Promise<Stream> {
  const stream = await client.openStream([["a", "b"]]);
  await peer.send({
    ...COMMON,
    flags,
    frameType: SYN_REPLY,
    streamId: stream.id,
    nv: [["c", "d"]],
  });
  return stream;
}

/** Notes which of some promises have rejected, with their errors. */
function rejections(
  promises: Record<string, Promise<unknown>>,
): Map<string, Error> {
  const errors = new Map<string, Error>();
  for (const [name, promise] of Object.entries(promises)) {
    promise.catch((error) => errors.set(name, error));
  }
  return errors;
}

Deno.test("half open: a failed write fails at once all that waits to be sent, and the peer's bytes are still read", async () => {
  using time = virtualTime();
  const peer = new FakePeer();
  const client = await clientOf(peer, 1);
  const stream = await answered(client, peer);
  const errors = rejections({
    queued: client.openStream([["a", "queued"]]),
    write: stream.write(new Uint8Array(200_000)),
    ping: client.ping(),
    closed: client.closed,
  });
  await turn();
  assertEquals(errors.size, 0);
  peer.writeError = new Deno.errors.BrokenPipe("broken");
  client.ping().catch(() => {});
  await turn();
  assertEquals([...errors.keys()].sort(), ["ping", "queued", "write"]);
  for (const error of errors.values()) {
    assertStringIncludes(error.message, "writing to the transport failed");
  }
  const data = Uint8Array.of(1, 2, 3);
  await peer.send({ frameType: DATA, streamId: stream.id, flags: 0, data });
  assertEquals(await stream.read(new Uint8Array(9)), 3);
  await time.advance(1000);
  assert(errors.has("closed"));
  assertEquals(time.timers, 0);
});

Deno.test("half open: after a failed write, the connection lasts as long as the application reads", async () => {
  using time = virtualTime();
  const peer = new FakePeer();
  const client = await clientOf(peer, 1);
  const stream = await answered(client, peer);
  await peer.send({
    frameType: DATA,
    streamId: stream.id,
    flags: 0,
    data: new Uint8Array(300),
  });
  const errors = rejections({ closed: client.closed });
  peer.writeError = new Deno.errors.BrokenPipe("broken");
  client.ping().catch(() => {});
  await turn();
  for (let count = 0; count < 3; count++) {
    await time.advance(900);
    assertEquals(errors.size, 0);
    assertEquals(await stream.read(new Uint8Array(100)), 100);
  }
  await time.advance(999);
  assertEquals(errors.size, 0);
  await time.advance(1);
  assertEquals(errors.size, 1);
});

Deno.test("half open: after the end of the peer's direction, a failed write ends the connection at once", async () => {
  using time = virtualTime();
  const peer = new FakePeer();
  const client = await clientOf(peer, 1);
  const stream = await answered(client, peer, CTRL_FLAG_FIN);
  peer.blocked = true;
  stream.write(new Uint8Array(100)).catch(() => {});
  await turn();
  await peer.arrive(null);
  const errors = rejections({ closed: client.closed });
  await turn();
  assertEquals(errors.size, 0);
  await peer.breakWrites(new Deno.errors.BrokenPipe("broken"));
  assertEquals(errors.size, 1);
  assertEquals([time.now(), time.timers, peer.closed], [0, 0, 1]);
});

Deno.test("half open: the end of the peer's direction is a clean end only if nothing waits for the peer", async () => {
  using time = virtualTime();
  const idle = new FakePeer();
  const client = await clientOf(idle, 0);
  await idle.arrive(null);
  await time.until(client.closed);

  const peer = new FakePeer();
  const waiting = await clientOf(peer, 0);
  const opening = assertRejects(
    () => waiting.openStream([["a", "b"]]),
    ConnectionClosedError,
    "the stream was not opened",
  );
  await turn();
  await peer.arrive(null);
  await opening;
  await assertRejects(
    () => time.until(waiting.closed),
    ConnectionClosedError,
    "the peer closed the transport",
  );
});

Deno.test("half open: goaway() is sent at once and fails the streams that wait for a place, not the open ones", async () => {
  using time = virtualTime();
  const peer = new FakePeer();
  const client = await clientOf(peer, 1);
  const stream = await answered(client, peer);
  const errors = rejections({
    queued: client.openStream([["a", "queued"]]),
    open: stream.closed,
  });
  await turn();
  client.goaway().catch(() => {});
  client.goaway().catch(() => {});
  await turn();
  assertEquals(peer.goaways, [0]);
  assertEquals([...errors.keys()], ["queued"]);
  const error = errors.get("queued") as ConnectionClosedError;
  assertEquals([error.unprocessed, error.initiator], [true, "local"]);
  await time.until(client.close());
});

Deno.test("half open: GOAWAY of the peer fails the streams that wait for a place, not the open ones", async () => {
  using time = virtualTime();
  const peer = new FakePeer();
  const client = await clientOf(peer, 1);
  const stream = await answered(client, peer);
  const errors = rejections({
    queued: client.openStream([["a", "queued"]]),
    open: stream.closed,
  });
  await peer.send({
    ...COMMON,
    frameType: GOAWAY,
    lastGoodStreamId: stream.id,
    statusCode: 0,
  });
  assertEquals([...errors.keys()], ["queued"]);
  const error = errors.get("queued") as ConnectionClosedError;
  assertEquals([error.unprocessed, error.initiator], [true, "remote"]);
  await time.until(client.close());
});

Deno.test("half open: while close() waits for bytes, no stream is opened, and a second close() waits as well", async () => {
  using time = virtualTime();
  const peer = new FakePeer();
  const client = await clientOf(peer, 9);
  const stream = await answered(client, peer);
  // The window has room for 65,536 bytes.
  await stream.write(new Uint8Array(65_536));
  stream.write(new Uint8Array(10_000)).catch(() => {});
  peer.blocked = true;
  await turn();
  let closed = 0;
  const both = [client.close(), client.close()];
  for (const each of both) each.then(() => closed++);
  await turn();
  assertEquals([closed, client.accepting], [0, false]);
  await assertRejects(
    () => client.openStream([["a", "b"]]),
    ConnectionClosedError,
    "this side sent GOAWAY",
  );
  await time.until(Promise.all(both));
  assertEquals(peer.closed, 1);
  const error = await assertRejects(
    () => client.openStream([["a", "b"]]),
    ConnectionClosedError,
  );
  assert(!error.message.includes("stream ids"), error.message);
});
