/**
 * HTTP over SPDY: bodies that are streamed in both directions, trailers, many requests
 * at once on one connection, a cancelled request, and a graceful shutdown.
 *
 *     deno run --allow-net examples/serve_and_fetch.ts
 *
 * @module
 */

import { connect, serve, type ServeInfo } from "../mod.ts";

const server = serve({ hostname: "127.0.0.1", port: 0 }, handle);
const { port } = server.addr;

function handle(
  request: Request,
  info: ServeInfo,
): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/upper": {
      let length = 0;
      // The function is called after the body was sent, so it can describe the whole body.
      info.sendTrailers(() => ({ "x-length": String(length) }));
      const upper = request.body?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            length += chunk.length;
            const text = new TextDecoder().decode(chunk).toUpperCase();
            controller.enqueue(new TextEncoder().encode(text));
          },
        }),
      );
      return new Response(upper);
    }
    case "/never":
      return new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => {
          console.log("server: the client gave up");
          reject(request.signal.reason);
        });
      });
    default:
      return new Response(`this is ${pathname}`);
  }
}

const connection = await connect({ port });

const pages = await Promise.all(["/a", "/b", "/c"].map(async (path) => {
  const response = await connection.fetch(path);
  return await response.text();
}));
console.log(`client: ${pages.join(", ")}`);

const upper = await connection.fetch("/upper", {
  method: "POST",
  body: ReadableStream.from(
    ["as it ", "comes"].map((text) => new TextEncoder().encode(text)),
  ),
});
console.log(`client: ${await upper.text()}`);
console.log(`client: x-length ${(await upper.trailers).get("x-length")}`);

await connection.fetch("/never", { signal: AbortSignal.timeout(50) })
  .catch((error) => console.log(`client: ${error.name}`));
console.log(`client: ping ${await connection.ping() < 1000 ? "ok" : "slow"}`);

await connection.close();
await server.shutdown();
