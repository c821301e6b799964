import { serveStreaming } from "../../kubernetes/mod.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";
import { run, runOnTerminal } from "./process.ts";

Deno.test({
  name: "exec -it: the output of a program reaches the terminal unchanged",
  // `script` of util-linux makes the terminal, as in the tests of the progress
  // bar.
  ignore: Deno.build.os !== "linux",
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
      [0, "warning: a terminal needs -i: -t is left out\n"],
    );
  }
  assertEquals(asked, [false, false]);
});
