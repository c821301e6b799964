/**
 * What happens to the sockets of TLS handshakes. These tests count the sockets of
 * their process, so they run in a process of their own.
 */

import { listenTls } from "../../../connection/transport/tls_listener.ts";
import { serve } from "../../../http/server/serve.ts";
import { serveStreaming } from "../../../kubernetes/mod.ts";
import { assert, assertLess } from "../../deps.ts";
import { makeCertificate } from "../../helpers/certificate.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { strangers } from "./strangers.ts";
import { linuxOnly } from "../../helpers/unix_only.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
/** Longest wait until sockets are closed, ms of real time. */
const PATIENCE = 60_000;
/** Timeout of a handshake, ms of virtual time. */
const TIMEOUT = 50;

/** Sockets that this process has open. */
function sockets(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) {
        count++;
      }
    } catch {
      // It was closed meanwhile.
    }
  }
  return count;
}

/** Waits until a condition is true, and checks it again and again. */
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

/** A server under test: its port and how to end it. */
interface Tested extends AsyncDisposable {
  readonly port: number;
}

const CERTIFICATE = await makeCertificate();
const SERVERS: readonly (readonly [name: string, start: () => Tested])[] = [
  ["serve", () => start({})],
  ["serve with upgrade", () => start({ upgrade: true })],
  ["serveStreaming", () => {
    const { cert, key } = CERTIFICATE;
    const server = serveStreaming({ cert, key, headTimeout: TIMEOUT });
    return {
      port: server.addr.port,
      [Symbol.asyncDispose]: () => server.shutdown(),
    };
  }],
];

function start(options: { upgrade?: boolean }): Tested {
  const { cert, key } = CERTIFICATE;
  const server = serve(
    { ...LOOPBACK, cert, key, handshakeTimeout: TIMEOUT, ...options },
    () => new Response("here"),
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (const [name, startServer] of SERVERS) {
  linuxOnly.test({
    name:
      `${name}: handshakes that clients leave unfinished are ended, and their sockets are closed`,
    async fn() {
      using time = virtualTime();
      const before = sockets();
      await using server = startServer();
      const listening = sockets();
      const conns = await strangers(server.port);
      // This end of each connection is a socket, too, and stays open.
      await until(
        "sockets of ended handshakes go",
        async () => {
          await time.advance(1);
          return sockets() <= listening + conns.length;
        },
      );
      // Ended by the handshake's timeout, and not because a client reads
      // nothing.
      assertLess(time.now(), 10_000);
      // Each client has seen an end or a reset.
      for (const conn of conns) {
        await conn.read(new Uint8Array(100)).catch(() => null);
        conn.close();
      }
      await server[Symbol.asyncDispose]();
      await until("all sockets go", () => sockets() <= before);
    },
  });
}

linuxOnly.test({
  name: "a client that does not take the last bytes keeps no socket forever",
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
    // More than fits into all buffers in between: they are full when nothing has been
    // written for a second.
    let written = 0;
    const writing = (async () => {
      for (;;) written += await conn.write(new Uint8Array(1 << 20));
    })().catch(() => {});
    for (let last = -1, same = 0; same < 10; last = written) {
      same = written === last && written > 0 ? same + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, 100));
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
