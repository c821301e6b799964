import { connect, PROTO_SPDY2, PROTO_SPDY3, serve } from "../../mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { closedPort, connectTo, run, start, talk } from "./process.ts";
import { NOT_FOUND, PORT_IN_USE } from "../helpers/system_texts.ts";
import { unixOnly } from "../helpers/unix_only.ts";

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

unixOnly.test("serve sends files, pushes by its rules, logs each request and ends on Ctrl-C", async () => {
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

Deno.test("serve speaks the requested version, and all of them over TLS", async () => {
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

Deno.test("serve and proxy refuse invalid arguments", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["serve", "a", "b"], /serve takes one directory/],
    [
      ["serve", "--port", "70000"],
      /--port 70000: the port must be a number from 0 to 65535/,
    ],
    [["serve", "--cert", "x"], /--cert and --key must be given together/],
    [["serve", "--push", "style.css"], /write it as/],
    [["serve", "--push", "/a=//b/c"], /write it as/],
    [["proxy"], /proxy needs one URL/],
    [
      ["proxy", "ftp://h/"],
      /ftp:\/\/ is not supported; use http:\/\/, spdy:\/\/, /,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await run(args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(stderr, message, args.join(" "));
  }
  const missing = await run(["serve", "/does/not/exist"]);
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, NOT_FOUND);
  const file = await run(["serve", "-p", "0", import.meta.filename ?? ""]);
  assertEquals(file.code, 1);
  assertMatch(file.stderr, /servers_test\.ts is not a directory/);
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = await run([
    "serve",
    ".",
    "-p",
    String((busy.addr as Deno.NetAddr).port),
  ]);
  assertEquals(taken.code, 1);
  assertMatch(taken.stderr, PORT_IN_USE);
});

Deno.test("bench ends in time even if nothing is answered", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const talked = talk(listener);
  const { code, stdout } = await run([
    "bench",
    "--json",
    "-D",
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

Deno.test("bench counts the answers", async () => {
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
  const timed = await run(["bench", "-D", "0.2", url]);
  // On a busy machine it may end later.
  const [, seconds] =
    /^\d+ requests\/s, .*\n\d+ succeeded, 0 failed in ([\d.]+) s/.exec(
      timed.stdout,
    ) ?? [];
  assert(Number(seconds) >= 0.2, timed.stdout);
  assertEquals((await run(["bench", "-c", "none", url])).code, 2);
  assertEquals(
    (await run(["bench", "-n", "5", `spdy://127.0.0.1:${closedPort()}/`])).code,
    1,
  );
});

unixOnly.test("serve reports a file that became shorter in one line", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/public/big`;
    await Deno.writeFile(path, new Uint8Array(10_000_000));
    await using server = await start(
      ["serve", `${folder}/public`, "-p", "0", "-s"],
    );
    await using connection = await connectTo(server.url);
    // The window is full until the body is read.
    const response = await connection.fetch("http://localhost/big");
    await Deno.truncate(path, 3);
    await assertRejects(() => response.bytes());
    await connection.close();
    const { code, stderr } = await server.interrupt();
    assertEquals(code, 0);
    assertMatch(
      stderr,
      /^spdy: GET \/big: the response was cut short after \d+ bytes: .*big became shorter than 10000000 bytes.*\n$/,
    );
  });
});
