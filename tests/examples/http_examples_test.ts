/** The HTTP examples run, and print what they should. */

import { fileURLToPath } from "node:url";
import { accept } from "../../http/connect.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../deps.ts";
import { serve } from "../../http/server/serve.ts";
import { stdFlags } from "../../tools/std.ts";
import { EXAMPLES, freePort, run, startServer } from "./process.ts";

Deno.test("examples/serve_and_fetch.ts prints what both ends received", async () => {
  const lines = (await run("serve_and_fetch.ts")).trimEnd().split("\n");
  assertMatch(lines[0], /^Listening on http:\/\/127\.0\.0\.1:\d+\/$/);
  assertEquals(lines.slice(1, 5), [
    "client: this is /a, this is /b, this is /c",
    "client: AS IT COMES",
    "client: x-length 11",
    "client: TimeoutError",
  ]);
  assertEquals(lines.slice(5).sort(), [
    "client: ping ok",
    "server: the client gave up",
  ]);
});

Deno.test("examples/push.ts prints the page and the pushed style sheet", async () => {
  const output = await run("push.ts");
  assertStringIncludes(output, "asked for: text/html <link rel=stylesheet");
  assertStringIncludes(
    output,
    "pushed: /style.css h1 { color: rebeccapurple }",
  );
});

Deno.test("examples/demo.ts: every byte arrives in all three versions", async () => {
  // It imports the standard library.
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "-A",
      ...await stdFlags(),
      fileURLToPath(new URL("demo.ts", EXAMPLES)),
    ],
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(success, true, text);
  assertEquals(
    text.trimEnd().split("\n").slice(-4).map((line) => line.split(":")[0]),
    [
      "ok SPDY/2",
      "ok SPDY/3",
      "ok SPDY/3.1",
      "every byte arrived as it was sent",
    ],
  );
});

Deno.test("examples/hello_client.ts prints the response of a server", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response(new URL(request.url).pathname),
  );
  assertEquals(
    await run("hello_client.ts", { port: server.addr.port }),
    "200 /hello\n",
  );
});

Deno.test("examples/hello_server.ts answers hello_client.ts", async () => {
  const port = freePort();
  await using _server = await startServer("hello_server.ts", { port });
  assertEquals(
    await run("hello_client.ts", { port }),
    `200 You asked for http://127.0.0.1:${port}/hello\n`,
  );
});

Deno.test("examples/raw_stream.ts gets its bytes back from an echo", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const stream of await accept(await listener.accept())) {
      await stream.reply([["x", "1"]]);
      await stream.readable.pipeTo(stream.writable);
    }
  })();
  assertEquals(
    await run("raw_stream.ts", { port: listener.addr.port }),
    '[ [ "x", "1" ] ] one stream of many\n',
  );
  await served;
});

Deno.test("the README contains the three short examples unchanged", async () => {
  const readme = await Deno.readTextFile(new URL("../README.md", EXAMPLES));
  for (const name of ["hello_server.ts", "hello_client.ts", "raw_stream.ts"]) {
    const text = await Deno.readTextFile(new URL(name, EXAMPLES));
    assertStringIncludes(
      readme,
      text.replace('"../mod.ts"', '"jsr:@spdy/spdy"'),
    );
  }
});
