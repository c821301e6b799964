import { inspect } from "node:util";
import type { StreamWait } from "../../connection/stats.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../frame/constants.ts";
import { Client } from "../../http/client/client.ts";
import { connect } from "../../http/connect.ts";
import { Connection } from "../../http/connection.ts";
import { serve } from "../../http/server/serve.ts";
import { CLIENT } from "../../session/constants.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { COMMON, FakePeer, VERSION } from "../helpers/fake_peer.ts";
import { nextStream, VERSIONS } from "../helpers/http.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";
import { versionName } from "../helpers/version_name.ts";

Deno.test("stats: they say what each stream waits for, on both sides", async () => {
  await using pair = memoryPair({ both: { windowTuning: false } });
  const { client, server } = pair;
  const waits = (connection: typeof client, id: number) =>
    connection.stats().streams.find((each) => each.id === id)?.waitsFor;
  const expectWaits = (
    id: number,
    atClient: StreamWait[],
    atServer: StreamWait[],
  ) => {
    assertEquals(waits(client, id), atClient);
    assertEquals(waits(server, id), atServer);
  };
  const stream = await client.openStream([[":path", "/"]]);
  const accepted = await nextStream(server);
  expectWaits(1, ["writer", "response"], ["reply", "peer"]);
  await accepted.reply([]);
  await stream.response;
  expectWaits(1, ["writer", "peer"], ["writer", "peer"]);
  await stream.write(new Uint8Array(1));
  await client.ping();
  expectWaits(1, ["writer", "peer"], ["writer", "reader"]);
  await stream.write(new Uint8Array(999));
  await client.ping();
  expectWaits(1, ["writer", "peer"], ["writer", "reader"]);
  assertEquals(server.stats().streams[0].unread, 1000);
  // More than the window allows.
  const written = stream.write(new Uint8Array(70_000));
  // A PING does not wait behind all of it.
  while (client.stats().streams[0].sendWindow! > 0) await client.ping();
  expectWaits(1, ["stream window", "peer"], ["writer", "reader"]);
  const [{ unsent, sendWindow }] = client.stats().streams;
  assertEquals([unsent, sendWindow], [71_000 - 65_536, 0]);
  stream.reset();
  await written.catch(() => {});
  await client.ping();
  assertEquals(client.stats().streams, []);
});

Deno.test("stats: a stream with bytes waits for its window, for that of the connection, or for the transport", async () => {
  using time = virtualTime();
  /** What a stream waits for after writes of these sizes, the last of them on a transport that takes nothing. */
  const waitOf = async (window: number, sizes: number[], blocked: boolean) => {
    const peer = new FakePeer();
    const client = new Connection(peer, { side: CLIENT, version: VERSION });
    await peer.send({
      ...COMMON,
      frameType: SETTINGS,
      iv: [[SETTINGS_INITIAL_WINDOW_SIZE, 0, window]],
    });
    const stream = await client.openStream([["a", "b"]]);
    for (const [index, size] of sizes.entries()) {
      peer.blocked = blocked && index === sizes.length - 1;
      if (peer.blocked) client.ping().catch(() => {});
      await turn();
      stream.write(new Uint8Array(size)).catch(() => {});
      await turn();
    }
    const [{ waitsFor, sendWindow }] = client.stats().streams;
    client.closed.catch(() => {});
    await time.until(client.close());
    return [waitsFor[0], sendWindow];
  };
  // The connection's window has 65,536 bytes.
  assertEquals(await waitOf(1000, [1001], false), ["stream window", 0]);
  assertEquals(await waitOf(1000, [999, 9], true), ["transport", 1]);
  assertEquals(await waitOf(65_637, [65_537], false), [
    "connection window",
    101,
  ]);
  assertEquals(await waitOf(65_636, [65_535, 9], true), ["transport", 101]);
});

Deno.test("stats: they show streams that wait for a place and for the connection's window", async () => {
  await using pair = memoryPair({
    server: { limits: { maxConcurrentStreams: 1 } },
  });
  const { client } = pair;
  await client.ping();
  const first = await client.openStream([]);
  const second = client.openStream([]);
  second.catch(() => {});
  assertEquals(client.stats().waitingStreams, 1);
  assertEquals(client.stats().maxStreams, 1);
  first.reset();
  await second;
  assertEquals(client.stats().waitingStreams, 0);
});

for (const version of VERSIONS) {
  Deno.test(`stats: bytes, frames, windows and header compression are counted, ${versionName(version)}`, async () => {
    await using pair = memoryPair({ version });
    const { client, server } = pair;
    const headers: [string, string][] = [["accept-language", "en, de"]];
    for (let count = 0; count < 20; count++) {
      const stream = await client.openStream(headers, { fin: true });
      await (await nextStream(server)).reply([], { fin: true });
      await stream.closed;
    }
    const roundTrip = await client.ping();
    const left = client.stats();
    const right = server.stats();
    assertEquals(left.state, "open");
    assertEquals(left.roundTrip, roundTrip);
    assertEquals(right.roundTrip, undefined);
    assertEquals(left.sent.bytes, right.received.bytes);
    assertEquals(left.received.bytes, right.sent.bytes);
    assertEquals(left.sent.frames, right.received.frames);
    assertEquals(left.received.frames, right.sent.frames);
    assertGreaterOrEqual(left.sent.frames, 21);
    assertEquals(left.sent.headers, right.received.headers);
    // Twenty equal blocks: all but the first take a few bytes.
    assertGreater(left.sent.headers.plain, 20 * 20);
    assertLess(left.sent.headers.ratio, 1);
    const { plain, compressed, ratio } = left.sent.headers;
    assertEquals(ratio, compressed / plain);
    const hasWindow = version !== PROTO_SPDY2 && version !== PROTO_SPDY3;
    assertEquals(left.sent.window !== undefined, hasWindow);
    assertEquals(left.received.window !== undefined, hasWindow);
    const closing = client.goaway();
    assert(client.stats().state !== "open");
    await closing;
    assertEquals(client.stats().state, "closed");
  });
}

Deno.test("stats: without a byte the counts are 0, and not -0", async () => {
  await using pair = memoryPair();
  const { sent, received } = pair.client.stats();
  assert(Object.is(sent.bytes, 0));
  assert(Object.is(received.bytes, 0));
  const nothing = { plain: 0, compressed: 0, ratio: 1 };
  assertEquals([sent.headers, received.headers], [nothing, nothing]);
});

Deno.test("stats: an ended connection is closed at once, and one that finishes its streams is closing", async () => {
  await using pair = memoryPair();
  const { client, server } = pair;
  await client.openStream([]);
  await (await nextStream(server)).reply([]);
  const draining = server.goaway();
  assertEquals(server.stats().state, "closing");
  const closed = client.close();
  assertEquals(client.stats().state, "closed");
  await Promise.allSettled([closed, draining]);
});

Deno.test("printed connections, streams, clients and servers show what they are", async () => {
  const held = Promise.withResolvers<Response>();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => held.promise,
  );
  const { port } = server.addr;
  await using connection = await connect({ port });
  const stream = await connection.openStream([["cookie", "secret"]]);
  await using client = new Client();
  const asked = client.fetch(`http://127.0.0.1:${port}/`);
  await connection.ping();
  for (const show of [Deno.inspect, inspect]) {
    const text = show(connection);
    assertStringIncludes(text, "Connection {\n  version:");
    assert(/version: ["']SPDY\/3\.1["']/.test(text), text);
    assert(/state: ["']open["']/.test(text), text);
    assert(/streams: \[ 1 \]/.test(text), text);
    assert(/^Stream \{\s+id: 1,\s+state: ["']open["']/.test(show(stream)));
    // The content of a header may be secret, so it must not get into logs.
    assert(!show(stream).includes("secret"));
    assertStringIncludes(show(client), "Client {");
    assertStringIncludes(show(server), `port: ${port}`);
    // Objects without state are printed as well.
    for (const each of [connection, stream, client, server]) {
      show(Object.getPrototypeOf(each));
      show(new Proxy(each, {}));
    }
  }
  held.resolve(new Response());
  await (await asked).text();
  await client.close();
  assert(/state: "closed"/.test(Deno.inspect(client)));
});

Deno.test("printed streams show which halves are open, who opened them, and their unsent and unread bytes", async () => {
  await using pair = memoryPair({ both: { windowTuning: false } });
  const own = await pair.client.openStream([["a", "b"]], { pri: 3 });
  const peers = await nextStream(pair.server);
  const shown = (stream: typeof own): string =>
    Deno.inspect(stream, { breakLength: Infinity, compact: true });
  assertEquals(
    shown(own),
    'Stream { id: 1, state: "open", opener: "local", pri: 3, sending: true, receiving: true, unsent: 0, unread: 0 }',
  );
  await peers.reply([["ok", "1"]]);
  await peers.write(new Uint8Array(5));
  await own.response;
  await pair.client.ping();
  await own.closeWrite();
  await pair.client.ping();
  assertStringIncludes(
    shown(own),
    "sending: false, receiving: true, unsent: 0, unread: 5",
  );
  assertStringIncludes(
    shown(peers),
    'opener: "remote", pri: 3, sending: true, receiving: false, unsent: 0, unread: 0',
  );
  // More than the peer's window, in which 65,531 bytes are left.
  const written = peers.write(new Uint8Array(70_000));
  for (let count = 0; count < 5; count++) await pair.server.ping();
  assertStringIncludes(shown(peers), "unsent: 4469, ");
  own.reset();
  await assertRejects(() => written);
  assertStringIncludes(shown(own), 'state: "failed"');
  const last = await pair.client.openStream([["a", "b"]], { fin: true });
  const answered = await nextStream(pair.server);
  await answered.reply([["ok", "1"]], { fin: true });
  assertEquals(await last.closed, 0);
  assertStringIncludes(
    shown(last),
    'state: "closed", opener: "local", pri: 0, sending: false, receiving: false',
  );
});
