/**
 * Control frames that arrive slowly.
 *
 * @module
 */

import { assertEquals, assertLess, assertRejects } from "../deps.ts";
import {
  Connection,
  ConnectionClosedError,
  FrameEncoder,
  PROTO_SPDY3,
  SERVER,
  Session,
} from "../../mod.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import { MIB, usedMemory } from "./measure.ts";
import { headers, RawPeer, synStream } from "./raw_peer.ts";

const LIMIT = 300;

function serverWith(controlFrameTimeout: number): {
  server: Connection;
  peer: RawPeer;
} {
  const [left, right] = memoryStreams();
  const server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3,
    controlFrameTimeout,
  });
  return { server, peer: new RawPeer(left, PROTO_SPDY3) };
}

const SYN_STREAM_BYTES = new FrameEncoder(PROTO_SPDY3).encode(synStream(1));

Deno.test("slow frames: a header block that arrives slowly ends the connection", async () => {
  using time = virtualTime();
  const { server, peer } = serverWith(LIMIT);
  let over = false;
  peer.ended.then(() => over = true);
  // A byte every 15 ms, so that no timeout for silence applies.
  for (let at = 0; at < SYN_STREAM_BYTES.length - 1 && !over; at++) {
    peer.sendBytes(SYN_STREAM_BYTES.slice(at, at + 1));
    await time.advance(15);
  }
  const error = await assertRejects(
    () => server.closed,
    ConnectionClosedError,
    `the peer did not complete a control frame within ${LIMIT} ms`,
  );
  assertEquals(error.initiator, "remote");
  // A frame begins with its ninth byte.
  assertLess(time.now(), LIMIT + 10 * 15);
  peer.close();
});

Deno.test("slow frames: complete frames may take long in total", async () => {
  using time = virtualTime();
  const { server, peer } = serverWith(LIMIT);
  const encoder = new FrameEncoder(PROTO_SPDY3);
  peer.sendBytes(encoder.encode(synStream(1)));
  while (time.now() < 2 * LIMIT) {
    const bytes = encoder.encode(headers(1));
    // Each read ends within a frame, but in another one.
    peer.sendBytes(bytes.slice(0, 20));
    await time.advance(30);
    peer.sendBytes(bytes.slice(20));
    await time.advance(1);
  }
  await peer.ping();
  // A slow upload is left to the application.
  peer.sendBytes(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 3, 1));
  await time.advance(1.5 * LIMIT);
  peer.sendBytes(Uint8Array.of(2, 3));
  await peer.ping();
  await time.until(server.close());
  await server.closed;
  peer.close();
});

Deno.test("slow frames: with controlFrameTimeout 0 a frame may take any time", async () => {
  using time = virtualTime();
  const { server, peer } = serverWith(0);
  peer.sendBytes(SYN_STREAM_BYTES.slice(0, 20));
  await time.advance(3_600_000);
  peer.sendBytes(SYN_STREAM_BYTES.slice(20));
  await peer.ping();
  await time.until(server.close());
  peer.close();
});

Deno.test("slow frames: a frame that claims 16 MiB uses only memory for its bytes so far", () => {
  const sessions: Session[] = [];
  const before = usedMemory();
  for (let count = 0; count < 200; count++) {
    const session = new Session(SERVER, PROTO_SPDY3);
    session.recv(Uint8Array.of(0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff));
    assertEquals(session.unfinishedControl, 0);
    for (let byte = 0; byte < 100; byte++) {
      session.recv(SYN_STREAM_BYTES.slice(8 + byte % 30, 9 + byte % 30));
    }
    sessions.push(session);
  }
  assertLess(usedMemory() - before, 64 * MIB);
  assertEquals(sessions.length, 200);
});

Deno.test("unfinishedControl is the offset of the incomplete frame", () => {
  const session = new Session(SERVER, PROTO_SPDY3);
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const frames = [synStream(1), synStream(3)].map((frame) =>
    encoder.encode(frame)
  );
  let base = 0;
  for (const bytes of frames) {
    for (const [at, byte] of bytes.entries()) {
      const begun = at > 7;
      assertEquals(session.unfinishedControl, begun ? base : -1);
      session.recv(Uint8Array.of(byte));
    }
    assertEquals(session.unfinishedControl, -1);
    base += bytes.length;
  }
  // DATA is no control frame.
  session.recv(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 3, 1));
  assertEquals(session.unfinishedControl, -1);
});
