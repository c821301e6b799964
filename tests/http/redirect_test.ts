/** Redirects in which a connection, which reaches only one server, differs from `fetch`. */

import { connect } from "../../http/connect.ts";
import { Client } from "../../http/client/client.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals, assertRejects } from "../deps.ts";

function redirecting(to: (request: Request) => string | undefined) {
  return serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const location = to(request);
    return location === undefined
      ? Response.json([...request.headers])
      : new Response("moved", { status: 302, headers: { location } });
  });
}

Deno.test("redirect: a connection follows redirects within its origin on request", async () => {
  await using server = redirecting(({ url }) =>
    url.endsWith("/first") ? "/second" : undefined
  );
  await using connection = await connect({ port: server.addr.port });
  const left = await connection.fetch("/first");
  assertEquals([left.status, await left.text()], [302, "moved"]);
  const init = { redirect: "follow" } as const;
  for (
    const followed of [
      await connection.fetch("/first", init),
      await connection.fetch(
        new Request(`http://127.0.0.1:${server.addr.port}/first`),
      ),
    ]
  ) {
    assertEquals([followed.status, followed.redirected], [200, true]);
    assertEquals(new URL(followed.url).pathname, "/second");
    await followed.text();
  }
  assertEquals(connection.stats().streams, []);
});

Deno.test("redirect: a connection reports that it cannot reach another origin", async () => {
  await using server = redirecting(() => "https://elsewhere.example/x");
  await using connection = await connect({ port: server.addr.port });
  const error = await assertRejects(
    () => connection.fetch("/", { redirect: "follow" }),
    TypeError,
    "redirects to another origin, https://elsewhere.example",
  );
  assertEquals(error.message.includes("Client"), true);
});

Deno.test("redirect: the user name in a redirect is not sent", async () => {
  await using server = redirecting(({ url }) =>
    url.endsWith("/first")
      ? url.replace("http://", "http://user:word@")
        .replace("first", "second")
      : undefined
  );
  await using client = new Client();
  const url = `http://127.0.0.1:${server.addr.port}/first`;
  const response = await client.fetch(url);
  assertEquals(response.url, url.replace("first", "second"));
  const headers = new Headers(await response.json());
  assertEquals(headers.has("authorization"), false);
});

Deno.test("redirect: a server gets an empty query, at first and after a redirect", async () => {
  const seen: string[] = [];
  await using server = redirecting(({ url }) => {
    seen.push(url.slice(url.lastIndexOf("/")));
    return url.endsWith("/first?") ? "/second?#end" : undefined;
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using client = new Client();
  const url = `${origin}/first?`;
  for (const input of [url, new URL(url), new Request(url)]) {
    const response = await client.fetch(input);
    assertEquals(response.url, `${origin}/second?`);
    await response.text();
  }
  assertEquals(seen, Array(3).fill(["/first?", "/second?"]).flat());
});
