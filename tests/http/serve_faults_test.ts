/** `serve` when handlers and their responses fail. */

import { StreamResetError } from "../../connection/errors.ts";
import { INTERNAL_ERROR } from "../../frame/constants.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  fail,
} from "../deps.ts";
import { assertFetchFails, captureErrors, httpPair } from "../helpers/http.ts";

Deno.test("serve: a handler that throws is answered with 500 and logged", async () => {
  using errors = captureErrors();
  await using pair = await httpPair(() => {
    throw new Error("boom");
  });
  const response = await pair.client.fetch("/");
  assertEquals(response.status, 500);
  assertEquals(await response.text(), "Internal Server Error");
  assertEquals(errors.logged.map((args) => String(args[0])), ["Error: boom"]);
});

Deno.test("serve: onError answers instead of the handler", async () => {
  await using pair = await httpPair(async () => {
    await Promise.resolve();
    throw new Error("boom");
  }, {
    onError: (error) => new Response(String(error), { status: 503 }),
  });
  const response = await pair.client.fetch("/");
  assertEquals(response.status, 503);
  assertEquals(await response.text(), "Error: boom");
});

Deno.test("serve: a response whose body is locked is answered by onError", async () => {
  const errors: unknown[] = [];
  await using pair = await httpPair(async (request) => {
    const path = new URL(request.url).pathname;
    // Bytes in memory, a stream, and a response that arrived over SPDY.
    if (path === "/origin") return new Response("from elsewhere");
    const response = path === "/text"
      ? new Response("text")
      : path === "/stream"
      ? new Response(new Blob(["stream"]).stream())
      : await pair.client.fetch("/origin");
    response.body?.getReader();
    return response;
  }, {
    onError: (error) => {
      errors.push(error);
      return new Response("cannot be sent", { status: 503 });
    },
  });
  for (const path of ["/text", "/stream", "/other"]) {
    const response = await pair.client.fetch(path);
    assertEquals(response.status, 503);
    assertEquals(await response.text(), "cannot be sent");
    assertMatch(`${errors.pop()}`, /locked/);
  }
  assertEquals(errors, []);
});

Deno.test("serve: an onError that throws is answered with 500", async () => {
  using errors = captureErrors();
  await using pair = await httpPair(() => {
    throw new Error("first");
  }, {
    onError: () => {
      throw new Error("second");
    },
  });
  assertEquals((await pair.client.fetch("/")).status, 500);
  assertEquals(String(errors.logged[0][1]), "Error: second");
});

Deno.test("serve: a result that is not a response is passed to onError", async () => {
  const used = new Response("x");
  await used.text();
  const answers: unknown[] = [undefined, "text", Response.error(), used];
  const errors: string[] = [];
  await using pair = await httpPair(
    () => answers.shift() as Response,
    {
      onError: (error) => {
        errors.push(String(error));
        return new Response(null, { status: 500 });
      },
    },
  );
  for (let i = 0; i < 4; i++) {
    assertEquals((await pair.client.fetch("/")).status, 500);
  }
  assertStringIncludes(errors[0], "must be a response");
  assertStringIncludes(errors[1], "must be a response");
  assertStringIncludes(errors[2], "must not be an error response");
  assertStringIncludes(errors[3], "already been consumed");
});

Deno.test("serve: a response body that fails after the head resets the stream", async () => {
  using errors = captureErrors();
  const completed = Promise.withResolvers<unknown>();
  const answered = Promise.withResolvers<void>();
  await using pair = await httpPair((_request, info) => {
    info.completed.catch(completed.resolve);
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(3)),
        async pull(controller) {
          await answered.promise;
          controller.error(new Error("broken source"));
        },
      }),
    );
  });
  const response = await pair.client.fetch("/");
  assertEquals(response.status, 200);
  answered.resolve();
  const error = await assertFetchFails(
    () => response.bytes(),
    StreamResetError,
  );
  assertEquals(error.statusCode, INTERNAL_ERROR);
  assertEquals(String(await completed.promise), "Error: broken source");
  assertEquals(errors.logged.map(([error]) => String(error)), [
    "Error: broken source",
  ]);
});

for (
  const [when, makeBody] of [
    ["later", () => ReadableStream.from(["text"])],
    ["at once", () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue("text");
          controller.close();
        },
      })],
  ] as const
) {
  Deno.test(`serve: a body that is not bytes resets the stream, it arrives ${when}`, async () => {
    using errors = captureErrors();
    await using pair = await httpPair(() =>
      new Response(makeBody() as ReadableStream)
    );
    // The head may have been sent by then, or not.
    const error = await assertFetchFails(async () => {
      const response = await pair.client.fetch("/");
      await response.text();
    }, StreamResetError);
    assertEquals(error.statusCode, INTERNAL_ERROR);
    assertStringIncludes(String(errors.logged[0][0]), "where bytes");
  });
}

Deno.test("serve: headers that cannot be sent reset the stream", async () => {
  using errors = captureErrors();
  await using pair = await httpPair(() =>
    new Response("x", { headers: { "x-control": "a\x01b" } })
  );
  const error = await assertFetchFails(
    () => pair.client.fetch("/"),
    StreamResetError,
  );
  assertEquals(error.statusCode, INTERNAL_ERROR);
  assertStringIncludes(String(errors.logged[0][0]), "x-control");
});

Deno.test("serve: a logged error cannot control the terminal", async () => {
  using errors = captureErrors();
  await using pair = await httpPair((request) => {
    const cause = new Error("\x1b[2J of a peer");
    const error = new Error("\x9b31m of a peer", { cause });
    if (request.url.endsWith("/now")) throw error;
    return new Response(
      new ReadableStream({ pull: (controller) => controller.error(error) }),
    );
  });
  await (await pair.client.fetch("/now")).text();
  await assertRejects(async () => (await pair.client.fetch("/later")).text());
  assertEquals(errors.logged.length, 2);
  for (const [what] of errors.logged) {
    assertMatch(String(what), /^Error: \\x9b31m of a peer\n/);
    assertMatch(String(what), /\nCaused by: Error: \\x1b\[2J of a peer\n/);
  }
});

Deno.test("serve: a thrown value without text is logged, and the server continues", async () => {
  using errors = captureErrors();
  const odd: unknown[] = [
    Object.create(null),
    { toString: () => fail("toString was called by the log") },
    Object.assign(new Error("x"), { stack: 7 }),
    Object.assign(new Error("x"), { message: Symbol("m") }),
    Symbol("s"),
  ];
  await using pair = await httpPair((request) => {
    const { pathname, searchParams } = new URL(request.url);
    const error = odd[Number(searchParams.get("n"))];
    if (pathname === "/now") throw error;
    if (pathname === "/fine") return new Response("fine");
    return new Response(
      new ReadableStream({ pull: (controller) => controller.error(error) }),
    );
  });
  for (let n = 0; n < odd.length; n++) {
    const now = await pair.client.fetch(`/now?n=${n}`);
    assertEquals(now.status, 500);
    await now.body?.cancel();
    await assertRejects(async () =>
      (await pair.client.fetch(`/later?n=${n}`)).text()
    );
  }
  assertEquals(errors.logged.length, 2 * odd.length);
  assertEquals(await (await pair.client.fetch("/fine")).text(), "fine");
});
