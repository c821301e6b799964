import {
  CLIENT,
  DataProvider,
  ERR_DEFERRED,
  PING,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  READ_EOF,
  RST_STREAM,
  SERVER,
  Session,
  type SessionOptions,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../mod.ts";
import { assertEquals, assertGreater } from "../deps.ts";
import { memoryStreams, pairOver } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import {
  LOWERED_BY_PING,
  type TransportSettings,
} from "../../session/options.ts";
import { data, Harness, ping, synStream } from "./harness.ts";
import { versionName } from "../helpers/version_name.ts";

for (const autoWindowUpdate of [true, false]) {
  Deno.test(`a body continues after the receiver lowered its initial window, autoWindowUpdate ${autoWindowUpdate}`, () => {
    let received = 0;
    let closed = false;
    // 90000 bytes are too few for an update of a window of 200000, and more
    // than a window of 65536 has room for.
    let offset = 0;
    let available = 90000;
    const client: Session = new Session(CLIENT, PROTO_SPDY3, {
      send: (_session, data) => (server.recv(data), data.length),
      onStreamClose: () => closed = true,
    });
    const server: Session = new Session(SERVER, PROTO_SPDY3, {
      autoWindowUpdate,
      send: (_session, data) => (client.recv(data), data.length),
      onDataChunkRecv(session, _flags, streamId, data) {
        received += data.length;
        if (!autoWindowUpdate) session.consume(streamId, data.length);
      },
      onRequestRecv: (session, streamId) =>
        session.submitResponse(streamId, []),
    });
    const exchange = () => {
      while (client.wantWrite() || server.wantWrite()) {
        client.send();
        server.send();
      }
    };
    const body = new DataProvider(
      undefined,
      (_session, _streamId, length, control) => {
        const size = Math.min(length, available - offset);
        if (size === 0) return ERR_DEFERRED;
        offset += size;
        if (offset === 150000) control.flags = READ_EOF;
        return new Uint8Array(size);
      },
    );
    server.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 200000]]);
    exchange();
    client.submitRequest(0, [], body);
    exchange();
    assertEquals(received, 90000);
    server.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 65536]]);
    available = 150000;
    client.resumeData(1);
    exchange();
    assertEquals([received, closed], [150000, true]);
  });
}

/**
 * A server whose window of a stream was 65536 and is now 1000, and its answer to
 * DATA of `size` bytes.
 */
function lowered(
  before: (harness: Harness) => void,
): (streamId: number, size: number) => boolean {
  const options: SessionOptions & TransportSettings = {
    [LOWERED_BY_PING]: true,
  };
  const harness = new Harness(SERVER, PROTO_SPDY3, options);
  before(harness);
  let streams = 0;
  return (streamId, size) => {
    for (; streams < streamId; streams += 2) {
      harness.give(synStream(streams + 1));
    }
    harness.give(data(streamId, size));
    return harness.flush().every((frame) => frame.frameType !== RST_STREAM);
  };
}

const LOWER: [number, number, number][] = [
  [SETTINGS_INITIAL_WINDOW_SIZE, 0, 1000],
];

Deno.test("a lower initial window does not apply to a peer that may not know it", () => {
  const accepts = lowered((harness) => {
    harness.session.submitPing();
    harness.flush();
    harness.session.submitSettings(0, LOWER);
    harness.flush();
    // The answer to a PING that was sent before shows nothing.
    harness.give(ping(2));
  });
  assertEquals(accepts(1, 1001), true);
  assertEquals(accepts(3, 65536), true);
  // The old window is the most that is ever accepted.
  assertEquals(accepts(5, 65537), false);
});

Deno.test("a lower initial window applies to new streams when a PING after it is answered", () => {
  const accepts = lowered((harness) => {
    harness.session.submitSettings(0, LOWER);
    harness.flush();
    harness.session.submitPing();
    harness.flush();
    harness.give(ping(2));
  });
  assertEquals(accepts(1, 1000), true);
  assertEquals(accepts(3, 1001), false);
});

for (const version of [PROTO_SPDY3, PROTO_SPDY3_1]) {
  Deno.test(`an upload that began before the server's lower window was seen is not an error, ${versionName(version)}`, async () => {
    let pings = 0;
    const [left, right] = memoryStreams();
    let release = () => {};
    const released = new Promise<void>((resolve) => release = resolve);
    // What the server sends takes a while to arrive.
    const slow = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        await released;
        controller.enqueue(chunk);
      },
    });
    const readable = left.readable.pipeThrough(slow);
    await using pair = pairOver({ ...left, readable }, right, {
      version,
      server: {
        settings: LOWER,
        onFrame: (direction, { frameType }) => {
          if (direction === "sent" && frameType === PING) pings++;
        },
      },
    });
    for (let count = 0; count < 3; count++) {
      const stream = await pair.client.openStream([]);
      const writing = stream.write(new Uint8Array(60_000));
      const incoming = await nextStream(pair.server);
      const reading = new Response(incoming.readable).bytes();
      await writing;
      release();
      await stream.closeWrite();
      assertEquals((await reading).length, 60_000);
    }
    assertGreater(pings, 0);
  });
}
