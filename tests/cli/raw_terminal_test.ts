import { serveStreaming } from "../../kubernetes/mod.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../deps.ts";
import { Lines } from "../helpers/lines.ts";
import { command, run, runOnTerminal } from "./process.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

/** Runs a line of the shell on a terminal of its own. */
function onTerminal(line: string): Deno.ChildProcess {
  return new Deno.Command("script", {
    args: ["-qec", line, "/dev/null"],
    env: { SHELL: "/bin/sh", NO_COLOR: "1" },
    // At the end of the input, `script` would type an end of input.
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
}

/** A command with which a shell becomes `spdy` with these arguments. */
function shellCommand(args: readonly string[]): string {
  return `exec ${command(args).map((part) => `"${part}"`).join(" ")}`;
}

linuxOnly.test({
  name: "exec -it: the output of a program reaches the terminal unchanged",
  // `script` of util-linux makes the terminal, as in the tests of the progress
  // bar.
  async fn() {
    await using server = serveStreaming({
      async exec({ stdout }) {
        // LF alone moves the cursor down, CR LF to the next line.
        await new Blob(["one\r\ntwo\nthree\r\n"]).stream().pipeTo(stdout);
      },
    });
    const text = await runOnTerminal([
      "exec",
      "-it",
      "--server",
      `http://127.0.0.1:${server.addr.port}`,
      "web",
      "--",
      "vi",
    ]);
    assertStringIncludes(text, "one\r\ntwo\nthree\r\n");
  },
});

linuxOnly.test({
  name: "exec -it: a signal that ends it restores the terminal",
  async fn() {
    await using server = serveStreaming({
      async exec({ call, stdin, stdout }) {
        const writer = stdout.getWriter();
        const pid = call.command[0];
        await writer.write(new TextEncoder().encode(`pid ${pid}\r\n`));
        // Until the client has left.
        await stdin.pipeTo(new WritableStream());
      },
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    const exec = ["exec", "-it", "--server", url, "web", "--", "$$"];
    for (
      const [signal, code] of [
        ["SIGHUP", 129],
        ["SIGINT", 130],
        ["SIGQUIT", 131],
        ["SIGTERM", 143],
      ] as const
    ) {
      const process = onTerminal(
        `sh -c '${shellCommand(exec)}'; echo code $?; stty -a`,
      );
      const lines = new Lines(process.stdout);
      // Output is shown once the terminal is raw.
      const [, pid] = await lines.find(/pid (\d+)/);
      Deno.kill(Number(pid), signal);
      await lines.rest();
      await process.stdin.close();
      await process.status;
      assertStringIncludes(lines.text, `code ${code}`);
      for (const mode of ["icanon", "echo", "opost"]) {
        assertMatch(lines.text, new RegExp(`[ \n]${mode}\\b`), signal);
      }
    }
  },
});

linuxOnly.test({
  name: "exec -it: without stty, only the output processing is not changed",
  async fn() {
    await using server = serveStreaming({
      async exec({ stdout }) {
        await new Blob(["shown\r\n"]).stream().pipeTo(stdout);
      },
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    const exec = ["exec", "-it", "--server", url, "web", "--", "ls"];
    const process = onTerminal(
      `(PATH=/nonexistent; ${shellCommand(exec)}); echo code $?; stty -a`,
    );
    const { stdout } = await process.output();
    await process.stdin.close();
    const text = new TextDecoder().decode(stdout);
    assertMatch(text, /shown\r+\ncode 0/);
    assertMatch(text, /[ \n]icanon\b/);
  },
});

Deno.test("exec -it uses no terminal if standard input is none, so that the end of input ends the command", async () => {
  await using server = serveStreaming({
    async exec({ call, stdin, stdout }) {
      const text = await new Response(stdin).text();
      await new Blob([`${call.tty} ${text}`]).stream().pipeTo(stdout);
    },
  });
  const { stdout, stderr } = await run([
    "exec",
    "-it",
    "--server",
    `http://127.0.0.1:${server.addr.port}`,
    "web",
    "--",
    "cat",
  ], { input: new TextEncoder().encode("hello") });
  assertEquals(stdout, "false hello");
  assertStringIncludes(stderr, "standard input is not a terminal");
});

Deno.test("exec and attach use no terminal without -i, because no key could reach the command", async () => {
  const asked: boolean[] = [];
  const answer = ({ call }: { readonly call: { readonly tty: boolean } }) => {
    asked.push(call.tty);
    return Promise.resolve(0);
  };
  await using server = serveStreaming({ exec: answer, attach: answer });
  const url = `http://127.0.0.1:${server.addr.port}`;
  for (
    const args of [["exec", "-t", "web", "--", "ls"], ["attach", "-t", "web"]]
  ) {
    const [name, ...rest] = args;
    const { code, stderr } = await run([name, "--server", url, ...rest]);
    assertEquals(
      [code, stderr],
      [0, "warning: a terminal needs -i: -t is ignored\n"],
    );
  }
  assertEquals(asked, [false, false]);
});
