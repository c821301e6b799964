/** The options of `spdy get` that curl has as well, each run as a process. */

import { accept, INTERNAL_ERROR, REFUSED_STREAM, serve } from "../../mod.ts";
import { assertEquals, assertMatch } from "../deps.ts";
import { closedPort, run } from "./process.ts";

const QUIET = { hostname: "127.0.0.1", port: 0, onListen() {} };

async function withServers(
  test: (url: string, other: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  let fails = 2;
  const answer = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const auth = request.headers.get("authorization") ?? "-";
    asked.push(
      `${request.method} ${pathname} ${auth} ${await request.text()}`.trim(),
    );
    const to = search.slice(1);
    if (pathname === "/loop") {
      return new Response(null, {
        status: 302,
        headers: { location: "/loop" },
      });
    }
    if (/^\/30\d$/.test(pathname)) {
      return new Response("moved", {
        status: Number(pathname.slice(1)),
        headers: { location: decodeURIComponent(to) },
      });
    }
    if (pathname === "/missing") return new Response("no", { status: 404 });
    if (pathname === "/flaky" && fails-- > 0) {
      return new Response("busy", {
        status: 503,
        headers: { "retry-after": "1" },
      });
    }
    return new Response(`answer to ${pathname}`, {
      headers: { "content-type": "text/plain", "x-a": "b" },
    });
  };
  await using server = serve(QUIET, answer);
  await using second = serve(QUIET, answer);
  await test(
    `spdy://127.0.0.1:${server.addr.port}`,
    `spdy://127.0.0.1:${second.addr.port}`,
    asked,
  );
}

Deno.test("get: -XPOST, -d -1, -d '' and --data= are a method and bodies", async () => {
  await withServers(async (url, _other, asked) => {
    for (
      const args of [["-XPUT"], ["-d", "-1"], ["-d", ""], ["--data="], [
        "-XPOST",
        "-d-2",
      ]]
    ) {
      const { code, stderr } = await run(["get", "-s", ...args, `${url}/x`]);
      assertEquals([code, stderr], [0, ""], args.join(" "));
    }
    assertEquals(asked, [
      "PUT /x -",
      "POST /x - -1",
      "POST /x -",
      "POST /x -",
      "POST /x - -2",
    ]);
  });
});

Deno.test("get -i, -I, -f, -O and -o - write the right text to the right place", async () => {
  await withServers(async (url) => {
    const included = await run(["get", "-i", `${url}/page`]);
    assertMatch(
      included.stdout,
      /^SPDY\/3\.1 200.*\n(.+\n)*x-a: b\n(.+\n)*\nanswer to \/page$/,
    );
    const head = await run(["get", "-I", `${url}/page`]);
    assertMatch(head.stdout, /^SPDY\/3\.1 200.*\n(.+\n)*\n$/);
    const failed = await run(["get", "-f", `${url}/missing`]);
    assertEquals([failed.code, failed.stdout], [1, ""]);
    const kept = await run(["get", `${url}/missing`]);
    assertEquals([kept.code, kept.stdout], [0, "no"]);
    const dash = await run(["get", "-o", "-", `${url}/page`]);
    assertEquals(dash.stdout, "answer to /page");
    const folder = await Deno.makeTempDir();
    try {
      const { code } = await run(
        ["get", "-O", `${url}/a/one`, `${url}/two?x`],
        { cwd: folder },
      );
      assertEquals(code, 0);
      assertEquals(
        [
          await Deno.readTextFile(`${folder}/one`),
          await Deno.readTextFile(`${folder}/two`),
        ],
        ["answer to /a/one", "answer to /two"],
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

Deno.test("get -L follows redirects as the Fetch standard requires, and does not leak credentials", async () => {
  await withServers(async (url, other, asked) => {
    const httpOf = (text: string): string => text.replace("spdy:", "http:");
    const at = (status: number, location: string): string =>
      `${url}/${status}?${encodeURIComponent(location)}`;
    const cases: [args: string[], asked: string[]][] = [
      [["-L", at(302, "/there")], ["GET /302 -", "GET /there -"]],
      [["-L", "-d", "b", at(302, "/there")], ["POST /302 - b", "GET /there -"]],
      [["-L", "-d", "b", at(307, "/there")], [
        "POST /307 - b",
        "POST /there - b",
      ]],
      [["-L", "-XPUT", "-d", "b", at(303, "/there")], [
        "PUT /303 - b",
        "GET /there -",
      ]],
      [["-L", "-u", "a:b", at(302, "/there")], [
        "GET /302 Basic YTpi",
        "GET /there Basic YTpi",
      ]],
      [["-L", "-u", "a:b", at(302, `${httpOf(other)}/there`)], [
        "GET /302 Basic YTpi",
        "GET /there -",
      ]],
      [[at(302, "/there")], ["GET /302 -"]],
      [[url.replace("//", "//a:b%40@") + "/x"], ["GET /x Basic YTpiQA=="]],
    ];
    for (const [args, expected] of cases) {
      const { code, stderr } = await run(["get", "-s", ...args]);
      assertEquals([code, stderr], [0, ""], args.join(" "));
      assertEquals(asked.splice(0), expected, args.join(" "));
    }
    // So there is no GET whose body a 303 would have to drop.
    for (const method of ["GET", "get", "HEAD"]) {
      const { code, stderr } = await run(
        ["get", "-L", "-X", method, "-d", "b", at(303, "/there")],
      );
      assertEquals(code, 1);
      assertMatch(stderr, /GET\/HEAD method cannot have body/);
    }
    assertEquals(asked, []);
    const loop = await run(["get", "-L", `${url}/loop`]);
    assertEquals(loop.code, 1);
    assertMatch(loop.stderr, /more than 20 redirects/);
    assertEquals(asked.length, 21);
  });
});

Deno.test("get -w writes curl's variables", async () => {
  await withServers(async (url) => {
    const format =
      "[%{http_code} %{http_version} %{method} %{size_download} %{num_redirects} %{num_connects} %{content_type} %header{x-a} %{remote_ip}:%{remote_port} 100%%]\\n";
    const { stdout } = await run(["get", "-w", format, `${url}/page`]);
    assertEquals(
      stdout,
      `answer to /page[200 3.1 GET 15 0 1 text/plain b ${
        url.replace("spdy://", "")
      } 100%]\n`,
    );
    const failed = await run([
      "get",
      "-w",
      "%{http_code} %{exitcode}\\n",
      `spdy://127.0.0.1:${closedPort()}/`,
    ]);
    assertEquals([failed.code, failed.stdout], [1, "000 1\n"]);
    const times = await run([
      "get",
      "-s",
      "-w",
      "\\n%{time_connect} %{time_starttransfer} %{time_total}",
      url,
    ]);
    const [connect, start, total] = times.stdout.split("\n")[1].split(" ")
      .map(Number);
    assertEquals([connect > 0, start >= connect, total >= start], [
      true,
      true,
      true,
    ]);
    const unknown = await run(["get", "-w", "%{no_such}", url]);
    assertEquals(unknown.code, 2);
    assertMatch(unknown.stderr, /%\{no_such\} is not known/);
  });
});

Deno.test("get -O refuses URLs that would be written to the same file", async () => {
  const at = `spdy://127.0.0.1:${closedPort()}`;
  const { code, stderr } = await run(["get", "-O", `${at}/a/x`, `${at}/b/%78`]);
  assertEquals(code, 2);
  assertMatch(stderr, /two URLs would be written to x/);
});

Deno.test("get --retry tries again after temporary failures only", async () => {
  await withServers(async (url, _other, asked) => {
    const { code, stdout } = await run(["get", "--retry", "2", `${url}/flaky`]);
    assertEquals([code, stdout, asked.length], [0, "answer to /flaky", 3]);
    asked.length = 0;
    await run(["get", "--retry", "2", `${url}/missing`]);
    assertEquals(asked.length, 1);
  });
  const { code, stderr } = await run([
    "get",
    "--retry",
    "1",
    `spdy://127.0.0.1:${closedPort()}/`,
  ]);
  assertEquals(code, 1);
  assertEquals(stderr.trim().split("\n").length, 1);
});

Deno.test("get --retry sends a request once if the error comes after it", async () => {
  await withServers(async (url, _other, asked) => {
    for (
      const [args, path] of [
        [["-o", "/nonexistent/file"], "/pay"],
        [["-L"], "/307?not-a-scheme%3Ax"],
        [["-L"], "/307?spdy%3A%2F%2F"],
      ] as const
    ) {
      asked.length = 0;
      const { code } = await run([
        "get",
        "--retry",
        "2",
        "-d",
        "1",
        ...args,
        `${url}${path}`,
      ]);
      assertEquals([code, asked.length], [1, 1], path);
    }
  });
});

Deno.test("get --retry repeats a POST that the server refused, and none that it may have processed", async () => {
  for (
    const [reason, code, requests] of [
      [REFUSED_STREAM, 0, 2],
      [INTERNAL_ERROR, 1, 1],
    ] as const
  ) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let asked = 0;
    const served = (async () => {
      const connection = await accept(await listener.accept());
      for await (const stream of connection) {
        if (++asked === 1) {
          stream.reset(reason);
          continue;
        }
        await stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
        await stream.closeWrite();
      }
    })();
    const result = await run([
      "get",
      "--retry",
      "1",
      "-d",
      "1",
      `spdy://127.0.0.1:${listener.addr.port}/`,
    ]);
    await served;
    assertEquals([result.code, asked], [code, requests], result.stderr);
  }
});

Deno.test("get -L --retry counts the redirects of each attempt anew", async () => {
  let asked = 0;
  await using server = serve(QUIET, ({ url }) => {
    asked++;
    const step = Number(new URL(url).pathname.slice(1));
    return step < 10
      ? new Response(null, {
        status: 302,
        headers: { location: `/${step + 1}` },
      })
      : new Response("busy", {
        status: 503,
        headers: { "retry-after": "0.01" },
      });
  });
  const { code, stdout, stderr } = await run([
    "get",
    "-s",
    "-L",
    "--retry",
    "3",
    "-w",
    " %{num_redirects}",
    `spdy://127.0.0.1:${server.addr.port}/0`,
  ]);
  assertEquals([code, stdout, stderr, asked], [0, "busy 10", "", 44]);
});

Deno.test("get -L --retry does not send a POST again that was answered with a redirect to a GET", async () => {
  for (const status of [301, 302, 303]) {
    for (const data of ["1", "@-"]) {
      const asked: string[] = [];
      let fails = 2;
      await using server = serve(QUIET, async (request) => {
        const { pathname } = new URL(request.url);
        asked.push(`${request.method} ${pathname} ${await request.text()}`);
        if (pathname !== "/done") {
          const location = pathname === "/pay" ? "/paid" : "/done";
          return new Response(null, { status, headers: { location } });
        }
        return fails-- > 0
          ? new Response("busy", {
            status: 503,
            headers: { "retry-after": "0.01" },
          })
          : new Response("done");
      });
      const { code, stdout } = await run([
        "get",
        "-L",
        "--retry",
        "3",
        "-d",
        data,
        "-w",
        " %{num_redirects} %{method}",
        `spdy://127.0.0.1:${server.addr.port}/pay`,
      ], { input: new TextEncoder().encode("1") });
      // Each attempt follows the second redirect again.
      const attempt = ["GET /paid ", "GET /done "];
      assertEquals([code, stdout, asked], [0, "done 2 GET", [
        "POST /pay 1",
        ...attempt,
        ...attempt,
        ...attempt,
      ]]);
    }
  }
});

Deno.test("get -L --retry sends a POST once if the server of its redirect cannot be reached", async () => {
  let asked = 0;
  await using server = serve(QUIET, () => {
    asked++;
    return new Response(null, {
      status: 303,
      headers: { location: `spdy://127.0.0.1:${closedPort()}/` },
    });
  });
  const { code } = await run([
    "get",
    "-L",
    "--retry",
    "1",
    "-d",
    "1",
    `spdy://127.0.0.1:${server.addr.port}/`,
  ]);
  assertEquals([code, asked], [1, 1]);
});

Deno.test("get --resolve connects to another address, and the server gets the name", async () => {
  await withServers(async (url) => {
    const port = url.split(":")[2];
    const { stdout } = await run([
      "get",
      "-w",
      " %{remote_ip}",
      ...["--resolve", `name.invalid:${port}:127.0.0.1`],
      `spdy://name.invalid:${port}/page`,
    ]);
    assertEquals(stdout, "answer to /page 127.0.0.1");
  });
});

Deno.test("get: errors contain the URL as typed, the timeout and the file", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const closed = closedPort();
  const cases: [args: string[], code: number, message: RegExp][] = [
    [
      [`spdy://[::1]:${closed}/a`],
      1,
      new RegExp(`^spdy://\\[::1\\]:${closed}/a: `),
    ],
    [
      ["-m", "0.3", `spdy://127.0.0.1:${port}/`],
      1,
      /not finished within 0\.3 s \(--timeout\)/,
    ],
    ...["spdys", "spdy+upgrade", "spdys+upgrade"].map((
      scheme,
    ): [string[], number, RegExp] => [
      // The same while the connection is being made.
      ["-m", "0.3", `${scheme}://127.0.0.1:${port}/`],
      1,
      /not finished within 0\.3 s \(--timeout\)/,
    ]),
    [
      ["--ca", "deno.json", "spdys://x/"],
      2,
      /deno\.json contains no certificate in PEM/,
    ],
    [["--ca", "/no/such", "spdys://x/"], 2, /\/no\/such: /],
    [["-d", "@/no/such", "spdy://x/"], 2, /--data @\/no\/such: /],
    [["--keylog", "k", "spdys://x/"], 2, /SSLKEYLOGFILE=k spdy get/],
    [["--resolve", "x", "spdy://x/"], 2, /HOST:PORT:ADDRESS/],
    [
      ["-O", "spdy://x/"],
      2,
      /--remote-name: spdy:\/\/x\/ does not end with the name of a file/,
    ],
    [
      ["--verbos", "spdy://x/"],
      2,
      /unknown option --verbos; did you mean --verbose\?/,
    ],
    [
      ["--timeout=", "spdy://x/"],
      2,
      /--timeout : it must be a number of seconds/,
    ],
  ];
  for (const [args, code, message] of cases) {
    const finished = await run(["get", ...args]);
    assertEquals(finished.code, code, args.join(" ") + finished.stderr);
    assertMatch(finished.stderr.replace(/^spdy: /, ""), message);
  }
});
