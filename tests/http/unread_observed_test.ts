/**
 * Without windows, a wait of this library for its own purposes does not count as
 * a wait of the application, so unread bytes stop reading at `maxBufferedBytes`.
 */

import { coreOf } from "../../connection.ts";
import { PROTO_SPDY2 } from "../../frame/constants.ts";
import type { PushedResponse } from "../../http/fetch/fetch_init.ts";
import type { ServeHandler } from "../../http/server/serve_options.ts";
import { Output } from "../../kubernetes/call/ending.ts";
import { outputOf } from "../../kubernetes/spdy/taking.ts";
import { assert, assertEquals } from "../deps.ts";
import { memoryPair, type Pair } from "../helpers/connections.ts";
import { answerStreams, nextStream } from "../helpers/http.ts";
import {
  quiet,
  type VirtualTime,
  virtualTime,
} from "../helpers/virtual_time.ts";

const SOFT = 100_000;
const HARD = 4_000_000;
/** Bytes that may arrive beyond this limit, because reads are under way. */
const SLACK = 1_500_000;

function serving(handler: ServeHandler): Pair {
  const pair = memoryPair({
    version: PROTO_SPDY2,
    both: { maxBufferedBytes: SOFT, maxUnreadBytes: HARD },
  });
  answerStreams(pair.server, handler);
  return pair;
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65536)),
  }, { highWaterMark: 0 });
}

function silent(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
  });
}

/**
 * Lets time pass, and then everything run that needs none: how many turns of the
 * event loop a body takes depends on where its stream comes from.
 */
async function pass(time: VirtualTime, pair: Pair, ms: number): Promise<void> {
  await time.advance(ms);
  const sides = [coreOf(pair.client), coreOf(pair.server)];
  await quiet(() => sides[0].counters.unread + sides[1].counters.unread);
}

/** Checks that one side has stopped reading, and nothing has failed. */
function assertHeld(pair: Pair, side: "client" | "server"): void {
  const { unread, readingHeld } = coreOf(pair[side]).counters;
  assert(readingHeld, `${side}: ${unread} bytes unread`);
  assert(unread > SOFT && unread < SLACK, `${side}: ${unread} bytes unread`);
  assert(pair[side].accepting);
}

Deno.test("observed: an unread push stops reading and fails nothing", async () => {
  using time = virtualTime();
  await using pair = serving(async (request, info) => {
    if (request.url.endsWith("/big")) return new Response(endless());
    await info.push("/big", {});
    return new Response("main");
  });
  const pushes: PushedResponse[] = [];
  const response = await pair.client.fetch("http://h/", {
    onPush: (push) => pushes.push(push),
  });
  assertEquals(await response.text(), "main");
  assertEquals((await pushes[0].response).status, 200);
  await pass(time, pair, 5000);
  assertHeld(pair, "client");
});

Deno.test("observed: the body of an open request does not make its response arrive", async () => {
  using time = virtualTime();
  await using pair = serving(() => new Response(endless()));
  // Kept until the end, because the garbage collector cancels a response that
  // is dropped.
  const response = await pair.client.fetch("http://h/", {
    method: "POST",
    body: silent(),
  });
  await pass(time, pair, 5000);
  assertHeld(pair, "client");
  assertEquals(response.bodyUsed, false);
});

const HANDLERS: Readonly<Record<string, ServeHandler>> = {
  "answers with a stream": () => new Response(silent()),
  "listens to the signal": (request) => {
    request.signal.addEventListener("abort", () => {});
    return new Promise(() => {});
  },
  "pushes": async (_, info) => {
    await info.push("/p", {
      response: new Response(silent()),
    });
    return await new Promise(() => {});
  },
  "pushes by asking itself": async (request, info) => {
    if (request.url.endsWith("/p")) return new Response("pushed");
    await info.push("/p");
    return await new Promise(() => {});
  },
};

for (const [name, handler] of Object.entries(HANDLERS)) {
  Deno.test(
    `observed: a handler that ${name} has no more of an upload than one that waits for nothing`,
    async () => {
      using time = virtualTime();
      await using pair = serving(handler);
      const asked = pair.client.fetch("http://h/", {
        method: "POST",
        body: endless(),
        onPush() {},
      });
      asked.catch(() => {});
      await pass(time, pair, 900);
      assertHeld(pair, "server");
    },
  );
}

Deno.test("observed: a server that waits until its own bytes are sent does not read more of the client's", async () => {
  using time = virtualTime();
  await using pair = memoryPair({
    version: PROTO_SPDY2,
    both: { maxBufferedBytes: SOFT, maxUnreadBytes: HARD },
  });
  const opened = pair.client.openStream([]);
  const stream = await nextStream(pair.server);
  const output = new Output(outputOf(stream));
  // It is not answered, and stays open.
  output.writable.getWriter().write(new Uint8Array(100_000)).catch(() => {});
  output.finish();
  (await opened).write(new Uint8Array(2 * HARD)).catch(() => {});
  await pass(time, pair, 5000);
  assertHeld(pair, "server");
});

Deno.test("observed: a wait for the response of a push gets its head after unread bytes", async () => {
  using time = virtualTime();
  const head = Promise.withResolvers<Response>();
  await using pair = serving(async (request, info) => {
    if (request.url.endsWith("/p")) return await head.promise;
    await info.push("/p");
    return new Response(endless());
  });
  const pushes: PushedResponse[] = [];
  // Kept until the end, as above.
  const response = await pair.client.fetch("http://h/", {
    onPush: (push) => pushes.push(push),
  });
  await pass(time, pair, 900);
  assertHeld(pair, "client");
  head.resolve(new Response("pushed"));
  await pass(time, pair, 900);
  assertHeld(pair, "client");
  let status = 0;
  pushes[0].response.then((response) => status = response.status);
  await pass(time, pair, 900);
  assertEquals(status, 200);
  assertEquals(response.bodyUsed, false);
});

Deno.test("observed: a handler that waits for trailers gets them after unread bytes", async () => {
  using time = virtualTime();
  const go = Promise.withResolvers<void>();
  let trailers: Headers | undefined;
  await using pair = serving(async (_, info) => {
    await go.promise;
    trailers = await info.trailers;
    return new Response();
  });
  const asked = pair.client.fetch("http://h/", {
    method: "POST",
    body: new Uint8Array(1_000_000),
    trailers: Promise.resolve({ a: "b" }),
  });
  asked.catch(() => {});
  await pass(time, pair, 5000);
  assert(coreOf(pair.server).counters.readingHeld);
  go.resolve();
  await pass(time, pair, 500);
  assertEquals([...trailers ?? []], [["a", "b"]]);
  await asked;
});
