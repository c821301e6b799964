/** TLS handshakes that clients begin and never finish: they keep no descriptor. */

import { fileURLToPath } from "node:url";
import { listenTls } from "../../connection/transport/tls_listener.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { stdFlags } from "../../tools/std.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertRejects,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import { BEGINNINGS, strangers } from "./tls_handshakes/strangers.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
const CERTIFICATE = await makeCertificate();

/** A listener on a free port of loopback. */
function listen(alpnProtocols: string[]) {
  const { cert, key } = CERTIFICATE;
  const listener = listenTls({ ...LOOPBACK, cert, key, alpnProtocols });
  return { listener, port: (listener.addr as Deno.NetAddr).port };
}

/** Reads until the peer ends its direction; returns how many bytes there were. */
async function readToEnd(conn: Deno.TlsConn): Promise<number> {
  const buffer = new Uint8Array(65536);
  for (let size = 0;;) {
    const read = await conn.read(buffer);
    if (read === null) return size;
    size += read;
  }
}

Deno.test("a TLS connection may be closed before, during and after its handshake", async () => {
  const { caCert } = CERTIFICATE;
  const { listener, port } = listen(["spdy/3.1"]);
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
  // What was written before the close arrives, followed by the end.
  const body = new Uint8Array(1 << 20).fill(7);
  const writing = (async () => {
    for (let rest = body; rest.length > 0;) {
      rest = rest.subarray(await conn.write(rest));
    }
    conn.close();
  })();
  const size = await readToEnd(client);
  await writing;
  assertEquals(size, body.length);
  client.close();
  listener.close();
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

Deno.test("a closed TLS connection keeps written bytes for a client that reads late", async () => {
  using time = virtualTime();
  const { caCert } = CERTIFICATE;
  const { listener, port } = listen(["spdy/3.1"]);
  const [client, conn] = await Promise.all([
    Deno.connectTls({ hostname: "localhost", port, caCerts: [caCert] }),
    listener.accept(),
  ]);
  await Promise.all([conn.handshake!(), client.handshake()]);
  // More than the buffers of the system contain: when nothing has been written for a
  // second, a write to the client is pending.
  const chunk = new Uint8Array(65536);
  let written = 0;
  const writing = (async () => {
    for (;;) written += await conn.write(chunk);
  })().catch(() => {});
  for (let last = -1, same = 0; same < 10; last = written) {
    same = written === last && written > 0 ? same + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  conn.close();
  // Before Deno 2.9, the write ends only when the client has read.
  if (!isDenoBefore("2.9.0")) await writing;
  await time.advance(9_999);
  const size = await readToEnd(client);
  await writing;
  assertGreaterOrEqual(size, written);
  client.close();
  listener.close();
});

Deno.test("TLS connections end each direction separately", async () => {
  const { caCert } = CERTIFICATE;
  const { listener, port } = listen([]);
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
  name: "without permission for loopback, a TLS listener is Deno's own",
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

linuxOnly.test({
  name: "stalled handshakes are ended, and their sockets are closed",
  async fn() {
    const file = new URL("./tls_handshakes/sockets.ts", import.meta.url);
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          "test",
          "-A",
          "--no-check",
          ...await stdFlags(),
          fileURLToPath(file),
        ],
        env: { NO_COLOR: "1" },
        signal: AbortSignal.timeout(150_000),
      },
    ).output();
    const output = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    assert(success, output.join("\n"));
    assertMatch(output[0], /\b4 passed/);
  },
});
