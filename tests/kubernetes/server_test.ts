import { assertEquals, stub } from "../deps.ts";
import { serveStreaming, type StreamingServer } from "../../kubernetes/mod.ts";
import {
  CLIENT,
  Connection,
  type CtrlFrame,
  PROTO_SPDY3_1,
  SYN_REPLY,
} from "../../mod.ts";
import { waitFor } from "../helpers/deadline.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const UPGRADE = [
  "POST /exec/token?command=run&output=1 HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: SPDY/3.1",
];

/** Sends a request and resolves to the connection and the answer's head. */
async function send(
  port: number,
  lines: readonly string[],
): Promise<{ conn: Deno.TcpConn; head: string }> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n") && await conn.read(byte) !== null) {
    head += decoder.decode(byte);
  }
  return { conn, head };
}

Deno.test("an upgrade is granted as in Kubernetes, and nothing unnecessary follows", async () => {
  await using server = serveStreaming({
    async exec({ stdout }) {
      await stdout.getWriter().write(encoder.encode("hello"));
    },
  });
  const { conn, head } = await send(server.addr.port, [
    ...UPGRADE,
    "X-Stream-Protocol-Version: v9.channel.k8s.io, v4.channel.k8s.io",
    "X-Stream-Protocol-Version: v3.channel.k8s.io",
  ]);
  assertEquals(head.split("\r\n").slice(0, 4), [
    "HTTP/1.1 101 Switching Protocols",
    "connection: Upgrade",
    "upgrade: SPDY/3.1",
    "x-stream-protocol-version: v4.channel.k8s.io",
  ]);
  const received: CtrlFrame["frameType"][] = [];
  await using connection = new Connection(conn, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    flowControl: false,
    onFrame(direction, frame) {
      if (direction === "received" && frame.frameType !== 0) {
        received.push(frame.frameType);
      }
    },
  });
  const [error, stdout] = await Promise.all(
    ["error", "stdout"].map((type) =>
      connection.openStream([["streamtype", type]])
    ),
  );
  assertEquals(await stdout.response, []);
  assertEquals(await new Response(stdout.readable).text(), "hello");
  assertEquals(
    await new Response(error.readable).text(),
    '{"metadata":{},"status":"Success"}',
  );
  assertEquals(received, [SYN_REPLY, SYN_REPLY]);
});

Deno.test("invalid upgrades are refused with a status", async () => {
  await using server = serveStreaming({
    exec: async () => {},
    portForward: async () => {},
  });
  const version = "X-Stream-Protocol-Version: v4.channel.k8s.io";
  const [post, host, connection] = UPGRADE;
  const cases: [lines: string[], status: string][] = [
    [UPGRADE, "400"],
    [[...UPGRADE, "X-Stream-Protocol-Version: v9.channel.k8s.io"], "403"],
    [[post, host, connection, "Upgrade: SPDY/9", version], "400"],
    [[post, host, version], "400"],
    [["POST /attach/token HTTP/1.1", ...UPGRADE.slice(1), version], "501"],
    [["POST /other HTTP/1.1", ...UPGRADE.slice(1), version], "404"],
    [
      ["GET /exec/token HTTP/1.1", host, connection, "Upgrade: websocket"],
      "400",
    ],
    [
      [
        "GET /portforward/token HTTP/1.1",
        host,
        connection,
        "Upgrade: websocket",
      ],
      "400",
    ],
    [[
      "GET /portforward/token HTTP/1.1",
      host,
      connection,
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: v4.channel.k8s.io",
    ], "400"],
  ];
  for (const [lines, status] of cases) {
    const { conn, head } = await send(server.addr.port, lines);
    assertEquals(head.split(" ")[1], status, lines.join("; "));
    conn.close();
  }
});

Deno.test("a resolve that throws, or returns an unusable response, is answered with 500 and reported", async () => {
  const faults = [
    () => {
      throw new Error("no container");
    },
    () => Promise.reject(new Error("no container")),
    () => {
      const response = new Response("x");
      response.body?.getReader();
      return response;
    },
  ];
  for (const resolve of faults) {
    const errors: unknown[] = [];
    await using server = serveStreaming({
      exec: async () => {},
      resolve,
      onError(error) {
        errors.push(error);
        throw new Error("nor can onError");
      },
    });
    const { conn, head } = await send(server.addr.port, UPGRADE);
    conn.close();
    assertEquals(head.split("\r\n")[0], "HTTP/1.1 500 Internal Server Error");
    assertEquals(errors.length, 1);
  }
});

Deno.test("a call that arrives while the server stops is not accepted", async () => {
  const { Request } = globalThis;
  for (let delay = 0; delay < 12; delay++) {
    let stopping = false;
    let late = false;
    const server = serveStreaming({
      exec: async () => {},
      resolve() {
        late = stopping;
        return new Response("taken", { status: 418 });
      },
    });
    const stopped = Promise.withResolvers<void>();
    // The request is the last step before the listener returns the call.
    globalThis.Request = class extends Request {
      constructor(input: RequestInfo | URL, init?: RequestInit) {
        super(input, init);
        (async () => {
          for (let turn = 0; turn < delay; turn++) await undefined;
          stopping = true;
          await server.shutdown();
        })().then(stopped.resolve);
      }
    };
    try {
      const sent = send(server.addr.port, UPGRADE);
      (await sent.catch(() => undefined))?.conn.close();
      await stopped.promise;
      assertEquals(late, false, `${delay} turns`);
    } finally {
      globalThis.Request = Request;
    }
  }
});

Deno.test("a refusal lists the supported sub-protocols", async () => {
  await using server = serveStreaming({ exec: async () => {} });
  const { conn, head } = await send(server.addr.port, [
    ...UPGRADE,
    "X-Stream-Protocol-Version: v9.channel.k8s.io",
  ]);
  const line = head.split("\r\n")
    .find((each) => each.startsWith("x-accepted-stream-protocol-versions"));
  assertEquals(
    line?.split(": ")[1],
    "v4.channel.k8s.io, v3.channel.k8s.io, v2.channel.k8s.io, channel.k8s.io",
  );
  conn.close();
});

Deno.test("other requests are answered by fetch, several on a connection", async () => {
  await using server = serveStreaming({
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      const body = await request.text();
      return new Response(`${pathname} ${searchParams} ${body}`, {
        status: 202,
        headers: { "x-method": request.method },
      });
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`${url}/api/v1?x=${i}`, {
      method: i === 0 ? "GET" : "POST",
      body: i === 0 ? undefined : `body ${i}`,
    });
    assertEquals(response.status, 202);
    assertEquals(response.headers.get("x-method"), i === 0 ? "GET" : "POST");
    assertEquals(
      await response.text(),
      `/api/v1 x=${i} ${i === 0 ? "" : `body ${i}`}`,
    );
  }
});

Deno.test("a request without a valid URL is answered with 400", async () => {
  await using server = serveStreaming({});
  const { conn, head } = await send(server.addr.port, [
    "GET / HTTP/1.1",
    "Host: [",
  ]);
  assertEquals(head.split(" ")[1], "400");
  conn.close();
});

Deno.test("a server with an already aborted signal does not start", async () => {
  const server = serveStreaming({ signal: AbortSignal.abort() });
  await server.finished;
});

Deno.test("a server stops when its signal aborts", async () => {
  const controller = new AbortController();
  const server = serveStreaming({ signal: controller.signal });
  const { conn } = await send(server.addr.port, [
    "GET / HTTP/1.1",
    "Host: localhost",
  ]);
  controller.abort();
  await server.finished;
  conn.close();
});

Deno.test("an accept that fails while the server stops is not reported, and delays nothing", async () => {
  using time = virtualTime();
  const accepted = Promise.withResolvers<never>();
  let accepts = 0;
  const listener = {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept: () => {
      accepts++;
      return accepted.promise;
    },
    close: () => accepted.reject(new Error("Too many open files")),
  };
  const told: unknown[] = [];
  let server: StreamingServer;
  {
    using _listen = stub(Deno, "listen", () => listener as never);
    server = serveStreaming({ onError: (error) => void told.push(error) });
  }
  await waitFor("the end", server.shutdown());
  assertEquals([accepts, told, time.timers], [1, [], 0]);
});

Deno.test("a client that does not finish its head is disconnected", async () => {
  using time = virtualTime();
  await using server = serveStreaming({ headTimeout: 30_000 });
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await conn.write(encoder.encode("GET / HTTP/1.1\r\nHost: "));
  assertEquals(await time.until(conn.read(new Uint8Array(100))), null);
  conn.close();
});

Deno.test("a connection that waits too long for its next request is closed", async () => {
  using time = virtualTime();
  await using server = serveStreaming({ headTimeout: 30_000 });
  const { conn, head } = await send(server.addr.port, [
    "GET / HTTP/1.1",
    "Host: localhost",
  ]);
  assertEquals(head.split(" ")[1], "404");
  const buffer = new Uint8Array(100);
  while (await time.until(conn.read(buffer)) !== null);
  conn.close();
});

Deno.test("a handler may take longer than the time limit of a head", async () => {
  using time = virtualTime();
  await using server = serveStreaming({
    headTimeout: 20_000,
    async fetch() {
      await time.advance(100_000);
      return new Response("late");
    },
  });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals(await response.text(), "late");
});
