/** `spdy proxy` between real programs: `node:http` on one side, SPDY on the other. */

import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { serve } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { connectTo, run, start } from "./process.ts";
import { ask, inFrontOf, origin, QUIET } from "./proxy_peers.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const TEXT = "a body that repeats, ".repeat(20);
const CODED: ReadonlyMap<string, Uint8Array> = new Map<string, Uint8Array>([
  ["gzip", new Uint8Array(gzipSync(TEXT))],
  ["br", new Uint8Array(brotliCompressSync(TEXT))],
  ["deflate", new Uint8Array(deflateSync(TEXT))],
  // A body whose content does not matter.
  ["zstd", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 1, 2)],
]);

Deno.test("proxy speaks SPDY in front of an HTTP server", async () => {
  await using behind = await origin((request, response) => {
    response.writeHead(201, { connection: "x-own", "x-own": "1", "x-a": "2" });
    response.write(`${request.method} ${request.url} `);
    request.pipe(response);
  });
  await using proxy = await inFrontOf(behind.url);
  await using connection = await connectTo(proxy.url);
  const response = await connection.fetch("http://localhost/path?q", {
    method: "POST",
    body: "body",
  });
  assertEquals(response.status, 201);
  assertEquals(await response.text(), "POST /path?q body");
  assertEquals(
    ["x-a", "x-own"].map((name) => response.headers.get(name)),
    ["2", null],
  );
});

Deno.test("proxy speaks HTTP/1.1 in front of a SPDY server", async () => {
  await using behind = serve(QUIET, async (request) => {
    const { pathname, search } = new URL(request.url);
    return new Response(
      `${request.method} ${pathname}${search} ${await request.text()}`,
      { status: 201, headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] },
    );
  });
  await using proxy = await inFrontOf(`spdy://127.0.0.1:${behind.addr.port}`);
  const response = await fetch(new URL("/path?q", proxy.url), {
    method: "POST",
    body: "body",
  });
  assertEquals(response.status, 201);
  assertEquals(await response.text(), "POST /path?q body");
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("proxy forwards encoded bodies unchanged in both directions, also for Range", async () => {
  const codedFor = (path: string): [string, Uint8Array, boolean] => {
    const [, coding, range] = path.split("/");
    const bytes = CODED.get(coding) ?? new Uint8Array();
    return [coding, range ? bytes.slice(0, 5) : bytes, range === "range"];
  };
  await using http1 = await origin((request, response) => {
    const [coding, bytes, isRange] = codedFor(request.url ?? "");
    response.writeHead(isRange ? 206 : 200, {
      "content-encoding": coding,
      "content-length": bytes.length,
    });
    response.end(bytes);
  });
  await using spdy = serve(QUIET, (request) => {
    const [coding, bytes, isRange] = codedFor(new URL(request.url).pathname);
    return new Response(bytes as Uint8Array<ArrayBuffer>, {
      status: isRange ? 206 : 200,
      headers: { "content-encoding": coding },
    });
  });
  await using toHttp = await inFrontOf(http1.url);
  await using toSpdy = await inFrontOf(`spdy://127.0.0.1:${spdy.addr.port}`);
  await using connection = await connectTo(toHttp.url);
  for (const coding of CODED.keys()) {
    for (const path of [`/${coding}`, `/${coding}/range`]) {
      const [, bytes, isRange] = codedFor(path);
      const first = await connection.fetch(path, { decompress: false });
      assertEquals(await first.bytes(), bytes, path);
      const second = await ask(new URL(path, toSpdy.url).href);
      assertEquals(second.bytes, bytes, path);
      for (
        const [status, coding, length] of [
          [
            first.status,
            first.headers.get("content-encoding"),
            first.headers.get("content-length"),
          ],
          [
            second.status,
            second.headers["content-encoding"],
            second.headers["content-length"],
          ],
        ]
      ) {
        assertEquals(
          [status, coding, length],
          [isRange ? 206 : 200, coding, String(bytes.length)],
          path,
        );
      }
    }
  }
});

Deno.test("proxy keeps content-length both ways, also in the answer to HEAD", async () => {
  const lengths: unknown[] = [];
  await using http1 = await origin((request, response) => {
    const { headers } = request;
    lengths.push([headers["content-length"], headers["transfer-encoding"]]);
    request.resume();
    response.writeHead(200, { "content-length": "1000000" });
    response.end(request.method === "HEAD" ? "" : "x".repeat(1_000_000));
  });
  await using spdy = serve(QUIET, async (request) => {
    lengths.push([request.headers.get("content-length"), undefined]);
    await request.text();
    return new Response(
      request.method === "HEAD" ? null : "x".repeat(1_000_000),
      { headers: { "content-length": "1000000" } },
    );
  });
  await using toHttp = await inFrontOf(http1.url);
  await using toSpdy = await inFrontOf(`spdy://127.0.0.1:${spdy.addr.port}`);
  await using connection = await connectTo(toHttp.url);
  for (const method of ["HEAD", "GET", "POST"]) {
    const body = method === "POST" ? "abc" : undefined;
    const first = await connection.fetch("/", { method, body });
    const size = method === "HEAD" ? 0 : 1_000_000;
    assertEquals(
      [first.headers.get("content-length"), (await first.bytes()).length],
      ["1000000", size],
      method,
    );
    const headers = body ? { "content-length": "3" } : undefined;
    const second = await ask(toSpdy.url, { method, headers }, body);
    assertEquals(
      [second.headers["content-length"], second.bytes.length],
      ["1000000", size],
      method,
    );
    const sent = body && "3";
    assertEquals(lengths.splice(0), [[sent, undefined], [
      sent ?? null,
      undefined,
    ]], method);
  }
});

Deno.test("proxy: unusual connection headers, paths with two slashes and OPTIONS * work", async () => {
  const seen: string[] = [];
  await using http1 = await origin((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end("ok");
  });
  await using toHttp = await inFrontOf(http1.url);
  const port = new URL(toHttp.url.replace("spdy:", "http:")).port;
  await using toSpdy = await inFrontOf(`spdy://127.0.0.1:${port}`);
  for (
    const [connection, method, path] of [
      ["close,", "GET", "/a"],
      ["close, a b", "GET", "/b"],
      [", ,\t,", "GET", "//c/d"],
      ["keep-alive", "OPTIONS", "*"],
    ]
  ) {
    const { status } = await ask(toSpdy.url, {
      method,
      path,
      headers: { connection },
    });
    assertEquals(status, 200, `${connection} ${method} ${path}`);
  }
  assertEquals(seen, ["GET /a", "GET /b", "GET //c/d", "OPTIONS *"]);
});

Deno.test("proxy sends the client's address, and forwards its host or rewrites redirects on request", async () => {
  const answer = (headers: Headers): Response =>
    Response.json(
      [
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
      ]
        .map((name) => headers.get(name)),
      {
        status: 302,
        headers: { location: `http://${headers.get("x-behind")}/next?a#b` },
      },
    );
  await using http1 = Deno.serve(QUIET, (request) => answer(request.headers));
  const behind = `127.0.0.1:${http1.addr.port}`;
  for (const flags of [[], ["--preserve-host", "--rewrite-redirects"]]) {
    const set = flags.length > 0;
    await using proxy = await inFrontOf(`http://${behind}`, ...flags);
    await using connection = await connectTo(proxy.url);
    const response = await connection.fetch("http://asked.example:81/x", {
      redirect: "manual",
      headers: {
        "x-behind": behind,
        "x-forwarded-for": "192.0.2.1",
        forwarded: "for=192.0.2.1",
      },
    });
    assertEquals(await response.json(), [
      set ? "asked.example:81" : behind,
      "192.0.2.1, 127.0.0.1",
      "asked.example:81",
      "http",
      'for=192.0.2.1, for=127.0.0.1;host="asked.example:81";proto=http',
    ]);
    assertEquals(
      response.headers.get("location"),
      `http://${set ? "asked.example:81" : behind}/next?a#b`,
    );
  }
});

Deno.test("proxy in front of a SPDY server takes the host of an absolute target instead of the header", async () => {
  await using spdy = serve(QUIET, (request) => {
    const { host, origin } = new URL(request.url);
    const forwarded = request.headers.get("x-forwarded-host");
    const location = `${origin}/next`;
    return Response.json([host, forwarded], { headers: { location } });
  });
  const behind = `127.0.0.1:${spdy.addr.port}`;
  for (const flags of [["--rewrite-redirects"], ["--preserve-host"]]) {
    await using proxy = await inFrontOf(`spdy://${behind}`, ...flags);
    for (
      const [path, host] of [
        ["http://asked.example:81/x", "asked.example:81"],
        ["/x", "header.example"],
      ]
    ) {
      const { bytes, headers } = await ask(proxy.url, {
        path,
        headers: { host: "header.example" },
      });
      const isPreserved = flags.includes("--preserve-host");
      assertEquals(JSON.parse(new TextDecoder().decode(bytes)), [
        isPreserved ? host : behind,
        host,
      ]);
      assertEquals(headers.location, `http://${host}/next`);
    }
  }
});

Deno.test("proxy rewrites redirects in front of a SPDY server, but not those to other servers", async () => {
  await using spdy = serve(QUIET, (request) => {
    const { pathname, origin } = new URL(request.url);
    const location = pathname === "/in"
      ? `${origin}/new`
      : "http://other.example/";
    return new Response(null, { status: 301, headers: { location } });
  });
  await using proxy = await inFrontOf(
    `spdy://127.0.0.1:${spdy.addr.port}`,
    "--rewrite-redirects",
  );
  const inside = await ask(new URL("/in", proxy.url).href);
  assertEquals(inside.headers.location, new URL("/new", proxy.url).href);
  const outside = await ask(new URL("/out", proxy.url).href);
  assertEquals(outside.headers.location, "http://other.example/");
});

Deno.test("proxy and serve log in the requested format and end on SIGHUP", async () => {
  await using http1 = await origin((_request, response) =>
    response.end("12345")
  );
  const formats: [format: string, line: RegExp][] = [
    ["text", /^\S+Z 127\.0\.0\.1 GET \/a%22b 200 5 B [\d.]+ ms$/],
    [
      "combined",
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] "GET \/a%22b SPDY" 200 5 "-" "agent \\"x\\""$/,
    ],
    [
      "json",
      /^\{"time":"\S+Z","from":"127\.0\.0\.1","method":"GET","path":"\/a%22b","status":200,"bytes":5,"ms":[\d.]+,"userAgent":"agent \\"x\\""\}$/,
    ],
  ];
  for (const [format, line] of formats) {
    await using proxy = await start([
      "proxy",
      ...["-p", "0", "--log-format", format, http1.url],
    ]);
    await using connection = await connectTo(proxy.url);
    const response = await connection.fetch('/a"b', {
      headers: { "user-agent": 'agent "x"' },
    });
    await response.text();
    await connection.close();
    const { code, stdout } = await proxy.interrupt("SIGHUP");
    assertEquals(code, 0);
    assertMatch(stdout.trim().split("\n").at(-1) ?? "", line);
  }
  const { code, stderr } = await run(["serve", "--log-format", "xml"]);
  assertEquals(code, 2);
  assertMatch(stderr, /--log-format xml: known are text, combined, json/);
});

unixOnly.test("proxy in front of a SPDY server prints only its address", async () => {
  await using behind = serve(QUIET, () => new Response("answer"));
  await using proxy = await inFrontOf(`spdy://127.0.0.1:${behind.addr.port}`);
  assertEquals(await (await fetch(proxy.url)).text(), "answer");
  const { code, stdout } = await proxy.interrupt();
  assertEquals([code, stdout.trim().split("\n").length], [0, 1]);
});

const CONNECTED = ["", "GET / HTTP/1.1\r\nHost", "no HTTP\r\n\r\n"];

async function write(conn: Deno.Conn, text: string): Promise<void> {
  if (text !== "") await conn.write(new TextEncoder().encode(text));
}

unixOnly.test("proxy in front of a SPDY server ends after the answer to the request under way, although clients stay connected", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using behind = serve(QUIET, () => {
    asked.resolve();
    return answer.promise;
  });
  await using proxy = await inFrontOf(`spdy://127.0.0.1:${behind.addr.port}`);
  const port = Number(new URL(proxy.url).port);
  const conns: Deno.Conn[] = [];
  for (const text of CONNECTED) {
    const conn = await Deno.connect({ port });
    conns.push(conn);
    await write(conn, text);
  }
  const last = await Deno.connect({ port });
  await write(last, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asked.promise;
  const ended = proxy.interrupt();
  answer.resolve(new Response("the answer"));
  const text = await new Response(last.readable).text();
  assertMatch(text, /^HTTP\/1\.1 200 OK\r\n[^]*the answer/);
  assertEquals((await ended).code, 0);
  for (const conn of conns) conn.close();
});

unixOnly.test("proxy in front of a SPDY server with TLS ends after the answer to the request under way, although clients stay connected", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using behind = serve(QUIET, ({ url }) => {
    if (url.endsWith("/idle")) return new Response("idle");
    asked.resolve();
    return answer.promise;
  });
  const { cert, key, caCert } = await makeCertificate();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/cert`, cert);
  await Deno.writeTextFile(`${folder}/key`, key);
  await using proxy = await inFrontOf(
    `spdy://127.0.0.1:${behind.addr.port}`,
    ...["--cert", `${folder}/cert`, "--key", `${folder}/key`],
  );
  const port = Number(new URL(proxy.url).port);
  const connected = async (text: string): Promise<Deno.Conn> => {
    const conn = await Deno.connectTls({
      hostname: "localhost",
      port,
      caCerts: [caCert],
    });
    await conn.handshake();
    await write(conn, text);
    return conn;
  };
  const plain = await Deno.connect({ port });
  const conns: Deno.Conn[] = [];
  for (const text of CONNECTED) conns.push(await connected(text));
  const idle = await connected("GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n");
  conns.push(idle);
  assert((await idle.read(new Uint8Array(1000)) ?? 0) > 0);
  const last = await connected("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asked.promise;
  const ended = proxy.interrupt();
  answer.resolve(new Response("the answer"));
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1000);
  while (!text.endsWith("the answer")) {
    const size = await last.read(buffer);
    if (size === null) break;
    text += decoder.decode(buffer.subarray(0, size));
  }
  assertMatch(text, /^HTTP\/1\.1 200 OK\r\n[^]*the answer$/);
  assertEquals((await ended).code, 0);
  // Each one gets the end of TLS. Without it, reading fails.
  for (const conn of [...conns, last]) {
    while (await conn.read(buffer) !== null);
    conn.close();
  }
  plain.close();
  await Deno.remove(folder, { recursive: true });
});
