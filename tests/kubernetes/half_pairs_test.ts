/** The two streams of a forwarded connection, if one of them arrives late. */

import type { Stream } from "../../connection/stream/stream.ts";
import { CANCEL, PROTOCOL_ERROR } from "../../frame/constants.ts";
import { LINGER } from "../../kubernetes/call/ending.ts";
import {
  HalfPairs,
  type StreamPlace,
} from "../../kubernetes/spdy/half_pairs.ts";
import { assertEquals } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const TIMEOUT = 30_000;

function place(type: "data" | "error"): StreamPlace {
  return { id: "1", request: "request 1", type, port: 80 };
}

async function readAll(stream: Stream): Promise<void> {
  const buffer = new Uint8Array(65536);
  while (await stream.read(buffer) !== null);
}

Deno.test("half pairs: time in which the server does not read does not count against the client", async () => {
  using time = virtualTime();
  await using pair = memoryPair({
    both: { flowControl: false },
    server: { maxBufferedBytes: 65536 },
  });
  const halves = new HalfPairs(TIMEOUT);
  // A connection to a slow port, which makes the server stop reading.
  const full = await pair.client.openStream([]);
  const slow = await nextStream(pair.server);
  await pair.client.openStream([]);
  const first = await nextStream(pair.server);
  assertEquals(halves.add(first, place("error")), undefined);
  full.write(new Uint8Array(2 << 20)).then(() => full.closeWrite())
    .catch(() => {});
  const opening = pair.client.openStream([]);
  await time.advance(3 * TIMEOUT);
  await readAll(slow);
  await opening;
  const second = await nextStream(pair.server);
  assertEquals(halves.add(second, place("data"))?.error, first);
  assertEquals(time.timers, 0);
});

Deno.test("half pairs: a half without its other half is reset", async () => {
  using time = virtualTime();
  await using pair = memoryPair({ both: { flowControl: false } });
  const halves = new HalfPairs(TIMEOUT);
  const own = await pair.client.openStream([]);
  halves.add(await nextStream(pair.server), place("data"));
  await time.advance(TIMEOUT - 1);
  await time.advance(2);
  assertEquals(await own.closed, PROTOCOL_ERROR);
});

Deno.test("half pairs: an error stream without its data stream gets a message, and is reset if the client does not end it", async () => {
  using time = virtualTime();
  await using pair = memoryPair({ both: { flowControl: false } });
  const halves = new HalfPairs(TIMEOUT);
  const own = await pair.client.openStream([]);
  const other = await nextStream(pair.server);
  halves.add(other, place("error"));
  await own.write(new Uint8Array(1000));
  await time.advance(TIMEOUT + 1);
  const message = new Uint8Array(100);
  const size = await own.read(message);
  assertEquals(
    new TextDecoder().decode(message.subarray(0, size ?? 0)),
    "request 1: timed out waiting for the data stream",
  );
  const unread = () => pair.server.stats().streams.map((each) => each.unread);
  // Nobody reads what has arrived.
  assertEquals(unread(), [0]);
  await time.advance(LINGER + 1);
  assertEquals(unread(), []);
  assertEquals(await own.closed, CANCEL);
  assertEquals(time.timers, 0);
});
