/** Objects that the platform creates from a handler's request. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "../deps.ts";
import { StreamResetError } from "../../connection/errors.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { httpPair } from "../helpers/http.ts";

const COPIES: Record<string, (request: Request) => Request> = {
  "request.clone()": (request) => request.clone(),
  "a clone of a clone": (request) => request.clone().clone(),
  "new Request(request)": (request) => new Request(request),
  "new Request(request, init)": (request) =>
    new Request(request, { headers: { "x-a": "b" } }),
  "new Request(url, request)": (request) => new Request(request.url, request),
};

for (const method of ["GET", "POST"]) {
  for (const [name, copy] of Object.entries(COPIES)) {
    Deno.test(`the signal of ${name} aborts when the client leaves, ${method}`, async () => {
      const heard = Promise.withResolvers<
        [copied: AbortSignal, own: AbortSignal]
      >();
      const called = Promise.withResolvers<void>();
      await using pair = await httpPair(async (request) => {
        const made = copy(request);
        assertEquals(made.url, request.url);
        assertEquals(made.method, method);
        const { signal } = made;
        assert(!signal.aborted);
        // What this handler throws after the client has left is reported to nobody.
        signal.addEventListener("abort", () => {
          heard.resolve([signal, request.signal]);
        });
        called.resolve();
        await heard.promise;
        return new Response();
      });
      const abort = new AbortController();
      const body = method === "POST" ? "x" : undefined;
      const asked = pair.client.fetch("/a?b", {
        method,
        body,
        signal: abort.signal,
      }).catch(() => {});
      await called.promise;
      abort.abort();
      const [{ reason }, own] = await heard.promise;
      await asked;
      assertStrictEquals(own.reason, reason);
      assertInstanceOf(reason, DOMException);
      assertEquals(reason.name, "AbortError");
      assertInstanceOf(reason.cause, StreamResetError);
    });
  }
}

Deno.test("a fetch of a copy is aborted with the reason when the client leaves", async () => {
  const upstream = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<unknown>();
  await using slow = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async () => {
      upstream.resolve();
      await failed.promise;
      return new Response();
    },
  );
  await using pair = await httpPair(async (request) => {
    const { port } = slow.addr;
    try {
      return await fetch(`http://127.0.0.1:${port}/`, {
        signal: new Request(request).signal,
      });
    } catch (error) {
      failed.resolve(error);
      throw error;
    }
  });
  const abort = new AbortController();
  const asked = pair.client.fetch("/", { signal: abort.signal })
    .catch(() => {});
  await upstream.promise;
  abort.abort();
  await asked;
  const error = await failed.promise;
  if (!(error instanceof DOMException)) throw error;
  assertEquals(error.name, "AbortError");
});

Deno.test("a locked body is passed to onError", async () => {
  const heard: unknown[] = [];
  await using pair = await httpPair((request) => {
    const { pathname } = new URL(request.url);
    const body = pathname === "/text" ? "text" : new ReadableStream();
    const response = new Response(body);
    response.body?.getReader();
    return response;
  }, {
    onError: (error) => {
      heard.push(error);
      return new Response("told", { status: 503 });
    },
  });
  for (const path of ["/text", "/stream"]) {
    const response = await pair.client.fetch(path);
    assertEquals(response.status, 503);
    assertEquals(await response.text(), "told");
  }
  assertEquals(heard.length, 2);
});

Deno.test("a body of strings fails the response and is reported to onError", async () => {
  const heard = Promise.withResolvers<unknown>();
  await using pair = await httpPair(
    () => new Response(ReadableStream.from(["a", "b"]) as ReadableStream),
    {
      onError: (error) => {
        heard.resolve(error);
        return new Response();
      },
    },
  );
  const failed = await pair.client.fetch("/").then((response) =>
    response.text()
  ).then(() => false, () => true);
  assert(failed);
  const error = await heard.promise;
  assert(String(error).includes("a string"), String(error));
});

Deno.test("a body whose file is closed fails the response and is reported to onError", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "text");
  const heard = Promise.withResolvers<unknown>();
  try {
    await using pair = await httpPair(
      async () => {
        const file = await Deno.open(path);
        const { readable } = file;
        file.close();
        return new Response(readable);
      },
      {
        onError: (error) => {
          heard.resolve(error);
          return new Response("not sent");
        },
      },
    );
    const failed = await pair.client.fetch("/")
      .then((response) => response.text())
      .then(() => false, () => true);
    assert(failed);
    assertInstanceOf(await heard.promise, Deno.errors.BadResource);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("as documented: Deno.serve answers 500 for a body whose file is closed, and does not call onError", async () => {
  if (isDenoBefore("2.9.0")) return;
  const path = await Deno.makeTempFile();
  let heard = 0;
  try {
    await using server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
      onError: () => {
        heard++;
        return new Response();
      },
    }, async () => {
      const file = await Deno.open(path);
      const { readable } = file;
      file.close();
      return new Response(readable);
    });
    const { port } = server.addr;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assertEquals([response.status, await response.text(), heard], [500, "", 0]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a body of one null or undefined fails: it does not count as empty", async () => {
  const { error: original } = console;
  console.error = () => {};
  try {
    const bodyOf = (value: unknown) =>
      ReadableStream.from([value]) as ReadableStream;
    for (const value of [null, undefined]) {
      await using pair = await httpPair(
        async (request) => {
          await request.text();
          return new Response(request.body === null ? bodyOf(value) : "");
        },
        { onError: () => new Response() },
      );
      const calls = [
        () => pair.client.fetch("/"),
        () => pair.client.fetch("/", { method: "POST", body: bodyOf(value) }),
      ];
      for (const call of calls) {
        const failed = await call().then((response) => response.text())
          .then(() => false, () => true);
        assert(failed, String(value));
      }
    }
  } finally {
    console.error = original;
  }
});
