/** Connections to a server: what its owner learns about them, and how they end. */

import { connect } from "../../http/connect.ts";
import type { Connection } from "../../http/connection.ts";
import type { ConnectionErrorInfo } from "../../http/server/serve_options.ts";
import { serve } from "../../http/server/serve.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { InvalidArgumentError, SpdyError } from "../../errors.ts";
import { PROTO_SPDY2 } from "../../frame/constants.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { waitFor, waitUntil } from "../helpers/deadline.ts";
import { unixOnly } from "../helpers/unix_only.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const hostname = "127.0.0.1";
const quiet = { hostname, port: 0, onListen() {} };
const answer = () => new Response("x");

/** The failed connections that a server reports, one at a time. */
class Told {
  readonly all: [error: Error, info: ConnectionErrorInfo][] = [];
  #next = Promise.withResolvers<[error: Error, info: ConnectionErrorInfo]>();

  readonly onConnectionError = (error: unknown, info: ConnectionErrorInfo) => {
    if (!(error instanceof Error)) throw error;
    this.all.push([error, info]);
    this.#next.resolve([error, info]);
    this.#next = Promise.withResolvers();
  };

  get next(): Promise<[error: Error, info: ConnectionErrorInfo]> {
    return this.#next.promise;
  }
}

/** Sends bytes to a server and reads until it closes the connection. */
async function stranger(port: number, bytes: Uint8Array): Promise<void> {
  using conn = await Deno.connect({ hostname, port });
  await conn.write(bytes);
  const buffer = new Uint8Array(4096);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // The server reset the connection.
  }
}

const ascii = (text: string) => new TextEncoder().encode(text);

for (const how of ["shutdown", "signal", "await using"] as const) {
  for (const kind of ["tcp", "tls", "unix"] as const) {
    const machines = kind === "unix" ? unixOnly : Deno;
    machines.test(`serve: the ${kind} address is free after ${how}`, async () => {
      const path = `${await Deno.makeTempDir()}/socket`;
      const { cert, key } = await makeCertificate();
      const start = (port: number, signal?: AbortSignal) => {
        if (kind === "unix") {
          return serve({ path, signal, onListen() {} }, answer);
        }
        const tls = kind === "tls" ? { cert, key } : {};
        return serve({ ...quiet, port, signal, ...tls }, answer);
      };
      const abort = new AbortController();
      const first = start(0, abort.signal);
      const port = "port" in first.addr ? first.addr.port : 0;
      if (kind !== "tls") {
        const target = kind === "unix" ? { path } : { port };
        await using client = await connect(target);
        await (await client.fetch("/")).text();
      }
      if (how === "shutdown") await first.shutdown();
      else if (how === "signal") {
        abort.abort();
        await first.finished;
      } else await first[Symbol.asyncDispose]();
      if (kind === "unix") {
        await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
      }
      await start(port).shutdown();
    });
  }
}

Deno.test("serve: connections lists the open connections", async () => {
  await using server = serve(quiet, answer);
  const { port } = server.addr;
  const all = () => [...server.connections];
  const { connections } = server;
  assertEquals(all(), []);
  const first = await connect({ port });
  await (await first.fetch("/")).text();
  const [one] = all();
  assertEquals(one.remoteAddr, first.localAddr);
  await using second = await connect({ port });
  await (await second.fetch("/")).text();
  assertEquals([...connections].length, 2);
  await first.close();
  await one.closed;
  await waitUntil("the first to be removed", () => all().length === 1);
  assertEquals(all()[0].remoteAddr, second.localAddr);
});

Deno.test("onConnection: it is called before the first request, which waits for it", async () => {
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  await using server = serve({
    ...quiet,
    onConnection: async (connection, { remoteAddr, localAddr, tls }) => {
      assertEquals(connection.remoteAddr, remoteAddr);
      assertEquals(connection.localAddr, localAddr);
      assertEquals(tls, undefined);
      order.push("asked");
      await gate.promise;
      order.push("admitted");
    },
  }, () => {
    order.push("request");
    return answer();
  });
  await using client = await connect({ port: server.addr.port });
  const response = client.fetch("/");
  await client.ping();
  assertEquals(order, ["asked"]);
  gate.resolve();
  await (await response).text();
  assertEquals(order, ["asked", "admitted", "request"]);
});

const REFUSALS: Record<string, () => unknown> = {
  "returns false": () => false,
  "resolves to false": () => Promise.resolve(false),
  throws() {
    throw new Error("not you");
  },
  rejects: () => Promise.reject(new Error("not you")),
};

for (const [how, onConnection] of Object.entries(REFUSALS)) {
  Deno.test(`onConnection: the client is refused if onConnection ${how}`, async () => {
    const told = new Told();
    const { onConnectionError } = told;
    let requests = 0;
    await using server = serve(
      { ...quiet, onConnection, onConnectionError },
      () => {
        requests++;
        return answer();
      },
    );
    await using client = await connect({ port: server.addr.port });
    await assertRejects(() => client.fetch("/"));
    await client.closed.catch(() => {});
    assertEquals(requests, 0);
    assertEquals(
      told.all.map(([{ message }]) => message),
      how === "throws" || how === "rejects" ? ["not you"] : [],
    );
  });
}

for (
  const [name, bytes, pattern] of [
    ["HTTP/1.1", ascii("GET / HTTP/1.1\r\n\r\n"), /HTTP\/1\.1 request/],
    ["what is no protocol", new Uint8Array(64).fill(0xff), /ff ff ff/],
    [
      "another version of SPDY",
      new Uint8Array([0x80, 2, 0, 1, 0, 0, 0, 10, 0, 0, 0, 1]),
      /SPDY\/2/,
    ],
    ["TLS", new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0]), /TLS/],
  ] as const
) {
  Deno.test(`onConnectionError: it is called for a client that speaks ${name}`, async () => {
    const told = new Told();
    const { onConnectionError } = told;
    await using server = serve({ ...quiet, onConnectionError }, answer);
    const { next } = told;
    await stranger(server.addr.port, bytes);
    const [error, info] = await next;
    assertMatch(error.message, pattern);
    assertEquals(info.remoteAddr?.transport, "tcp");
    assertEquals(told.all.length, 1);
  });
}

Deno.test("onConnectionError: it is called when a limit or a timeout is exceeded", async () => {
  using time = virtualTime();
  const told = new Told();
  const { onConnectionError } = told;
  const options = { ...quiet, onConnectionError, headerTimeout: 30_000 };
  await using server = serve(options, answer);
  const { port } = server.addr;
  let { next } = told;
  // SETTINGS with an impossible length.
  const large = new Uint8Array(100_000);
  large.set([0x80, 3, 0, 4, 0, 255, 255, 255]);
  await stranger(port, large);
  const [error, { connection }] = await next;
  assertInstanceOf(error, ConnectionClosedError);
  assertMatch(error.message, /invalid SETTINGS frame/);
  assert(connection !== undefined);
  ({ next } = told);
  using silent = await Deno.connect({ hostname, port });
  await waitUntil(
    "the silent client to be accepted",
    () =>
      [...server.connections].some(({ remoteAddr }) =>
        (remoteAddr as Deno.NetAddr).port === silent.localAddr.port
      ),
  );
  await time.advance(29_999);
  assertEquals(told.all.length, 1);
  await time.advance(1);
  const [late] = await waitFor("the timeout", next);
  assertMatch(late.message, /within 30000 ms \(headerTimeout\)/);
});

Deno.test("a client whose TLS handshake the server refuses gets the alert with the reason", async () => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve(
    { ...quiet, cert, key, versions: [PROTO_SPDY2] },
    answer,
  );
  const { port } = server.addr;
  const tls = { caCerts: [caCert], alpnProtocols: ["spdy/3.1"] };
  await assertRejects(
    () => connect({ hostname, port, tls }),
    SpdyError,
    "NoApplicationProtocol",
  );
  using plain = await Deno.connect({ hostname, port });
  await plain.write(new Uint8Array(20));
  const answered = new Uint8Array(1);
  assertEquals(await plain.read(answered), 1);
  const alert = 21; // TLS 1.3 (RFC 8446) 5.1
  assertEquals(answered[0], alert);
});

Deno.test("onConnectionError: it is called for TLS handshakes that fail or take too long", async () => {
  using time = virtualTime();
  const { cert, key } = await makeCertificate();
  const told = new Told();
  const { onConnectionError } = told;
  await using server = serve({
    ...quiet,
    cert,
    key,
    handshakeTimeout: 30_000,
    onConnectionError,
  }, answer);
  const { port } = server.addr;
  let { next } = told;
  await stranger(port, ascii("GET / HTTP/1.1\r\n\r\n"));
  assertMatch((await next)[0].message, /TLS handshake with the client failed/);
  ({ next } = told);
  using _silent = await Deno.connect({ hostname, port });
  const [error, info] = await waitFor("the timeout", time.until(next));
  assertGreaterOrEqual(time.now(), 30_000);
  assertMatch(error.message, /within 30000 ms \(handshakeTimeout\)/);
  assertEquals(info.connection, undefined);
});

Deno.test("onConnectionError: it is called for a client without ALPN", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const told = new Told();
  const { onConnectionError } = told;
  await using server = serve(
    { ...quiet, cert, key, onConnectionError },
    answer,
  );
  const { next } = told;
  using conn = await Deno.connectTls({
    hostname: "localhost",
    port: server.addr.port,
    caCerts: [caCert],
  });
  await conn.handshake();
  assertMatch((await next)[0].message, /agreed on no protocol by ALPN/);
});

Deno.test("onConnectionError: it is not called for clients that only disconnect", async () => {
  const { cert, key } = await makeCertificate();
  const told = new Told();
  const { onConnectionError } = told;
  const leave = Promise.withResolvers<void>();
  const handler = async (request: Request) => {
    leave.resolve();
    await new Promise((resolve) => {
      request.signal.addEventListener("abort", resolve);
    });
    return answer();
  };
  const plain = serve({ ...quiet, onConnectionError }, handler);
  const tls = serve({ ...quiet, cert, key, onConnectionError }, handler);
  const upgrade = serve({ ...quiet, upgrade: true, onConnectionError }, answer);
  // Connects and disconnects, like a health check of a load balancer.
  for (const { addr } of [plain, tls, upgrade]) {
    (await Deno.connect({ hostname, port: addr.port })).close();
  }
  // Disconnects during a request.
  const raw = await Deno.connect({ hostname, port: plain.addr.port });
  const { Connection } = await import("../../http/connection.ts");
  const client: Connection = new Connection(raw, {
    side: 1,
    version: 4,
    origin: "http://localhost",
  });
  const failed = assertRejects(() => client.fetch("/"));
  await leave.promise;
  raw.close();
  await failed;
  await Promise.all([plain, tls, upgrade].map((each) => each.shutdown()));
  assertEquals(told.all, []);
});

Deno.test("onConnectionError: an exception in it is logged and ends nothing", async () => {
  const { error: original } = console;
  const logged: unknown[] = [];
  const seen = Promise.withResolvers<void>();
  console.error = (...args) => {
    logged.push(...args);
    seen.resolve();
  };
  try {
    await using server = serve({
      ...quiet,
      onConnectionError() {
        throw new Error("callback failed");
      },
    }, answer);
    await stranger(server.addr.port, ascii("GET / HTTP/1.1\r\n\r\n"));
    await seen.promise;
    await using client = await connect({ port: server.addr.port });
    assertEquals(await (await client.fetch("/")).text(), "x");
  } finally {
    console.error = original;
  }
  assertEquals(logged[0], "Exception in onConnectionError");
});

for (
  const bound of ["maxConnections", "maxConnectionsPerAddress"] as const
) {
  Deno.test(`serve: ${bound} is enforced, and a place becomes free again`, async () => {
    const told = new Told();
    const { onConnectionError } = told;
    await using server = serve(
      { ...quiet, [bound]: 2, onConnectionError },
      answer,
    );
    const { port } = server.addr;
    const first = await connect({ port });
    await using second = await connect({ port });
    for (const each of [first, second]) await (await each.fetch("/")).text();
    const { next } = told;
    await using third = await connect({ port });
    await assertRejects(() => third.fetch("/"));
    assertMatch(
      (await next)[0].message,
      new RegExp(`2 connections.* are open already.*${bound}\\)`),
    );
    // Connections that were accepted continue.
    assertEquals(await (await second.fetch("/")).text(), "x");
    const [one] = server.connections;
    await first.close();
    await one.closed;
    for (;;) {
      await using again = await connect({ port });
      const status = await again.fetch("/").then((r) => r.status, () => 0);
      if (status === 200) break;
    }
  });

  Deno.test(`serve: ${bound} is a whole number above 0`, () => {
    for (const value of [0, -1, 1.5, NaN]) {
      assertThrows(
        () => serve({ ...quiet, [bound]: value }, answer),
        InvalidArgumentError,
        bound,
      );
    }
  });
}

Deno.test("shutdown: requests that are not finished by the deadline are ended", async () => {
  using time = virtualTime();
  const begun = Promise.withResolvers<AbortSignal>();
  const server = serve(quiet, (request) => {
    begun.resolve(request.signal);
    return new Promise<Response>(() => {});
  });
  const client = await connect({ port: server.addr.port });
  const failed = assertRejects(() => client.fetch("/"));
  const signal = await begun.promise;
  const whole = server.shutdown();
  const limited = server.shutdown({ timeout: 30_000 });
  await time.advance(29_999);
  assert(!signal.aborted);
  await time.advance(1);
  assert(signal.aborted);
  await Promise.all([whole, limited, server.finished, failed]);
  await client.close();
});

Deno.test("shutdown: requests that finish before the deadline are not ended", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const server = serve(quiet, async () => {
    begun.resolve();
    await gate.promise;
    return new Response("in time");
  });
  await using client = await connect({ port: server.addr.port });
  const response = client.fetch("/");
  await begun.promise;
  const down = server.shutdown({ timeout: 600_000 });
  gate.resolve();
  assertEquals(await (await response).text(), "in time");
  await down;
});

Deno.test("shutdown: an invalid timeout is refused", async () => {
  await using server = serve(quiet, answer);
  for (const timeout of [-1, NaN, 1.5]) {
    await assertRejects(
      () => server.shutdown({ timeout }),
      InvalidArgumentError,
      "timeout",
    );
  }
});

Deno.test("serve: changing the object with the options afterwards changes nothing", async () => {
  const options = {
    ...quiet,
    maxSendBuffer: 65536,
    onConnection: (): boolean => true,
  };
  await using server = serve(options, answer);
  options.maxSendBuffer = -1;
  options.onConnection = () => false;
  await using client = await connect({ hostname, port: server.addr.port });
  const response = await client.fetch("/", {
    signal: AbortSignal.timeout(10_000),
  });
  assertEquals(await response.text(), "x");
});
