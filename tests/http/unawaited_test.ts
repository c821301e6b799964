/** Promises that a program passes or gets, and never awaits, do not end the process. */

import { runInNewContext } from "node:vm";
import { SETTINGS_MAX_CONCURRENT_STREAMS } from "../../frame/constants.ts";
import { Client } from "../../http/client/client.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

// An unhandled rejection fails a test at the end of a turn.

Deno.test("push: a handler that does not await it survives a client that allows none", async () => {
  const called: string[] = [];
  await using pair = await httpPair(
    (request, info) => {
      const { pathname } = new URL(request.url);
      called.push(pathname);
      info.push("/pushed");
      info.push("https://other.example/");
      return new Response("page");
    },
    {},
    { settings: [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 0]] },
  );
  await pair.client.ping();
  assertEquals(await (await pair.client.fetch("/")).text(), "page");
  await turn();
  assertEquals(called, ["/"]);
});

Deno.test("push: a handler that does not await it survives a client that leaves", async () => {
  const left = Promise.withResolvers<void>();
  const pushed = Promise.withResolvers<void>();
  await using pair = await httpPair(async (_request, info) => {
    await left.promise;
    info.push("/pushed");
    info.push("https://other.example/");
    pushed.resolve();
    return new Response("page");
  });
  const asked = pair.client.fetch("/").catch(() => {});
  await pair.client.ping();
  await pair.client.close();
  await asked;
  left.resolve();
  await pushed.promise;
  await turn();
});

Deno.test("push: the handler of a pushed response may try to push, and not await it", async () => {
  const called: string[] = [];
  await using pair = await httpPair((request, info) => {
    const { pathname } = new URL(request.url);
    called.push(pathname);
    info.push("/pushed");
    return new Response(pathname);
  });
  const pushed = Promise.withResolvers<string>();
  const response = await pair.client.fetch("/", {
    onPush: ({ response }) =>
      response.then((each) => each.text()).then(pushed.resolve, pushed.reject),
  });
  assertEquals(await response.text(), "/");
  assertEquals(await pushed.promise, "/pushed");
  await turn();
  assertEquals(called, ["/", "/pushed"]);
});

Deno.test("fetch: trailers that reject before the body was sent fail only the request", async () => {
  await using pair = await httpPair(async (request) => {
    await request.bytes().catch(() => {});
    return new Response();
  });
  const sent = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await sent.promise;
      controller.close();
    },
  });
  const asked = pair.client.fetch("/", {
    method: "POST",
    body,
    trailers: Promise.reject(new Error("no sum")),
  });
  await turn();
  sent.resolve();
  await assertRejects(() => asked, TypeError, "no sum");
});

Deno.test("fetch: trailers that reject after their request failed cause no unhandled rejection", async () => {
  await using client = new Client({
    connect: () => Promise.reject(new Error("no route")),
  });
  const trailers = Promise.withResolvers<HeadersInit>();
  const init = { method: "POST", body: "x", trailers: trailers.promise };
  await assertRejects(() => client.fetch("http://h/", init), TypeError);
  trailers.reject(new Error("no sum"));
  const wrong = { ...init, trailers: Promise.reject(new Error("no sum")) };
  await assertRejects(() => client.fetch("nonsense:", wrong), TypeError);
  await turn();
});

Deno.test("fetch: trailers that are a promise of another realm and reject", async () => {
  await using client = new Client({
    connect: () => Promise.reject(new Error("no route")),
  });
  const trailers = runInNewContext('Promise.reject(new Error("no sum"))');
  const init = { method: "POST", body: "x", trailers };
  assertEquals(trailers instanceof Promise, false);
  await assertRejects(() => client.fetch("http://h/", init), TypeError);
  await turn();
});

Deno.test("fetch: trailers with a then that begins their work begin it once, after the body", async () => {
  await using pair = await httpPair(async (request, info) => {
    await request.bytes();
    return Response.json(Object.fromEntries(await info.trailers));
  });
  let begun = 0;
  const trailers = {
    then(resolve: (trailers: HeadersInit) => void) {
      begun++;
      resolve({ "x-begun": `${begun}` });
    },
  } as unknown as Promise<HeadersInit>;
  const response = await pair.client.fetch("/", {
    method: "POST",
    body: new Blob(["some"]).stream(),
    trailers,
  });
  assertEquals(await response.json(), { "x-begun": "1" });
  assertEquals(begun, 1);
});
