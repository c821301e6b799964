/** `serveConnection`, and `serve` on a listener of the caller. */

import { ConnectionClosedError } from "../../connection/errors.ts";
import type { ByteStreams } from "../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
} from "../../frame/constants.ts";
import { accept, connect } from "../../http/connect.ts";
import { Connection } from "../../http/connection.ts";
import { serve } from "../../http/server/serve.ts";
import { serveConnection } from "../../http/server/serve_connection.ts";
import { connectUpgrade } from "../../http/upgrade/connect_upgrade.ts";
import { CLIENT } from "../../session/constants.ts";
import { getNpnProtocols } from "../../session/npn.ts";
import {
  assertEquals,
  assertGreater,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../deps.ts";
import { listenWith, makeCertificate } from "../helpers/certificate.ts";
import { memoryStreams, tcpConns } from "../helpers/connections.ts";
import { versionName } from "../helpers/version_name.ts";

const origin = "http://localhost";

for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1] as const) {
  Deno.test(`serveConnection: it serves on a pair of web streams, ${versionName(version)}`, async () => {
    const [left, right] = memoryStreams();
    const served = serveConnection(
      right,
      { version },
      async (request, info) => {
        assertEquals(info.remoteAddr, undefined);
        return new Response(`${request.url} ${await request.text()}`);
      },
    );
    assertEquals(served.connection.version, version);
    await using client = new Connection(left, {
      side: CLIENT,
      version,
      origin,
    });
    const response = await client.fetch("/a", { method: "POST", body: "up" });
    assertEquals(await response.text(), "http://localhost/a up");
    await served.shutdown();
    await served.finished;
    await client.closed;
  });
}

Deno.test("serveConnection: it serves on a socket and reports its address", async () => {
  const [near, far] = await tcpConns();
  await using served = serveConnection(far, (_request, info) => {
    return Response.json(info.remoteAddr);
  });
  await using client = new Connection(near, {
    side: CLIENT,
    version: served.connection.version,
    origin,
  });
  const response = await client.fetch("/");
  assertEquals(await response.json(), near.localAddr);
});

Deno.test("serveConnection: it serves on the result of accept", async () => {
  const [near, far] = await tcpConns();
  const accepted = await accept(far, { version: PROTO_SPDY3 });
  await using served = serveConnection(accepted, () => new Response("x"));
  assertStrictEquals(served.connection, accepted);
  await using client = new Connection(near, {
    side: CLIENT,
    version: PROTO_SPDY3,
    origin,
  });
  assertEquals(await (await client.fetch("/")).text(), "x");
});

Deno.test("serveConnection: on TLS, the handshake selects the version", async () => {
  const certificate = await makeCertificate();
  using listener = listenWith(certificate, getNpnProtocols());
  const { port } = listener.addr as Deno.NetAddr;
  const accepted = listener.accept();
  const connecting = connect({
    hostname: "localhost",
    port,
    tls: { caCerts: [certificate.caCert], alpnProtocols: ["spdy/3"] },
  });
  let protocol: string | null | undefined;
  const served = serveConnection(await accepted, {
    onConnection: (_connection, info) => {
      protocol = info.tls?.alpnProtocol;
    },
  }, (request) => new Response(request.url));
  await using client = await connecting;
  assertEquals(
    await (await client.fetch("/")).text(),
    `https://localhost:${port}/`,
  );
  assertEquals((await served.connection).version, PROTO_SPDY3);
  assertEquals(protocol, "spdy/3");
  await served.shutdown();
});

Deno.test("serveConnection: it serves after an HTTP/1.1 upgrade", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const asking = connectUpgrade(`http://127.0.0.1:${port}/`);
  const served = serveConnection(
    await listener.accept(),
    { upgrade: true },
    () => new Response("x"),
  );
  const { connection } = await asking;
  assertEquals(await (await connection.fetch("/")).text(), "x");
  assertEquals((await served.connection).side, 2);
  await Promise.all([served.shutdown(), connection.closed]);
});

Deno.test("serveConnection: it ends if the client leaves without speaking SPDY", async () => {
  const [near, far] = await tcpConns();
  const served = serveConnection(far, { upgrade: true }, () => new Response());
  near.close();
  await served.finished;
  await assertRejects(
    () => served.connection,
    ConnectionClosedError,
    "the client left before it began to speak SPDY",
  );
});

Deno.test("serveConnection: shutdown ends a connection that does not speak SPDY yet", async () => {
  const [near, far] = await tcpConns();
  using _ = near;
  const served = serveConnection(far, { upgrade: true }, () => new Response());
  await served.shutdown();
  await assertRejects(() => served.connection);
});

Deno.test("serveConnection: the signal ends it at once", async () => {
  const [near, far] = memoryStreams();
  const abort = new AbortController();
  const { signal } = abort;
  const served = serveConnection(far, { signal }, () => {
    abort.abort();
    return new Promise<Response>(() => {});
  });
  const client = new Connection(near, {
    side: CLIENT,
    version: served.connection.version,
    origin,
  });
  await assertRejects(() => client.fetch("/"));
  await served.finished;
});

Deno.test("serveConnection: invalid arguments are refused at once", async () => {
  const handler = () => new Response();
  const [streams, other] = memoryStreams();
  const client = new Connection(streams, {
    side: CLIENT,
    version: PROTO_SPDY3,
    origin,
  });
  assertThrows(
    () => serveConnection(client, handler),
    InvalidArgumentError,
    "is a client",
  );
  assertThrows(
    () => serveConnection(other as Deno.Conn, { upgrade: true }, handler),
    InvalidArgumentError,
    "`upgrade` needs",
  );
  assertThrows(
    () => serveConnection(other, { closeTimeout: -1 }, handler),
    InvalidArgumentError,
    "closeTimeout",
  );
  assertThrows(
    () => serveConnection({} as ByteStreams, handler),
    InvalidArgumentError,
    "transport",
  );
  // @ts-expect-error: no handler
  assertThrows(() => serveConnection(other, {}), TypeError, "handler");
  await client.close();
});

Deno.test("serve: it serves on the caller's listener", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = serve({ listener, onListen() {} }, () => new Response("x"));
  const { port } = server.addr as Deno.NetAddr;
  await using client = await connect({ port });
  assertEquals(await (await client.fetch("/")).text(), "x");
  await server.shutdown();
  // The server has closed it already.
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

Deno.test("serve: it serves on a listener whose connections are web streams", async () => {
  const [left, right] = memoryStreams();
  const conns = [right];
  const server = serve({
    listener: {
      addr: { transport: "unix", path: "memory" },
      // It never settles again, not even after it is closed.
      accept: () => {
        const conn = conns.pop();
        return conn === undefined
          ? new Promise<ByteStreams>(() => {})
          : Promise.resolve(conn);
      },
      close() {},
    },
    handler: (request) => new Response(new URL(request.url).pathname),
    onListen() {},
  });
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    origin,
  });
  assertEquals(await (await client.fetch("/mem")).text(), "/mem");
  server.unref();
  server.ref();
  await server.shutdown();
});

Deno.test("serve: a listener cannot be combined with options for listening", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const options = { listener, port: 1, onListen() {} };
  assertThrows(
    () => serve(options, () => new Response()),
    InvalidArgumentError,
    "`port`",
  );
  assertGreater((listener.addr as Deno.NetAddr).port, 0);
});

Deno.test("serveConnection: a socket that its client closes is closed once, even if it never spoke", async () => {
  for (const speaks of [true, false]) {
    const [near, far] = await tcpConns();
    let closed = 0;
    const close = far.close.bind(far);
    far.close = () => {
      closed++;
      close();
    };
    const served = serveConnection(
      far,
      speaks ? { version: PROTO_SPDY3_1 } : { upgrade: true },
      () => new Response("x"),
    );
    if (speaks) {
      await using client = new Connection(near, {
        side: CLIENT,
        version: PROTO_SPDY3_1,
        origin,
      });
      assertEquals(await (await client.fetch("/")).text(), "x");
    } else near.close();
    await served.finished;
    assertEquals(closed, 1);
  }
});
