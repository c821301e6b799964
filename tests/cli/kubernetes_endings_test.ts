/**
 * `spdy exec` and `spdy port-forward` if something ends early: the input, the
 * connection, the reader of the output, or the whole command (Ctrl-C).
 *
 * @module
 */

import { serveStreaming, type StreamingServer } from "../../kubernetes/mod.ts";
import { assertEquals, assertMatch } from "../deps.ts";
import { command, spawn } from "./process.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const DEADLINE = 60_000;
const decoder = new TextDecoder();

/** The command line as words for the shell. */
function words(args: readonly string[]): string {
  return command(args)
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

function exec(
  { addr }: StreamingServer,
  ...options: string[]
): string {
  const server = `http://127.0.0.1:${addr.port}`;
  return words(["exec", ...options, "-s", server, "web", "--", "run"]);
}

async function shell(
  script: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script],
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(DEADLINE),
  }).output();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

unixOnly.test("exec -i warns if the command ended before its input, and keeps the exit code", async () => {
  await using server = serveStreaming({
    async exec({ stdin }) {
      await stdin.getReader().read();
      return 3;
    },
  });
  const { code, stderr } = await shell(
    `{ head -c 268435456 /dev/zero; } 2>/dev/null | ${exec(server, "-i")}`,
  );
  assertEquals(code, 3);
  assertMatch(
    stderr,
    /^warning: the command ended before its standard input: \d+ bytes were sent, and the rest was dropped\n$/,
  );
});

unixOnly.test("exec -q prints no warnings", async () => {
  await using server = serveStreaming({
    async exec({ stdin }) {
      await stdin?.getReader().read();
      return 3;
    },
  });
  const { code, stderr } = await shell(
    `{ head -c 268435456 /dev/zero; } 2>/dev/null | ${exec(server, "-qit")}`,
  );
  assertEquals([code, stderr], [3, ""]);
});

unixOnly.test("exec -i: input that cannot be read is reported, and ends for the command", async () => {
  await using server = serveStreaming({
    async exec({ stdin, stdout }) {
      const { length } = await new Response(stdin).bytes();
      await new Blob([`${length} bytes`]).stream().pipeTo(stdout);
      return 3;
    },
  });
  // Reading a folder fails.
  const { code, stdout, stderr } = await shell(`${exec(server, "-i")} <.`);
  assertEquals([code, stdout], [3, "0 bytes"]);
  assertMatch(stderr, /^spdy: cannot read standard input: .*directory.*\n$/);
});

unixOnly.test("exec -i does not warn if all input was sent", async () => {
  await using server = serveStreaming({
    async exec({ stdin }) {
      for await (const _ of stdin);
    },
  });
  const { code, stderr } = await shell(`echo input | ${exec(server, "-i")}`);
  assertEquals([code, stderr], [0, ""]);
});

unixOnly.test("exec reports a broken connection with its reason", async () => {
  const server: StreamingServer = serveStreaming({
    async exec({ stdout }) {
      await stdout.getWriter().write(new TextEncoder().encode("half"));
      void server.shutdown();
      await new Promise(() => {});
    },
  });
  const { code, stderr } = await shell(exec(server));
  assertEquals(code, 1);
  assertMatch(stderr, /^spdy: .*connection.*\n$/);
});

unixOnly.test("exec ends silently if the reader of its output has ended", async () => {
  await using server = serveStreaming({
    async exec({ stdout }) {
      const writer = stdout.getWriter();
      const zeros = new Uint8Array(65536);
      for (;;) await writer.write(zeros);
    },
  });
  const { code, stderr } = await shell(`${exec(server)} | head -c 5 | wc -c`);
  assertEquals([code, stderr], [0, ""]);
});

unixOnly.test("port-forward prints a port once, and Ctrl-C is not a failure of its connections", async () => {
  await using server = serveStreaming({
    async portForward({ port, readable, writable }) {
      if (port === 81) throw new Error("connection refused");
      const writer = writable.getWriter();
      await writer.write(new TextEncoder().encode("hi"));
      for await (const _ of readable);
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const process = spawn(["port-forward", "-s", url, "web", "0:80", "0:81"]);
  const stderr = new Response(process.stderr).text();
  let text = "";
  // Each port has a line for ::1, too, if the machine has that address.
  const ports = (): number[] =>
    [...text.matchAll(/127\.0\.0\.1:(\d+) .*\n/g)].map(([, port]) =>
      Number(port)
    );
  const lines = process.stdout.pipeThrough(new TextDecoderStream());
  for await (const chunk of lines.values({ preventCancel: true })) {
    text += chunk;
    if (ports().length === 2) break;
  }
  const [good, bad] = ports();
  const connect = (port: number): Promise<Deno.TcpConn> =>
    Deno.connect({ hostname: "127.0.0.1", port });
  using refused = await connect(bad);
  while (await refused.read(new Uint8Array(10)).catch(() => null) !== null);
  const conns = await Promise.all(Array.from({ length: 20 }, async () => {
    const conn = await connect(good);
    await conn.read(new Uint8Array(10));
    return conn;
  }));
  process.kill("SIGINT");
  const { code } = await process.status;
  for (const conn of conns) conn.close();
  await lines.cancel();
  assertEquals(code, 0);
  assertEquals(
    await stderr,
    "port 81: error forwarding port 81: connection refused\n",
  );
});
