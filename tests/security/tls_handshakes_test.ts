/** TLS handshakes that strangers begin and never end: no descriptor stays with them. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { listenTls } from "../../connection/tls_listener.ts";
import { serveStreaming } from "../../kubernetes/mod.ts";
import { assert, assertEquals, assertRejects } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
/** Longest wait for sockets to go, ms; less than the time a client has to take the last bytes. */
const PATIENCE = 8_000;
/** Connections of each kind. */
const EACH = 10;

/** What a client may say before it falls silent. */
const BEGINNINGS: readonly Uint8Array<ArrayBuffer>[] = [
  new Uint8Array(),
  // Part of a record's head, and a whole head without its record.
  Uint8Array.of(0x16, 0x03),
  Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00),
];

/** Sockets that this process has open. */
function sockets(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) {
        count++;
      }
    } catch {
      // Closed meanwhile.
    }
  }
  return count;
}

/** Waits for something to become so, looking again and again. */
async function until(
  what: string,
  is: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!await is()) {
    assert(performance.now() < end, `${what}: not within ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Connects and says the beginning of a handshake, or nothing. */
async function strangers(port: number): Promise<Deno.TcpConn[]> {
  const conns: Deno.TcpConn[] = [];
  for (const beginning of BEGINNINGS) {
    for (let i = 0; i < EACH; i++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      if (beginning.length > 0) await conn.write(beginning);
      conns.push(conn);
    }
  }
  return conns;
}

/** A server under test: its port and its end. */
interface Tested extends AsyncDisposable {
  readonly port: number;
}

const CERTIFICATE = await makeCertificate();
const SERVERS: readonly (readonly [name: string, start: () => Tested])[] = [
  ["serve", () => start({})],
  ["serve with upgrade", () => start({ upgrade: true })],
  ["serveStreaming", () => {
    const { cert, key } = CERTIFICATE;
    const server = serveStreaming({ cert, key, headTimeout: 50 });
    return {
      port: server.addr.port,
      [Symbol.asyncDispose]: () => server.shutdown(),
    };
  }],
];

function start(options: { upgrade?: boolean }): Tested {
  const { cert, key } = CERTIFICATE;
  const server = serve(
    { ...LOOPBACK, cert, key, handshakeTimeout: 50, ...options },
    () => new Response("here"),
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (const [name, startServer] of SERVERS) {
  Deno.test({
    name: `${name}: handshakes that are not ended are, and their sockets go`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const before = sockets();
      await using server = startServer();
      const listening = sockets();
      const conns = await strangers(server.port);
      // This end of each connection counts, too, and stays open.
      await until(
        "sockets of ended handshakes go",
        () => sockets() <= listening + conns.length,
      );
      // Each was told, by an end or a reset.
      for (const conn of conns) {
        await conn.read(new Uint8Array(100)).catch(() => null);
        conn.close();
      }
      await server[Symbol.asyncDispose]();
      await until("all sockets go", () => sockets() <= before);
    },
  });
}

Deno.test("a TLS connection may be closed before, during and after its handshake", async () => {
  const { cert, key, caCert } = CERTIFICATE;
  const listener = listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    alpnProtocols: ["spdy/3.1"],
  });
  const { port } = listener.addr as Deno.NetAddr;
  for (const beginning of BEGINNINGS) {
    const [client, conn] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    if (beginning.length > 0) await client.write(beginning);
    const shaking = assertRejects(() => conn.handshake!());
    const reading = assertRejects(() => conn.read(new Uint8Array(1)));
    conn.close();
    conn.close();
    await Promise.all([shaking, reading]);
    await client.read(new Uint8Array(100)).catch(() => null);
    client.close();
  }
  const [client, conn] = await Promise.all([
    Deno.connectTls({
      hostname: "localhost",
      port,
      caCerts: [caCert],
      alpnProtocols: ["spdy/3.1"],
    }),
    listener.accept(),
  ]);
  const [{ alpnProtocol }] = await Promise.all([
    conn.handshake!(),
    client.handshake(),
  ]);
  assertEquals(alpnProtocol, "spdy/3.1");
  assertEquals((conn.remoteAddr as Deno.NetAddr).port, client.localAddr.port);
  // What was written before the close arrives, and then the end.
  const body = new Uint8Array(1 << 20).fill(7);
  const writing = (async () => {
    for (let rest = body; rest.length > 0;) {
      rest = rest.subarray(await conn.write(rest));
    }
    conn.close();
  })();
  let size = 0;
  const buffer = new Uint8Array(65536);
  for (;;) {
    const read = await client.read(buffer);
    if (read === null) break;
    size += read;
  }
  await writing;
  assertEquals(size, body.length);
  client.close();
  listener.close();
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

Deno.test({
  name: "a client that does not take the last bytes keeps no socket for ever",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { cert, key, caCert } = CERTIFICATE;
    const before = sockets();
    const listener = listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert,
      key,
      alpnProtocols: [],
    });
    using time = virtualTime();
    const { port } = listener.addr as Deno.NetAddr;
    const [client, conn] = await Promise.all([
      Deno.connectTls({ hostname: "localhost", port, caCerts: [caCert] }),
      listener.accept(),
    ]);
    await Promise.all([client.handshake(), conn.handshake!()]);
    // More than all buffers between take.
    let written = 0;
    const writing = (async () => {
      for (;;) written += await conn.write(new Uint8Array(1 << 20));
    })().catch(() => {});
    for (let last = -1; last !== written;) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    conn.close();
    listener.close();
    const open = sockets();
    await until("the outer socket goes", async () => {
      await time.advance(10_000);
      return sockets() < open;
    });
    client.close();
    await until("all sockets go", () => sockets() <= before);
    await writing;
  },
});

Deno.test("TLS connections end half by half", async () => {
  const { cert, key, caCert } = CERTIFICATE;
  const listener = listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    alpnProtocols: [],
  });
  const { port } = listener.addr as Deno.NetAddr;
  const [client, conn] = await Promise.all([
    Deno.connectTls({ hostname: "localhost", port, caCerts: [caCert] }),
    listener.accept(),
  ]);
  const buffer = new Uint8Array(10);
  await client.write(Uint8Array.of(1));
  await client.closeWrite();
  assertEquals(await conn.read(buffer), 1);
  assertEquals(await conn.read(buffer), null);
  await conn.write(Uint8Array.of(2));
  assertEquals(await client.read(buffer), 1);
  await conn.closeWrite();
  assertEquals(await client.read(buffer), null);
  conn.close();
  client.close();
  listener.close();
});

Deno.test("many TLS clients at once, beside strangers, each get their own answers", async () => {
  const { cert, key, caCert } = CERTIFICATE;
  await using server = serve(
    { ...LOOPBACK, cert, key },
    (request, info) =>
      new Response(
        `${new URL(request.url).pathname} ${info.remoteAddr.port > 0}`,
      ),
  );
  const { port } = server.addr;
  const conns = await strangers(port);
  await Promise.all(Array.from({ length: 30 }, async (_, i) => {
    await using client = await connect({
      hostname: "localhost",
      port,
      tls: { caCerts: [caCert] },
    });
    assertEquals(await (await client.fetch(`/${i}`)).text(), `/${i} true`);
  }));
  for (const conn of conns) conn.close();
});

Deno.test({
  name: "without permission for loopback a TLS listener is Deno's own",
  permissions: { net: ["0.0.0.0"] },
  fn() {
    const { cert, key } = CERTIFICATE;
    const listener = listenTls({
      hostname: "0.0.0.0",
      port: 0,
      cert,
      key,
      alpnProtocols: [],
    });
    assert(Symbol.asyncIterator in listener);
    listener.close();
  },
});
