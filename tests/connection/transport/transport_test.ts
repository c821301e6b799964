/** The same conversation over every kind of transport, and errors before it. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import {
  openWire,
  type Transport,
} from "../../../connection/transport/transport.ts";
import { webSocketStreams } from "../../../connection/transport/websocket.ts";
import { ConnectionClosedError } from "../../../connection/errors.ts";
import {
  ERR_PROTO,
  InvalidArgumentError,
  SpdyError,
  UnsupportedVersionError,
} from "../../../errors.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
} from "../../../frame/constants.ts";
import { accept, connect } from "../../../http/connect.ts";
import { Connection } from "../../../http/connection.ts";
import { CLIENT, SERVER } from "../../../session/constants.ts";
import { getNpnProtocols } from "../../../session/npn.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
} from "../../deps.ts";
import { listenWith, makeCertificate } from "../../helpers/certificate.ts";
import { memoryStreams, tcpConns } from "../../helpers/connections.ts";
import { Random } from "../../helpers/random.ts";
import { unixOnly } from "../../helpers/unix_only.ts";

const BODY = new Random(1).bytes(300_000);

async function echo(connection: Connection): Promise<void> {
  for await (const stream of connection) {
    stream.reply([["ok", "1"]]);
    stream.readable.pipeTo(stream.writable);
  }
}

/** Sends four bodies at once to an echo, then ends. */
async function converse(client: Connection, server: Connection): Promise<void> {
  const served = echo(server);
  await Promise.all([1, 2, 3, 4].map(async () => {
    const stream = await client.openStream([["name", "value"]]);
    const writing = new Response(BODY).body!.pipeTo(stream.writable);
    const bytes = await new Response(stream.readable).bytes();
    await writing;
    assertEquals(await stream.response, [["ok", "1"]]);
    assert(bytes.length === BODY.length);
    assert(bytes.every((byte, index) => byte === BODY[index]));
  }));
  assertGreaterOrEqual(await client.ping(), 0);
  await client.goaway();
  await served;
  await server.closed;
}

function over(left: Transport, right: Transport): [Connection, Connection] {
  const version = PROTO_SPDY3_1;
  return [
    new Connection(left, { side: CLIENT, version }),
    new Connection(right, { side: SERVER, version }),
  ];
}

Deno.test("transport: TCP works with connect and accept", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([
    connect({ port, version: PROTO_SPDY3 }),
    listener.accept().then((conn) => accept(conn, { version: PROTO_SPDY3 })),
  ]);
  assertEquals(client.version, PROTO_SPDY3);
  assertEquals(server.side, SERVER);
  assertEquals((client.remoteAddr as Deno.NetAddr).port, port);
  await converse(client, server);
});

unixOnly.test("transport: a Unix socket works", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/spdy.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const [client, server] = await Promise.all([
    connect({ path }),
    listener.accept().then((conn) => accept(conn)),
  ]);
  await converse(client, server);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("transport: a pair of web streams works", async () => {
  await converse(...over(...memoryStreams()));
});

Deno.test("transport: web streams that queue nothing work", async () => {
  const [left, right] = [0, 1].map(() =>
    new TransformStream<Uint8Array, Uint8Array>(
      {},
      { highWaterMark: 0 },
      { highWaterMark: 0 },
    )
  );
  await converse(...over(
    { readable: left.readable, writable: right.writable },
    { readable: right.readable, writable: left.writable },
  ));
});

Deno.test("transport: the web streams of a Deno.Conn work", async () => {
  const [left, right] = await tcpConns();
  await converse(
    ...over(
      { readable: left.readable, writable: left.writable },
      { readable: right.readable, writable: right.writable },
    ),
  );
});

Deno.test("transport: a node Duplex as web streams works", async () => {
  const [left, right] = memoryStreams();
  const duplex = Duplex.fromWeb(left as Parameters<typeof Duplex.fromWeb>[0]);
  const web = Duplex.toWeb(duplex);
  await converse(...over(
    {
      readable: web.readable as ReadableStream<Uint8Array>,
      writable: web.writable as WritableStream<Uint8Array>,
    },
    right,
  ));
});

Deno.test("transport: a WebSocket with binary messages works", async () => {
  const accepted = Promise.withResolvers<WebSocket>();
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => accepted.resolve(socket);
      return response;
    },
  );
  const socket = new WebSocket(`ws://127.0.0.1:${http.addr.port}`);
  const left = webSocketStreams(socket);
  await converse(...over(left, webSocketStreams(await accepted.promise)));
  await http.shutdown();
});

Deno.test("transport: a WebSocket's text message ends the connection", async () => {
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => socket.send("not SPDY");
      return response;
    },
  );
  const socket = new WebSocket(`ws://127.0.0.1:${http.addr.port}`);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const connection = new Connection(webSocketStreams(socket), {
    side: CLIENT,
    version: PROTO_SPDY3,
  });
  const error = await assertRejects(() => connection.closed, SpdyError);
  assertEquals(
    error.message,
    "WebSocket: the peer sent a text message; SPDY needs binary ones",
  );
  await closed;
  await http.shutdown();
});

Deno.test("transport: messages of a WebSocket after its readable is cancelled are ignored", async () => {
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => {
        for (let i = 0; i < 10; i++) socket.send(Uint8Array.of(i));
      };
      return response;
    },
  );
  const socket = new WebSocket(`ws://127.0.0.1:${http.addr.port}`);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const reader = webSocketStreams(socket).readable.getReader();
  assertEquals((await reader.read()).value, Uint8Array.of(0));
  await reader.cancel();
  await closed;
  await http.shutdown();
});

const certificate = await makeCertificate();

for (
  const [offered, version] of [
    [getNpnProtocols(), PROTO_SPDY3_1],
    [["spdy/3", "spdy/2"], PROTO_SPDY3],
    [["spdy/2"], PROTO_SPDY2],
  ] as const
) {
  Deno.test(`transport: TLS works, the server offers ${offered.join(", ")}`, async () => {
    using listener = listenWith(certificate, offered);
    const [client, server] = await Promise.all([
      connect({
        port: listener.addr.port,
        tls: { caCerts: [certificate.caCert] },
      }),
      listener.accept().then((conn) => accept(conn)),
    ]);
    assertEquals(client.version, version);
    assertEquals(server.version, version);
    await converse(client, server);
  });
}

Deno.test("TLS: a peer that selected no protocol is an error", async () => {
  using listener = listenWith(certificate, undefined);
  const server = listener.accept().then((conn) => accept(conn));
  const refused = assertRejects(
    () => server,
    UnsupportedVersionError,
    "agreed on no protocol by ALPN",
  );
  const error = await assertRejects(
    () =>
      connect({
        port: listener.addr.port,
        tls: { caCerts: [certificate.caCert] },
      }),
    UnsupportedVersionError,
    "agreed on no protocol by ALPN; this side offered spdy/3.1, spdy/3, spdy/2",
  );
  assertEquals(error.initiator, "remote");
  await refused;
});

Deno.test("TLS: an ALPN mismatch is an error", async () => {
  using listener = listenWith(certificate, ["h2"]);
  const server = listener.accept().then((conn) => accept(conn));
  const refused = assertRejects(() => server, SpdyError, "TLS handshake");
  const error = await assertRejects(
    () =>
      connect({
        port: listener.addr.port,
        tls: { caCerts: [certificate.caCert] },
      }),
    SpdyError,
    "NoApplicationProtocol",
  );
  assertEquals(error.code, ERR_PROTO);
  await refused;
});

Deno.test("TLS: another protocol than SPDY by ALPN is an error", async () => {
  using listener = listenWith(certificate, ["h2"]);
  const server = listener.accept().then((conn) => accept(conn));
  const refused = assertRejects(
    () => server,
    UnsupportedVersionError,
    `"h2" by ALPN, which is not a SPDY version`,
  );
  await assertRejects(
    () =>
      connect({
        port: listener.addr.port,
        tls: { caCerts: [certificate.caCert], alpnProtocols: ["h2"] },
      }),
    UnsupportedVersionError,
    `"h2" by ALPN, which is not a SPDY version`,
  );
  await refused;
});

Deno.test("TLS: an untrusted certificate is an error", async () => {
  using listener = listenWith(certificate, getNpnProtocols());
  const server = listener.accept().then((conn) => accept(conn));
  const refused = assertRejects(() => server, SpdyError, "TLS handshake");
  const error = await assertRejects(
    () => connect({ port: listener.addr.port, tls: true }),
    SpdyError,
    "UnknownIssuer",
  );
  assert(error.cause instanceof Error);
  await refused;
});

Deno.test("TLS: a connection closed during the handshake is an error", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const server = listener.accept().then((conn) => conn.close());
  await assertRejects(
    () => connect({ port, tls: true }),
    SpdyError,
    "TLS handshake failed",
  );
  await server;
});

Deno.test("TLS: a signal ends a handshake that hangs", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const controller = new AbortController();
  const connecting = connect({ port, tls: true, signal: controller.signal });
  const conn = await listener.accept();
  // The client's hello has arrived, and its handshake waits for the server.
  await conn.read(new Uint8Array(1024));
  controller.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
  conn.close();
});

Deno.test("connect: an aborted signal, a missing port and an unreachable server are errors", async () => {
  await assertRejects(
    () => connect({ port: 1, signal: AbortSignal.abort(new Error("no")) }),
    Error,
    "no",
  );
  await assertRejects(() => connect({}), InvalidArgumentError, "port");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await assertRejects(() => connect({ port }), Deno.errors.ConnectionRefused);
});

Deno.test("bytes that arrived in one node Buffer belong to each stream alone", async () => {
  const [left, right] = memoryStreams();
  const buffers = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => controller.enqueue(Buffer.from(chunk)),
  });
  const version = PROTO_SPDY3_1;
  const server = new Connection(right, { side: SERVER, version });
  const client = new Connection({
    readable: left.readable.pipeThrough(buffers),
    writable: left.writable,
  }, { side: CLIENT, version });
  const asked = [
    await client.openStream([["a", "1"]], { fin: true }),
    await client.openStream([["b", "1"]], { fin: true }),
  ];
  const incoming = server[Symbol.asyncIterator]();
  for (const { id } of asked) {
    const stream = (await incoming.next()).value;
    stream?.reply([["x", "1"]]);
    stream?.write(new Uint8Array(3000).fill(id));
    stream?.closeWrite();
  }
  for (const stream of asked) {
    assertEquals(await stream.closed, 0);
    const { value } = await stream.readable.getReader().read();
    assertEquals(value, new Uint8Array(3000).fill(stream.id));
    // postMessage() does the same with its argument.
    structuredClone(value, { transfer: [value?.buffer as ArrayBuffer] });
  }
  await Promise.all([client.close(), server.close()]);
});

Deno.test("transport: a read that returns its number at once, without a promise, works", async () => {
  const read: unknown = (into: Uint8Array) => {
    into[0] = 7;
    return 1;
  };
  const wire = openWire({
    read: read as (into: Uint8Array) => Promise<number | null>,
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  });
  assertEquals(await wire.receive(), Uint8Array.of(7));
});

/** A client on a transport whose calls resolve to the given values. */
function clientOn(conn: { read?: unknown; write?: unknown }): Connection {
  const pending = Promise.withResolvers<null>();
  const transport = {
    read: () => "read" in conn ? Promise.resolve(conn.read) : pending.promise,
    write: (data: Uint8Array) =>
      Promise.resolve("write" in conn ? conn.write : data.length),
    closeWrite: () => Promise.resolve(),
    close: () => pending.resolve(null),
  };
  return new Connection(transport as unknown as Transport, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    closeTimeout: 1,
  });
}

for (const count of [undefined, NaN, -1, 0.5, "1", 1e9]) {
  Deno.test(`transport: a read that resolves to ${Deno.inspect(count)} ends the connection, and no other bytes count as read`, async () => {
    const client = clientOn({ read: count });
    const error = await assertRejects(
      () => client.closed,
      ConnectionClosedError,
      `read() of the transport resolved to ${count}: it must resolve to the number of bytes, 0 to 1536, or to null at the end of input`,
    );
    assertEquals(error.initiator, "local");
  });

  Deno.test(`transport: a write that resolves to ${Deno.inspect(count)} ends the connection`, async () => {
    const client = clientOn({ write: count });
    const error = await assertRejects(
      () => client.ping(),
      ConnectionClosedError,
      `write() of the transport resolved to ${count}: it must resolve to the number of bytes, 0 to 12`,
    );
    assertEquals(error.initiator, "local");
    await client.close();
  });
}

const NO_BYTES: [string, unknown][] = [
  ["[object ArrayBuffer]", new ArrayBuffer(8)],
  ["[object DataView]", new DataView(new ArrayBuffer(8))],
  ["[object String]", "text"],
  ["[object Array]", [1, 2]],
  ["[object Undefined]", undefined],
];

for (const [name, chunk] of NO_BYTES) {
  Deno.test(`transport: a web stream that delivers ${name} ends the connection`, async () => {
    const client = new Connection({
      readable: ReadableStream.from([chunk]) as ReadableStream<Uint8Array>,
      writable: new WritableStream(),
    }, { side: CLIENT, version: PROTO_SPDY3_1 });
    const error = await assertRejects(
      () => client.closed,
      ConnectionClosedError,
      `the readable of the transport delivered ${name}: it must deliver Uint8Array chunks`,
    );
    assertEquals(error.initiator, "local");
  });
}

Deno.test("transport: reads and writes that move no byte, again and again, do not stop the process", async () => {
  for (const conn of [{ read: 0 }, { write: 0 }]) {
    const client = clientOn(conn);
    const pinged = assertRejects(() => client.ping(), ConnectionClosedError);
    // The timer of `closeTimeout` runs, although no call of the transport waits.
    await client.close();
    await pinged;
  }
});

Deno.test("transport: after a read and a write of 0 bytes, the next ones continue", async () => {
  const [left, right] = await tcpConns();
  const server = new Connection(right, {
    side: SERVER,
    version: PROTO_SPDY3_1,
  });
  let calls = 0;
  const isEmpty = (): boolean => calls++ % 2 === 0;
  const client = new Connection({
    read: (into: Uint8Array) =>
      isEmpty() ? Promise.resolve(0) : left.read(into),
    write: (data: Uint8Array) =>
      isEmpty() ? Promise.resolve(0) : left.write(data),
    closeWrite: () => left.closeWrite(),
    close: () => left.close(),
  }, { side: CLIENT, version: PROTO_SPDY3_1 });
  await client.ping();
  await client.ping();
  await Promise.all([client.close(), server.close()]);
});

for (const size of [700, 16_384]) {
  Deno.test(`transport: after the end of input, the memory of the read is not reused, reads of ${size} bytes`, async () => {
    const offered: Uint8Array[] = [];
    let ended = false;
    const open = () =>
      openWire({
        read: (into) => {
          offered.push(into);
          return Promise.resolve(ended ? null : Math.min(size, into.length));
        },
        write: (data) => Promise.resolve(data.length),
        closeWrite: () => Promise.resolve(),
        close() {},
      });
    const memory = (index: number) => offered[index].buffer;
    const first = open();
    await first.receive();
    await first.receive();
    ended = true;
    assertEquals(await first.receive(), null);
    first.release?.();
    const last = memory(offered.length - 1);
    ended = false;
    const others = [open(), open(), open()];
    for (const other of others) {
      for (let count = 0; count < 3; count++) await other.receive();
    }
    assert(!offered.slice(3).some(({ buffer }) => buffer === last));
  });
}

Deno.test("transport: reads grow while they are full, and shrink soon after bulk", async () => {
  const offered: number[] = [];
  let next = Infinity;
  const wire = openWire({
    read: (buffer) => {
      offered.push(buffer.length);
      return Promise.resolve(Math.min(next, buffer.length));
    },
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  });
  for (let count = 0; count < 5; count++) await wire.receive();
  assert(offered[4] > 500_000, `${offered}`);
  next = 100_000;
  for (let count = 0; count < 10; count++) await wire.receive();
  assert(offered[14] > 500_000, "reads of 100,000 bytes are bulk");
  next = 12;
  for (let count = 0; count < 10; count++) await wire.receive();
  assert(offered[24] <= 65536, `${offered}`);
});
