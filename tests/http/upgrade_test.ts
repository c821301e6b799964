/** The HTTP/1.1 upgrade, both sides, on TCP, TLS and Unix sockets. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "../../http/connect.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { acceptUpgrade } from "../../http/upgrade/accept_upgrade.ts";
import { connectUpgrade } from "../../http/upgrade/connect_upgrade.ts";
import { UpgradeRefusedError } from "../../http/upgrade/upgrade_result.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { serve } from "../../http/server/serve.ts";
import { Connection } from "../../http/connection.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
} from "../../frame/constants.ts";
import { FrameEncoder } from "../../frame/encoder.ts";
import { SYN_STREAM } from "../../frame/constants.ts";
import { SERVER } from "../../session/constants.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { nextStream, REQUEST, RESPONSE } from "../helpers/http.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
const TOKENS = [
  ["SPDY/2", PROTO_SPDY2],
  ["SPDY/3", PROTO_SPDY3],
  ["SPDY/3.1", PROTO_SPDY3_1],
] as const;

for (const [token, version] of TOKENS) {
  Deno.test(`upgrade: ${token} on TCP`, async () => {
    await using server = serve(
      { ...LOOPBACK, upgrade: true },
      (request, info) =>
        new Response(`${request.url} ${info.remoteAddr.hostname}`),
    );
    const origin = `http://127.0.0.1:${server.addr.port}`;
    const { connection, response } = await connectUpgrade(`${origin}/ignored`, {
      protocols: [token],
    });
    await using client = connection;
    assertEquals(response.status, 101);
    assertEquals(response.headers.get("upgrade"), token);
    assertEquals(client.version, version);
    assertEquals(client.origin, origin);
    const answer = await client.fetch("/x");
    assertEquals(await answer.text(), `${origin}/x 127.0.0.1`);
  });

  Deno.test(`upgrade: ${token} on TLS`, async () => {
    const { cert, key, caCert } = await makeCertificate();
    await using server = serve(
      { ...LOOPBACK, cert, key, upgrade: true },
      async (request) => new Response(await request.text()),
    );
    const url = `https://localhost:${server.addr.port}/`;
    const { connection } = await connectUpgrade(url, {
      protocols: [token],
      tls: { caCerts: [caCert] },
    });
    await using client = connection;
    assertEquals(client.version, version);
    const body = "x".repeat(1 << 20);
    const answer = await client.fetch("/", { method: "POST", body });
    assertEquals(await answer.text(), body);
  });
}

Deno.test("upgrade: on a Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  try {
    await using server = serve(
      { path, onListen() {}, upgrade: true },
      (request) => new Response(request.url),
    );
    assertEquals(server.addr.transport, "unix");
    const { connection } = await connectUpgrade("http://h/", { path });
    await using client = connection;
    assertEquals(await (await client.fetch("/x")).text(), "http://h/x");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("upgrade: the first of several names that both sides support is used", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true, versions: [PROTO_SPDY2, PROTO_SPDY3] },
    () => new Response(),
  );
  const { connection } = await connectUpgrade(
    `http://127.0.0.1:${server.addr.port}/`,
    { protocols: ["SPDY/3.1", "SPDY/3", "SPDY/2"] },
  );
  assertEquals(connection.version, PROTO_SPDY3);
  await connection.close();
});

Deno.test("serve with upgrade: the same port accepts SPDY without an upgrade", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true, version: PROTO_SPDY3 },
    () => new Response("direct"),
  );
  await using client = await connect({
    port: server.addr.port,
    version: PROTO_SPDY3,
  });
  assertEquals(await (await client.fetch("/")).text(), "direct");
});

Deno.test("serve with upgrade: the same port accepts SPDY by ALPN", async () => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve(
    { ...LOOPBACK, cert, key, upgrade: true },
    () => new Response("agreed"),
  );
  await using client = await connect({
    hostname: "localhost",
    port: server.addr.port,
    tls: { caCerts: [caCert] },
  });
  assertEquals(client.version, PROTO_SPDY3_1);
  assertEquals(await (await client.fetch("/")).text(), "agreed");
});

/** Sends text to a server and reads to the end. */
async function say(port: number, text: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(text));
  let answer = "";
  const buffer = new Uint8Array(4096);
  try {
    for (;;) {
      const size = await conn.read(buffer);
      if (size === null) return answer;
      answer += new TextDecoder().decode(buffer.subarray(0, size));
    }
  } catch {
    return answer;
  }
}

Deno.test("serve with upgrade: every other HTTP/1.1 request gets 426", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true },
    () => new Response(),
  );
  const { port } = server.addr;
  for (
    const head of [
      "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc",
      "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: SPDY/4\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\nupgrade: SPDY/3.1\r\n\r\n",
    ]
  ) {
    const answer = await say(port, head);
    assertMatch(answer, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    assertStringIncludes(answer, "upgrade: SPDY/3.1, SPDY/3, SPDY/2\r\n");
  }
});

Deno.test("serve with upgrade: input that is neither HTTP nor SPDY gets 400", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true },
    () => new Response(),
  );
  const answer = await say(server.addr.port, "nonsense\r\n\r\n");
  assertMatch(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
});

Deno.test("serve with upgrade: a head that is too large or too slow is refused", async () => {
  using time = virtualTime();
  await using server = serve(
    { ...LOOPBACK, upgrade: true, handshakeTimeout: 30_000 },
    () => new Response(),
  );
  const { port } = server.addr;
  const large = `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}`;
  assertMatch(await time.until(say(port, large)), /^HTTP\/1\.1 4\d\d /);
  assertEquals(await time.until(say(port, "GET / HTTP/1.1\r\nx: ")), "");
  assertEquals(await time.until(say(port, "")), "");
});

Deno.test("serve with TLS: a handshake that never arrives delays nothing else", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const server = serve(
    { ...LOOPBACK, cert, key, handshakeTimeout: 5000 },
    () => new Response("others"),
  );
  const { port } = server.addr;
  const silent = await Deno.connect({ hostname: "127.0.0.1", port });
  await using client = await connect({
    hostname: "localhost",
    port,
    tls: { caCerts: [caCert] },
  });
  assertEquals(await (await client.fetch("/")).text(), "others");
  await server.shutdown();
  assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
  silent.close();
});

Deno.test("serve with upgrade: bytes after the head in the same segment are kept", async () => {
  const seen = Promise.withResolvers<string>();
  await using server = serve(
    { ...LOOPBACK, upgrade: true },
    (request) => {
      seen.resolve(request.url);
      return new Response();
    },
  );
  const frame = new FrameEncoder(PROTO_SPDY3_1).encode({
    frameType: SYN_STREAM,
    version: 3,
    flags: 1,
    length: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: [...REQUEST],
  });
  const head = new TextEncoder().encode(
    "GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n",
  );
  using conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await conn.write(new Uint8Array([...head, ...frame]));
  assertEquals(await seen.promise, "http://localhost/");
});

/** Answers the first connection with `answer`, cut as given. */
function answering(
  ...answer: (string | Uint8Array | Promise<void>)[]
): { url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    for (const part of answer) {
      if (part instanceof Promise) await part;
      else {
        await conn.write(
          typeof part === "string" ? new TextEncoder().encode(part) : part,
        );
      }
    }
  })().catch(() => {});
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await done;
    },
  };
}

const HEAD_101 =
  "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n";

Deno.test("connectUpgrade: other answers are returned with their body", async () => {
  for (
    const [answer, status, text] of [
      ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello"],
      [
        "HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        403,
        "no",
      ],
      ["HTTP/1.0 404 Not Found\r\n\r\nuntil close", 404, "until close"],
      ["HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
      [
        `HTTP/1.1 500 Oops\r\ncontent-length: 99999\r\n\r\n${
          "x".repeat(99_999)
        }`,
        500,
        "x".repeat(65_536),
      ],
    ] as const
  ) {
    await using server = answering(answer);
    const error = await assertRejects(
      () => connectUpgrade(server.url),
      UpgradeRefusedError,
      `the upgrade was refused with ${status}`,
    );
    assertEquals(error.response.status, status);
    assertEquals(await error.response.text(), text);
  }
});

Deno.test("connectUpgrade: a 101 to another protocol and an answer that is not HTTP are errors", async () => {
  for (
    const answer of [
      "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nconnection: close\r\nupgrade: SPDY/3.1\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2p1\r\n",
      `HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
    ]
  ) {
    await using server = answering(answer);
    await assertRejects(() => connectUpgrade(server.url), HttpMessageError);
  }
});

Deno.test("connectUpgrade: a server that closes the connection or takes too long is an error", async () => {
  {
    await using server = answering("HTTP/1.1 101 Swit");
    await assertRejects(
      () => connectUpgrade(server.url),
      ConnectionClosedError,
      "before it answered",
    );
  }
  using time = virtualTime();
  const release = Promise.withResolvers<void>();
  await using server = answering(release.promise);
  await assertRejects(
    () => time.until(connectUpgrade(server.url, { timeout: 30_000 })),
    ConnectionClosedError,
    "within 30000 ms",
  );
  release.resolve();
});

Deno.test("connectUpgrade: the signal aborts it", async () => {
  const release = Promise.withResolvers<void>();
  await using server = answering(release.promise);
  const abort = new AbortController();
  const upgrading = connectUpgrade(server.url, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error("enough")), 20);
  await assertRejects(() => upgrading, Error, "enough");
  release.resolve();
  await assertRejects(
    () => connectUpgrade(server.url, { signal: abort.signal }),
    Error,
    "enough",
  );
});

Deno.test("connectUpgrade: invalid arguments are refused", async () => {
  for (
    const [url, protocols] of [
      ["ftp://h/", undefined],
      ["http://h/", ["SPDY/4"]],
      ["http://h/", []],
    ] as const
  ) {
    await assertRejects(
      () => connectUpgrade(url, { protocols }),
      InvalidArgumentError,
    );
  }
});

Deno.test("connectUpgrade: an untrusted certificate is an error", async () => {
  const { cert, key } = await makeCertificate();
  await using server = serve(
    { ...LOOPBACK, cert, key, upgrade: true },
    () => new Response(),
  );
  await assertRejects(
    () => connectUpgrade(`https://localhost:${server.addr.port}/`),
    Error,
    "certificate",
  );
});

Deno.test("connectUpgrade: bytes after the 101 are kept, in its segment or cut anywhere", async () => {
  // A SETTINGS frame: MAX_CONCURRENT_STREAMS 7.
  const settings = Uint8Array.from(
    // deno-fmt-ignore
    [0x80, 3, 0, 4, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7],
  );
  const head = new TextEncoder().encode(`${HEAD_101}\r\n`);
  const whole = new Uint8Array([...head, ...settings]);
  const cuts = [
    whole.length,
    head.length - 1,
    head.length,
    head.length + 1,
    head.length + 11,
  ];
  for (const cut of cuts) {
    const release = Promise.withResolvers<void>();
    await using server = answering(
      whole.subarray(0, cut),
      new Promise((resolve) => setTimeout(resolve, 5)),
      whole.subarray(cut),
      release.promise,
    );
    const { connection } = await connectUpgrade(server.url);
    while (connection.peerSettings.size === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals([...connection.peerSettings], [[4, 7]]);
    release.resolve();
    await connection.close();
  }
});

Deno.test("connectUpgrade: headers and method are sent unchanged", async () => {
  const asked = Promise.withResolvers<string>();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    const size = await conn.read(buffer);
    asked.resolve(new TextDecoder().decode(buffer.subarray(0, size ?? 0)));
    await conn.write(new TextEncoder().encode(`${HEAD_101}x-a: 1\r\n\r\n`));
    await using connection = new Connection(conn, {
      side: SERVER,
      version: PROTO_SPDY3_1,
    });
    const stream = await nextStream(connection);
    await stream.reply([...RESPONSE], { fin: true });
    await connection.closed;
  })();
  const { port } = listener.addr;
  const { connection, response } = await connectUpgrade(
    `http://127.0.0.1:${port}/path?q=1#no`,
    {
      method: "POST",
      headers: [["X-Stream-Protocol-Version", "v4"], [
        "X-Stream-Protocol-Version",
        "v3",
      ]],
    },
  );
  const head = await asked.promise;
  assertMatch(head, /^POST \/path\?q=1 HTTP\/1\.1\r\n/);
  assertMatch(head, new RegExp(`\r\nhost: 127.0.0.1:${port}\r\n`, "i"));
  assertMatch(head, /\r\nconnection: Upgrade\r\n/i);
  assertMatch(head, /\r\nupgrade: SPDY\/3\.1\r\n/i);
  assertMatch(head, /\r\nX-Stream-Protocol-Version: v4\r\n/i);
  assertMatch(head, /\r\nX-Stream-Protocol-Version: v3\r\n/i);
  assertEquals(response.headers.get("x-a"), "1");
  assertEquals((await connection.fetch("/")).status, 200);
  await connection.close();
  await served;
});

/** A node:http server that listens on loopback. */
async function listening(
  server: Server,
): Promise<{ url: string } & AsyncDisposable> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((done) => server.close(done));
    },
  };
}

Deno.test("acceptUpgrade: it works with the application's own node:http server", async () => {
  const server = createServer((_request, response) => response.end("plain"));
  const ended = Promise.withResolvers<void>();
  server.on("upgrade", async (request, socket, head) => {
    await using connection = await acceptUpgrade(request, socket, head, {
      headers: { "x-extra": "yes" },
    });
    for await (const stream of connection) {
      await stream.reply([...RESPONSE]);
      await stream.readable.pipeTo(stream.writable);
    }
    ended.resolve();
  });
  await using running = await listening(server);
  const { connection, response } = await connectUpgrade(running.url);
  assertEquals(response.headers.get("x-extra"), "yes");
  const body = "echo".repeat(100_000);
  const answer = await connection.fetch("/", { method: "POST", body });
  assertEquals(await answer.text(), body);
  await connection.close();
  await ended.promise;
  assertEquals(await (await fetch(running.url)).text(), "plain");
});

Deno.test("acceptUpgrade: it keeps bytes after the head and refuses other names", async () => {
  const server = createServer();
  const streams: string[] = [];
  const failed = Promise.withResolvers<unknown>();
  const came = Promise.withResolvers<void>();
  server.on("upgrade", async (request, socket, head) => {
    try {
      await using connection = await acceptUpgrade(request, socket, head);
      const stream = await nextStream(connection);
      streams.push(stream.headers[0][1]);
      came.resolve();
    } catch (error) {
      failed.resolve(error);
    }
  });
  await using running = await listening(server);
  const port = Number(new URL(running.url).port);
  const answer = await say(
    port,
    "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
  );
  assertMatch(answer, /^HTTP\/1\.1 426 /);
  assert(await failed.promise instanceof HttpMessageError);
  const frame = new FrameEncoder(PROTO_SPDY3_1).encode({
    frameType: SYN_STREAM,
    version: 3,
    flags: 1,
    length: 0,
    streamId: 1,
    assocStreamId: 0,
    pri: 0,
    slot: 0,
    nv: [...REQUEST],
  });
  const head = new TextEncoder().encode(
    "GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n",
  );
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new Uint8Array([...head, ...frame]));
  await came.promise;
  assertEquals(streams, ["localhost"]);
});

Deno.test("acceptUpgrade: forbidden requests are refused, and a client may reset meanwhile", async () => {
  const outcomes: string[] = [];
  const http = createServer();
  http.on("upgrade", (request, socket, head) => {
    acceptUpgrade(request, socket, head).then(
      (connection) => {
        outcomes.push("granted");
        return connection.close();
      },
      (error) => outcomes.push(error.name),
    );
    // As a client's reset comes to a socket that node:http has given away.
    socket.emit("error", new Error("read ECONNRESET"));
  });
  await using server = await listening(http);
  const port = Number(new URL(server.url).port);
  const upgrade = "host: h\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n";
  for (
    const [head, status] of [
      [`DELETE / HTTP/1.1\r\n${upgrade}\r\n`, 405],
      [`GET / HTTP/1.1\r\n${upgrade}content-length: 1\r\n\r\nx`, 400],
      [`GET / HTTP/1.1\r\n${upgrade}origin: http://g\r\n\r\n`, 403],
      [`GET / HTTP/1.1\r\n${upgrade}origin: http://h\r\n\r\n`, 101],
    ] as const
  ) {
    assertMatch(await say(port, head), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  assertEquals(outcomes, [
    "HttpMessageError",
    "HttpMessageError",
    "HttpMessageError",
    "granted",
  ]);
});

Deno.test("connectUpgrade: control characters in a reason phrase are replaced", async () => {
  await using server = answering(
    "HTTP/1.1 403 \x1b[31mNo\x07\r\ncontent-length: 0\r\n\r\n",
  );
  const error = await assertRejects(
    () => connectUpgrade(server.url),
    UpgradeRefusedError,
    "refused with 403 ?[31mNo?",
  );
  assertEquals(error.response.statusText, "?[31mNo?");
});
