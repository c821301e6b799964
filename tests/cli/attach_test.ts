import { serveStreaming, type TerminalSize } from "../../kubernetes/mod.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";
import { command, run, runOnTerminal } from "./process.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

linuxOnly.test({
  name: "attach -it uses no terminal if the process has none",
  // `script` of util-linux makes the terminal.
  async fn() {
    const asked: boolean[] = [];
    const containers = [{ name: "main" }, { name: "shell", tty: true }];
    await using server = serveStreaming({
      attach({ call }) {
        asked.push(call.tty);
        return Promise.resolve(0);
      },
      fetch: ({ url }) =>
        url.endsWith("/api/v1/namespaces/default/pods/web")
          ? Response.json({ metadata: { name: "web" }, spec: { containers } })
          : new Response("forbidden", { status: 403 }),
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    const attach = (...args: string[]): Promise<string> =>
      runOnTerminal(["attach", "-it", "--server", url, ...args]);
    const warning =
      'warning: the process of container "main" has no terminal: -t is ignored';
    assertStringIncludes(await attach("web"), warning);
    assertEquals((await attach("web", "-q")).includes("warning"), false);
    // No warning: the process has a terminal, or its pod may not be read.
    assertEquals(
      (await attach("web", "-c", "shell")).includes("warning"),
      false,
    );
    assertEquals((await attach("secret")).includes("warning"), false);
    assertEquals(asked, [false, false, true, true]);
  },
});

linuxOnly.test({
  name:
    "attach -i to a process with a terminal uses one, and the process draws its screen again",
  async fn() {
    const sizes: TerminalSize[][] = [];
    await using server = serveStreaming({
      async attach({ call, resizes }) {
        if (!call.tty) return 1;
        const reader = resizes.getReader();
        const read = async (): Promise<TerminalSize> =>
          (await reader.read()).value as TerminalSize;
        sizes.push([await read(), await read()]);
        return 0;
      },
      fetch: () =>
        Response.json({
          metadata: { name: "web" },
          spec: { containers: [{ name: "shell", tty: true }] },
        }),
    });
    const url = `http://127.0.0.1:${server.addr.port}`;
    for (const option of ["-i", "-it"]) {
      const args = command(["attach", option, "--server", url, "web"])
        .map((part) => `'${part}'`).join(" ");
      const { stdout } = await new Deno.Command("script", {
        args: [
          "-qec",
          `stty cols 80 rows 24; ${args}; echo code $?`,
          "/dev/null",
        ],
        env: { SHELL: "/bin/sh", NO_COLOR: "1" },
        stdin: "null",
        stderr: "inherit",
        signal: AbortSignal.timeout(60_000),
      }).output();
      assertStringIncludes(new TextDecoder().decode(stdout), "code 0");
    }
    const twice = [{ columns: 81, rows: 25 }, { columns: 80, rows: 24 }];
    assertEquals(sizes, [twice, twice]);
  },
});

Deno.test("a refusal is printed once", async () => {
  await using server = serveStreaming({
    resolve: () => new Response('pods "web" not found', { status: 404 }),
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, stderr } = await run(
    ["exec", "--server", url, "web", "--", "true"],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'pods "web" not found');
  assertEquals(stderr.match(/refused/g)?.length, 1, stderr);
});
