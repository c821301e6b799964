/** Server push, both sides. */

import { StreamResetError } from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  CANCEL,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import type { PushedResponse } from "../../http/fetch/fetch_init.ts";
import type { Connection } from "../../http/connection.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { assertEquals, assertInstanceOf, assertRejects } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import {
  assertFetchFails,
  httpPair,
  nextStream,
  readBody,
  REQUEST,
  RESPONSE,
  valueOf,
  VERSIONS,
  writeBody,
} from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";

for (const version of VERSIONS) {
  Deno.test(`push: the handler is called for a pushed path, ${versionName(version)}`, async () => {
    await using pair = await httpPair(async (request, info) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/") {
        await info.push("/style.css?v=1", { headers: { accept: "text/css" } });
        await info.push("/app.js?", {
          response: new Response("alert()", { status: 203 }),
        });
        return new Response("page");
      }
      return new Response(`${request.method} ${request.headers.get("accept")}`);
    }, { version });
    const pushes: PushedResponse[] = [];
    const response = await pair.client.fetch("http://h:1/", {
      onPush: (push) => pushes.push(push),
    });
    assertEquals(await response.text(), "page");
    assertEquals(pushes.map((push) => push.url), [
      "http://h:1/style.css?v=1",
      "http://h:1/app.js?",
    ]);
    const [style, script] = await Promise.all(
      pushes.map((push) => push.response),
    );
    assertEquals(style.url, "http://h:1/style.css?v=1");
    assertEquals(await style.text(), "GET text/css");
    assertEquals([...await style.trailers], []);
    assertEquals(script.status, 203);
    assertEquals(await script.text(), "alert()");
  });
}

Deno.test("push: the body of a response that cannot be pushed is cancelled", async () => {
  const cancelled: string[] = [];
  const rejected: string[] = [];
  const left = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  await using pair = await httpPair(async ({ url, signal }, info) => {
    const push = async (name: string, path: string, init: object) => {
      const body = new ReadableStream({
        cancel: () => void cancelled.push(name),
      });
      const response = new Response(body);
      await info.push(path, { ...init, response })
        .catch(() => rejected.push(name));
    };
    if (url.endsWith("/left")) {
      signal.addEventListener("abort", () => left.resolve());
      await left.promise;
      await push("client left", "/x", {});
      over.resolve();
    } else {
      await push("other origin", "http://other.example/x", {});
      await push("headers", "/x", { headers: { "a b": "c" } });
      await push("option", "/x", { header: {} });
    }
    return new Response("page");
  });
  assertEquals(await (await pair.client.fetch("/")).text(), "page");
  const stream = await pair.client.openStream(
    REQUEST.map(([name, value]) => [name, name === ":path" ? "/left" : value]),
    { fin: true },
  );
  await pair.client.ping();
  stream.reset();
  await over.promise;
  const all = ["other origin", "headers", "option", "client left"];
  assertEquals([rejected, cancelled], [all, all]);
});

Deno.test("push: without onPush, iterating over the connection returns pushes as streams", async () => {
  await using pair = await httpPair(async (_request, info) => {
    await info.push("/x", { response: new Response("pushed") });
    return new Response("page");
  });
  pair.client[Symbol.asyncIterator]();
  assertEquals(await (await pair.client.fetch("/")).text(), "page");
  const pushed = await nextStream(pair.client);
  assertEquals(pushed.associatedStreamId, 1);
  assertEquals(valueOf(pushed.headers, ":path"), "/x");
  assertEquals(await readBody(pushed), "pushed");
});

Deno.test("push: a client that iterates but takes no push is sent only a few", async () => {
  const refused: number[] = [];
  await using pair = await httpPair(async (_request, info) => {
    for (let i = 0; i < 3; i++) {
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(65536)),
      });
      const pushed = await info.push("/x", { response: new Response(endless) });
      pushed.closed.then((status) => refused.push(status), () => {});
    }
    return new Response("page".repeat(50_000));
  });
  pair.client[Symbol.asyncIterator]();
  for (let i = 0; i < 20; i++) {
    const page = await pair.client.fetch("/");
    assertEquals((await page.text()).length, 200_000);
  }
  assertEquals(refused.length, 60 - 8);
  assertEquals(new Set(refused), new Set([REFUSED_STREAM]));
});

for (const version of VERSIONS) {
  Deno.test(`push: an unwanted push is refused and delays nothing, ${versionName(version)}`, async () => {
    const refused: number[] = [];
    await using pair = await httpPair(
      async (request, info) => {
        for (let i = 0; request.url.endsWith("/page") && i < 20; i++) {
          const response = new Response(new Uint8Array(1 << 20));
          const pushed = await info.push(`/${i}`, { response });
          pushed.closed.then((status) => refused.push(status), () => {});
        }
        return new Response("page");
      },
      { version },
      { sessionWindow: 65536, maxBufferedBytes: 65536 },
    );
    assertEquals(await (await pair.client.fetch("/page")).text(), "page");
    assertEquals(await (await pair.client.fetch("/next")).text(), "page");
    await pair.client.ping();
    await pair.client.goaway();
    assertEquals(refused.length, 20);
    // Without windows, a push may have been sent completely before it is
    // refused.
    const expected = version === 2 ? [0, REFUSED_STREAM] : [REFUSED_STREAM];
    assertEquals(refused.filter((status) => !expected.includes(status)), []);
  });
}

for (const ends of ["client", "server"] as const) {
  Deno.test(`push: a push that waits for an iterator does not delay the end, begun by the ${ends}`, async () => {
    await using pair = memoryPair();
    const asked = pair.client.openStream([...REQUEST], { fin: true });
    const stream = await nextStream(pair.server);
    const pushed = await stream.push([["x", "1"]]);
    const writing = pushed.write(new Uint8Array(1 << 20));
    await stream.reply([...RESPONSE], { fin: true });
    await (await asked).trailers;
    await pair[ends].goaway();
    await Promise.all([pair.client.closed, pair.server.closed]);
    await assertRejects(() => writing, StreamResetError, "REFUSED_STREAM");
  });
}

Deno.test("push: the response does not overtake a less urgent push that belongs to it", async () => {
  const pushes: PushedResponse[] = [];
  await using pair = await httpPair((_request, info) => {
    info.push("/style.css", { pri: 7, response: new Response("body {}") });
    return new Response("page");
  });
  const page = await pair.client.fetch("/", {
    onPush: (push) => pushes.push(push),
  });
  assertEquals(await page.text(), "page");
  assertEquals(pushes.length, 1);
  assertEquals(await (await pushes[0].response).text(), "body {}");
});

Deno.test("push: an onPush that throws fails only its fetch", async () => {
  await using pair = await httpPair(async (request, info) => {
    if (request.url.endsWith("/page")) await info.push("/x");
    return new Response("page");
  });
  await assertFetchFails(
    () =>
      pair.client.fetch("/page", {
        onPush: () => {
          throw new RangeError("not today");
        },
      }),
    RangeError,
    "not today",
  );
  assertEquals(await (await pair.client.fetch("/next")).text(), "page");
});

Deno.test("push: a client may cancel a push and still gets the page", async () => {
  const closed = Promise.withResolvers<number>();
  const cancelled = Promise.withResolvers<void>();
  await using pair = await httpPair(async (_request, info) => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1000)),
      cancel: () => cancelled.resolve(),
    });
    const pushed = await info.push("/x", { response: new Response(endless) });
    pushed.closed.then(closed.resolve, closed.reject);
    return new Response("page");
  });
  const pushes: PushedResponse[] = [];
  const response = await pair.client.fetch("/", {
    onPush: (push) => pushes.push(push),
  });
  const pushed = await pushes[0].response;
  pushes[0].cancel();
  await assertFetchFails(() => pushed.bytes(), StreamResetError);
  assertEquals(await response.text(), "page");
  assertEquals(await closed.promise, CANCEL);
  await cancelled.promise;
});

Deno.test("push: another origin and a push within a push are refused", async () => {
  const errors: unknown[] = [];
  await using pair = await httpPair(async (request, info) => {
    if (request.url.endsWith("/inner")) {
      await info.push("/deeper").catch((error) => errors.push(error));
      try {
        info.sendTrailers({ a: "b" });
      } catch (error) {
        errors.push(error);
      }
      return new Response("inner");
    }
    await info.push("https://other.example/").catch((error) =>
      errors.push(error)
    );
    await info.push("/inner");
    return new Response("page");
  });
  const pushes: PushedResponse[] = [];
  const response = await pair.client.fetch("/", {
    onPush: (push) => pushes.push(push),
  });
  await response.text();
  assertEquals(await (await pushes[0].response).text(), "inner");
  assertEquals(
    errors.map((error) => error instanceof InvalidArgumentError),
    [true, true, true],
  );
});

Deno.test("push: a handler that throws for a pushed path pushes a 500", async () => {
  await using pair = await httpPair(async (request, info) => {
    if (request.url.endsWith("/broken")) throw new Error("boom");
    await info.push("/broken");
    return new Response("page");
  }, { onError: () => new Response("sorry", { status: 500 }) });
  const pushes: PushedResponse[] = [];
  const response = await pair.client.fetch("/", {
    onPush: (push) => pushes.push(push),
  });
  await response.text();
  assertEquals((await pushes[0].response).status, 500);
  await (await pushes[0].response).text();
});

Deno.test("push: a response that cannot be sent also fails at the client", async () => {
  const used = new Response("used");
  await used.text();
  await using pair = await httpPair(async (_request, info) => {
    await info.push("/x", { response: used });
    return new Response("page");
  });
  const pushes: PushedResponse[] = [];
  const page = await pair.client.fetch("/", {
    onPush: (push) => pushes.push(push),
  });
  assertEquals(await page.text(), "page");
  const error = await assertFetchFails(
    () => pushes[0].response,
    StreamResetError,
  );
  assertEquals(error.statusCode, INTERNAL_ERROR);
});

Deno.test("push: a request that is reset during a push causes no unhandled rejection", async () => {
  const called = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request, info) => {
    if (!request.url.endsWith("/pushed")) {
      await info.push("/pushed");
      called.resolve();
    }
    await release.promise;
    return new Response();
  });
  // The upload never ends, so its trailers never arrive.
  const body = new ReadableStream<Uint8Array>({});
  const abort = new AbortController();
  const asked = pair.client.fetch("/", {
    method: "POST",
    body,
    signal: abort.signal,
    onPush() {},
  });
  await called.promise;
  abort.abort(new Error("enough"));
  await assertRejects(() => asked, Error, "enough");
  await pair.client.ping();
  release.resolve();
});

Deno.test("push: it rejects after the client has left", async () => {
  const outcome = Promise.withResolvers<unknown>();
  const called = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request, info) => {
    const aborted = new Promise((resolve) => {
      request.signal.addEventListener("abort", resolve);
    });
    called.resolve();
    await aborted;
    outcome.resolve(await info.push("/x").catch((error) => error));
    return new Response();
  });
  const abort = new AbortController();
  const asked = pair.client.fetch("/", { signal: abort.signal });
  await called.promise;
  abort.abort();
  await assertRejects(() => asked);
  assertEquals(await outcome.promise instanceof Error, true);
});

/** A request under way on the server's side, and its pushes on the client's side. */
async function begin(
  pair: { client: Connection; server: Connection },
): Promise<{ stream: Stream; pushes: PushedResponse[]; end(): Promise<void> }> {
  const pushes: PushedResponse[] = [];
  const asked = pair.client.fetch("http://h/", {
    onPush: (push) => pushes.push(push),
  });
  const stream = await nextStream(pair.server);
  return {
    stream,
    pushes,
    end: async () => {
      await stream.reply([...RESPONSE], { fin: true });
      await (await asked).text();
    },
  };
}

const PUSHED: readonly NameValue[] = [
  [":scheme", "http"],
  [":host", "h"],
  [":path", "/pushed"],
];

Deno.test("fetch: the head of a push can be in SYN_STREAM, in HEADERS, and after DATA", async () => {
  await using pair = memoryPair();
  const { stream, pushes, end } = await begin(pair);
  const whole = await stream.push([...PUSHED, ...RESPONSE, ["x-a", "1"]]);
  await writeBody(whole, "whole");
  const split = await stream.push([...PUSHED, ["x-early", "1"]]);
  await split.sendHeaders([...RESPONSE, ["x-late", "2"]]);
  const writer = split.writable.getWriter();
  await writer.write(new TextEncoder().encode("split"));
  await split.sendHeaders([["x-trailer", "3"]], { fin: true });
  await end();
  const first = await pushes[0].response;
  assertEquals(first.headers.get("x-a"), "1");
  assertEquals(await first.text(), "whole");
  const second = await pushes[1].response;
  assertEquals([...second.headers], [["x-early", "1"], ["x-late", "2"]]);
  assertEquals(await second.text(), "split");
  assertEquals([...await second.trailers], [["x-trailer", "3"]]);
});

Deno.test("fetch: a push without :scheme, :host or :path is reset", async () => {
  await using pair = memoryPair();
  const { stream, pushes, end } = await begin(pair);
  for (const [name] of PUSHED) {
    const pushed = await stream.push([
      ...PUSHED.filter((each) => each[0] !== name),
      ...RESPONSE,
    ]);
    assertEquals(await pushed.closed, PROTOCOL_ERROR);
  }
  assertEquals(pushes, []);
  await end();
});

Deno.test("fetch: a push for another origin is reset", async () => {
  await using pair = memoryPair();
  const { stream, pushes, end } = await begin(pair);
  for (
    const [name, value] of [
      [":host", "evil"],
      [":host", "h."],
      [":host", "h:81"],
      [":scheme", "https"],
      // A URL of another origin, together with correct :scheme and :host.
      [":path", "https://h/login.js"],
      [":path", "http://evil/login.js"],
      [":path", "http://h@evil/login.js"],
      [":path", "http://user@h/login.js"],
    ]
  ) {
    const nv = PUSHED.filter((each) => each[0] !== name);
    const pushed = await stream.push([...nv, [name, value], ...RESPONSE]);
    assertEquals(await pushed.closed, PROTOCOL_ERROR);
  }
  assertEquals(pushes, []);
  await end();
});

Deno.test("fetch: a push for the same origin in another spelling is accepted", async () => {
  await using pair = memoryPair();
  const { stream, pushes, end } = await begin(pair);
  for (const [name, value] of [[":host", "H:80"], [":path", "HTTP://h:80/x"]]) {
    const nv = PUSHED.filter((each) => each[0] !== name);
    await writeBody(await stream.push([...nv, [name, value], ...RESPONSE]), "");
  }
  await end();
  assertEquals(pushes.map(({ url }) => new URL(url).origin), [
    "http://h",
    "http://h",
  ]);
});

Deno.test("fetch: a push that repeats a header in HEADERS is reset", async () => {
  await using pair = memoryPair();
  const { stream, pushes, end } = await begin(pair);
  const pushed = await stream.push([...PUSHED, ["x-a", "1"]]);
  await pushed.sendHeaders([...RESPONSE, ["x-a", "2"]]);
  assertEquals(await pushed.closed, PROTOCOL_ERROR);
  await assertFetchFails(() => pushes[0].response, HttpMessageError, "x-a");
  await end();
});

for (const [version, outcome] of [["HTTP/1.1", 0], ["HTTP/1.0", 1]] as const) {
  Deno.test(`fetch: a push with HTTP/1.1 in SYN_STREAM and ${version} in HEADERS is ${outcome ? "reset" : "taken"}`, async () => {
    await using pair = memoryPair();
    const { stream, pushes, end } = await begin(pair);
    const pushed = await stream.push([
      ...PUSHED,
      [":method", "GET"],
      [":version", "HTTP/1.1"],
    ]);
    await pushed.sendHeaders([[":status", "200"], [":version", version]]);
    if (outcome === 0) {
      await writeBody(pushed, "pushed");
      const response = await pushes[0].response;
      assertEquals(await response.text(), "pushed");
      assertEquals([...await response.trailers], []);
    } else {
      assertEquals(await pushed.closed, PROTOCOL_ERROR);
      await assertFetchFails(
        () => pushes[0].response,
        HttpMessageError,
        ":version",
      );
    }
    await end();
  });
}

Deno.test("push: SYN_STREAM and HEADERS are a request and a response, as Netty requires", async () => {
  const received: [string, string[]][] = [];
  await using pair = await httpPair(async (_request, info) => {
    await info.push("/x", { response: new Response("pushed") });
    return new Response("page");
  });
  pair.client[Symbol.asyncIterator]();
  assertEquals(await (await pair.client.fetch("/")).text(), "page");
  const pushed = await nextStream(pair.client);
  const special = (nv: readonly NameValue[]): string[] =>
    nv.map(([name]) => name).filter((name) => name.startsWith(":"));
  received.push(["SYN_STREAM", special(pushed.headers)]);
  const head = new Promise<void>((resolve) => {
    pushed.onHeaders = (nv) => {
      received.push(["HEADERS", special(nv)]);
      resolve();
    };
  });
  await head;
  await readBody(pushed);
  assertEquals(received, [
    ["SYN_STREAM", [":host", ":method", ":path", ":scheme", ":version"]],
    ["HEADERS", [":status", ":version"]],
  ]);
});

Deno.test("fetch: a push that ends without a head rejects", async () => {
  await using pair = memoryPair();
  const { stream, pushes, end } = await begin(pair);
  await writeBody(await stream.push([...PUSHED]), "no head");
  const reset = await stream.push([...PUSHED]);
  reset.reset();
  await end();
  await assertFetchFails(() => pushes[0].response, HttpMessageError, ":status");
  await assertFetchFails(() => pushes[1].response, StreamResetError);
});

Deno.test("push: with headers that are invalid, nothing is announced to the client", async () => {
  const errors: unknown[] = [];
  await using pair = await httpPair(async (_request, info) => {
    await info.push("/x", { headers: [["bad name", "x"]] })
      .catch((error) => errors.push(error));
    return new Response("page");
  });
  const pushes: unknown[] = [];
  const page = await pair.client.fetch("/", {
    onPush: (push) => pushes.push(push),
  });
  assertEquals(await page.text(), "page");
  assertEquals(pushes, []);
  assertInstanceOf(errors[0], TypeError);
});
