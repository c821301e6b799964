/** `serve` when handlers, clients or the network fail. */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import {
  CANCEL,
  INTERNAL_ERROR,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  fail,
} from "../deps.ts";
import {
  assertFetchFails,
  captureErrors,
  httpPair,
  readBody,
  REQUEST,
  valueOf,
  VERSIONS,
  writeBody,
} from "../helpers/http.ts";

Deno.test("serve: a handler that throws is answered with 500 and logged", async () => {
  using errors = captureErrors();
  await using pair = await httpPair(() => {
    throw new Error("boom");
  });
  const response = await pair.client.fetch("/");
  assertEquals(response.status, 500);
  assertEquals(await response.text(), "Internal Server Error");
  assertEquals(errors.said.map((args) => String(args[0])), ["Error: boom"]);
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
    // Bytes in memory, a stream, and a response that came over SPDY itself.
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
  assertEquals(String(errors.said[0][1]), "Error: second");
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
  assertEquals(errors.said.map(([error]) => String(error)), [
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
    // The head may have left by then or not.
    const error = await assertFetchFails(async () => {
      const response = await pair.client.fetch("/");
      await response.text();
    }, StreamResetError);
    assertEquals(error.statusCode, INTERNAL_ERROR);
    assertStringIncludes(String(errors.said[0][0]), "where bytes");
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
  assertStringIncludes(String(errors.said[0][0]), "x-control");
});

/** The reset that an error is, or that caused it. */
function resetOf(error: unknown): StreamResetError {
  const reset = error instanceof Error && error.cause ? error.cause : error;
  if (!(reset instanceof StreamResetError)) throw error;
  return reset;
}

for (const version of VERSIONS) {
  Deno.test(`serve: the signal aborts when a client gives up, version ${version}`, async () => {
    const reason = Promise.withResolvers<unknown>();
    const called = Promise.withResolvers<void>();
    const completed = Promise.withResolvers<unknown>();
    await using pair = await httpPair((request, info) => {
      request.signal.addEventListener("abort", () => {
        reason.resolve(request.signal.reason);
      });
      info.completed.catch(completed.resolve);
      called.resolve();
      // A body that never comes must be cancelled, too.
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
  // A second request on the connection: the first is over and done with.
  assertEquals((await pair.client.fetch("/")).status, 200);
  assertEquals(errors.said, []);
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

for (const version of VERSIONS) {
  Deno.test(`serve: a request without a required pair gets 400, version ${version}`, async () => {
    let called = 0;
    await using pair = await httpPair(() => {
      called++;
      return new Response();
    }, { version });
    for (const [name] of REQUEST) {
      const nv = REQUEST.filter((each) => each[0] !== name);
      const stream = await pair.client.openStream(nv, { fin: true });
      assertEquals(valueOf(await stream.response, ":status"), "400");
      assertEquals(
        await readBody(stream),
        `Bad Request: the request has no ${name}`,
      );
    }
    assertEquals(called, 0);
  });

  Deno.test(`serve: a request with a hop-by-hop header gets 400, version ${version}`, async () => {
    await using pair = await httpPair(() => new Response(), { version });
    for (
      const name of [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
      ]
    ) {
      const stream = await pair.client.openStream([...REQUEST, [name, "x"]], {
        fin: true,
      });
      assertEquals(valueOf(await stream.response, ":status"), "400");
      assertStringIncludes(await readBody(stream), name);
    }
  });
}

Deno.test("serve: header names and URLs that the platform refuses get 400", async () => {
  await using pair = await httpPair(() => new Response());
  const wrong: NameValue[] = [[":host", "h:port"], [":host", "[::"]];
  for (const [name, value] of wrong) {
    const nv = REQUEST.filter((each) => each[0] !== name);
    const stream = await pair.client.openStream([...nv, [name, value]], {
      fin: true,
    });
    assertEquals(valueOf(await stream.response, ":status"), "400");
    await readBody(stream);
  }
});

function post(length: string): NameValue[] {
  return [
    ...REQUEST.filter(([name]) => name !== ":method"),
    [":method", "POST"],
    ["content-length", length],
  ];
}

Deno.test("serve: content-length on a request without a body gets 400", async () => {
  await using pair = await httpPair(() => new Response());
  const stream = await pair.client.openStream(post("5"), { fin: true });
  assertEquals(valueOf(await stream.response, ":status"), "400");
  assertEquals(
    await readBody(stream),
    "Bad Request: content-length is 5, but 0 bytes arrived",
  );
});

for (const [text, came] of [["abc", "only 3"], ["abcdefg", "more"]]) {
  Deno.test(`serve: a body of another length than announced (${came}) gets 400`, async () => {
    const failures: unknown[] = [];
    await using pair = await httpPair(async (request) => {
      try {
        await request.text();
      } catch (error) {
        failures.push(error);
      }
      return new Response("the handler does not mind");
    });
    const stream = await pair.client.openStream(post("5"));
    // The request is under way before its body is.
    await pair.client.ping();
    await writeBody(stream, text);
    assertEquals(valueOf(await stream.response, ":status"), "400");
    assertEquals(
      await readBody(stream),
      `Bad Request: content-length is 5, but ${came} bytes arrived`,
    );
    assertInstanceOf(failures[0], HttpMessageError);
  });
}

Deno.test("serve: a wrong length after the head was sent resets the stream", async () => {
  await using pair = await httpPair((request) => new Response(request.body));
  const stream = await pair.client.openStream(post("5"));
  const writer = stream.writable.getWriter();
  await writer.write(new Uint8Array(2));
  assertEquals(valueOf(await stream.response, ":status"), "200");
  await writer.close();
  await assertRejects(() => readBody(stream), StreamResetError);
  assertEquals(await stream.closed, PROTOCOL_ERROR);
});

Deno.test("serve: an unread upload gets back-pressure and is then stopped", async () => {
  const release = Promise.withResolvers<void>();
  await using pair = await httpPair(async () => {
    await release.promise;
    return new Response("no thanks", { status: 413 });
  });
  let sent = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 65536;
      controller.enqueue(new Uint8Array(65536));
    },
    cancel: () => {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  const asked = pair.client.fetch("/", { method: "POST", body });
  for (let i = 0; i < 5; i++) await pair.client.ping();
  // The window of 64 KiB, the send buffer of 256 KiB, and chunks on their way.
  assertLess(sent, 640 * 1024);
  release.resolve();
  const response = await asked;
  assertEquals(response.status, 413);
  assertEquals(await response.text(), "no thanks");
  assertEquals(await response.stream.closed, CANCEL);
  assert(cancelled);
});

// SPDY/2 has no windows: there the socket fills up, PINGs included.
for (const version of [PROTO_SPDY3, PROTO_SPDY3_1] as const) {
  Deno.test(`serve: a client that does not read stops the producer, version ${version}`, async () => {
    let produced = 0;
    const cancelled = Promise.withResolvers<void>();
    await using pair = await httpPair(
      () =>
        new Response(
          new ReadableStream<Uint8Array>({
            pull(controller) {
              produced += 65536;
              controller.enqueue(new Uint8Array(65536));
            },
            cancel: () => cancelled.resolve(),
          }, { highWaterMark: 0 }),
        ),
      { version },
      { windowTuning: false },
    );
    const response = await pair.client.fetch("/");
    const reader = response.body!.getReader();
    await reader.read();
    let before = -1;
    // Until nothing more is produced between two round trips.
    while (before !== produced) {
      before = produced;
      for (let i = 0; i < 3; i++) await pair.client.ping();
    }
    // The window of 64 KiB, the send buffer of 256 KiB, chunks on their way.
    assertLess(produced, 640 * 1024);
    await reader.cancel();
    await cancelled.promise;
  });
}

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

Deno.test("serve: a handler may cancel the request's body and still answer", async () => {
  await using pair = await httpPair(async (request) => {
    await request.body?.cancel();
    return new Response("too large", { status: 413 });
  });
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
  });
  const response = await pair.client.fetch("/", { method: "POST", body });
  assertEquals(response.status, 413);
  assertEquals(await response.text(), "too large");
  assertEquals(await response.stream.closed, CANCEL);
});

Deno.test("serve: small unread uploads end cleanly", async () => {
  await using pair = await httpPair(() => new Response("no", { status: 404 }));
  const response = await pair.client.fetch("/", {
    method: "POST",
    body: new Uint8Array(50_000),
  });
  assertEquals(await response.text(), "no");
  assertEquals(await response.stream.closed, 0);
});

Deno.test("serve: 1,000 requests one after another leave nothing in memory", async () => {
  await using pair = await httpPair(async (request) =>
    new Response(await request.text())
  );
  for (let i = 0; i < 1000; i++) {
    const response = await pair.client.fetch("/", {
      method: "POST",
      body: String(i),
    });
    assertEquals(await response.text(), String(i));
  }
});

Deno.test("serve: unref lets the process exit, and ref keeps it alive again", async () => {
  await using pair = await httpPair(() => new Response("x"));
  pair.server.unref();
  pair.server.ref();
  assertEquals(await (await pair.client.fetch("/")).text(), "x");
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
  assertEquals(errors.said.length, 2);
  for (const [what] of errors.said) {
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
  assertEquals(errors.said.length, 2 * odd.length);
  assertEquals(await (await pair.client.fetch("/fine")).text(), "fine");
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

Deno.test("serve: the body of a response to an invalid request is cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request) => {
    begun.resolve();
    await request.text().catch(() => {});
    const body = new ReadableStream({ cancel: () => cancelled.resolve() });
    return new Response(body);
  });
  const stream = await pair.client.openStream([
    ...REQUEST.filter(([name]) => name !== ":method"),
    [":method", "POST"],
    ["content-length", "9"],
  ]);
  await begun.promise;
  await writeBody(stream, "short");
  assertEquals(valueOf(await stream.response, ":status"), "400");
  await cancelled.promise;
});
