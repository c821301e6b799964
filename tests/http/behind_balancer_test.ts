/** `serve` behind a load balancer that speaks the PROXY protocol, and clients that speak it. */

import { writeAll } from "../../connection/transport/byte_conn.ts";
import { encodeProxyHead } from "../../connection/transport/proxy_protocol.ts";
import { ProxyProtocolListener } from "../../connection/transport/proxy_protocol_listener.ts";
import {
  type ByteConn,
  connect,
  type Connection,
  connectRaw,
  connectUpgrade,
  InvalidArgumentError,
  serve,
  type ServeHandler,
} from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { waitFor } from "../helpers/deadline.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
const SOURCE = { hostname: "203.0.113.7", port: 40001 };
const DESTINATION = { hostname: "198.51.100.1", port: 443 };
const tellAddress: ServeHandler<Deno.NetAddr> = (_request, { remoteAddr }) =>
  new Response(`${remoteAddr.hostname} ${remoteAddr.port}`);

async function addressSeen(connection: Connection): Promise<string> {
  const response = await connection.fetch("/");
  return await response.text();
}

for (const secure of [false, true]) {
  for (const version of [1, 2] as const) {
    Deno.test(`PROXY version ${version} on ${secure ? "TLS" : "TCP"}: the handler sees the client's address`, async () => {
      const { cert, key, caCert } = await makeCertificate();
      await using server = serve({
        ...LOOPBACK,
        ...(secure ? { cert, key } : {}),
        upgrade: true,
        proxyProtocol: "required",
        trusted: ["127.0.0.0/8"],
      }, tellAddress);
      const tls = { caCerts: [caCert] };
      const { port } = server.addr;
      const target = { hostname: "localhost", port, tls: secure && tls };
      const proxyProtocol = {
        version,
        source: SOURCE,
        destination: DESTINATION,
      };
      const expected = "203.0.113.7 40001";
      {
        await using connection = await connect({ ...target, proxyProtocol });
        assertEquals(await addressSeen(connection), expected);
      }
      {
        // The same after the HTTP/1.1 upgrade, and with a client certificate.
        const scheme = secure ? "https" : "http";
        const { connection } = await connectUpgrade(
          `${scheme}://localhost:${port}/`,
          { tls: { ...tls, cert, key }, proxyProtocol },
        );
        assertEquals(await addressSeen(connection), expected);
        await connection.close();
      }
      // Without addresses in the head, the balancer's address counts.
      await using connection = await connect({
        ...target,
        proxyProtocol: { version, local: true },
      });
      assert((await addressSeen(connection)).startsWith("127.0.0.1 "));
    });
  }
}

Deno.test("proxyProtocol of connect: a client sends its own addresses by default", async () => {
  await using server = serve(
    { ...LOOPBACK, proxyProtocol: "required" },
    tellAddress,
  );
  await using connection = await connect({
    port: server.addr.port,
    proxyProtocol: {},
  });
  const { hostname, port } = connection.localAddr as Deno.NetAddr;
  assertEquals(await addressSeen(connection), `${hostname} ${port}`);
});

Deno.test("the connection of a server has all fields of the PROXY head", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const errors: unknown[] = [];
  const behind = new ProxyProtocolListener(listener, {
    proxyProtocol: "required",
    timeout: 0,
    error: (error) => errors.push(error),
  });
  const tlvs = [{ type: 0x02, value: new TextEncoder().encode("a.example") }];
  const client = await connectRaw({
    port: (listener.addr as Deno.NetAddr).port,
    proxyProtocol: { source: SOURCE, destination: DESTINATION, tlvs },
  });
  const conn = await behind.accept();
  assertEquals(conn.proxyHead, {
    version: 2,
    local: false,
    source: { transport: "tcp", ...SOURCE },
    destination: { transport: "tcp", ...DESTINATION },
    tlvs,
  });
  assertEquals(conn.localAddr, { transport: "tcp", ...DESTINATION });
  await client.close();
  conn.close();
  behind.close();
  assertEquals(errors, []);
});

Deno.test("handlers and onConnection get the PROXY head, and onConnectionError is called for refusals", async () => {
  const refused: string[] = [];
  const seen: unknown[] = [];
  await using server = serve({
    ...LOOPBACK,
    proxyProtocol: "required",
    onConnection: (connection, info) =>
      void seen.push(connection.proxyHead?.tlvs, info.proxyHead?.tlvs),
    onConnectionError: (error) => refused.push(String(error)),
  }, (_request, { proxyHead }) => {
    seen.push(proxyHead?.tlvs);
    return new Response();
  });
  const { port } = server.addr;
  const tlvs = [{ type: 5, value: new Uint8Array([7]) }];
  const connection = await connect({ port, proxyProtocol: { tlvs } });
  await connection.fetch("/");
  assertEquals(seen, [tlvs, tlvs, tlvs]);
  await connection.close();
  await sendAndWait(port, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assertEquals(refused, [
    'SpdyError: 127.0.0.1 did not begin with a PROXY head, which proxyProtocol "required" expects of every client',
  ]);
});

Deno.test("a caller's listener: its connections are served after their PROXY head", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using server = serve(
    { listener, onListen() {}, proxyProtocol: "required" },
    (_request, { remoteAddr }) => new Response(JSON.stringify(remoteAddr)),
  );
  const { port } = server.addr as Deno.NetAddr;
  await using connection = await connect({
    port,
    proxyProtocol: { source: SOURCE, destination: DESTINATION },
  });
  const response = await connection.fetch("/");
  assertEquals(await response.json(), { transport: "tcp", ...SOURCE });
});

Deno.test('proxyProtocol "optional": a head may be missing, and a client that is not trusted may not send one', async () => {
  await using trusting = serve({
    ...LOOPBACK,
    upgrade: true,
    proxyProtocol: "optional",
    trusted: ["127.0.0.1"],
  }, tellAddress);
  const proxyProtocol = { source: SOURCE, destination: DESTINATION };
  const { port } = trusting.addr;
  {
    await using connection = await connect({ port, proxyProtocol });
    assertEquals(await addressSeen(connection), "203.0.113.7 40001");
  }
  {
    await using connection = await connect({ port });
    assert((await addressSeen(connection)).startsWith("127.0.0.1 "));
  }
  {
    // "POST" begins as "PROXY" does.
    const { connection } = await connectUpgrade(`http://127.0.0.1:${port}/`, {
      method: "POST",
    });
    assert((await addressSeen(connection)).startsWith("127.0.0.1 "));
    await connection.close();
  }
  await using other = serve({
    ...LOOPBACK,
    proxyProtocol: "optional",
    trusted: ["10.0.0.0/8"],
  }, tellAddress);
  {
    await using connection = await connect({ port: other.addr.port });
    assert((await addressSeen(connection)).startsWith("127.0.0.1 "));
  }
  const spoofing = await connect({ port: other.addr.port, proxyProtocol });
  await assertRejects(() => spoofing.fetch("/"));
  await spoofing.close();
});

/** What the server does with these bytes; resolves when it closes the connection. */
async function sendAndWait(port: number, data: Uint8Array): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await writeAll(conn, data);
    const buffer = new Uint8Array(100);
    while (await conn.read(buffer) !== null);
  } catch {
    // The server closed it while bytes were unread.
  } finally {
    conn.close();
  }
}

Deno.test('proxyProtocol "required": connections without a valid head are closed, and others are served meanwhile', async () => {
  await using server = serve(
    { ...LOOPBACK, proxyProtocol: "required", trusted: ["127.0.0.1"] },
    tellAddress,
  );
  const { port } = server.addr;
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const good = encodeProxyHead({ source: SOURCE, destination: DESTINATION });
  const wrong = good.slice();
  wrong[12] = 0x31;
  for (
    const data of [
      text("GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
      Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1),
      Uint8Array.of(0x16, 3, 1, 0, 5),
      text("PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n"),
      text(`PROXY ${"x".repeat(200)}`),
      wrong,
    ]
  ) {
    await waitFor("the server to close", sendAndWait(port, data));
  }
  await using connection = await connect({ port, proxyProtocol: {} });
  assert((await addressSeen(connection)).startsWith("127.0.0.1 "));
});

Deno.test('proxyProtocol "required": options for TLS that are undefined do not turn it off', async () => {
  const unset = { cert: undefined, key: undefined };
  await using own = serve(
    { ...LOOPBACK, ...unset, proxyProtocol: "required" },
    tellAddress,
  );
  await using given = serve({
    listener: Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    ...unset,
    onListen() {},
    proxyProtocol: "required",
  }, (_request, { remoteAddr }) => new Response(JSON.stringify(remoteAddr)));
  const proxyProtocol = { source: SOURCE, destination: DESTINATION };
  for (const { addr } of [own, given]) {
    const { hostname, port } = addr as Deno.NetAddr;
    assertEquals(hostname, "127.0.0.1");
    await waitFor(
      "the server to close",
      sendAndWait(port, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")),
    );
    await using connection = await connect({ port, proxyProtocol });
    assertStringIncludes(await addressSeen(connection), "203.0.113.7");
  }
});

Deno.test('proxyProtocol "required": a client that is not trusted is disconnected, even with a valid head', async () => {
  await using server = serve(
    { ...LOOPBACK, proxyProtocol: "required", trusted: ["192.0.2.0/24"] },
    tellAddress,
  );
  const data = encodeProxyHead({ source: SOURCE, destination: DESTINATION });
  await waitFor("the server to close", sendAndWait(server.addr.port, data));
});

Deno.test("a late or truncated PROXY head closes the connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using time = virtualTime();
  const told = Promise.withResolvers<Error>();
  const behind = new ProxyProtocolListener(listener, {
    proxyProtocol: "required",
    timeout: 10_000,
    error: (error) => told.resolve(error as Error),
  });
  const { port } = listener.addr as Deno.NetAddr;
  const slow = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(slow, new TextEncoder().encode("PROXY TCP4 1"));
  const ended = slow.read(new Uint8Array(1)).catch(() => null);
  // The timer starts once the connection is accepted.
  while (time.next === undefined) await realPause();
  await time.advance(10_000);
  assertEquals(await waitFor("the close", ended), null);
  const error = await waitFor("the error", told.promise);
  assertEquals(
    error.message,
    "127.0.0.1 did not send a whole PROXY head within 10000 ms (handshakeTimeout)",
  );
  slow.close();
  behind.close();
});

Deno.test("a connection that is closed without a byte of its PROXY head is not an error", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const errors: unknown[] = [];
  const behind = new ProxyProtocolListener(listener, {
    proxyProtocol: "required",
    timeout: 0,
    error: (error) => errors.push(String(error)),
  });
  const { port } = listener.addr as Deno.NetAddr;
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  await waitFor(
    "an unfinished head to be told of",
    (async () => {
      const cut = await Deno.connect({ hostname: "127.0.0.1", port });
      await writeAll(cut, new TextEncoder().encode("PROXY"));
      cut.close();
      while (errors.length === 0) await realPause();
    })(),
  );
  assertEquals(errors.length, 1);
  assertStringIncludes(String(errors[0]), "in the middle of its PROXY head");
  behind.close();
});

Deno.test("a connection that is reset without a byte is not an error, with a PROXY head or an upgrade", async () => {
  // Health checks of load balancers end with a reset.
  for (const proxyProtocol of ["required", false] as const) {
    const errors: unknown[] = [];
    const closed = Promise.withResolvers<void>();
    const conn: ByteConn = {
      read: () => Promise.reject(new Deno.errors.ConnectionReset("reset")),
      write: (data) => Promise.resolve(data.length),
      closeWrite: () => Promise.resolve(),
      close: () => closed.resolve(),
    };
    const waiting = Promise.withResolvers<ByteConn>();
    let accepts = 0;
    const server = serve({
      listener: {
        addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
        accept: () => accepts++ === 0 ? Promise.resolve(conn) : waiting.promise,
        close: () => waiting.reject(new Deno.errors.BadResource()),
      },
      onListen() {},
      upgrade: true,
      proxyProtocol,
      onConnectionError: (error) => errors.push(error),
    }, () => new Response());
    await waitFor("the close", closed.promise);
    await server.shutdown();
    assertEquals(errors, []);
  }
});

Deno.test("shutdown ends connections whose PROXY head is incomplete", async () => {
  const server = serve(
    { ...LOOPBACK, proxyProtocol: "required", handshakeTimeout: 0 },
    tellAddress,
  );
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await writeAll(conn, new TextEncoder().encode("PROXY"));
  // After a round trip of another connection, the first one has been accepted.
  const other = await connect({ port: server.addr.port, proxyProtocol: {} });
  await other.close();
  await waitFor("shutdown", server.shutdown());
  const ended = conn.read(new Uint8Array(1)).catch(() => null);
  assertEquals(await waitFor("the close", ended), null);
  conn.close();
});

Deno.test("invalid options for PROXY heads are refused before listening", () => {
  for (
    const [options, text] of [
      [
        { proxyProtocol: "yes" as never },
        'proxyProtocol "yes" must be "required"',
      ],
      [{ proxyProtocol: true as never }, "proxyProtocol true must be"],
      [{ trusted: ["10.0.0.1"] }, "needs the option proxyProtocol"],
      [
        { proxyProtocol: "required", trusted: ["10.0.0.0/40"] },
        'trusted: "10.0.0.0/40" is neither',
      ],
      [
        { proxyProtocol: "required", trusted: "10.0.0.1" as never },
        'trusted "10.0.0.1" is not a list',
      ],
    ] as const
  ) {
    assertThrows(
      () => serve({ ...LOOPBACK, ...options }, tellAddress),
      InvalidArgumentError,
      text,
    );
  }
});

function realPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
