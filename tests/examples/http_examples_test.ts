/** The HTTP examples run, and say what they should. */

import { accept } from "../../connection/connect.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../deps.ts";
import { serve } from "../../connection/http/serve.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);

/** Starts an example; `port` stands in for the 8000 that it names. */
async function start(name: string, port = 8000): Promise<Deno.ChildProcess> {
  const mod = new URL("../mod.ts", EXAMPLES).href;
  const text = (await Deno.readTextFile(new URL(name, EXAMPLES)))
    .replace('"../mod.ts"', JSON.stringify(mod)).replace("8000", `${port}`);
  const module = `data:text/typescript,${encodeURIComponent(text)}`;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-check", "-A", module],
    stdout: "piped",
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).spawn();
}

async function run(name: string, port?: number): Promise<string> {
  const { success, stdout } = await (await start(name, port)).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(success, true, text);
  return text;
}

Deno.test("examples/serve_and_fetch.ts", async () => {
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

Deno.test("examples/push.ts", async () => {
  const output = await run("push.ts");
  assertStringIncludes(output, "asked for: text/html <link rel=stylesheet");
  assertStringIncludes(
    output,
    "pushed: /style.css h1 { color: rebeccapurple }",
  );
});

Deno.test("examples/hello_client.ts against a server", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response(new URL(request.url).pathname),
  );
  assertEquals(
    await run("hello_client.ts", server.addr.port),
    "200 /hello\n",
  );
});

Deno.test("examples/hello_server.ts, with hello_client.ts", async () => {
  const port = freePort();
  await using server = await start("hello_server.ts", port);
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  assertStringIncludes(new TextDecoder().decode(value), "Listening on");
  assertEquals(
    await run("hello_client.ts", port),
    `200 You asked for http://127.0.0.1:${port}/hello\n`,
  );
  server.kill();
  await reader.cancel();
});

Deno.test("examples/raw_stream.ts against an echo", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const stream of await accept(await listener.accept())) {
      await stream.reply([["x", "1"]]);
      await stream.readable.pipeTo(stream.writable);
    }
  })();
  assertEquals(
    await run("raw_stream.ts", listener.addr.port),
    '[ [ "x", "1" ] ] one stream of many\n',
  );
  await served;
});

Deno.test("README shows the three short examples as they are", async () => {
  const readme = await Deno.readTextFile(new URL("../README.md", EXAMPLES));
  for (const name of ["hello_server.ts", "hello_client.ts", "raw_stream.ts"]) {
    const text = await Deno.readTextFile(new URL(name, EXAMPLES));
    assertStringIncludes(
      readme,
      text.replace('"../mod.ts"', '"jsr:@spdy/spdy"'),
    );
  }
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
