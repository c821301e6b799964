/** `serve` as a replacement for `Deno.serve`: what works, on every kind of socket. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { PROTO_SPDY2, PROTO_SPDY3 } from "../../frame/constants.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { assertFetchFails, httpPair, VERSIONS } from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";
import { unixOnly } from "../helpers/unix_only.ts";

for (const version of VERSIONS) {
  Deno.test(`serve: a request and its response are complete, ${versionName(version)}`, async () => {
    await using pair = await httpPair(async (request, info) => {
      assertEquals(info.remoteAddr.hostname, "127.0.0.1");
      assertEquals(request.headers.get("x-asked"), "yes");
      const body = await request.text();
      return new Response(`${request.method} ${request.url} ${body}`, {
        status: 201,
        headers: { "x-answered": "yes" },
      });
    }, { version });
    const response = await pair.client.fetch("http://example.org:81/a?b#c", {
      method: "POST",
      headers: { "X-Asked": "yes" },
      body: "up",
    });
    assertEquals(response.status, 201);
    assertEquals(response.url, "http://example.org:81/a?b");
    assertEquals(response.headers.get("x-answered"), "yes");
    assertEquals(response.headers.get("content-length"), "33");
    assertMatch(response.headers.get("date") ?? "", /GMT$/);
    assertEquals(
      await response.text(),
      "POST http://example.org:81/a?b up",
    );
  });

  Deno.test(`serve: bodies stream both ways, ${versionName(version)}`, async () => {
    await using pair = await httpPair(
      (request) => new Response(request.body),
      { version },
    );
    const size = 1 << 20;
    const chunk = new Uint8Array(10_000).map((_, index) => index);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const part = chunk.subarray(0, size - sent);
        sent += part.length;
        if (part.length > 0) controller.enqueue(part);
        else controller.close();
      },
    });
    const response = await pair.client.fetch("/", { method: "POST", body });
    const bytes = await response.bytes();
    assertEquals(bytes.length, size);
    assert(bytes.every((byte, index) => byte === (index % 10_000) % 256));
  });

  Deno.test(`serve: TLS agrees on ${versionName(version)}`, async () => {
    const { cert, key, caCert } = await makeCertificate();
    await using pair = await httpPair(
      (request) => new Response(request.url),
      { cert, key, versions: [version] },
      { hostname: "localhost", tls: { caCerts: [caCert] } },
    );
    assertEquals(pair.client.version, version);
    const response = await pair.client.fetch("/x");
    assertEquals(
      await response.text(),
      `https://localhost:${pair.server.addr.port}/x`,
    );
  });

  unixOnly.test(`serve: it serves on a Unix socket, ${versionName(version)}`, async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    try {
      await using server = serve(
        { path, version, onListen() {} },
        (_request, info) => new Response(info.remoteAddr.transport),
      );
      assertEquals(server.addr.path, path);
      await using client = await connect({ path, version });
      assertEquals(await (await client.fetch("/")).text(), "unix");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("serve: a plain client has to know the version itself", async () => {
  await using pair = await httpPair(() => new Response("3"), {
    version: PROTO_SPDY3,
  });
  assertEquals(await (await pair.client.fetch("/")).text(), "3");
  await using stranger = await connect({
    port: pair.server.addr.port,
    version: PROTO_SPDY2,
  });
  await assertRejects(
    () => stranger.fetch("/"),
    TypeError,
    "this side speaks SPDY/2: set the same `version` on both sides",
  );
});

Deno.test("serve: the handler can be an argument or an option", async () => {
  await using server = serve({
    port: 0,
    onListen() {},
    handler: () => new Response("by option"),
  });
  await using client = await connect({ port: server.addr.port });
  assertEquals(await (await client.fetch("/")).text(), "by option");
});

Deno.test("serve: invalid arguments are refused at once", () => {
  assertThrows(
    () => serve({ port: 0 } as Parameters<typeof serve>[0]),
    TypeError,
    "A handler function must be provided.",
  );
  assertThrows(
    () => serve({ port: 0, cert: "x" }, () => new Response()),
    InvalidArgumentError,
    "`cert` and `key`",
  );
  // It would be plain text on the socket, although a certificate was given.
  for (const tls of [{ cert: "x", key: "y" }, { key: "y" }]) {
    assertThrows(
      () =>
        serve(
          { path: "/nowhere/socket", ...tls } as { path: string },
          () => new Response(),
        ),
      InvalidArgumentError,
      "serve has no TLS on a Unix socket: leave out `cert` and `key`",
    );
  }
  assertThrows(
    () => serve({ hostname: "no such host." }, () => new Response()),
  );
});

Deno.test("serve: it prints its address, or calls onListen", async () => {
  const printed: string[] = [];
  const log = console.log;
  console.log = (text: string) => {
    printed.push(text);
  };
  try {
    await using server = serve({ port: 0 }, () => new Response());
    // Options without a value count as absent.
    const unset = { path: undefined, cert: undefined, key: undefined };
    await using other = serve(
      { port: 0, transport: "tcp", ...unset },
      () => new Response(),
    );
    assertEquals(
      printed,
      [server, other].map(({ addr: { port } }) =>
        `Listening on http://0.0.0.0:${port}/ (http://localhost:${port}/)`
      ),
    );
  } finally {
    console.log = log;
  }
  let heard: Deno.NetAddr | undefined;
  await using server = serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: (addr) => {
      heard = addr;
    },
  }, () => new Response());
  assertEquals(heard, server.addr);
  assertEquals(server.addr.hostname, "127.0.0.1");
});

Deno.test("serve: HEAD, 204, 304 and empty bodies work", async () => {
  await using pair = await httpPair((request) => {
    switch (new URL(request.url).pathname) {
      case "/204":
        return new Response(null, { status: 204 });
      case "/304":
        return new Response(null, {
          status: 304,
          headers: { "content-length": "5" },
        });
      case "/empty":
        return new Response();
      case "/stream":
        return new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(9)),
          }),
        );
      default:
        return new Response("12345");
    }
  });
  const ask = async (path: string, method = "GET") => {
    const response = await pair.client.fetch(path, { method });
    return [
      response.status,
      response.headers.get("content-length"),
      response.body === null,
      await response.text(),
    ];
  };
  assertEquals(await ask("/", "HEAD"), [200, "5", true, ""]);
  assertEquals(await ask("/stream", "HEAD"), [200, null, true, ""]);
  assertEquals(await ask("/204"), [204, null, true, ""]);
  assertEquals(await ask("/304"), [304, "5", true, ""]);
  assertEquals(await ask("/empty"), [200, "0", false, ""]);
  assertEquals(await ask("/"), [200, "5", false, "12345"]);
});

Deno.test("serve: cookies and set-cookie arrive", async () => {
  await using pair = await httpPair((request) =>
    new Response(request.headers.get("cookie"), {
      headers: [["set-cookie", "a=1; Path=/"], ["set-cookie", "b=2"]],
    })
  );
  const response = await pair.client.fetch("/", {
    headers: { cookie: "x=1; y=2" },
  });
  assertEquals(response.headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
  assertEquals(await response.text(), "x=1; y=2");
});

Deno.test("serve: hop-by-hop headers of a handler are not sent", async () => {
  await using pair = await httpPair(() =>
    new Response("x", {
      headers: {
        connection: "close",
        "keep-alive": "timeout=5",
        "proxy-connection": "close",
        "transfer-encoding": "chunked",
        "x-kept": "yes",
      },
    })
  );
  const response = await pair.client.fetch("/");
  await response.text();
  assertEquals([...response.headers.keys()], [
    "content-length",
    "content-type",
    "date",
    "x-kept",
  ]);
});

Deno.test("serve: the head is sent before a later body", async () => {
  const release = Promise.withResolvers<void>();
  await using pair = await httpPair(() =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await release.promise;
          controller.enqueue(new TextEncoder().encode("late"));
          controller.close();
        },
      }),
    )
  );
  const response = await pair.client.fetch("/");
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-length"), null);
  release.resolve();
  assertEquals(await response.text(), "late");
});

Deno.test("serve: trailers arrive both ways", async () => {
  await using pair = await httpPair(async (request, info) => {
    const body = await request.text();
    const trailers = await info.trailers;
    let left = false;
    info.sendTrailers(() => ({ "x-body-left": String(left) }));
    return new Response(
      new ReadableStream({
        start(controller) {
          const text = `${body} ${trailers.get("x-sum")}`;
          controller.enqueue(new TextEncoder().encode(text));
        },
        pull(controller) {
          left = true;
          controller.close();
        },
      }),
    );
  });
  const response = await pair.client.fetch("/", {
    method: "POST",
    body: "body",
    trailers: { "x-sum": "7" },
  });
  assertEquals(await response.text(), "body 7");
  assertEquals((await response.trailers).get("x-body-left"), "true");
});

Deno.test("serve: trailers need a body, and are empty if none are sent", async () => {
  await using pair = await httpPair((request, info) => {
    if (request.url.endsWith("/with")) info.sendTrailers({ "x-a": "1" });
    return new Response(null);
  });
  const bare = await pair.client.fetch("/without");
  assertEquals([...await bare.trailers], []);
  const response = await pair.client.fetch("/with");
  assertEquals([...await response.trailers], [["x-a", "1"]]);
  await assertFetchFails(
    () => pair.client.fetch("/", { trailers: { a: "b" } }),
    InvalidArgumentError,
    "the request has trailers but no body",
  );
});

Deno.test("serve: completed resolves when the response was sent", async () => {
  const completed = Promise.withResolvers<void>();
  await using pair = await httpPair((_request, info) => {
    info.completed.then(completed.resolve, completed.reject);
    return new Response("x");
  });
  await (await pair.client.fetch("/")).text();
  await completed.promise;
});

Deno.test("serve: a connection has a hundred requests at once", async () => {
  await using pair = await httpPair(async (request) => {
    const { pathname } = new URL(request.url);
    return new Response(pathname + await request.text());
  });
  const texts = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const response = await pair.client.fetch(`/${index}`, {
        method: "PUT",
        body: "!",
      });
      return await response.text();
    }),
  );
  assertEquals(texts, Array.from({ length: 100 }, (_, index) => `/${index}!`));
});

Deno.test("serve: methods that Request does not allow are answered with 501", async () => {
  await using pair = await httpPair(() => new Response());
  const stream = await pair.client.openStream([
    [":host", "h"],
    [":method", "TRACE"],
    [":path", "/"],
    [":scheme", "http"],
    [":version", "HTTP/1.1"],
  ], { fin: true });
  assertEquals((await stream.response)[0], [":status", "501"]);
  assertEquals(await new Response(stream.readable).text(), "Not Implemented");
});
