/** Requests and responses that arrived over SPDY are passed on over HTTP/1.1, or over SPDY again. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import type { ServeHandler } from "../../http/server/serve_options.ts";
import { assertEquals } from "../deps.ts";

const onListen = () => {};

function serveHttp1(
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, handler);
}

function serveSpdy(handler: ServeHandler<Deno.NetAddr>) {
  return serve({ port: 0, hostname: "127.0.0.1", onListen }, handler);
}

async function echo(request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const { pathname } = new URL(url);
  const body = await request.text();
  return Response.json([method, pathname, headers.get("x-a"), body], {
    status: 201,
    headers: { "x-b": "2" },
  });
}

/** Sizes of bodies: small ones arrive as bytes, large ones as streams. */
const SIZES = [0, 10, 300_000];

/** Requests for `/path` with bodies of each size are answered by {@linkcode echo}. */
async function assertEchoes(
  send: (init: RequestInit) => Promise<Response>,
): Promise<void> {
  for (const size of SIZES) {
    const body = "x".repeat(size);
    const response = await send({
      method: "POST",
      body,
      headers: { "x-a": "1" },
    });
    assertEquals(response.status, 201);
    assertEquals(response.headers.get("x-b"), "2");
    assertEquals(await response.json(), ["POST", "/path", "1", body]);
  }
}

Deno.test("Deno.serve can return a response of fetch over SPDY", async () => {
  await using behind = serveSpdy(echo);
  await using connection = await connect(behind.addr);
  await using front = serveHttp1((request) => {
    const { pathname } = new URL(request.url);
    return connection.fetch(`http://localhost${pathname}`, request);
  });
  const url = `http://127.0.0.1:${front.addr.port}/path`;
  await assertEchoes((init) => fetch(url, init));
});

Deno.test("fetch can send a request that arrived over SPDY", async () => {
  await using behind = serveHttp1(echo);
  await using front = serveSpdy((request) => {
    const url = new URL(request.url);
    url.port = String(behind.addr.port);
    url.hostname = "127.0.0.1";
    return fetch(new Request(url, request));
  });
  await using connection = await connect(front.addr);
  await assertEchoes((init) => connection.fetch("http://localhost/path", init));
});

Deno.test("fetch accepts the same Request object that arrived over SPDY", async () => {
  await using behind = serveHttp1(echo);
  await using front = serveSpdy((request) => fetch(request));
  await using connection = await connect(front.addr);
  for (const method of ["GET", "POST"]) {
    const body = method === "GET" ? undefined : "abc";
    const url = `http://127.0.0.1:${behind.addr.port}/path`;
    const response = await connection.fetch(url, {
      method,
      body,
      headers: { "x-a": "1" },
    });
    const answer = await response.json();
    assertEquals(answer, [method, "/path", "1", body ?? ""]);
  }
});

Deno.test("serve can return a response of fetch over SPDY", async () => {
  await using behind = serveSpdy(echo);
  await using inner = await connect(behind.addr);
  await using front = serveSpdy((request) => inner.fetch(request));
  await using connection = await connect(front.addr);
  await assertEchoes((init) => connection.fetch("http://localhost/path", init));
});

Deno.test("a response that was read, or is being read, is an error", async () => {
  await using behind = serveSpdy(() => new Response("text"));
  await using inner = await connect(behind.addr);
  const errors: unknown[] = [];
  await using front = serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen,
    onError: (error) => {
      errors.push(String(error));
      return new Response("error", { status: 500 });
    },
  }, async (request) => {
    const answer = await inner.fetch(request);
    await answer.text();
    return answer;
  });
  await using connection = await connect(front.addr);
  const response = await connection.fetch("http://localhost/");
  assertEquals([response.status, await response.text()], [500, "error"]);
  assertEquals(errors, [
    "TypeError: The body of the Response returned from the serve handler has already been consumed",
  ]);
});
