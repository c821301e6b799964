import { serveStreaming } from "../../kubernetes/mod.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";
import { run, runOnTerminal } from "./process.ts";

Deno.test({
  name: "attach -it uses no terminal if the process has none",
  // `script` of util-linux makes the terminal.
  ignore: Deno.build.os !== "linux",
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
      'warning: the process of container "main" has no terminal: -t is left out';
    assertStringIncludes(await attach("web"), warning);
    // No warning: the process has a terminal, or its pod may not be read.
    assertEquals(
      (await attach("web", "-c", "shell")).includes("warning"),
      false,
    );
    assertEquals((await attach("secret")).includes("warning"), false);
    assertEquals(asked, [false, true, true]);
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
