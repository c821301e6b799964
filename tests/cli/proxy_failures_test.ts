/** `spdy proxy` when a server, a client or a request fails. */

import { connect as connectSocket } from "node:net";
import { type LogEntry, withAccessLog } from "../../cli/access_log.ts";
import { CLIENT, Client, Connection, PROTO_SPDY3_1, serve } from "../../mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../deps.ts";
import { closedPort, connectTo, start } from "./process.ts";
import { ask, inFrontOf, origin, QUIET } from "./proxy_peers.ts";
import { unixOnly } from "../helpers/unix_only.ts";

unixOnly.test("proxy answers 502 if the server is unreachable and 504 if it is slow, and prints one line for each", async () => {
  await using slow = await origin(() => {});
  await using slowSpdy = serve(QUIET, () => new Promise<Response>(() => {}));
  const closed = closedPort();
  const refused = /refused/i;
  const late = /no answer within 1 s \(--timeout\)/;
  // What is refused has a minute, so that a busy machine does not count as slow.
  const cases: [url: string, timeout: string, status: number, RegExp][] = [
    [`http://127.0.0.1:${closed}`, "60", 502, refused],
    [`spdy://127.0.0.1:${closed}`, "60", 502, refused],
    [slow.url, "1", 504, late],
    [`spdy://127.0.0.1:${slowSpdy.addr.port}`, "1", 504, late],
  ];
  for (const [url, timeout, status, words] of cases) {
    await using client = new Client();
    await using proxy = await inFrontOf(url, "--timeout", timeout);
    const response = proxy.url.startsWith("spdy:")
      ? await client.fetch(proxy.url.replace("spdy:", "http:"))
      : await fetch(proxy.url);
    assertEquals(response.status, status, url);
    assertMatch(await response.text(), words);
    await client.close();
    const { code, stderr } = await proxy.interrupt("SIGTERM");
    assertMatch(stderr, words);
    assertEquals([code, stderr.trim().split("\n").length], [0, 1], stderr);
  }
});

/** Sends bytes to a proxy; resolves to the first bytes of the answer, or to "" if it should not wait. */
async function sendRaw(
  url: string,
  text: string,
  { bytes = 0, waits = true } = {},
): Promise<string> {
  using conn = await Deno.connect({ port: Number(new URL(url).port) });
  await conn.write(new TextEncoder().encode(text));
  await conn.write(new Uint8Array(bytes));
  const answer = new Uint8Array(4096);
  const read = waits ? await conn.read(answer) : 0;
  return new TextDecoder().decode(answer.subarray(0, read ?? 0));
}

unixOnly.test("proxy survives clients that leave, and logs them as such", async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using behind = serve(QUIET, async (request) => {
    if (request.url.endsWith("/early")) {
      return new Response("too big", { status: 413 });
    }
    if (request.url.endsWith("/wait")) {
      request.signal.addEventListener("abort", () => ended.resolve());
      begun.resolve();
      await ended.promise;
    }
    return new Response("fine");
  });
  await using proxy = await start(
    ["proxy", "-p", "0", `spdy://127.0.0.1:${behind.addr.port}`],
  );
  const { url: front, lines } = proxy;
  const upload = (path: string): string =>
    `PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n`;
  assertMatch(
    await sendRaw(front, upload("/early"), { bytes: 100_000 }),
    /^HTTP\/1\.1 413 /,
  );
  await lines.find(/PUT \/early 413/);
  {
    using conn = await Deno.connect({ port: Number(new URL(front).port) });
    await conn.write(new TextEncoder().encode(upload("/wait")));
    await begun.promise;
  }
  await ended.promise;
  await lines.find(
    /PUT \/wait \d+ cut short: the client closed its connection/,
  );
  assertEquals(await (await fetch(front)).text(), "fine");
  const { code, stderr } = await proxy.interrupt("SIGTERM");
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("proxy in front of an HTTP server logs a client that leaves before the answer", async () => {
  const begun = Promise.withResolvers<void>();
  await using behind = await origin(() => begun.resolve());
  await using proxy = await start(["proxy", "-p", "0", behind.url]);
  await using connection = await connectTo(proxy.url);
  const leaving = new AbortController();
  const asked = connection.fetch("/wait?a", { signal: leaving.signal });
  await begun.promise;
  leaving.abort();
  await assertRejects(() => asked);
  await proxy.lines.find(/GET \/wait\?a 499 cut short: .* 0 B [\d.]+ ms$/);
});

Deno.test("the access log has the requests whose handler fails", async () => {
  const entries: LogEntry[] = [];
  const logged = Promise.withResolvers<void>();
  const handler = withAccessLog(
    () => {
      throw new Error("no more files");
    },
    (entry) => {
      entries.push(entry);
      logged.resolve();
    },
    (error) => new Response((error as Error).message, { status: 500 }),
  );
  await using server = serve(QUIET, handler);
  await using connection = await connectTo(`spdy://x:${server.addr.port}`);
  const response = await connection.fetch("/a");
  assertEquals([response.status, await response.text()], [
    500,
    "no more files",
  ]);
  await logged.promise;
  const [{ path, status, bytes, error }] = entries;
  assertEquals([path, status, bytes, error], ["/a", 500, 13, undefined]);
  assertEquals(entries.length, 1);
});

Deno.test("proxy continues after clients that reset their connections", async () => {
  await using behind = serve(QUIET, () => new Response("fine"));
  await using proxy = await inFrontOf(`spdy://127.0.0.1:${behind.addr.port}`);
  const { hostname, port } = new URL(proxy.url);
  const requests = [
    "CONNECT a.example:1 HTTP/1.1\r\nhost: a.example\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "no HTTP at all\r\n\r\n",
  ];
  for (const text of requests) {
    for (let count = 0; count < 20; count++) {
      await new Promise<void>((resolve) => {
        const socket = connectSocket(Number(port), hostname);
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.write(text, () => socket.resetAndDestroy());
      });
    }
    // A reset can arrive before the request or after it; the proxy continues in
    // both cases.
    assertEquals(await (await fetch(proxy.url)).text(), "fine", text);
  }
});

Deno.test("proxy does not blame the server for requests that it cannot forward", async () => {
  await using behind = serve(QUIET, () => new Response("fine"));
  await using proxy = await inFrontOf(`spdy://127.0.0.1:${behind.addr.port}`);
  const cases: [line: string, rest: string, answer: RegExp][] = [
    ["TRACE /", "", /^HTTP\/1\.1 501 Not Implemented\r\n[^]*TRACE/],
    [
      "GET /",
      "content-length: 2\r\n",
      /^HTTP\/1\.1 501 Not Implemented\r\n[^]*GET request with a body/,
    ],
    [
      "POST /",
      "transfer-encoding: gzip, chunked\r\n",
      /^HTTP\/1\.1 501 Not Implemented\r\n[^]*only supported Transfer-Encoding/,
    ],
    ["GET /", "host: y\r\n", /^HTTP\/1\.1 400 Bad [^]*several Host headers/],
    ["GET http://[", "", /^HTTP\/1\.1 400 Bad Request\r\n[^]*not a URL/],
  ];
  for (const [line, rest, answer] of cases) {
    const text = `${line} HTTP/1.1\r\nhost: x\r\n${rest}\r\n`;
    const got = await sendRaw(proxy.url, text, {
      bytes: rest.startsWith("content-length") ? 2 : 0,
    });
    assertMatch(got, answer, line);
  }
});

Deno.test("proxy answers 502 to a status that it cannot forward, and frees the connection", async () => {
  let closed = Promise.withResolvers<void>();
  const heads = [
    "HTTP/1.1 999 Odd\r\ncontent-length: 100\r\n\r\n",
    "HTTP/1.1 101 Odd\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
  ];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answers = (async () => {
    for (const head of heads) {
      using conn = await listener.accept();
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode(head));
      // Ends when the proxy has closed the connection.
      while (await conn.read(new Uint8Array(4096)).catch(() => null)) continue;
      closed.resolve();
    }
  })();
  await using proxy = await inFrontOf(`http://127.0.0.1:${listener.addr.port}`);
  await using connection = await connectTo(proxy.url);
  for (const head of heads) {
    closed = Promise.withResolvers<void>();
    const response = await connection.fetch("/");
    assertEquals(response.status, 502, head);
    assertEquals(response.headers.has("spdy-proxy-upgrade"), false);
    assertMatch(await response.text(), /status (999|101)/);
    await closed.promise;
  }
  await answers;
});

Deno.test("proxy never lets a truncated body look complete", async () => {
  await using http1 = await origin((_request, response) => {
    response.writeHead(200, { "content-length": "100000" });
    response.write("x".repeat(50_000), () => response.destroy());
  });
  await using spdy = serve(
    { ...QUIET, onError: () => new Response(null) },
    () =>
      new Response(
        new ReadableStream({
          pull(controller): void {
            controller.enqueue(new Uint8Array(10_000));
            controller.error(new Error("broken on purpose"));
          },
        }),
      ),
  );
  await using toHttp = await inFrontOf(http1.url);
  await using toSpdy = await inFrontOf(`spdy://127.0.0.1:${spdy.addr.port}`);
  await using connection = await connectTo(toHttp.url);
  await assertRejects(async () => (await connection.fetch("/")).bytes());
  await assertRejects(async () => (await ask(toSpdy.url)).bytes);
});

unixOnly.test("proxy reports a body that the server cut off in one line", async () => {
  await using behind = await origin((_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("abc", () => response.destroy());
  });
  for (const flags of [[], ["-s"]]) {
    await using proxy = await start(
      ["proxy", "-p", "0", ...flags, behind.url],
    );
    await using connection = await connectTo(proxy.url);
    const response = await connection.fetch("/a?b");
    await assertRejects(() => response.bytes());
    await connection.close();
    const { code, stdout, stderr } = await proxy.interrupt();
    assertEquals(code, 0);
    assertEquals(
      stderr,
      "spdy: GET /a?b: the response was cut short after 3 bytes: the server behind the proxy closed the connection before the end of the body\n",
    );
    assertEquals(
      / 200 cut short: the server behind the proxy closed .* 3 B /.test(stdout),
      flags.length === 0,
      stdout,
    );
  }
});

unixOnly.test("proxy prints no error if the client leaves during a body", async () => {
  const left = Promise.withResolvers<void>();
  await using behind = await origin((_request, response) => {
    response.once("close", () => left.resolve());
    response.write("abc");
  });
  await using proxy = await inFrontOf(behind.url);
  const { hostname, port } = new URL(proxy.url);
  const transport = await Deno.connect({ hostname, port: Number(port) });
  const connection = new Connection(transport, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
  });
  const response = await connection.fetch("http://localhost/");
  const reader = response.body?.getReader();
  await reader?.read();
  transport.close();
  await assertRejects(async () => await reader?.read());
  await left.promise;
  const { code, stderr } = await proxy.interrupt();
  assertEquals([code, stderr], [0, ""]);
});
