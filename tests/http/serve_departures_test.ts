/** `serve` when clients disconnect, and how a server ends. */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { CANCEL } from "../../frame/constants.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "../deps.ts";
import {
  assertFetchFails,
  captureErrors,
  httpPair,
  REQUEST,
  VERSIONS,
} from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";

/** The reset that an error is, or by which it was caused. */
function resetOf(error: unknown): StreamResetError {
  const reset = error instanceof Error && error.cause ? error.cause : error;
  if (!(reset instanceof StreamResetError)) throw error;
  return reset;
}

for (const version of VERSIONS) {
  Deno.test(`serve: the signal aborts when a client gives up, ${versionName(version)}`, async () => {
    const reason = Promise.withResolvers<unknown>();
    const called = Promise.withResolvers<void>();
    const completed = Promise.withResolvers<unknown>();
    await using pair = await httpPair((request, info) => {
      request.signal.addEventListener("abort", () => {
        reason.resolve(request.signal.reason);
      });
      info.completed.catch(completed.resolve);
      called.resolve();
      // A body that never arrives must be cancelled, too.
      return new Response(
        new ReadableStream({ cancel: (why) => reason.promise.then(() => why) }),
      );
    }, { version });
    const abort = new AbortController();
    const asked = pair.client.fetch("/", { signal: abort.signal });
    const response = await asked;
    await called.promise;
    abort.abort(new Error("enough"));
    await assertRejects(() => response.text(), Error, "enough");
    const heard = await reason.promise;
    if (!(heard instanceof DOMException)) throw heard;
    assertEquals(heard.name, "AbortError");
    assertEquals(resetOf(heard).statusCode, CANCEL);
    await completed.promise;
  });
}

Deno.test("serve: a handler that fails because the client left is not logged", async () => {
  using errors = captureErrors();
  const called = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request) => {
    called.resolve();
    try {
      return new Response(await request.bytes());
    } finally {
      done.resolve();
    }
  });
  const stream = await pair.client.openStream([
    ...REQUEST.filter(([name]) => name !== ":method"),
    [":method", "POST"],
  ]);
  const writer = stream.writable.getWriter();
  await writer.write(new Uint8Array(10));
  await called.promise;
  stream.reset();
  await done.promise;
  // A second request on the connection, after the first one has ended
  // completely.
  assertEquals((await pair.client.fetch("/")).status, 200);
  assertEquals(errors.logged, []);
});

Deno.test("serve: a handler is told when its connection ends", async () => {
  const reason = Promise.withResolvers<unknown>();
  const called = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request) => {
    request.signal.addEventListener("abort", () => {
      reason.resolve(request.signal.reason);
    });
    called.resolve();
    await reason.promise;
    return new Response("too late");
  });
  const asked = pair.client.fetch("/");
  await called.promise;
  await pair.client.close();
  await assertFetchFails(() => asked, ConnectionClosedError);
  assertInstanceOf(await reason.promise, Error);
});

Deno.test("serve: shutdown finishes open requests and then ends", async () => {
  const called = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using pair = await httpPair(async () => {
    called.resolve();
    await release.promise;
    return new Response("finished");
  });
  const asked = pair.client.fetch("/");
  await called.promise;
  const ended = pair.server.shutdown();
  let over = false;
  pair.server.finished.then(() => {
    over = true;
  });
  const late = await assertRejects(() => pair.client.fetch("/late"), TypeError);
  assert((late.cause as StreamResetError).unprocessed);
  assert(!over);
  release.resolve();
  assertEquals(await (await asked).text(), "finished");
  await ended;
  await pair.server.finished;
  await pair.server.shutdown();
  await assertRejects(() =>
    Deno.connect({ hostname: "127.0.0.1", port: pair.server.addr.port })
  );
});

Deno.test("serve: the signal ends everything at once", async () => {
  const abort = new AbortController();
  const called = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using pair = await httpPair(async () => {
    called.resolve();
    await release.promise;
    return new Response();
  }, { signal: abort.signal });
  const asked = pair.client.fetch("/");
  await called.promise;
  abort.abort();
  await pair.server.finished;
  await assertFetchFails(() => asked, ConnectionClosedError);
  release.resolve();
});

Deno.test("serve: an already aborted signal ends it at once", async () => {
  const { serve } = await import("../../http/server/serve.ts");
  const server = serve(
    { port: 0, onListen() {}, signal: AbortSignal.abort() },
    () => new Response(),
  );
  await server.finished;
});

Deno.test("serve: a client may disappear in the middle of a response", async () => {
  const completed = Promise.withResolvers<unknown>();
  const cancelled = Promise.withResolvers<void>();
  await using pair = await httpPair((_request, info) => {
    info.completed.catch(completed.resolve);
    return new Response(
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
        cancel: () => cancelled.resolve(),
      }),
    );
  });
  const response = await pair.client.fetch("/");
  await response.body!.getReader().read();
  await pair.client.close();
  await cancelled.promise;
  assert(await completed.promise instanceof Error);
});

for (const how of ["cancels", "closes the connection"]) {
  Deno.test(`serve: a client that ${how} in the middle of an announced length is no fault of the body`, async () => {
    const errors: unknown[] = [];
    const completed = Promise.withResolvers<unknown>();
    await using pair = await httpPair((_request, info) => {
      info.completed.catch(completed.resolve);
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(3)),
      });
      return new Response(body, { headers: { "content-length": "100" } });
    }, {
      onError: (error) => {
        errors.push(error);
        return new Response(null, { status: 500 });
      },
    });
    const response = await pair.client.fetch("/");
    const reader = response.body!.getReader();
    await reader.read();
    if (how === "cancels") await reader.cancel();
    else await pair.client.close();
    const error = await completed.promise;
    assertInstanceOf(
      error,
      how === "cancels" ? StreamResetError : ConnectionClosedError,
    );
    assertEquals(errors, []);
  });
}

Deno.test("serve: unref lets the process exit, and ref keeps it alive again", async () => {
  await using pair = await httpPair(() => new Response("x"));
  pair.server.unref();
  pair.server.ref();
  assertEquals(await (await pair.client.fetch("/")).text(), "x");
});

Deno.test("serve: a body that is created after its client has left is cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using pair = await httpPair(async (_request, info) => {
    await info.stream.closed.catch(() => {});
    const body = new ReadableStream({ cancel: () => cancelled.resolve() });
    return new Response(body);
  });
  const stream = await pair.client.openStream([...REQUEST], { fin: true });
  stream.reset();
  await cancelled.promise;
});
