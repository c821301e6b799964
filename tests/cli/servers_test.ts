import {
  Client,
  connect,
  type Connection,
  PROTO_SPDY2,
  PROTO_SPDY3,
  serve,
} from "../../mod.ts";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { assertEquals, assertMatch } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { command, run, start, talk } from "./process.ts";

/** A port nobody listens on. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function withFolder(
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/public`);
    await Deno.writeTextFile(
      `${folder}/public/index.html`,
      "<link rel=stylesheet href=style.css>",
    );
    await Deno.writeTextFile(`${folder}/public/style.css`, "body {}");
    await Deno.writeTextFile(`${folder}/secret`, "secret");
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function connectTo(
  url: string,
  version?: 2 | 3 | 4,
): Promise<Connection> {
  return await connect({
    hostname: "127.0.0.1",
    port: Number(new URL(url).port),
    version,
  });
}

Deno.test("serve gives files, pushes by its rules, logs each request and ends by Ctrl-C", async () => {
  await withFolder(async (folder) => {
    await using server = await start([
      "serve",
      `${folder}/public`,
      "-p",
      "0",
      "--push",
      "/=/style.css",
    ]);
    {
      await using connection = await connectTo(server.url);
      const pushed: Promise<[url: string, text: string]>[] = [];
      const response = await connection.fetch("http://localhost/", {
        onPush: (push) =>
          pushed.push(
            push.response.then(async (
              answer,
            ) => [answer.url, await answer.text()]),
          ),
      });
      assertMatch(await response.text(), /stylesheet/);
      assertEquals(await Promise.all(pushed), [[
        "http://localhost/style.css",
        "body {}",
      ]]);
      const outside = await connection.fetch("http://localhost/..%2fsecret");
      assertEquals([outside.status, await outside.text()], [
        404,
        "not found\n",
      ]);
    }
    const { code, stdout } = await server.interrupt();
    assertEquals(code, 0);
    assertMatch(stdout, /^\S+ 127\.0\.0\.1 GET \/ 200 36 B [\d.]+ ms$/m);
    assertMatch(stdout, /^\S+ 127\.0\.0\.1 GET \/\.\.%2fsecret 404 /m);
  });
});

Deno.test("serve speaks the version asked for, and all of them over TLS", async () => {
  await withFolder(async (folder) => {
    {
      await using server = await start([
        "serve",
        folder,
        "-p",
        "0",
        "--version",
        "2",
        "-s",
      ]);
      await using connection = await connectTo(server.url, PROTO_SPDY2);
      assertEquals(
        await (await connection.fetch("http://localhost/secret")).text(),
        "secret",
      );
    }
    const { cert, key, caCert } = await makeCertificate();
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    await using server = await start(
      [
        "serve",
        folder,
        "-p",
        "0",
        "--cert",
        `${folder}/cert.pem`,
        "--key",
        `${folder}/key.pem`,
      ],
    );
    const port = Number(new URL(server.url).port);
    await using connection = await connect({
      hostname: "localhost",
      port,
      tls: { caCerts: [caCert], alpnProtocols: ["spdy/3"] },
    });
    assertEquals(connection.version, PROTO_SPDY3);
    assertEquals(
      await (await connection.fetch("https://localhost/secret")).text(),
      "secret",
    );
  });
});

Deno.test("serve and proxy refuse arguments that make no sense", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["serve", "a", "b"], /serve takes one directory/],
    [["serve", "--port", "70000"], /--port 70000: a number from 0 to 65535/],
    [["serve", "--cert", "x"], /--cert and --key go together/],
    [["serve", "--push", "style.css"], /write it as/],
    [["serve", "--push", "/a=//b/c"], /write it as/],
    [["proxy"], /proxy needs one URL/],
    [["proxy", "ftp://h/"], /ftp:\/\/ is none of/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await run(args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(stderr, message, args.join(" "));
  }
  const missing = await run(["serve", "/does/not/exist"]);
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /No such file or directory/);
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = await run([
    "serve",
    ".",
    "-p",
    String((busy.addr as Deno.NetAddr).port),
  ]);
  assertEquals(taken.code, 1);
  assertMatch(taken.stderr, /in use/);
});

Deno.test("proxy speaks SPDY in front of an HTTP server", async () => {
  await using behind = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const gone = request.headers.get("x-forwarded-for");
    return new Response(
      `${request.method} ${
        new URL(request.url).pathname
      } ${gone} ${await request.text()}`,
      {
        status: 201,
        headers: { "x-answer": "yes", connection: "x-own", "x-own": "1" },
      },
    );
  });
  await using proxy = await start([
    "proxy",
    "-p",
    "0",
    "-s",
    `http://127.0.0.1:${behind.addr.port}`,
  ]);
  await using connection = await connectTo(proxy.url);
  const response = await connection.fetch("http://localhost/path", {
    method: "POST",
    body: "body",
  });
  assertEquals(response.status, 201);
  assertEquals(await response.text(), "POST /path 127.0.0.1 body");
  assertEquals([
    response.headers.get("x-answer"),
    response.headers.get("x-own"),
  ], ["yes", null]);
});

Deno.test("proxy speaks HTTP/1.1 in front of a SPDY server", async () => {
  await using behind = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      return new Response(
        `${request.method} ${new URL(request.url).pathname} ${await request
          .text()}`,
        { status: 201 },
      );
    },
  );
  await using proxy = await start([
    "proxy",
    "-p",
    "0",
    `spdy://127.0.0.1:${behind.addr.port}`,
  ]);
  const response = await fetch(new URL("/path", proxy.url), {
    method: "POST",
    body: "body",
  });
  assertEquals([response.status, await response.text()], [
    201,
    "POST /path body",
  ]);
});

Deno.test("proxy passes bodies on as they are coded, or decoded, with headers that say so", async () => {
  const text = "a body that repeats, ".repeat(20);
  const codings = new Map<string, Uint8Array>([
    ["gzip", gzipSync(text)],
    ["br", brotliCompressSync(text)],
    ["x-unknown", new TextEncoder().encode(text)],
  ]);
  const answer = (request: Request): Response => {
    const coding = new URL(request.url).pathname.slice(1);
    const body = new Uint8Array(codings.get(coding) ?? []);
    return new Response(body, { headers: { "content-encoding": coding } });
  };
  const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using spdy = serve(quiet, answer);
  await using http = Deno.serve(quiet, answer);
  await using front = await start([
    "proxy",
    "-p",
    "0",
    `spdy://127.0.0.1:${spdy.addr.port}`,
  ]);
  await using back = await start([
    "proxy",
    "-p",
    "0",
    "-s",
    `http://127.0.0.1:${http.addr.port}`,
  ]);
  await using connection = await connectTo(back.url);
  for (const coding of codings.keys()) {
    const first = await fetch(new URL(`/${coding}`, front.url));
    assertEquals(await first.text(), text, coding);
    const second = await connection.fetch(`/${coding}`);
    assertEquals(await second.text(), text, coding);
    const says = second.headers.get("content-encoding");
    assertEquals(says, coding === "x-unknown" ? coding : null);
  }
});

Deno.test("proxy answers 502 when nobody is behind it", async () => {
  const port = closedPort();
  await using client = new Client();
  await using toSpdy = await start([
    "proxy",
    "-p",
    "0",
    `http://127.0.0.1:${port}`,
  ]);
  const viaSpdy = await client.fetch(toSpdy.url.replace("spdy:", "http:"));
  assertEquals(viaSpdy.status, 502);
  assertMatch(await viaSpdy.text(), /refused/);
  await using toHttp = await start([
    "proxy",
    "-p",
    "0",
    `spdy://127.0.0.1:${port}`,
  ]);
  const viaHttp = await fetch(toHttp.url);
  assertEquals(viaHttp.status, 502);
  assertMatch(await viaHttp.text(), /refused/);
});

Deno.test("bench ends in time although nothing is answered", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const talked = talk(listener);
  const { code, stdout } = await run([
    "bench",
    "--json",
    "-d",
    "1",
    "-m",
    "3",
    `spdy://127.0.0.1:${port}/`,
  ]);
  const { succeeded, failed, unanswered, seconds } = JSON.parse(stdout);
  assertEquals([code, succeeded, failed, unanswered], [1, 0, 0, 3]);
  assertEquals(seconds < 20, true);
  await talked;
});

Deno.test("bench counts what was answered", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("0123456789"),
  );
  const url = `spdy://127.0.0.1:${server.addr.port}/`;
  const { code, stdout } = await run([
    "bench",
    "--json",
    "-c",
    "2",
    "-m",
    "5",
    "-n",
    "100",
    url,
  ]);
  const figures = JSON.parse(stdout);
  assertEquals([code, figures.succeeded, figures.failed, figures.bytes], [
    0,
    100,
    0,
    1000,
  ]);
  assertEquals(
    figures.latency.min <= figures.latency.p50 &&
      figures.latency.p50 <= figures.latency.p99,
    true,
  );
  const timed = await run(["bench", "-d", "0.2", url]);
  assertMatch(
    timed.stdout,
    /^\d+ requests\/s, .*\n\d+ succeeded, 0 failed in 0\.\d+ s/,
  );
  assertEquals((await run(["bench", "-c", "none", url])).code, 2);
  assertEquals(
    (await run(["bench", "-n", "5", `spdy://127.0.0.1:${closedPort()}/`])).code,
    1,
  );
});

Deno.test("proxy in front of a SPDY server says nothing but where it listens", async () => {
  await using behind = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("answer"),
  );
  const [program, ...args] = command([
    "proxy",
    "-p",
    "0",
    `spdy://127.0.0.1:${behind.addr.port}`,
  ]);
  const process = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  const { value } = await reader.read();
  const url = /http:\S+/.exec(value ?? "")?.[0] ?? "";
  assertEquals(await (await fetch(url)).text(), "answer");
  process.kill("SIGINT");
  await reader.cancel();
  assertEquals(await new Response(process.stderr).text(), "");
  assertEquals((await process.status).code, 0);
});
