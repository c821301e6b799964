/** When the trailers of a response can be set, and when that is too late. */

import type { ServeInfo } from "../../http/server/serve_options.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { assertEquals, assertThrows } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";

const BYTES = new TextEncoder().encode("body");
const TRAILERS = { "x-sum": "1" };

/** A body of some chunks, which calls back after the last one and at its end. */
function bodyOf(
  { beforeEnd = () => {}, afterEnd = () => {} }: {
    beforeEnd?: () => void;
    afterEnd?: () => void;
  },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = 5;
  return new ReadableStream({
    async pull(controller) {
      // Not in memory: it arrives in turns of its own.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (left-- > 0) return controller.enqueue(BYTES.slice());
      beforeEnd();
      controller.close();
      afterEnd();
    },
  });
}

const IN_TIME: Record<string, (info: ServeInfo) => Response> = {
  "before a response in memory": (info) => {
    info.sendTrailers(TRAILERS);
    return new Response("text");
  },
  "before a response without a body": (info) => {
    info.sendTrailers(TRAILERS);
    return new Response(null, { status: 204 });
  },
  "while the body is streamed": (info) =>
    new Response(bodyOf({ beforeEnd: () => info.sendTrailers(TRAILERS) })),
  "when the body has just ended": (info) =>
    new Response(bodyOf({ afterEnd: () => info.sendTrailers(TRAILERS) })),
  "by a stream whose end is available at once": (info) =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(BYTES.slice());
          controller.close();
          info.sendTrailers(TRAILERS);
        },
      }),
    ),
  "again, instead of earlier ones": (info) => {
    info.sendTrailers({ "x-sum": "0", "x-old": "1" });
    return new Response(
      bodyOf({ beforeEnd: () => info.sendTrailers(() => TRAILERS) }),
    );
  },
};

for (const [when, handler] of Object.entries(IN_TIME)) {
  Deno.test(`sendTrailers: ${when}`, async () => {
    await using pair = await httpPair((_request, info) => handler(info));
    const response = await pair.client.fetch("/");
    await response.bytes();
    assertEquals([...await response.trailers], [["x-sum", "1"]]);
  });
}

const BODIES: Record<string, () => BodyInit | null> = {
  "in memory": () => "text",
  "that is missing": () => null,
  "that is a stream": () => bodyOf({}),
  "that is a stream whose end is available at once": () =>
    ReadableStream.from([BYTES.slice()]),
};

for (const [what, body] of Object.entries(BODIES)) {
  for (const method of ["GET", "HEAD"]) {
    Deno.test(`sendTrailers: after a response with a body ${what}, it throws (${method})`, async () => {
      const given = Promise.withResolvers<ServeInfo>();
      await using pair = await httpPair((_request, info) => {
        given.resolve(info);
        return new Response(body());
      });
      const response = await pair.client.fetch("/", { method });
      await response.bytes();
      const info = await given.promise;
      await info.completed;
      const error = assertThrows(
        () => info.sendTrailers(TRAILERS),
        InvalidArgumentError,
        "too late",
      );
      assertEquals(error.message.includes(`stream ${info.stream.id} `), true);
      assertEquals([...await response.trailers], []);
    });
  }
}

Deno.test("sendTrailers: a handler whose client has left before its response can still call it", async () => {
  const heard: unknown[] = [];
  const left = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request, info) => {
    const gone = new Promise((resolve) => {
      request.signal.addEventListener("abort", resolve);
    });
    left.resolve();
    await gone;
    info.sendTrailers(TRAILERS);
    info.completed.catch(() => ended.resolve());
    return new Response("late");
  }, {
    onError: (error) => {
      heard.push(error);
      return new Response();
    },
  });
  const abort = new AbortController();
  const asked = pair.client.fetch("/", { signal: abort.signal })
    .catch(() => {});
  await left.promise;
  abort.abort();
  await asked;
  await ended.promise;
  assertEquals(heard, []);
});
