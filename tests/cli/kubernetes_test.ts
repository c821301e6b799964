import { exitCodeOf } from "../../cli/exec.ts";
import { carry } from "../../kubernetes/forwarding/carry.ts";
import { portForward, serveStreaming } from "../../kubernetes/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../deps.ts";
import { closedPort, run, spawn, start } from "./process.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function write(
  writable: WritableStream<Uint8Array>,
  value: string,
): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(text(value));
  await writer.close();
}

Deno.test("exec passes input and outputs, and exits with the command's exit code", async () => {
  await using server = serveStreaming({
    async exec(process) {
      const input = process.stdin
        ? await new Response(process.stdin).text()
        : "";
      await write(
        process.stdout,
        `${process.call.command.join(" ")}: ${input}`,
      );
      await write(process.stderr, "complaint");
      return 7;
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const finished = await run([
    "exec",
    "-i",
    "-s",
    url,
    "web",
    "--",
    "cat",
    "-n",
  ], { input: new Uint8Array(text("input")) });
  assertEquals([finished.code, finished.stdout, finished.stderr], [
    7,
    "cat -n: input",
    "complaint",
  ]);
});

unixOnly.test("port-forward carries connections to the pod", async () => {
  await using server = serveStreaming({
    async portForward({ port, readable, writable }) {
      await write(
        writable,
        `${port} heard ${await new Response(readable).text()}`,
      );
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await using forward = await start(["port-forward", "-s", url, "web", "0:80"]);
  const port = Number(new URL(forward.url).port);
  await Promise.all([1, 2, 3].map(async (number) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(text(`hello ${number}`));
    await conn.closeWrite();
    assertEquals(
      await new Response(conn.readable).text(),
      `80 heard hello ${number}`,
    );
  }));
  assertEquals((await forward.interrupt()).code, 0);
});

Deno.test("port-forward fails when the session of a streaming URL, which is valid for one, has ended", async () => {
  await using server = serveStreaming({
    async portForward({ readable, writable }) {
      await readable.pipeTo(writable);
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const process = spawn(
    ["port-forward", "-s", `${url}/portforward/token`, "-", "0:80"],
  );
  const reader = process.stdout.getReader();
  await reader.read();
  await server.shutdown();
  await reader.cancel();
  const stderr = await new Response(process.stderr).text();
  assertMatch(stderr, /spdy: .*server ended the session/);
  assertEquals((await process.status).code, 1);
});

Deno.test("exec prints a failure of any length", async () => {
  await using server = serveStreaming({
    exec: () => Promise.reject(new Error(`because ${"x".repeat(200_000)}`)),
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, stderr } = await run(["exec", "-s", url, "web", "--", "ls"]);
  assertEquals(code, 1);
  assertMatch(stderr, /because x+\.\.\. \(\d+ more characters were removed\)/);
});

Deno.test("exec: no failure exits with 0, whatever its code", () => {
  const windows = Deno.build.os === "windows";
  const codes: [code: number | undefined, success: boolean, own: number][] = [
    [0, true, 0],
    [7, false, 7],
    [255, false, 255],
    [undefined, false, 1],
    [0, false, 1],
    [256, false, windows ? 256 : 1],
    [0x1_0000_0000 - 0x100, false, windows ? 0xffff_ff00 : 1],
    [3221225786, false, windows ? 3221225786 : 0x3a],
    [-1073741510, false, windows ? -1073741510 : 0x3a],
  ];
  for (const [code, success, own] of codes) {
    assertEquals(exitCodeOf(code, success), own, `${code}`);
  }
});

Deno.test("port-forward: a local client that resets its connection ends the one in the pod", async () => {
  const begun = Promise.withResolvers<void>();
  const ends = Promise.withResolvers<string>();
  await using server = serveStreaming({
    // A port that sends nothing.
    async portForward({ readable }) {
      begun.resolve();
      await readable.pipeTo(new WritableStream())
        .then(() => ends.resolve("end of input"))
        .catch(({ name }) => ends.resolve(name));
    },
  });
  await using forwarder = await portForward({
    url: `http://127.0.0.1:${server.addr.port}`,
    pod: { name: "web" },
  });
  let closed = 0;
  const carried = carry(
    {
      // Not earlier: before the handler has begun, there is no connection in the
      // pod that could end.
      async read() {
        await begun.promise;
        throw new Deno.errors.ConnectionReset("reset");
      },
      write: (data) => Promise.resolve(data.length),
      closeWrite: () => Promise.resolve(),
      close: () => closed++,
    },
    () => forwarder.connect(80),
  );
  await assertRejects(() => carried, Deno.errors.ConnectionReset);
  assertEquals([await ends.promise, closed], ["StreamResetError", 1]);
});

Deno.test("exec and port-forward print errors", async () => {
  await using server = serveStreaming({});
  const url = `http://127.0.0.1:${server.addr.port}`;
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["exec", "-s", url, "web"], 2, /exec needs POD -- COMMAND/],
    [
      ["exec", "web", "--", "ls"],
      1,
      /no file of KUBECONFIG exists.*--server names an API server/,
    ],
    [
      ["exec", "-s", url, "web", "--", "ls"],
      1,
      /the server refused with 501: this server does not support exec/,
    ],
    [
      ["port-forward", "-s", url, "web"],
      2,
      /port-forward needs POD and a port/,
    ],
    [["port-forward", "-s", url, "web", "x:80"], 2, /write it as 8080:80/],
    [["port-forward", "-s", url, "web", "0x50:80"], 2, /write it as 8080:80/],
    [["port-forward", "-s", url, "web", "1:80:80"], 2, /write it as 8080:80/],
    [["port-forward", "-s", url, "web", "80:"], 2, /write it as 8080:80/],
    [
      ["port-forward", "-s", url, "--transport", "mail", "web", "80"],
      2,
      /it must be auto, spdy or websocket/,
    ],
    [["port-forward", "-s", url, "web", "0:80"], 1, /spdy: /],
  ];
  for (const [args, code, message] of cases) {
    const finished = await run(args, {
      env: { KUBECONFIG: "/nowhere/config", KUBERNETES_SERVICE_HOST: "" },
    });
    assertMatch(finished.stderr, message, args.join(" "));
    assertEquals(finished.code, code, args.join(" "));
  }
});

Deno.test("commands for pods name a server that cannot be reached", async () => {
  const url = `http://127.0.0.1:${closedPort()}`;
  const commands = [
    ["exec", "-s", url, "web", "--", "ls"],
    ["exec", "-s", url, "deploy/web", "--", "ls"],
    ["attach", "-s", url, "web"],
    ["cp", "-s", url, "web:/a", "."],
    ["port-forward", "-s", url, "web", "0:80"],
  ];
  for (const args of commands) {
    const { code, stderr } = await run(args);
    assertEquals(code, 1, args.join(" "));
    assertMatch(
      stderr,
      /^spdy: cannot connect to http:\/\/127\.0\.0\.1:1: Connection refused[^\n]*\n$/,
    );
  }
});
