/**
 * A program for the tests of telemetry: a client, a server that sends a request
 * to another one, and a Deno.serve behind that. It prints the trace that
 * Deno.serve received, waits for a line, and ends.
 */

import { Client, connect, serve } from "../../mod.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };

const last = Deno.serve(LOOPBACK, (request) => {
  const url = new URL(request.url);
  if (url.pathname === "/fails") return new Response(null, { status: 503 });
  return new Response(request.headers.get("traceparent"));
});
const inner = serve(LOOPBACK, async (request) => {
  const { pathname } = new URL(request.url);
  const response = await fetch(`http://127.0.0.1:${last.addr.port}${pathname}`);
  return new Response(await response.text(), { status: response.status });
});
const client = new Client();
const outer = serve(LOOPBACK, async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/throws") throw new TypeError("meant to fail");
  const response = await client.fetch(
    `http://127.0.0.1:${inner.addr.port}${pathname}`,
  );
  return new Response(await response.text(), { status: response.status });
});
const { port } = outer.addr;
const connection = await connect({ port });
console.error = () => {};
const traceparent = Deno.args[0];
const paths = ["/hop?a=b", "/fails", "/throws"];
const seen: string[] = [];
for (const path of paths) {
  const response = await connection.fetch(path, {
    headers: { traceparent: "stale", tracestate: "a=b" },
  });
  seen.push(await response.text());
}
// A body that is larger than its window, and a reset.
const upload = connection.fetch("/hop", {
  method: "POST",
  body: new Uint8Array(1 << 20),
});
await (await upload).text();
const stream = await connection.openStream([
  [":method", "SPECIAL"],
  [":path", "/"],
  [":scheme", "http"],
  [":host", `user:password@127.0.0.1:${port}`],
  [":version", "HTTP/1.1"],
]);
stream.reset(5);
if (traceparent !== undefined) {
  await (await connection.openStream([
    [":method", "GET"],
    [":path", "/hop"],
    [":scheme", "http"],
    [":host", `127.0.0.1:${port}`],
    [":version", "HTTP/1.1"],
    ["traceparent", traceparent],
  ], { fin: true })).response;
}
console.log(seen[0]);
await Deno.stdin.read(new Uint8Array(1));
await connection.close();
await client.close();
await Promise.all([outer.shutdown(), inner.shutdown(), last.shutdown()]);
