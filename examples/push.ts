/**
 * Server push: the server sends the style sheet together with the page that needs it,
 * before the client requests it.
 *
 *     deno run --allow-net examples/push.ts
 *
 * @module
 */

import { connect, type PushedResponse, serve } from "../mod.ts";

const server = serve(
  { hostname: "127.0.0.1", port: 0 },
  async (request, info) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/style.css") {
      return new Response("h1 { color: rebeccapurple }", {
        headers: { "content-type": "text/css" },
      });
    }
    // Before the page is sent, because the client would then request the style sheet itself.
    await info.push("/style.css");
    return new Response("<link rel=stylesheet href=/style.css><h1>Hello</h1>", {
      headers: { "content-type": "text/html" },
    });
  },
);

const connection = await connect({ port: server.addr.port });
const pushes: PushedResponse[] = [];
const page = await connection.fetch("/", {
  onPush: (push) => pushes.push(push),
});
console.log("asked for:", page.headers.get("content-type"), await page.text());
for (const push of pushes) {
  const response = await push.response;
  const { pathname } = new URL(push.url);
  console.log("pushed:", pathname, await response.text());
}

await connection.close();
await server.shutdown();
