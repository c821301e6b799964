/** The examples on raw streams, on a WebSocket and in front of an HTTP server. */

import { connect } from "../../http/connect.ts";
import { assert, assertEquals, assertStringIncludes, toText } from "../deps.ts";
import { Lines } from "../helpers/lines.ts";
import { freePort, run, start, startServer } from "./process.ts";

Deno.test("examples/chat.ts: two people receive each other's lines", async () => {
  const port = freePort();
  await using _room = await startServer("chat.ts", { port });
  const ann = await enter("Ann", port);
  await ann.hears("* Ann joined");
  const bob = await enter("Bob", port);
  await ann.hears("* Bob joined");
  await ann.says("hello, all");
  await bob.hears("Ann: hello, all");
  await bob.says("hello, Ann");
  await ann.hears("Bob: hello, Ann");
  await bob.leaves();
  await ann.hears("* Bob left");
  await ann.leaves();
});

Deno.test("examples/chat.ts: a long line arrives in pieces", async () => {
  const port = freePort();
  await using _room = await startServer("chat.ts", { port });
  await using connection = await connect({ port });
  const stream = await connection.openStream([["name", "Long"]]);
  await stream.write(new TextEncoder().encode("x".repeat(5000)));
  await stream.closeWrite();
  const heard = await toText(stream.readable);
  const pieces = [...heard.matchAll(/^Long: (x+)$/gm)].map(([, text]) => text);
  assertEquals(pieces.join("").length, 5000);
  assert(heard.startsWith("* Long joined\n"));
});

Deno.test("examples/websocket.ts prints what it received over a WebSocket", async () => {
  const output = await run("websocket.ts");
  assertStringIncludes(output, "this is /a, this is /b, this is /c\n");
});

Deno.test("examples/reverse_proxy.ts passes on requests and responses of an HTTP server", async () => {
  const seen: string[] = [];
  const behind = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, (request) => {
    const { pathname, search } = new URL(request.url);
    seen.push(`${request.headers.get("x-forwarded-for")} ${pathname}${search}`);
    return new Response(request.body, { status: 201, headers: { "x-a": "b" } });
  });
  const port = freePort();
  await using _proxy = await startServer("reverse_proxy.ts", {
    port,
    args: [`http://127.0.0.1:${behind.addr.port}`],
  });
  await using connection = await connect({ port });
  const body = "there and back ".repeat(10_000);
  const url = `http://127.0.0.1:${port}//other.example/path?query`;
  const response = await connection.fetch(url, { method: "POST", body });
  assertEquals(response.status, 201);
  assertEquals(response.headers.get("x-a"), "b");
  assertEquals(await response.text(), body);
  await behind.shutdown();
  assertEquals((await connection.fetch("/")).status, 502);
  assertEquals(seen, ["127.0.0.1 //other.example/path?query"]);
});

interface Person {
  says(line: string): Promise<void>;
  /** Reads until the line arrives. */
  hears(line: string): Promise<void>;
  leaves(): Promise<void>;
}

async function enter(name: string, port: number): Promise<Person> {
  const child = await start("chat.ts", { port, args: [name] });
  const input = child.stdin.getWriter();
  const output = new Lines(child.stdout);
  const hears = async (line: string): Promise<void> => {
    while (!output.text.includes(`${line}\n`)) await output.next();
  };
  return {
    hears,
    says: (line) => input.write(new TextEncoder().encode(`${line}\n`)),
    async leaves() {
      await input.close();
      await output.rest();
      assertEquals((await child.status).code, 0);
    },
  };
}
