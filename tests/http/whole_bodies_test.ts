/** No body that is truncated, or longer than announced, counts as complete. */

import { StreamResetError } from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import { InvalidArgumentError, StreamClosedError } from "../../errors.ts";
import { INTERNAL_ERROR, PROTOCOL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { Client } from "../../http/client/client.ts";
import type { FetchInit } from "../../http/fetch/fetch_init.ts";
import type { PushedResponse } from "../../http/fetch/fetch_init.ts";
import { connect } from "../../http/connect.ts";
import type { Connection } from "../../http/connection.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { serve } from "../../http/server/serve.ts";
import { compress, ZlibError } from "../../zlib/mod.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import {
  assertFetchFails,
  captureErrors,
  httpPair,
  nextStream,
  readBody,
  REQUEST,
  RESPONSE,
  valueOf,
  VERSIONS,
} from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";
import { withStandIns } from "../helpers/with_stand_ins.ts";

/** A body that arrives in chunks of these sizes, all at once or one after the other. */
function source(sizes: number[], later: boolean): ReadableStream<Uint8Array> {
  const rest = [...sizes];
  return new ReadableStream({
    async pull(controller) {
      if (later) await new Promise((resolve) => setTimeout(resolve, 0));
      const size = rest.shift();
      if (size === undefined) controller.close();
      else controller.enqueue(new Uint8Array(size));
    },
  });
}

/** Bodies of this many bytes, in every form that a handler or a caller may use. */
function bodies(size: number): [string, () => BodyInit | null][] {
  const all: [string, () => BodyInit | null][] = [
    ["bytes", () => new Uint8Array(size)],
    ["text", () => "x".repeat(size)],
    ["a stream", () => source([size], false)],
    ["a late stream", () => source([size], true)],
    ["a stream of pieces", () => source([1, size - 2, 1], true)],
  ];
  return size === 0 ? [["no body", () => null], all[0], all[2]] : all;
}

const WRONG: [announced: number, size: number][] = [
  [100, 10],
  [10, 100],
  [1, 0],
  [300_000, 200_000],
  [200_000, 300_000],
];

for (const version of VERSIONS) {
  for (const [announced, size] of WRONG) {
    for (const [name, body] of bodies(size)) {
      if (!name.includes("stream")) continue;
      Deno.test(`whole bodies: a response of ${size} bytes that announces ${announced} is reset, ${name}, ${versionName(version)}`, async () => {
        using errors = captureErrors();
        const heard: unknown[] = [];
        let completed: Promise<void> | undefined;
        await using pair = await httpPair(
          (_request, info) => {
            completed = info.completed;
            return new Response(body(), {
              headers: { "content-length": `${announced}` },
            });
          },
          {
            version,
            onError: (error) => {
              heard.push(error);
              return new Response();
            },
          },
        );
        let received = 0;
        const reading = (async () => {
          const response = await pair.client.fetch("/");
          for await (const chunk of response.body ?? []) {
            received += chunk.length;
          }
        })();
        await assertFetchFails(() => reading, StreamResetError);
        assert(received <= Math.min(announced, size));
        await assertRejects(async () => await completed, HttpMessageError);
        assertEquals(heard.length, 1);
        const [error] = heard;
        if (!(error instanceof HttpMessageError)) throw error;
        assert(error.message.startsWith(`content-length is ${announced}, `));
        assertEquals(error.initiator, "local");
        // onError decides what is logged.
        assertEquals(errors.logged, []);
      });
    }
  }
}

withStandIns.test({
  name: "whole bodies: a body in memory is sent with its own length",
  // Without them, no such body can be distinguished from a stream.
  fn: async () => {
    for (const [announced, size] of [...WRONG, ["four", 4]] as const) {
      for (const [name, body] of bodies(size)) {
        if (name.includes("stream")) continue;
        await using pair = await httpPair(() =>
          new Response(body(), {
            headers: { "content-length": `${announced}` },
          })
        );
        const response = await pair.client.fetch("/");
        assertEquals(response.headers.get("content-length"), String(size));
        assertEquals((await response.bytes()).length, size);
        const head = await pair.client.fetch("/", { method: "HEAD" });
        assertEquals(
          head.headers.get("content-length"),
          String(announced === "four" ? size : announced),
        );
      }
    }
  },
});

Deno.test("whole bodies: a response without a body may announce any length", async () => {
  await using pair = await httpPair((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    const headers = { "content-length": "100", "x-size": "100" };
    return new Response(null, { status, headers });
  });
  for (const [method, status] of [["HEAD", 200], ["GET", 304], ["GET", 204]]) {
    const response = await pair.client.fetch(`/${status}`, {
      method: String(method),
    });
    assertEquals(response.headers.get("content-length"), "100");
    assertEquals((await response.bytes()).length, 0);
    assertEquals(await response.stream.closed, 0);
  }
});

Deno.test("whole bodies: a response whose length is not a number is reset", async () => {
  using errors = captureErrors();
  let cancelled = false;
  await using pair = await httpPair((request) => {
    assertEquals(request.method, "GET");
    const body = new ReadableStream({
      cancel: () => {
        cancelled = true;
      },
    });
    return new Response(body, { headers: { "content-length": "4, 4" } });
  });
  const error = await assertFetchFails(
    () => pair.client.fetch("/"),
    StreamResetError,
  );
  assertEquals(error.statusCode, INTERNAL_ERROR);
  assertEquals(errors.logged.length, 1);
  assert(cancelled);
});

Deno.test("whole bodies: a response of the announced length arrives, with trailers as well", async () => {
  await using pair = await httpPair((request, info) => {
    const [size, index] = new URL(request.url).search.slice(1).split(",")
      .map(Number);
    info.sendTrailers({ "x-end": "1" });
    return new Response(bodies(size)[index][1](), {
      headers: { "content-length": `${size}` },
    });
  });
  for (const size of [0, 2, 5000, 300_000]) {
    for (let index = 0; index < bodies(size).length; index++) {
      const response = await pair.client.fetch(`/?${size},${index}`);
      assertEquals((await response.bytes()).length, size);
      assertEquals((await response.trailers).get("x-end"), "1");
    }
  }
});

Deno.test("whole bodies: a pushed response of another length is reset", async () => {
  using errors = captureErrors();
  const heard: unknown[] = [];
  await using pair = await httpPair(async (request, info) => {
    if (new URL(request.url).pathname === "/pushed") {
      return new Response(source([3], true), {
        headers: { "content-length": "5" },
      });
    }
    await info.push("/pushed");
    return new Response("page");
  }, {
    onError: (error) => {
      heard.push(error);
      return new Response();
    },
  });
  const pushed = Promise.withResolvers<PushedResponse>();
  const page = await pair.client.fetch("/", { onPush: pushed.resolve });
  assertEquals(await page.text(), "page");
  const { response } = await pushed.promise;
  await assertRejects(async () => await (await response).text());
  assertEquals(heard.length, 1);
  assertInstanceOf(heard[0], HttpMessageError);
  assertEquals(errors.logged, []);
});

// The client's side, with a server that announces a wrong length.

/** Answers the next request; with `together`, the body arrives with its head. */
async function answer(
  server: Connection,
  nv: NameValue[],
  body: Uint8Array,
  together: boolean,
): Promise<Stream> {
  const stream = await nextStream(server);
  const replied = stream.reply([...RESPONSE, ...nv]);
  if (!together) {
    await replied;
    await server.ping();
  }
  stream.write(body).catch(() => {});
  stream.closeWrite().catch(() => {});
  return stream;
}

async function readWith(
  way: string,
  pair: { client: Connection },
  init: FetchInit,
): Promise<number> {
  const response = await pair.client.fetch("http://h/", init);
  if (way === "bytes()") return (await response.bytes()).length;
  if (way === "text()") return (await response.text()).length;
  let size = 0;
  for await (const chunk of response.body ?? []) size += chunk.length;
  return size;
}

for (const version of VERSIONS) {
  for (const together of [true, false]) {
    for (const way of ["bytes()", "text()", "body"]) {
      const name = `${way}, ${together ? "with the head" : "later"}, ${
        versionName(version)
      }`;
      Deno.test(`whole bodies: fetch fails for another length than announced, ${name}`, async () => {
        await using pair = memoryPair({ version });
        for (const [length, size] of [[4, 5], [6, 5], [1, 0], [9e4, 8e4]]) {
          const announced: NameValue[] = [["content-length", `${length}`]];
          const reading = readWith(way, pair, {});
          const [stream] = await Promise.all([
            answer(pair.server, announced, new Uint8Array(size), together),
            assertFetchFails(
              () => reading,
              HttpMessageError,
              `content-length is ${length}, but `,
            ),
          ]);
          const closed = await stream.closed;
          assert(closed === 0 || size > length && closed === PROTOCOL_ERROR);
        }
      });

      Deno.test(`whole bodies: fetch accepts any length on request, ${name}`, async () => {
        await using pair = memoryPair({ version });
        const ways: FetchInit[] = [
          { contentLength: "ignore" },
          { strictContentLength: false },
        ];
        for (const init of ways) {
          for (const length of [4, 6]) {
            const announced: NameValue[] = [["content-length", `${length}`]];
            const reading = readWith(way, pair, init);
            const body = new Uint8Array(5);
            await answer(pair.server, announced, body, together);
            assertEquals(await reading, 5);
          }
        }
      });
    }
  }
}

Deno.test("whole bodies: fetch has no other value of contentLength", async () => {
  await using pair = memoryPair();
  const init = { contentLength: "strict" } as unknown as FetchInit;
  await assertRejects(
    () => pair.client.fetch("http://h/", init),
    TypeError,
    `contentLength is "strict"`,
  );
});

for (const encoding of ["gzip", "deflate"] as const) {
  for (const together of [true, false]) {
    Deno.test(`whole bodies: content-length counts ${encoding} bytes, ${together ? "together" : "later"}`, async () => {
      await using pair = memoryPair();
      const packed = await compress(new Uint8Array(10_000), encoding);
      const cut = packed.subarray(0, packed.length - 3);
      const ask = async (length: number, body: Uint8Array) => {
        const reading = readWith("body", pair, {});
        reading.catch(() => {});
        await answer(
          pair.server,
          [["content-length", `${length}`], ["content-encoding", encoding]],
          body,
          together,
        );
        return await reading;
      };
      assertEquals(await ask(packed.length, packed), 10_000);
      await assertFetchFails(() => ask(packed.length, cut), HttpMessageError);
      await assertFetchFails(
        () => ask(packed.length - 1, packed),
        HttpMessageError,
      );
      // The length is correct, but the body is truncated nevertheless.
      await assertFetchFails(() => ask(cut.length, cut), ZlibError);
    });
  }
}

Deno.test("whole bodies: the raw stream has no clean end after dropped or taken bytes", async () => {
  await using pair = memoryPair();
  // A response to HEAD has no body; this server sends one.
  const asked = pair.client.fetch("http://h/", { method: "HEAD" });
  await answer(pair.server, [], new Uint8Array(5), false);
  const head = await asked;
  await assertRejects(() => readBody(head.stream), StreamClosedError, "HEAD");
  // A response without a body has ended without an error.
  const plain = pair.client.fetch("http://h/", { method: "HEAD" });
  await answer(pair.server, [], new Uint8Array(0), false);
  assertEquals(await readBody((await plain).stream), "");
  // The body is complete, and belongs to the response.
  const whole = pair.client.fetch("http://h/");
  await answer(pair.server, [], new Uint8Array(5), true);
  const response = await whole;
  assertEquals((await response.bytes()).length, 5);
  await assertRejects(
    () => readBody(response.stream),
    InvalidArgumentError,
    "the body of its Request or Response",
  );
});

Deno.test("whole bodies: a GET request's body is dropped and has no clean end", async () => {
  const read = Promise.withResolvers<{ reading: Promise<string> }>();
  await using pair = await httpPair((_request, info) => {
    read.resolve({ reading: readBody(info.stream) });
    return new Response();
  });
  const stream = await pair.client.openStream([...REQUEST]);
  const { reading } = await read.promise;
  reading.catch(() => {});
  await stream.write(new Uint8Array(10)).catch(() => {});
  await assertRejects(() => reading, StreamClosedError, "a request with GET");
});

// Requests.

Deno.test("as fetch: a request whose body is in memory is sent with its own length, whatever its headers say", async () => {
  const handler = async (request: Request) =>
    Response.json([
      request.headers.get("content-length"),
      (await request.bytes()).length,
    ]);
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using ours = serve(options, handler);
  await using theirs = Deno.serve(options, handler);
  await using client = new Client();
  await using connection = await connect({ port: ours.addr.port });
  const url = (server: { addr: Deno.NetAddr }) =>
    `http://127.0.0.1:${server.addr.port}/`;
  const cases: [RequestInit, wanted: unknown][] = [
    [{ method: "POST", body: "12345" }, ["5", 5]],
    [{ method: "POST", body: new Uint8Array(5) }, ["5", 5]],
    [{ method: "POST", body: new Blob(["12345"]) }, ["5", 5]],
    [{ method: "POST", body: new URLSearchParams("a=b") }, ["3", 3]],
    [{ method: "POST", body: "" }, ["0", 0]],
    [{ method: "POST" }, ["0", 0]],
    [{ method: "DELETE" }, [null, 0]],
    [{}, [null, 0]],
  ];
  for (const [init, wanted] of cases) {
    for (const length of ["7", "4", "0", "five", "5, 5"]) {
      const asked = { ...init, headers: { "content-length": length } };
      for (const fetcher of [connection, client]) {
        for (const input of [asked, undefined]) {
          const response = await fetcher.fetch(
            input === undefined ? new Request(url(ours), asked) : url(ours),
            input,
          );
          assertEquals(await response.json(), wanted);
        }
      }
      const response = await fetch(url(theirs), asked);
      if (isDenoBefore("2.9.6")) await response.body?.cancel();
      else assertEquals(await response.json(), wanted);
    }
  }
});

Deno.test("whole bodies: fetch refuses a content-length of a stream that is no number", async () => {
  await using pair = memoryPair();
  await using client = new Client();
  for (const fetcher of [pair.client, client]) {
    await assertRejects(
      () =>
        fetcher.fetch("http://127.0.0.1:1/", {
          method: "POST",
          body: new Blob(["12345"]).stream(),
          headers: { "content-length": "five" },
        }),
      TypeError,
      "is not a number of bytes",
    );
  }
});

for (const [announced, size] of WRONG) {
  for (const later of [true, false]) {
    Deno.test(`whole bodies: an upload of ${size} bytes that announces ${announced} is reset, ${later ? "late" : "at once"}`, async () => {
      await using pair = memoryPair();
      const asked = pair.client.fetch("http://h/", {
        method: "POST",
        headers: { "content-length": `${announced}` },
        body: source([size], later),
      });
      asked.catch(() => {});
      const stream = await nextStream(pair.server);
      assertEquals(valueOf(stream.headers, "content-length"), `${announced}`);
      await assertRejects(() => readBody(stream), StreamResetError);
      const error = await assertFetchFails(() => asked, HttpMessageError);
      assertEquals(error.initiator, "local");
      assertEquals(await stream.closed, INTERNAL_ERROR);
    });
  }
}

Deno.test("whole bodies: an upload of the announced length arrives", async () => {
  await using pair = await httpPair(async (request) =>
    Response.json({
      announced: request.headers.get("content-length"),
      arrived: (await request.bytes()).length,
    })
  );
  for (const size of [0, 5, 300_000]) {
    for (const later of [true, false]) {
      const response = await pair.client.fetch("/", {
        method: "POST",
        headers: { "content-length": `${size}` },
        body: source([size], later),
      });
      assertEquals(await response.json(), {
        announced: `${size}`,
        arrived: size,
      });
    }
  }
});

for (const text of ["abc", "abcdefg"]) {
  Deno.test(`whole bodies: a handler that reads ${text.length} of 5 announced bytes fails, however it reads`, async () => {
    const readers: Record<string, (request: Request) => Promise<unknown>> = {
      text: (request) => request.text(),
      bytes: (request) => request.clone().bytes(),
      body: async (request) => {
        for await (const _ of request.body ?? []);
      },
      copy: (request) => new Request(request).text(),
    };
    for (const [name, read] of Object.entries(readers)) {
      const failed: unknown[] = [];
      await using pair = await httpPair(async (request) => {
        await read(request).catch((error) => failed.push(error));
        return new Response();
      });
      const nv = REQUEST.filter(([each]) => each !== ":method");
      const stream = await pair.client.openStream([
        ...nv,
        [":method", "POST"],
        ["content-length", "5"],
      ]);
      await pair.client.ping();
      await stream.write(new TextEncoder().encode(text));
      stream.closeWrite();
      assertEquals(valueOf(await stream.response, ":status"), "400", name);
      assertInstanceOf(failed[0], HttpMessageError);
    }
  });
}

Deno.test("whole bodies: the raw stream of a request can be read if nothing else reads it", async () => {
  await using pair = await httpPair(async (request, info) => {
    const size = await info.stream.read(new Uint8Array(10))
      .catch((error) => error);
    return new Response(
      size instanceof InvalidArgumentError ? await request.text() : `${size}`,
    );
  });
  const response = await pair.client.fetch("/", {
    method: "POST",
    body: "whole",
  });
  assertEquals(await response.text(), "whole");
});

for (const encoding of ["gzip", "deflate", "br"] as const) {
  Deno.test(`whole bodies: a body that fetch decoded (${encoding}) is sent on decoded`, async () => {
    const plain = new Uint8Array(10_000).fill(7);
    // This module does not decode brotli, and passes it on unchanged.
    const packed = encoding === "br" ? plain : await compress(plain, encoding);
    const headers = {
      "content-encoding": encoding,
      "content-length": `${packed.length}`,
    };
    const answer = () => new Response(packed, { headers });
    await using behind = await httpPair(answer);
    await using http = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
    }, answer);
    await using pair = await httpPair((request) => {
      const { method, url } = request;
      return new URL(url).pathname === "/spdy"
        ? behind.client.fetch("/", { method })
        : fetch(`http://127.0.0.1:${http.addr.port}/`, { method });
    });
    // The platform would try to decode what is not brotli.
    for (const path of encoding === "br" ? ["/spdy"] : ["/spdy", "/platform"]) {
      const response = await pair.client.fetch(path);
      assertEquals(await response.bytes(), plain);
      // Deno's own fetch does not decode deflate.
      const decoded = encoding === "gzip" ||
        encoding === "deflate" && path === "/spdy";
      const left = decoded ? null : encoding;
      assertEquals(response.headers.get("content-encoding"), left);
      // A response to HEAD describes the body that GET would return.
      const head = await pair.client.fetch(path, { method: "HEAD" });
      assertEquals(head.headers.get("content-encoding"), left);
      // Before 2.9, Deno's fetch takes both headers away, so that it looks empty.
      const isLost = encoding === "gzip" && path === "/platform" &&
        isDenoBefore("2.9.0");
      assertEquals(
        head.headers.get("content-length"),
        isLost ? "0" : decoded ? null : `${packed.length}`,
      );
    }
  });
}
