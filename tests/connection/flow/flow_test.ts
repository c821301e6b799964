/** Back-pressure with and without windows, and windows that fit the path. */

import type { ConnectionTuning } from "../../../connection/options.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SETTINGS_INITIAL_WINDOW_SIZE,
  WINDOW_UPDATE,
} from "../../../frame/constants.ts";
import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "../../deps.ts";
import { memoryPair, pairOver, tcpPair } from "../../helpers/connections.ts";
import { delayedStreams } from "../../helpers/delayed_link.ts";
import { Random } from "../../helpers/random.ts";
import { quiet, turn, virtualTime } from "../../helpers/virtual_time.ts";
import { nextStream } from "../../helpers/http.ts";

const HEADERS: [string, string][] = [["a", "b"]];

async function upload(stream: Stream, bytes: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

async function download(stream: Stream): Promise<Uint8Array> {
  return await new Response(stream.readable).bytes();
}

for (
  const [name, version, tuning] of [
    ["SPDY/2", PROTO_SPDY2, {}],
    ["flowControl: false", PROTO_SPDY3_1, { flowControl: false }],
  ] as const
) {
  Deno.test(`flow: without windows an unread stream stops others only at the limit, ${name}`, async () => {
    const bound = 1_000_000;
    // In memory, because a socket's buffers would hold some megabytes.
    await using pair = memoryPair({
      version,
      both: { ...tuning, maxBufferedBytes: bound },
    });
    const body = new Random(3).bytes(700_000);
    const unread = await pair.client.openStream(HEADERS);
    const incoming = await nextStream(pair.server);
    await upload(unread, body);

    // Below the limit, other streams pass.
    const other = await pair.client.openStream(HEADERS);
    const otherIncoming = await nextStream(pair.server);
    const [bytes] = await Promise.all([
      download(otherIncoming),
      upload(other, body.subarray(0, 200_000)),
    ]);
    assertEquals(bytes.length, 200_000);

    // Above it, reading stops.
    const second = await pair.client.openStream(HEADERS);
    const secondIncoming = await nextStream(pair.server);
    const big = new Random(4).bytes(100_000);
    const writer = second.writable.getWriter();
    let accepted = 0;
    const writing = (async () => {
      for (let count = 0; count < 300; count++) {
        await writer.write(big);
        accepted++;
      }
      await writer.close();
    })();
    await quiet(() => accepted);
    // The rest of the limit, and the send buffer with what is being written.
    assertGreater(accepted * big.length, 200_000);
    assertLess(accepted * big.length, 2_000_000);

    // Nothing is lost: everything arrives when it is read.
    const [first, rest] = await Promise.all([
      download(incoming),
      download(secondIncoming),
      writing,
    ]);
    assertEquals(first, body);
    assertEquals(rest.length, 30_000_000);
    for (let offset = 0; offset < rest.length; offset += 999_983) {
      assertEquals(rest[offset], big[offset % big.length]);
    }
  });
}

Deno.test("flow: without flow control there is no WINDOW_UPDATE, no SETTINGS and no PING", async () => {
  const types = new Set<number>();
  const tuning: ConnectionTuning = {
    flowControl: false,
    limits: { maxConcurrentStreams: 0x7fffffff },
    onFrame: (direction, frame) => {
      if (direction === "sent") types.add(frame.frameType);
    },
  };
  await using pair = await tcpPair({ both: tuning });
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  incoming.reply([]);
  const [bytes] = await Promise.all([
    download(stream),
    incoming.readable.pipeTo(incoming.writable),
    upload(stream, new Uint8Array(1_000_000)),
  ]);
  assertEquals(bytes.length, 1_000_000);
  assertEquals([...types].sort(), [0, 1, 2]);
});

Deno.test("flow: bytes are granted when they are read, not when they arrive", async () => {
  let updates = 0;
  await using pair = await tcpPair({
    version: PROTO_SPDY3,
    server: {
      windowTuning: false,
      onFrame: (direction, frame) => {
        if (direction === "sent" && frame.frameType === WINDOW_UPDATE) {
          updates += frame.deltaWindowSize;
        }
      },
    },
  });
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const uploading = upload(stream, new Uint8Array(200_000));
  await pair.client.ping();
  assertEquals(updates, 0);
  const reader = incoming.readable.getReader();
  let read = 0;
  while (read < 40_000) read += (await reader.read()).value?.length ?? 0;
  await pair.client.ping();
  assertGreater(updates, 0);
  assertLessOrEqual(updates, read);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    read += value.length;
  }
  assertEquals(read, 200_000);
  await uploading;
});

Deno.test("flow: an unread stream leaves the session's window to the others", async () => {
  await using pair = await tcpPair({ version: PROTO_SPDY3_1 });
  const unread = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const uploading = upload(unread, new Uint8Array(1_000_000));
  for (let count = 0; count < 5; count++) {
    const stream = await pair.client.openStream(HEADERS);
    const [bytes] = await Promise.all([
      nextStream(pair.server).then(download),
      upload(stream, new Uint8Array(300_000)),
    ]);
    assertEquals(bytes.length, 300_000);
  }
  assertEquals((await download(incoming)).length, 1_000_000);
  await uploading;
});

Deno.test("flow: an initial window in SETTINGS applies from the first byte", async () => {
  await using pair = await tcpPair({
    version: PROTO_SPDY3,
    server: {
      windowTuning: false,
      settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 1000]],
    },
  });
  await pair.client.ping();
  assertEquals(
    pair.client.peerSettings.get(SETTINGS_INITIAL_WINDOW_SIZE),
    1000,
  );
  assertEquals(pair.server.settings.get(SETTINGS_INITIAL_WINDOW_SIZE), 1000);
  const stream = await pair.client.openStream(HEADERS);
  const incoming = await nextStream(pair.server);
  const uploading = upload(stream, new Uint8Array(50_000));
  assertEquals((await download(incoming)).length, 50_000);
  await uploading;
});

/** Time that an upload takes over a link with this delay each way, ms of the virtual clock. */
async function transferTime(
  size: number,
  delay: number,
  windowTuning: boolean,
): Promise<number> {
  using time = virtualTime();
  const [left, right] = delayedStreams(delay);
  const pair = pairOver(left, right, { server: { windowTuning } });
  const received = (async () => {
    const stream = await pair.client.openStream(HEADERS);
    const incoming = await nextStream(pair.server);
    const [bytes] = await Promise.all([
      download(incoming),
      upload(stream, new Uint8Array(size)),
    ]);
    return bytes.length;
  })();
  let done = false;
  received.then(() => done = true);
  while (!done) {
    await time.advance(2);
    await turn();
  }
  assertEquals(await received, size);
  const taken = time.now();
  await time.until(Promise.all([pair.client.close(), pair.server.close()]));
  return taken;
}

Deno.test("tuning: over a link with 10 ms each way, windows grow to the path", async () => {
  const size = 2 * 1024 * 1024;
  const roundTrip = 20;
  const fixed = await transferTime(size / 4, 10, false);
  const tuned = await transferTime(size, 10, true);
  // A fixed window of 64 KiB allows this many bytes in each round trip.
  assertGreaterOrEqual(fixed, (size / 4 / 65536 - 1) * roundTrip);
  // It would need 31 round trips for all bytes; windows that grow need half of
  // that.
  assertLess(tuned, 16 * roundTrip);
});
