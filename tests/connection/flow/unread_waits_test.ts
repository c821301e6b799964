/**
 * Without windows, unread bytes stop reading, unless the application waits for
 * bytes that arrive after them.
 *
 * @module
 */

import { coreOf, RawConnection } from "../../../connection.ts";
import { ConnectionClosedError } from "../../../connection/errors.ts";
import type { ConnectionTuning } from "../../../connection/options.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import type { Connection } from "../../../http/connection.ts";
import {
  CLIENT,
  DATA,
  InvalidArgumentError,
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  SETTINGS_MAX_CONCURRENT_STREAMS,
} from "../../../mod.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertThrows,
} from "../../deps.ts";
import {
  memoryPair,
  memoryStreams,
  type Pair,
} from "../../helpers/connections.ts";
import { nextStream } from "../../helpers/http.ts";
import {
  turn,
  type VirtualTime,
  virtualTime,
} from "../../helpers/virtual_time.ts";

const SOFT = 10_000;
const HARD = 1_000_000;

/** A client on which nobody reads the bytes of stream 1, and a server that sends them. */
async function begin(
  client: ConnectionTuning = {},
  server: ConnectionTuning = {},
): Promise<Pair & { unread: Stream; hog: Stream }> {
  const pair = memoryPair({
    version: PROTO_SPDY2,
    client: { maxBufferedBytes: SOFT, maxUnreadBytes: HARD, ...client },
    server,
  });
  const opened = pair.client.openStream([], { fin: true });
  const hog = await nextStream(pair.server);
  await hog.reply([["x", "1"]]);
  return { ...pair, unread: await opened, hog };
}

function held(connection: Connection): boolean {
  return coreOf(connection).counters.readingHeld;
}

function unreadBytes(connection: Connection): number {
  return coreOf(connection).counters.unread;
}

/** Lets everything run that needs no time. */
async function settle(): Promise<void> {
  for (let count = 0; count < 60; count++) await turn();
}

Deno.test("unread: if nothing waits, reading stops at the soft limit", async () => {
  using _time = virtualTime();
  await using pair = await begin();
  await pair.unread.response;
  const writing = pair.hog.write(new Uint8Array(400_000));
  await settle();
  assert(held(pair.client));
  assertLess(unreadBytes(pair.client), 200_000);
  const reading = new Response(pair.unread.readable).bytes();
  await Promise.all([writing, pair.hog.closeWrite()]);
  assertEquals((await reading).length, 400_000);
});

/** What an application may wait for, while 400,000 bytes before it are unread. */
const WAITS: Readonly<
  Record<string, (pair: Pair, unread: Stream) => Promise<unknown>>
> = {
  "a ping": ({ client }) => client.ping(),
  "a response": async ({ client, server }) => {
    const asked = client.openStream([], { fin: true });
    const stream = await nextStream(server);
    stream.reply([["y", "2"]], { fin: true });
    return await (await asked).response;
  },
  "bytes, by read()": async ({ client, server }) => {
    const asked = client.openStream([], { fin: true });
    const stream = await nextStream(server);
    stream.reply([["y", "2"]]);
    stream.write(new Uint8Array(10));
    return await (await asked).read(new Uint8Array(10));
  },
  "bytes, by readable": async ({ client, server }) => {
    const asked = client.openStream([], { fin: true });
    const stream = await nextStream(server);
    stream.reply([["y", "2"]]);
    stream.write(new Uint8Array(10));
    return await (await asked).readable.getReader().read();
  },
  "trailers": async ({ client, server }) => {
    const asked = client.openStream([], { fin: true });
    const stream = await nextStream(server);
    stream.reply([["y", "2"]]);
    stream.sendHeaders([["z", "3"]], { fin: true });
    return await (await asked).trailers;
  },
  "the end of a stream": async ({ client, server }) => {
    const asked = client.openStream([], { fin: true });
    const stream = await nextStream(server);
    stream.reply([["y", "2"]], { fin: true });
    return await (await asked).closed;
  },
  "a place for a stream": async ({ client, server }) => {
    const second = await client.openStream([], { fin: true });
    const third = client.openStream([], { fin: true });
    const stream = await nextStream(server);
    stream.reply([["y", "2"]], { fin: true });
    await third;
    return second.id;
  },
};

for (const [name, wait] of Object.entries(WAITS)) {
  for (const early of [true, false]) {
    const when = early ? "before" : "after";
    Deno.test(`unread: reading continues for ${name}, which waits ${when} reading is paused`, async () => {
      using _time = virtualTime();
      await using pair = await begin({}, {
        settings: [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 2]],
      });
      await pair.client.ping();
      const writing = pair.hog.write(new Uint8Array(400_000));
      if (!early) await settle();
      await wait(pair, pair.unread);
      // Nobody waits any more, so reading is stopped again.
      const more = pair.hog.write(new Uint8Array(400_000));
      await settle();
      assert(held(pair.client));
      assertLess(unreadBytes(pair.client), 600_000);
      const reading = new Response(pair.unread.readable).bytes();
      await Promise.all([writing, more, pair.hog.closeWrite()]);
      assertEquals((await reading).length, 800_000);
    });
  }
}

/** Lets turns and time pass until the promise has settled. */
async function until(
  time: VirtualTime,
  promise: Promise<unknown>,
): Promise<void> {
  let over = false;
  promise.then(() => over = true, () => over = true);
  for (let count = 0; count < 3000 && !over; count++) await time.advance(10);
}

Deno.test("unread: an application that waits and reads nothing at the hard limit gets an error that names the streams", async () => {
  using time = virtualTime();
  const pair = await begin();
  const streams: Stream[] = [];
  for (let count = 0; count < 11; count++) {
    const opened = pair.client.openStream([], { fin: true });
    const stream = await nextStream(pair.server);
    await stream.reply([]);
    stream.write(new Uint8Array(1000 + count)).catch(() => {});
    streams.push(await opened);
  }
  await settle();
  pair.hog.write(new Uint8Array(2 * HARD)).catch(() => {});
  await settle();
  const buffer = new Uint8Array(100);
  const waiting = streams[0].read(new Uint8Array(1000)).then(() =>
    streams[0].read(buffer)
  );
  await until(time, waiting);
  const error = await assertRejects(() => waiting, ConnectionClosedError);
  assert(error.message.includes("maxUnreadBytes"), error.message);
  assert(/[0-9]{6,} of stream 1, 1010 of stream /.test(error.message));
  assert(error.message.includes("more of 3 other streams"), error.message);
  await assertRejects(() => pair.client.closed, ConnectionClosedError);
  // Bytes that had arrived can still be read.
  assert((await pair.unread.read(buffer) ?? 0) > 0);
  await pair.server.close();
});

Deno.test("unread: a slow reader at the hard limit gets everything", async () => {
  using time = virtualTime();
  await using pair = await begin({ maxUnreadBytes: 100_000 });
  const other = pair.client.openStream([], { fin: true });
  const stream = await nextStream(pair.server);
  const writing = pair.hog.write(new Uint8Array(600_000));
  const waiting = (await other).response;
  await settle();
  assert(held(pair.client));
  const buffer = new Uint8Array(2000);
  let size = 0;
  for (let count = 0; count < 300; count++) {
    size += await pair.unread.read(buffer) ?? 0;
    await time.advance(700);
  }
  assertEquals(size, 600_000);
  await writing;
  await stream.reply([["y", "2"]]);
  assertEquals(await waiting, [["y", "2"]]);
});

Deno.test("unread: a wait for the end of a stream makes nothing fail", async () => {
  using time = virtualTime();
  await using pair = await begin({ maxUnreadBytes: 100_000 });
  pair.unread.closed.catch(() => {});
  const writing = pair.hog.write(new Uint8Array(600_000));
  await settle();
  await time.advance(10_000);
  assert(held(pair.client));
  const reading = new Response(pair.unread.readable).bytes();
  await Promise.all([writing, pair.hog.closeWrite()]);
  assertEquals((await reading).length, 600_000);
});

Deno.test("unread: a connection that is closed while bytes are processed leaves no timer", async () => {
  using time = virtualTime();
  const closing: { client?: Connection } = {};
  let received = 0;
  await using pair = await begin({
    maxUnreadBytes: SOFT,
    onFrame: (direction, frame) => {
      if (direction === "sent" || frame.frameType !== DATA) return;
      received += frame.length;
      if (received > SOFT) closing.client?.close();
    },
  });
  closing.client = pair.client;
  await pair.unread.response;
  const waiting = pair.client.ping();
  waiting.catch(() => {});
  pair.hog.write(new Uint8Array(2 * SOFT)).catch(() => {});
  await settle();
  await assertRejects(() => waiting, ConnectionClosedError);
  await time.advance(3000);
  await pair.client.closed;
  await pair.server.close();
  assertEquals(time.timers, 0);
});

Deno.test("unread: maxUnreadBytes is a whole number from 1", () => {
  for (const maxUnreadBytes of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () =>
        new RawConnection(memoryStreams()[0], {
          side: CLIENT,
          version: PROTO_SPDY3_1,
          maxUnreadBytes,
        }),
      InvalidArgumentError,
      "maxUnreadBytes",
    );
  }
});
