/** The same handlers on `Deno.serve` and on `serve`, and frameworks as handlers. */

import { Application, Router } from "npm:@oakserver/oak@14";
import { Hono } from "npm:hono@4";
import { Client } from "../../http/client/client.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals, assertThrows } from "../deps.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { unixOnly } from "../helpers/unix_only.ts";
import { withStandIns } from "../helpers/with_stand_ins.ts";

type Handler = (request: Request) => Response | Promise<Response>;
type Answer = Record<string, unknown>;

const options = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** What a client receives from a handler with each of the two. */
async function onBoth(
  handler: Handler,
  ask: (
    fetch: (path: string, init?: RequestInit) => Promise<Response>,
  ) => Promise<Answer>,
): Promise<[Answer, Answer]> {
  const onError = (error: unknown) =>
    new Response((error as Error).name, { status: 500 });
  await using theirs = Deno.serve({ ...options, onError }, handler);
  await using ours = serve({ ...options, onError }, handler);
  await using client = new Client();
  const at = (port: number, send: unknown) => (path: string, init = {}) =>
    (send as typeof fetch)(`http://127.0.0.1:${port}${path}`, init);
  return [
    await ask(at(theirs.addr.port, fetch)),
    await ask(at(ours.addr.port, client.fetch)),
  ];
}

async function describe(response: Response): Promise<Answer> {
  return {
    status: response.status,
    length: response.headers.get("content-length"),
    type: response.headers.get("content-type"),
    cookies: response.headers.getSetCookie(),
    body: await response.text(),
  };
}

async function same(
  handler: Handler,
  init: RequestInit = {},
  path = "/",
): Promise<void> {
  const [theirs, ours] = await onBoth(
    handler,
    async (fetch) => await describe(await fetch(path, init)),
  );
  assertEquals(ours, theirs);
}

const POST = { method: "POST", body: "a=1" };
const length = (body: BodyInit | null, announced: string) => () =>
  new Response(body, { headers: { "content-length": announced } });

const CASES: Record<string, [handler: Handler, init?: RequestInit]> = {
  "text": [() => new Response("x")],
  "JSON": [() => Response.json({ a: 1 })],
  "no body": [() => new Response(null, { status: 204 })],
  "HEAD": [() => new Response("x"), { method: "HEAD" }],
  "HEAD with a length": [length("x", "7"), { method: "HEAD" }],
  "a body longer than its content-length": [length("four", "2")],
  "a body shorter than its content-length": [length("four", "10")],
  "a content-length that is no number": [length("four", "x")],
  "no body with a content-length": [length(null, "5")],
  "cookies": [() =>
    new Response("x", {
      headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
    })],
  "a handler that throws": [() => {
    throw new RangeError("x");
  }],
  "no response": [() => undefined as unknown as Response],
  "an error response": [() => Response.error()],
  "a body that was read": [async () => {
    const response = new Response("x");
    await response.text();
    return response;
  }],
  "a stream that is locked": [() => {
    const response = new Response(new ReadableStream());
    response.body?.getReader();
    return response;
  }],
  "echo": [async (request) => new Response(await request.text()), POST],
  "the host": [
    ({ headers, url }) =>
      new Response(String(headers.get("host") === new URL(url).host)),
  ],
  "members of the request": [(request) =>
    Response.json([
      request.method,
      request.bodyUsed,
      request.body === null,
      request.credentials,
      request.signal.aborted,
      new URL(request.clone().url).pathname,
      new URL(new Request(request).url).pathname,
      new Request(request, { headers: { a: "b" } }).headers.get("a"),
    ])],
  "a clone of the request": [async (request) => {
    const copy = request.clone();
    return Response.json([await request.text(), await copy.text()]);
  }, POST],
};

/** Cases in which a wrong length is corrected only if the body can be read without its stream. */
const NEED_STAND_INS = [
  "a body longer than its content-length",
  "a body shorter than its content-length",
  "a content-length that is no number",
];

const CORRECTED = {
  status: 200,
  length: "4",
  type: "text/plain;charset=UTF-8",
  cookies: [],
  body: "four",
};

/**
 * Cases in which `Deno.serve` was different before Deno 2.9: it sent a
 * `content-length` as the handler set it, so the client got a part of the body,
 * waited forever or failed; and a locked stream ended the server. On these
 * versions, the answer of this module is compared with what `Deno.serve` has
 * answered since 2.9.
 */
const SINCE_DENO_2_9: Readonly<Record<string, Answer>> = {
  "a body longer than its content-length": CORRECTED,
  "a body shorter than its content-length": CORRECTED,
  "a content-length that is no number": CORRECTED,
  "a stream that is locked": {
    status: 500,
    length: "9",
    type: "text/plain;charset=UTF-8",
    cookies: [],
    body: "TypeError",
  },
};

async function answersWith(handler: Handler, wanted: Answer): Promise<void> {
  const onError = (error: unknown) =>
    new Response((error as Error).name, { status: 500 });
  await using server = serve({ ...options, onError }, handler);
  await using client = new Client();
  const url = `http://127.0.0.1:${server.addr.port}/`;
  assertEquals(await describe(await client.fetch(url)), wanted);
}

for (const [name, [handler, init]] of Object.entries(CASES)) {
  const wanted = SINCE_DENO_2_9[name];
  const machines = NEED_STAND_INS.includes(name) ? withStandIns : Deno;
  machines.test({
    name: `as Deno.serve: ${name}`,
    fn: async () => {
      if (wanted !== undefined) await answersWith(handler, wanted);
      if (wanted === undefined || !isDenoBefore("2.9.0")) {
        await same(handler, init);
      }
    },
  });
}

withStandIns.test(
  "a BYOB reader can read a request's body that arrives with the head, which Deno.serve allows for some bodies only",
  async () => {
    await using server = serve(options, async (request) => {
      const reader = request.body!.getReader({ mode: "byob" });
      const { value } = await reader.read(new Uint8Array(2));
      return new Response(value);
    });
    await using client = new Client();
    const url = `http://127.0.0.1:${server.addr.port}/`;
    assertEquals(await (await client.fetch(url, POST)).text(), "a=");
  },
);

Deno.test("a BYOB reader can read a request's body that arrives after the head", async () => {
  await using server = serve(options, async (request) => {
    const reader = request.body!.getReader({ mode: "byob" });
    const lengths: number[] = [];
    let sum = 0;
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(1000));
      if (done) break;
      lengths.push(value.length);
      for (const byte of value) sum += byte;
    }
    return Response.json({
      length: lengths.reduce((a, b) => a + b),
      largest: Math.max(...lengths),
      sum,
    });
  });
  await using client = new Client();
  const response = await client.fetch(
    `http://127.0.0.1:${server.addr.port}/`,
    { method: "POST", body: new Uint8Array(200_000).fill(3) },
  );
  assertEquals(await response.json(), {
    length: 200_000,
    largest: 1000,
    sum: 600_000,
  });
});

Deno.test("a BYOB reader of a request's body fails when the client aborts", async () => {
  const failed = Promise.withResolvers<string>();
  const started = Promise.withResolvers<void>();
  await using server = serve(options, async (request) => {
    started.resolve();
    try {
      const reader = request.body!.getReader({ mode: "byob" });
      while (!(await reader.read(new Uint8Array(10))).done);
      failed.resolve("the body ended");
    } catch (error) {
      failed.resolve((error as Error).name);
    }
    return new Response();
  });
  await using client = new Client();
  const abort = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(20)),
  });
  const response = client.fetch(`http://127.0.0.1:${server.addr.port}/`, {
    method: "POST",
    body,
    signal: abort.signal,
  });
  await started.promise;
  abort.abort();
  await response.catch(() => {});
  assertEquals(await failed.promise, "StreamResetError");
});

Deno.test("as Deno.serve: the handler and onError are called without an object", async () => {
  const told: unknown[] = [];
  const options = {
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError(this: unknown) {
      told.push(this);
      return new Response("told");
    },
  };
  function handler(this: unknown, request: Request): Response {
    told.push(this);
    if (request.url.endsWith("/throws")) throw new Error("thrown");
    return new Response("answered");
  }
  await using client = new Client();
  await using ours = serve(options, handler);
  await using theirs = Deno.serve(options, handler);
  for (
    const [server, ask] of [[ours, client.fetch], [theirs, fetch]] as const
  ) {
    const origin = `http://127.0.0.1:${server.addr.port}`;
    assertEquals(await (await ask(`${origin}/`)).text(), "answered");
    assertEquals(await (await ask(`${origin}/throws`)).text(), "told");
    assertEquals(told.splice(0), [undefined, undefined, undefined]);
  }
});

Deno.test("as Deno.serve: null counts as no onListen, onError and signal", async () => {
  const none = { onListen: null, onError: null, signal: null } as unknown as {
    onListen: undefined;
  };
  const fail = () => {
    throw new Error("thrown");
  };
  const { error, log } = console;
  const logged: string[] = [];
  console.error = (...args: unknown[]) => logged.push(args.map(String).join());
  console.log = () => {};
  try {
    await using server = serve(
      { hostname: "127.0.0.1", port: 0, ...none, onConnection: null! },
      fail,
    );
    await using client = new Client();
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const response = await client.fetch(url);
    assertEquals(response.status, 500);
    assertEquals(await response.text(), "Internal Server Error");
  } finally {
    Object.assign(console, { error, log });
  }
  assertEquals(logged, ["Error: thrown"]);
  // deno-lint-ignore no-explicit-any -- a call without types
  assertThrows(() => (serve as any)(), TypeError, "A handler function must");
});

unixOnly.test("as Deno.serve: on a Unix socket, remoteAddr of a handler equals the server's address", async () => {
  const path = `${await Deno.makeTempDir()}/socket`;
  const { connect } = await import("../../http/connect.ts");
  await using server = serve(
    { path, onListen() {} },
    (_request, { remoteAddr }) => Response.json(remoteAddr),
  );
  await using client = await connect({ path });
  assertEquals(await (await client.fetch("/")).json(), server.addr);
});

Deno.test("Hono answers as with Deno.serve", async () => {
  const app = new Hono();
  app.get("/hello/:name", (c) => c.json({ hello: c.req.param("name") }));
  app.post(
    "/form",
    async (c) => c.text(String((await c.req.formData()).get("a"))),
  );
  const handler: Handler = (request) => app.fetch(request);
  await same(handler, {}, "/hello/you");
  await same(handler, {}, "/none");
  await same(handler, {
    method: "POST",
    body: new URLSearchParams({ a: "1" }),
  }, "/form");
});

Deno.test("Oak answers as with Deno.serve", async () => {
  const router = new Router();
  router.get("/hello/:name", (context) => {
    context.response.body = { hello: context.params.name };
  });
  router.post("/json", async (context) => {
    context.response.body = await context.request.body.json();
  });
  const app = new Application();
  app.use(router.routes());
  // Its types on npm belong to another fetch.
  const handle = app.handle as unknown as (
    request: Request,
  ) => Promise<Response | undefined>;
  const handler: Handler = async (request) =>
    await handle(request) ?? new Response("not found", { status: 404 });
  await same(handler, {}, "/hello/you");
  await same(handler, {}, "/none");
  await same(handler, {
    method: "POST",
    body: "[1]",
    headers: {
      "content-type": "application/json",
    },
  }, "/json");
});
