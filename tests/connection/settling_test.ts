/**
 * The promises of streams settle, and nothing that was written is lost, in
 * whatever order an application calls. If a promise does not settle, its test
 * fails at its deadline.
 */

import { StreamResetError } from "../../connection/errors.ts";
import type { TracedFrame } from "../../connection/options.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import { InvalidArgumentError, SpdyError } from "../../errors.ts";
import {
  CANCEL,
  DATA,
  HEADERS,
  INTERNAL_ERROR,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SYN_STREAM,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import type { Connection } from "../../http/connection.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../deps.ts";
import {
  memoryPair,
  pairOver,
  tcpConns,
  tcpPair,
} from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";
import { versionName } from "../helpers/version_name.ts";

const VERSIONS = [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1] as const;
const NV: NameValue[] = [["a", "b"]];

/** Both ends of a stream whose reply has arrived. */
async function opened(
  client: Connection,
  server: Connection,
): Promise<{ own: Stream; peer: Stream }> {
  const own = await client.openStream(NV);
  const peer = await nextStream(server);
  await peer.reply([["ok", "1"]]);
  await own.response;
  return { own, peer };
}

/** Writes and ends, with the stream's own methods or with its web stream. */
interface Pen {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const PENS: Record<string, (stream: Stream) => Pen> = {
  "write()": (stream) => ({
    write: (chunk) => stream.write(chunk),
    close: () => stream.closeWrite(),
  }),
  "writable": (stream) => stream.writable.getWriter(),
  "writable and closeWrite()": (stream) => {
    const writer = stream.writable.getWriter();
    return {
      write: (chunk) => writer.write(chunk),
      close: () => stream.closeWrite(),
    };
  },
};

async function sizeOf(stream: Stream): Promise<number> {
  return (await new Response(stream.readable).bytes()).length;
}

for (const version of VERSIONS) {
  for (const [name, take] of Object.entries(PENS)) {
    for (const by of ["client", "server"] as const) {
      for (const sizes of [[100, 0], [10_000, 0], [300_000, 70_000], [0, 5]]) {
        Deno.test(`settling: HEADERS are sent in the place where they were written, ${sizes}, ${name} of the ${by}, ${versionName(version)}`, async () => {
          const arrived: string[] = [];
          const onFrame = (direction: string, frame: TracedFrame): void => {
            if (direction !== "received") return;
            if (frame.frameType === HEADERS) arrived.push("HEADERS");
            if (frame.frameType === DATA) arrived.push(String(frame.length));
          };
          const tuning = { onFrame };
          await using pair = memoryPair({
            version,
            [by === "client" ? "server" : "client"]: tuning,
          });
          const { own, peer } = await opened(pair.client, pair.server);
          const [sender, receiver] = by === "client"
            ? [own, peer]
            : [peer, own];
          const pen = take(sender);
          const reading = sizeOf(receiver);
          const calls = [
            pen.write(new Uint8Array(sizes[0])),
            sender.sendHeaders([["mid", "1"]]),
            pen.write(new Uint8Array(sizes[1])),
            pen.close(),
          ];
          await Promise.all(calls);
          assertEquals(await reading, sizes[0] + sizes[1]);
          assertEquals(await receiver.trailers, [["mid", "1"]]);
          const at = arrived.indexOf("HEADERS");
          const before = arrived.slice(0, at).reduce((sum, n) => sum + +n, 0);
          assertEquals(before, sizes[0]);
        });
      }
    }
  }
}

Deno.test("settling: HEADERS are sent even if the writer never stops", async () => {
  await using pair = memoryPair();
  const { own, peer } = await opened(pair.client, pair.server);
  const reading = sizeOf(peer);
  let sent = false;
  let left: Promise<void> | undefined;
  let size = 0;
  for (let count = 0; !sent; count++) {
    const writing = [
      own.write(new Uint8Array(65536)),
      own.write(new Uint8Array(65536)),
    ];
    size += 131072;
    if (count === 0) {
      left = own.sendHeaders([["mid", "1"]]).then(() => {
        sent = true;
      });
    }
    await writing[0];
  }
  await left;
  await own.closeWrite();
  assertEquals(await reading, size);
});

Deno.test("settling: trailers end the half, and later writes are refused", async () => {
  await using pair = memoryPair();
  for (const viaWriter of [false, true]) {
    const { own, peer } = await opened(pair.client, pair.server);
    const reading = sizeOf(peer);
    const pen = PENS[viaWriter ? "writable" : "write()"](own);
    const first = pen.write(new Uint8Array(200_000));
    const trailers = own.sendHeaders([["sum", "1"]], { fin: true });
    await assertRejects(
      () => own.sendHeaders([["sum", "2"]]),
      InvalidArgumentError,
      "has already ended",
    );
    await assertRejects(
      () => pen.write(new Uint8Array(5)),
      InvalidArgumentError,
      "has already ended",
    );
    await Promise.all([first, trailers, own.closeWrite()]);
    assertEquals(await reading, 200_000);
    assertEquals(await peer.trailers, [["sum", "1"]]);
  }
});

for (const version of VERSIONS) {
  for (const [name, take] of Object.entries(PENS)) {
    for (const size of [1, 4096, 4097, 300_000]) {
      Deno.test(`settling: ${size} bytes before a reply with fin arrive, ${name}, ${versionName(version)}`, async () => {
        await using pair = memoryPair({ version });
        const own = await pair.client.openStream(NV, { fin: true });
        const peer = await nextStream(pair.server);
        const pen = take(peer);
        const writes = [pen.write(new Uint8Array(size))];
        const replied = peer.reply([["ok", "1"]], { fin: true });
        assertEquals(await own.response, [["ok", "1"]]);
        assertEquals(await sizeOf(own), size);
        await Promise.all([...writes, replied]);
        assertEquals([await own.closed, await peer.closed], [0, 0]);
      });
    }
  }
}

Deno.test("settling: a pushed stream has no response on either side", async () => {
  await using pair = memoryPair();
  await pair.client.openStream(NV);
  const pushed = await (await nextStream(pair.server)).push([["x", "y"]]);
  await assertRejects(
    () => pushed.response,
    InvalidArgumentError,
    "stream 2 is unidirectional",
  );
  await pushed.closeWrite();
  const received = await nextStream(pair.client);
  await assertRejects(() => received.response, InvalidArgumentError);
  assertEquals([await pushed.closed, await received.closed], [0, 0]);
});

const REASONS: [unknown, number][] = [
  ["enough", CANCEL],
  [
    new StreamResetError("no", { streamId: 1, statusCode: REFUSED_STREAM }),
    REFUSED_STREAM,
  ],
];

for (const by of ["client", "server"] as const) {
  for (const [reason, status] of REASONS) {
    Deno.test(`settling: abort() by the ${by} does not wait for the pending write, status ${status}`, async () => {
      await using pair = memoryPair();
      const { own, peer } = await opened(pair.client, pair.server);
      const [sender, receiver] = by === "client" ? [own, peer] : [peer, own];
      const writer = sender.writable.getWriter();
      // More than the window, while the reader does not read.
      const writing = writer.write(new Uint8Array(1 << 20));
      writing.catch(() => {});
      await pair.client.ping();
      await writer.abort(reason);
      await assertRejects(() => writing, StreamResetError);
      await assertRejects(() => writer.closed);
      assertEquals(await receiver.closed, status);
      assertEquals(await sender.closed, status);
    });
  }
}

Deno.test("settling: abort() does not wait for the pending close", async () => {
  await using pair = memoryPair();
  const { own, peer } = await opened(pair.client, pair.server);
  const waiting = own.write(new Uint8Array(1 << 20));
  waiting.catch(() => {});
  const writer = own.writable.getWriter();
  const closing = writer.close();
  closing.catch(() => {});
  await pair.client.ping();
  // According to the standard, it fails like the close.
  await assertRejects(() => writer.abort("enough"), StreamResetError);
  await assertRejects(() => closing);
  await assertRejects(() => waiting, StreamResetError);
  assertEquals(await peer.closed, CANCEL);
});

for (const by of ["client", "server"] as const) {
  Deno.test(`settling: RST_STREAM with status 0 of the ${by} is not a clean end`, async () => {
    await using pair = memoryPair();
    const { own, peer } = await opened(pair.client, pair.server);
    const [sender, receiver] = by === "client" ? [own, peer] : [peer, own];
    const connection = pair[by];
    await sender.write(new Uint8Array(10));
    await connection.ping();
    const reader = receiver.readable.getReader();
    assertEquals((await reader.read()).value?.length, 10);
    const next = reader.read();
    connection.session.submitRstStream(sender.id, 0);
    await connection.ping();
    await assertRejects(
      () => next,
      StreamResetError,
      "by the peer with status 0",
    );
    await assertRejects(() => receiver.trailers, StreamResetError);
    assertEquals(await receiver.closed, PROTOCOL_ERROR);
  });
}

Deno.test("settling: reset() refuses a status that an RST_STREAM cannot have", async () => {
  await using pair = memoryPair();
  const { own, peer } = await opened(pair.client, pair.server);
  for (const status of [0, -1, 1.5, NaN, 2 ** 32]) {
    assertThrows(() => own.reset(status), InvalidArgumentError, "statusCode");
  }
  own.reset();
  assertEquals(await peer.closed, CANCEL);
});

Deno.test("settling: a reply too large to be sent resets the stream", async () => {
  await using pair = memoryPair({ server: { headerCompression: "none" } });
  const own = await pair.client.openStream(NV);
  const peer = await nextStream(pair.server);
  const writing = peer.write(new Uint8Array(10_000));
  writing.catch(() => {});
  // A frame's length has 24 bits.
  const replied = peer.reply([["long", "x".repeat(1 << 24)]]);
  await assertRejects(
    () => replied,
    SpdyError,
    "SYN_REPLY of stream 1 was not sent: its headers are larger than a frame may be",
  );
  await assertRejects(() => writing);
  await assertRejects(() => own.response, StreamResetError);
  assertEquals(await own.closed, INTERNAL_ERROR);
});

Deno.test("settling: close() inside a callback leaves no stream open", async () => {
  let calls = 0;
  await using pair = memoryPair({
    server: {
      onFrame: (direction, frame) => {
        if (direction === "received" && frame.frameType === SYN_STREAM) {
          if (calls++ === 0) pair.server.close();
        }
      },
    },
  });
  const asked = [1, 2, 3].map(() => pair.client.openStream(NV));
  await pair.server.closed;
  const taken: Stream[] = [];
  for await (const stream of pair.server) taken.push(stream);
  // What the application has received ended with the connection.
  for (const stream of taken) {
    await assertRejects(() => stream.closed);
    await assertRejects(() => stream.read(new Uint8Array(1)));
  }
  for (const each of await Promise.all(asked)) {
    await assertRejects(() => each.response);
  }
});

for (const call of ["close", "goaway", "reset"] as const) {
  Deno.test(`settling: ${call}() inside a handler of HEADERS works`, async () => {
    await using pair = memoryPair();
    const { own, peer } = await opened(pair.client, pair.server);
    let called = false;
    peer.onHeaders = () => {
      called = true;
      if (call === "reset") peer.reset();
      else pair.server[call]();
    };
    const reading = sizeOf(peer);
    const calls = [
      own.sendHeaders([["mid", "1"]]),
      own.write(new Uint8Array(100_000)),
      own.closeWrite(),
    ];
    await Promise.allSettled([...calls, reading]);
    assert(called);
    if (call === "goaway") {
      assertEquals(await reading, 100_000);
      await peer.closeWrite();
      assertEquals([await own.closed, await peer.closed], [0, 0]);
    } else {
      await assertRejects(() => reading);
      await Promise.allSettled([own.closed, peer.closed]);
    }
  });
}

for (const viaRead of [true, false]) {
  Deno.test(`settling: close() in the turn in which ${viaRead ? "read()" : "readable"} got bytes waits for no timeout`, async () => {
    // No timer fires, so a wait for a timer would never end.
    using _time = virtualTime();
    await using pair = await tcpPair({
      both: { flowControl: false },
      client: { maxBufferedBytes: 1000 },
    });
    const { own, peer } = await opened(pair.client, pair.server);
    peer.write(new Uint8Array(2 << 20)).catch(() => {});
    if (viaRead) await own.read(new Uint8Array(100));
    else await own.readable.getReader().read();
    await pair.client.close();
    await pair.server.closed.catch(() => {});
  });
}

Deno.test("settling: bytes written before the reply are sent after the peer has ended its direction", async () => {
  using _time = virtualTime();
  const [left, right] = await tcpConns();
  await using pair = pairOver(left, right, {});
  const own = await pair.client.openStream(NV, { fin: true });
  const peer = await nextStream(pair.server);
  const writes = [
    peer.write(new TextEncoder().encode("hello")),
    peer.closeWrite(),
  ];
  await left.closeWrite();
  // Nobody can answer any more, so it fails when the server has noticed the
  // end.
  await assertRejects(() => pair.server.ping());
  await turn();
  await peer.reply([["ok", "1"]]);
  await Promise.all(writes);
  assertEquals(await own.response, [["ok", "1"]]);
  assertEquals(await new Response(own.readable).text(), "hello");
});

Deno.test("settling: a push to a client that allows none is refused at once, and the answer continues", async () => {
  await using pair = memoryPair({
    client: { settings: [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 0]] },
  });
  const own = await pair.client.openStream(NV, { fin: true });
  const peer = await nextStream(pair.server);
  const error = await assertRejects(() => peer.push([["x", "y"]]));
  assert(error instanceof StreamResetError);
  assertEquals([error.statusCode, error.unprocessed], [REFUSED_STREAM, true]);
  await peer.reply([["ok", "1"]], { fin: true });
  assertEquals(await own.response, [["ok", "1"]]);
});
