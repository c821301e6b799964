import { textOnly } from "../../cli/get/run.ts";
import {
  accept,
  connect,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  serve,
} from "../../mod.ts";
import type { ServeHandler, SpdyServer } from "../../mod.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { captureErrors } from "../helpers/http.ts";
import { Lines } from "../helpers/lines.ts";
import { Random } from "../helpers/random.ts";
import { run, runOnTerminal, spawn, talk } from "./process.ts";
import { linuxOnly, unixOnly } from "../helpers/unix_only.ts";

const BIG = new Random(1).bytes(3_000_000);

const handler: ServeHandler = async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/echo") {
    const body = await request.bytes();
    return new Response(body, {
      headers: {
        "x-method": request.method,
        "x-sent": request.headers.get("x-sent") ?? "",
      },
    });
  }
  if (pathname === "/big") return new Response(BIG);
  if (pathname === "/slow") {
    return new Response(
      new ReadableStream({ pull: () => new Promise(() => {}) }),
    );
  }
  return new Response("missing\n", { status: 404 });
};

function listen(
  options: { version?: 2 | 3 | 4; upgrade?: boolean } = {},
): SpdyServer<Deno.NetAddr> {
  return serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...options },
    handler,
  );
}

Deno.test("get fetches with every version", async () => {
  for (
    const [name, version] of [["2", PROTO_SPDY2], ["3", PROTO_SPDY3], [
      "3.1",
      PROTO_SPDY3_1,
    ]] as const
  ) {
    await using server = listen({ version });
    const { code, bytes, stderr } = await run([
      "get",
      "--version",
      name,
      `spdy://127.0.0.1:${server.addr.port}/big`,
    ]);
    assertEquals([code, stderr, bytes.length], [0, "", BIG.length]);
    assertEquals(bytes, BIG);
  }
});

Deno.test("get fails for a truncated body and prints how much of it arrived", async () => {
  using _errors = captureErrors();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => {
      // More than a window, so at its end the client has read some of it.
      let left = 8;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(65536));
          else controller.close();
        },
      });
      return new Response(body, { headers: { "content-length": "900000" } });
    },
  );
  const url = `spdy://127.0.0.1:${server.addr.port}/cut`;
  const { code, stdout, stderr } = await run(["get", "--json", "-s", url]);
  assertEquals(code, 1);
  const { bytes, error } = JSON.parse(stdout);
  assertMatch(
    error,
    /the body is incomplete, \d+ of 900000 bytes arrived: .*reset/,
  );
  assertStringIncludes(error, ` ${bytes} of `);
  assertStringIncludes(stderr, error);
});

Deno.test("get fails for a body that ends cleanly, but not at its length", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  for (const [length, text] of [["9", "only 5"], ["4", "more"]]) {
    const served = (async () => {
      const connection = await accept(await listener.accept());
      for await (const stream of connection) {
        stream.reply([
          [":status", "200"],
          [":version", "HTTP/1.1"],
          ["content-length", length],
        ]);
        stream.write(new Uint8Array(5)).catch(() => {});
        stream.closeWrite().catch(() => {});
      }
    })();
    const { code, stderr } = await run(["get", `spdy://127.0.0.1:${port}/`]);
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      `content-length is ${length}, but ${text} bytes arrived`,
    );
    await served;
  }
});

Deno.test("get sends method, headers and a body from an argument, a file and standard input", async () => {
  await using server = listen();
  const url = `spdy://127.0.0.1:${server.addr.port}/echo`;
  const put = await run([
    "get",
    "--json",
    "-X",
    "PUT",
    "-H",
    "x-sent: hello",
    "-d",
    "text",
    url,
  ]);
  const answer = JSON.parse(put.stdout);
  assertEquals([answer.status, answer.bytes], [200, 4]);
  assertEquals(new Map(answer.headers).get("x-method"), "PUT");
  assertEquals(new Map(answer.headers).get("x-sent"), "hello");
  const posted = await run(["get", "-d", "@-", url], { input: BIG });
  assertEquals(posted.bytes, BIG);
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, BIG);
    assertEquals(
      (await run(["get", "-d", `@${file}`, "-o", `${file}.out`, url])).code,
      0,
    );
    assertEquals(await Deno.readFile(`${file}.out`), BIG);
  } finally {
    await Deno.remove(file);
    await Deno.remove(`${file}.out`);
  }
});

Deno.test("get over TLS handles ALPN, an unknown authority and a refused version", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const ca = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(ca, caCert);
    await using server = serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        cert,
        key,
        versions: [PROTO_SPDY3],
        onListen() {},
      },
      handler,
    );
    const url = `https://localhost:${server.addr.port}/missing`;
    const trusted = await run(["get", "-v", "--ca", ca, url]);
    assertEquals([trusted.code, trusted.stdout], [0, "missing\n"]);
    assertStringIncludes(trusted.stderr, "SPDY/3\n");
    assertMatch(trusted.stderr, /> SYN_STREAM stream 1 .*FIN/);
    assertMatch(trusted.stderr, /< DATA stream 1 8 bytes {2}FIN/);
    const untrusted = await run(["get", url]);
    assertEquals(untrusted.code, 1);
    assertMatch(
      untrusted.stderr,
      /^https:\/\/localhost:\d+\/missing: .*certificate/,
    );
    const refused = await run(["get", "--ca", ca, "--version", "3.1", url]);
    assertEquals(refused.code, 1);
    assertMatch(
      refused.stderr,
      /^https:\/\/localhost:\d+\/missing: /,
    );
  } finally {
    await Deno.remove(ca);
  }
});

Deno.test("get uses the HTTP/1.1 upgrade", async () => {
  await using server = listen({ upgrade: true });
  const { code, bytes } = await run([
    "get",
    `spdy+upgrade://127.0.0.1:${server.addr.port}/big`,
  ]);
  assertEquals(code, 0);
  assertEquals(bytes, BIG);
});

Deno.test("get of several URLs uses one connection for each server and keeps their order", async () => {
  let connections = 0;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using server = listen();
  const relayed = (async () => {
    for await (const conn of listener) {
      connections++;
      const onward = await Deno.connect({ port: server.addr.port });
      Promise.allSettled([
        conn.readable.pipeTo(onward.writable),
        onward.readable.pipeTo(conn.writable),
      ]);
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const base = `spdy://127.0.0.1:${port}`;
  const { code, bytes, stderr } = await run([
    "get",
    "--timing",
    `${base}/big`,
    `${base}/missing`,
    `${base}/nothing`,
  ]);
  listener.close();
  await relayed.catch(() => {});
  assertEquals([code, connections, bytes.length], [0, 1, BIG.length + 16]);
  assertEquals(bytes.subarray(0, BIG.length), BIG);
  assertEquals(stderr.match(/^spdy:.*\|.*\| +[\d.]+ ms$/gm)?.length, 3);
});

Deno.test("get writes its waterfall as a picture", async () => {
  await using server = listen();
  const file = await Deno.makeTempFile({ suffix: ".svg" });
  try {
    await run([
      "get",
      "--svg",
      file,
      "-o",
      `${file}.body`,
      `spdy://127.0.0.1:${server.addr.port}/big?a=<b>`,
    ]);
    const svg = await Deno.readTextFile(file);
    assertMatch(svg, /^<svg [^>]+>[\s\S]*receiving[\s\S]*<\/svg>\n$/);
    assertEquals(svg.includes("<b>"), false);
    await Deno.remove(`${file}.body`);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("get prints what failed, where, and exits with the right code", async () => {
  await using server = listen();
  const base = `spdy://127.0.0.1:${server.addr.port}`;
  const cases: [args: string[], code: number, message: RegExp][] = [
    [[], 2, /get needs a URL/],
    [["http://h/"], 2, /http:\/\/ is not supported; use spdy:\/\//],
    [["nonsense"], 2, /"nonsense" is not a URL/],
    [["--version", "4", base], 2, /it must be 2, 3 or 3\.1/],
    [["--bogus", base], 2, /unknown option --bogus/],
    [["-C", "-", base], 2, /does not resume/],
    [["-H", "no colon", base], 2, /write it as "name: value"/],
    [["-H", "x: \u20ac", base], 2, /a value has characters up to U\+00FF/],
    [["-X", "GE T", base], 2, /--method "GE T" cannot be sent/],
    [["-X", "TRACE", base], 2, /--method "TRACE" cannot be sent/],
    [["-o", "f", base, base], 2, /exactly one URL/],
    [["--timeout", "soon", base], 2, /--timeout soon/],
    [["--fail", `${base}/missing`], 1, /^$/],
    [
      ["--timeout", "0.5", `${base}/slow`],
      1,
      /not finished within 0\.5 s \(--timeout\)/,
    ],
    [["spdy://127.0.0.1:1/"], 1, /spdy:\/\/127\.0\.0\.1:1\/: .*refused/],
    [
      ["spdy://host.invalid/"],
      1,
      /^spdy:\/\/host\.invalid\/: .*(lookup|name)/i,
    ],
  ];
  for (const [args, code, message] of cases) {
    const finished = await run(["get", ...args]);
    assertEquals(finished.code, code, args.join(" "));
    assertMatch(finished.stderr, message, args.join(" "));
  }
});

Deno.test("get fetches all reachable URLs and reports the others", async () => {
  await using server = listen();
  const good = `http://127.0.0.1:${server.addr.port}/big`;
  const bad = ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"];
  const urls = [bad[0], good, bad[1]].map((url) =>
    url.replace(/^http/, "spdy")
  );
  const plain = await run(["get", ...urls]);
  assertEquals([plain.code, plain.bytes.length], [1, BIG.length]);
  for (const url of bad) {
    assertMatch(
      plain.stderr,
      new RegExp(`^${url.replace("http:", "spdy:")}: .*refused`, "m"),
    );
  }
  const json = await run(["get", "--json", ...urls]);
  const told = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
  const found = new Map(told.map(({ url, status, error }) => [
    url,
    status ?? error.replace(/^.*refused.*$/, "refused"),
  ]));
  assertEquals([json.code, told.length], [1, 3]);
  assertEquals(
    found,
    new Map<string, unknown>([
      [good, 200],
      ...bad.map((url) => [url, "refused"] as const),
    ]),
  );
});

Deno.test("get --timeout ends in time even if the peer continues to send", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const talked = talk(listener);
  const begin = performance.now();
  const { code, stderr } = await run([
    "get",
    "--timeout",
    "1",
    `spdy://127.0.0.1:${port}/`,
  ]);
  assertEquals(code, 1);
  assertMatch(stderr, /timed out|timeout/);
  // Closing by itself would wait for a minute.
  assertEquals(performance.now() - begin < 20_000, true);
  await talked;
});

Deno.test("get fetches one URL after the other if there are no windows", async () => {
  const asked: string[] = [];
  const slow = Promise.withResolvers<void>();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, version: PROTO_SPDY2, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      asked.push(`${pathname} begins`);
      if (pathname === "/slow") {
        // Time of a request that does not wait.
        setTimeout(slow.resolve, 1000);
        await slow.promise;
        asked.push(`${pathname} ends`);
      }
      return new Response(pathname);
    },
  );
  const base = `spdy://127.0.0.1:${server.addr.port}`;
  const { code, stdout } = await run([
    "get",
    "--version",
    "2",
    `${base}/slow`,
    `${base}/next`,
  ]);
  assertEquals([code, stdout], [0, "/slow/next"]);
  assertEquals(asked, ["/slow begins", "/slow ends", "/next begins"]);
});

Deno.test("get reports in one line that the reader of its output has ended", async () => {
  await using server = listen();
  const process = spawn(["get", `spdy://127.0.0.1:${server.addr.port}/big`]);
  const reader = process.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await new Response(process.stderr).text();
  const { code } = await process.status;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^\S+\/big: cannot write to standard output: .*pipe.* \(os error \d+\)\n$/,
  );
});

unixOnly.test("Ctrl-C ends get, and the server continues", async () => {
  await using server = listen();
  const process = spawn(
    ["get", `spdy://127.0.0.1:${server.addr.port}/slow`, "-v"],
    { stdout: "null" },
  );
  const lines = new Lines(process.stderr);
  await lines.find(/SYN_REPLY/);
  process.kill("SIGINT");
  await lines[Symbol.asyncDispose]();
  assertEquals((await process.status).signal, "SIGINT");
  await using client = await connect({ port: server.addr.port });
  assertEquals((await client.fetch("http://localhost/missing")).status, 404);
});

linuxOnly.test("get shows colours and progress only on a terminal", async () => {
  await using server = listen();
  const base = `spdy://127.0.0.1:${server.addr.port}`;
  assertStringIncludes(
    await runOnTerminal(["get", "-v", `${base}/missing`]),
    "\x1b[32m>\x1b[39m SYN_STREAM",
  );
  assertMatch(
    await runOnTerminal(["get", "-o", "/dev/null", `${base}/big`]),
    /\[#*\.*\] \d+ %/,
  );
  const piped = await run(["get", "-v", "-o", "/dev/null", `${base}/big`]);
  assertEquals(piped.stderr.includes("\x1b"), false);
});

Deno.test("get needs only network permission, and names a missing one", async () => {
  await using server = listen();
  const url = `spdy://127.0.0.1:${server.addr.port}/missing`;
  const allowed = await run(["get", url], { permissions: ["--allow-net"] });
  assertEquals([allowed.code, allowed.stdout], [0, "missing\n"]);
  const refused = await run(["get", url], { permissions: [] });
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /Requires net access to "127\.0\.0\.1/);
});

Deno.test("get does not write binary data to a terminal", async () => {
  const text = new Blob(["text \x1b[31m"]).stream().pipeThrough(textOnly());
  assertEquals(await new Response(text).text(), "text \x1b[31m");
  const binary = new Blob(["a\0"]).stream().pipeThrough(textOnly());
  await assertRejects(() => new Response(binary).text(), Error, "-o FILE");
});

Deno.test("get -v reports a connection once, however many URLs use it", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("x"),
  );
  const base = `spdy://127.0.0.1:${server.addr.port}`;
  const { code, stderr } = await run(["get", "-v", `${base}/a`, `${base}/b`]);
  assertEquals(code, 0);
  assertEquals(stderr.match(/^connected to /gm)?.length, 1);
});
