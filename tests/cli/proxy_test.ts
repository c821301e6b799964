/** `spdy proxy` between real programs: `node:http` and raw sockets on one side, SPDY on the other. */

import http from "node:http";
import {
  type AddressInfo,
  connect as connectSocket,
  type Socket,
} from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { assertEquals, assertMatch, assertRejects, toText } from "../deps.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { Lines } from "../helpers/lines.ts";
import { Client, type Connection, serve } from "../../mod.ts";
import { closedPort, command, connectTo, run, start } from "./process.ts";

const QUIET = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** An HTTP/1.1 server of `node:http`, which passes on what a handler writes. */
async function origin(
  handler: http.RequestListener,
  onUpgrade?: (request: http.IncomingMessage, socket: Socket) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = http.createServer(handler);
  if (onUpgrade) {
    server.on(
      "upgrade",
      (request, socket) => onUpgrade(request, socket as Socket),
    );
  }
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Uint8Array;
}

/** Asks by `node:http`, which decodes nothing. */
function ask(
  url: string,
  options: http.RequestOptions = {},
  body?: string,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent: false, ...options }, (head) => {
      const chunks: Uint8Array[] = [];
      head.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      head.on("error", reject);
      head.on("end", async () =>
        resolve({
          status: head.statusCode ?? 0,
          headers: head.headers,
          bytes: await new Blob(chunks as Uint8Array<ArrayBuffer>[]).bytes(),
        }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function inFrontOf(url: string, ...options: string[]) {
  return start(["proxy", "-p", "0", "-s", ...options, url]);
}

const TEXT = "a body that repeats, ".repeat(20);
const CODED: ReadonlyMap<string, Uint8Array> = new Map<string, Uint8Array>([
  ["gzip", new Uint8Array(gzipSync(TEXT))],
  ["br", new Uint8Array(brotliCompressSync(TEXT))],
  ["deflate", new Uint8Array(deflateSync(TEXT))],
  // Nothing here looks into it.
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
        const [status, said, length] of [
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
          [status, said, length],
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

/** Asks for an upgrade and says `hello`; resolves to the status and what came back. */
function upgrade(url: string): Promise<[status: number, text: string]> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      agent: false,
      headers: { connection: "Upgrade", upgrade: "echo" },
    });
    request.on("error", reject);
    request.on("response", (head) => {
      let text = "";
      head.setEncoding("utf8").on("data", (part) => text += part);
      head.on("end", () => resolve([head.statusCode ?? 0, text]));
    });
    request.on("upgrade", (head, socket: Socket) => {
      let text = `${head.headers["x-answer"]} `;
      socket.setEncoding("utf8").on("data", (part) => {
        text += part;
        if (text.endsWith("hello")) socket.end("!");
      });
      socket.on("error", reject);
      socket.on("end", () => resolve([head.statusCode ?? 0, text]));
      socket.write("hello");
    });
    request.end();
  });
}

Deno.test(
  "proxy carries an upgrade between two proxies, and otherwise answers 501",
  {
    // There, `Readable.toWeb` of a socket ends only when the socket can no longer be
    // written either, so that one half of an upgraded connection cannot end alone.
    ignore: isDenoBefore("2.9.0"),
  },
  async () => {
    await using http1 = await origin((_request, response) => {
      response.writeHead(403);
      response.end("no upgrade here");
    }, (request, socket) => {
      if (request.url === "/no") {
        socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
        return;
      }
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\nx-answer: yes\r\n\r\n",
      );
      socket.pipe(socket);
    });
    await using toHttp = await inFrontOf(http1.url);
    const port = new URL(toHttp.url.replace("spdy:", "http:")).port;
    await using chain = await inFrontOf(`spdy://127.0.0.1:${port}`);
    assertEquals(await upgrade(chain.url), [101, "yes hello!"]);
    assertEquals(await upgrade(new URL("/no", chain.url).href), [403, "no"]);

    await using plain = serve(QUIET, () => new Response("what?"));
    await using single = await inFrontOf(`spdy://127.0.0.1:${plain.addr.port}`);
    const [status, text] = await upgrade(single.url);
    assertEquals(status, 501);
    assertMatch(text, /does not support upgrades/);
  },
);

Deno.test("proxy answers 502 if the server is unreachable and 504 if it is slow, and prints one line for each", async () => {
  await using slow = await origin(() => {});
  await using slowSpdy = serve(QUIET, () => new Promise<Response>(() => {}));
  const closed = closedPort();
  const cases: [url: string, status: number, words: RegExp][] = [
    [`http://127.0.0.1:${closed}`, 502, /refused/i],
    [`spdy://127.0.0.1:${closed}`, 502, /refused/i],
    [slow.url, 504, /no answer within 1 s \(--timeout\)/],
    [`spdy://127.0.0.1:${slowSpdy.addr.port}`, 504, /no answer within 1 s/],
  ];
  for (const [url, status, words] of cases) {
    await using client = new Client();
    const [program, ...args] = command([
      "proxy",
      ...["-p", "0", "-s", "--timeout", "1", url],
    ]);
    const process = new Deno.Command(program, {
      args,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const lines = new Lines(process.stdout);
    const [front] = await lines.find(/(http|spdy):\/\/127\S+/);
    const response = front.startsWith("spdy:")
      ? await client.fetch(front.replace("spdy:", "http:"))
      : await fetch(front);
    assertEquals(response.status, status, url);
    assertMatch(await response.text(), words);
    await client.close();
    process.kill("SIGTERM");
    await lines[Symbol.asyncDispose]();
    const stderr = await toText(process.stderr);
    assertMatch(stderr, words);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertEquals((await process.status).code, 0);
  }
});

/** Sends bytes to a proxy; resolves to what it has received by then if it should wait for an answer. */
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

Deno.test("proxy survives clients that leave, and logs them as such", async () => {
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
  const [program, ...args] = command([
    ...["proxy", "-p", "0", `spdy://127.0.0.1:${behind.addr.port}`],
  ]);
  const process = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await using lines = new Lines(process.stdout);
  const [front] = await lines.find(/http:\/\/127\S+/);
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
  await lines.find(/PUT \/wait \d+ cut short: the client has left/);
  assertEquals(await (await fetch(front)).text(), "fine");
  process.kill("SIGTERM");
  assertEquals(await toText(process.stderr), "");
  assertEquals((await process.status).code, 0);
});

Deno.test("proxy goes on after clients that reset their connections", async () => {
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
    // A reset can arrive before the request or after it, but the proxy goes on.
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
    ["GET http://[", "", /^HTTP\/1\.1 400 Bad Request\r\n[^]*not a URL/],
  ];
  for (const [line, rest, answer] of cases) {
    const text = `${line} HTTP/1.1\r\nhost: x\r\n${rest}\r\n`;
    const got = await sendRaw(proxy.url, text, { bytes: rest ? 2 : 0 });
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
  await using connection: Connection = await connectTo(toHttp.url);
  await assertRejects(async () => (await connection.fetch("/")).bytes());
  await assertRejects(async () => (await ask(toSpdy.url)).bytes);
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

Deno.test("proxy in front of a SPDY server prints only its address", async () => {
  await using behind = serve(QUIET, () => new Response("answer"));
  await using proxy = await inFrontOf(`spdy://127.0.0.1:${behind.addr.port}`);
  assertEquals(await (await fetch(proxy.url)).text(), "answer");
  const { code, stdout } = await proxy.interrupt();
  assertEquals([code, stdout.trim().split("\n").length], [0, 1]);
});
