/** What the command line does if the disk of its output is full: /dev/full refuses every write. */

import { accessLog, type LogEntry } from "../../cli/access_log.ts";
import { PayloadWriter } from "../../cli/decode/follow.ts";
import { serve } from "../../mod.ts";
import { assertEquals, assertMatch } from "../deps.ts";
import { command, type Finished, run } from "./process.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

const QUIET = { hostname: "127.0.0.1", port: 0, onListen() {} };
const ENTRY: LogEntry = {
  time: new Date(0),
  from: "127.0.0.1",
  method: "GET",
  path: "/",
  status: 200,
  bytes: 0,
  ms: 1,
  referer: undefined,
  userAgent: undefined,
  error: undefined,
};

/** Runs a command whose standard output is on a full disk. */
async function runFull(args: readonly string[]): Promise<Finished> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" >/dev/full', "sh", ...command(args)],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return {
    code,
    stdout: "",
    stderr: new TextDecoder().decode(stderr),
    bytes: new Uint8Array(),
  };
}

linuxOnly.test("get fails if its file is on a full disk, however short the body", async () => {
  await using server = serve(QUIET, () => new Response("short"));
  const url = `spdy://127.0.0.1:${server.addr.port}/`;
  for (const option of ["-s", "-i"]) {
    const { code, stderr } = await run(["get", option, "-o", "/dev/full", url]);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /No space left on device/);
  }
});

linuxOnly.test("decode --follow fails if its file is on a full disk", async () => {
  const writer = new PayloadWriter("/dev/full");
  writer.add({
    connection: 0,
    fromClient: true,
    streamId: 1,
    bytes: new Uint8Array(5),
    missing: 0,
  });
  const failed = await writer.flush().then(() => writer.close()).then(
    () => "",
    String,
  );
  assertMatch(failed, /No space left on device/);
});

linuxOnly.test("a full disk is reported in one line, also for a help text", async () => {
  for (const args of [["--help"], ["get", "--help"], ["--version"], ["man"]]) {
    const { code, stderr } = await runFull(args);
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^spdy: cannot write to standard output: No space left on device.*\n$/,
      args.join(" "),
    );
  }
});

Deno.test("an access log that cannot be written is reported once and ends nothing", () => {
  const { log, error } = console;
  const errors: string[] = [];
  let isFull = true;
  console.log = (): void => {
    if (isFull) throw new Error("No space left on device");
  };
  console.error = (line: string): void => {
    errors.push(line);
    throw new Error("No space left on device either");
  };
  try {
    const write = accessLog("text");
    write(ENTRY);
    write(ENTRY);
    isFull = false;
    write(ENTRY);
    isFull = true;
    write(ENTRY);
  } finally {
    console.log = log;
    console.error = error;
  }
  assertEquals(
    errors,
    Array(2).fill(
      "spdy: the access log: cannot write to standard output: No space left on device",
    ),
  );
});

linuxOnly.test(
  "serve and proxy do not blame the port if their address cannot be printed",
  async () => {
    for (const args of [["serve"], ["proxy", "spdy://127.0.0.1:1"]]) {
      const { code, stderr } = await runFull([...args, "-p", "0"]);
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /^spdy: cannot write to standard output: No space left on device[^\n]*\n$/,
      );
    }
  },
);

linuxOnly.test("get blames the output, not the body, if a file cannot be written", async () => {
  await using server = serve(QUIET, () => new Response("short"));
  const url = `spdy://127.0.0.1:${server.addr.port}/`;
  const missing = "No such file or directory (os error 2)";
  const cases: [args: string[], reason: string][] = [
    [["-o", "/nope/x"], `cannot write to /nope/x: ${missing}`],
    [["-o", "/"], "cannot write to /: Is a directory (os error 21)"],
    [
      ["-o", "/dev/full"],
      "cannot write to /dev/full: No space left on device (os error 28)",
    ],
  ];
  for (const [args, reason] of cases) {
    const { code, stderr } = await run(["get", "-s", ...args, url]);
    assertEquals([code, stderr], [1, `${url}: ${reason}\n`]);
  }
  const { stderr } = await runFull(["get", "-s", url]);
  assertEquals(
    stderr,
    `${url}: cannot write to standard output: No space left on device (os error 28)\n`,
  );
  const svg = await run(["get", "-s", "--svg", "/nope/x", url]);
  assertEquals(svg.stderr, `spdy: cannot write to /nope/x: ${missing}\n`);
});
