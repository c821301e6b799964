/** When the trailers of a response can be set, and when that is too late. */

import type { ServeInfo } from "../../http/server/serve_options.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { httpPair } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

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
  Deno.test(`sendTrailers: the trailers arrive if it is called ${when}`, async () => {
    await using pair = await httpPair((_request, info) => handler(info));
    const response = await pair.client.fetch("/");
    await response.bytes();
    assertEquals([...await response.trailers], [["x-sum", "1"]]);
  });
}

const BODIES: Record<string, [() => BodyInit | null, ...methods: string[]]> = {
  "in memory": [() => "text", "GET", "HEAD"],
  "that is missing": [() => null, "GET", "HEAD"],
  // A stream of a response to HEAD is cancelled, so it does not end by itself.
  "that is a stream": [() => bodyOf({}), "GET"],
  "that is a stream whose end is available at once": [
    () => ReadableStream.from([BYTES.slice()]),
    "GET",
  ],
};

for (const [what, [body, ...methods]] of Object.entries(BODIES)) {
  for (const method of methods) {
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

/**
 * A body that is written by a task of its own, which calls `sendTrailers` when it
 * can write no more; `called` is the result of that call.
 */
function written(info: ServeInfo): {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly called: Promise<void>;
} {
  const { readable, writable } = new TransformStream<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  >();
  const write = async (): Promise<void> => {
    const writer = writable.getWriter();
    try {
      for (;;) await writer.write(new Uint8Array(10_000));
    } catch {
      // Nobody reads the body any more.
    } finally {
      info.sendTrailers(() => {
        throw new Error("trailers that nobody can get were asked for");
      });
    }
  };
  return { body: readable, called: write() };
}

for (const how of ["cancels the response", "closes the connection"]) {
  Deno.test(`sendTrailers: a body whose client ${how} can still call it`, async () => {
    const heard: unknown[] = [];
    const given = Promise.withResolvers<[ServeInfo, Promise<void>]>();
    await using pair = await httpPair((_request, info) => {
      const { body, called } = written(info);
      given.resolve([info, called]);
      return new Response(body);
    }, {
      onError: (error) => {
        heard.push(error);
        return new Response();
      },
    });
    const response = await pair.client.fetch("/");
    const reader = response.body!.getReader();
    await reader.read();
    const [info, called] = await given.promise;
    if (how === "cancels the response") await reader.cancel();
    else await pair.client.close();
    await called;
    await assertRejects(() => info.completed);
    // After the end of the response, the call does nothing and throws nothing.
    info.sendTrailers(TRAILERS);
    assertEquals(heard, []);
  });
}

Deno.test("sendTrailers: the trailers of a body that the client's departure ends are not asked for", async () => {
  let asked = 0;
  const given = Promise.withResolvers<ServeInfo>();
  const cancelled = Promise.withResolvers<void>();
  await using pair = await httpPair((_request, info) => {
    info.sendTrailers(() => {
      asked++;
      return TRAILERS;
    });
    given.resolve(info);
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(BYTES.slice()),
        cancel: () => cancelled.resolve(),
      }),
    );
  });
  const response = await pair.client.fetch("/");
  await response.body!.cancel();
  await cancelled.promise;
  await assertRejects(async () => await (await given.promise).completed);
  assertEquals(asked, 0);
});

Deno.test("sendTrailers: the body of a response to HEAD can still call it, and it is ignored", async () => {
  const given = Promise.withResolvers<[ServeInfo, Promise<void>]>();
  await using pair = await httpPair((_request, info) => {
    const { body, called } = written(info);
    given.resolve([info, called]);
    return new Response(body);
  });
  const response = await pair.client.fetch("/", { method: "HEAD" });
  const [info, called] = await given.promise;
  await called;
  await info.completed;
  info.sendTrailers(TRAILERS);
  assertEquals([...await response.trailers], []);
});

Deno.test("sendTrailers: trailers of a response to HEAD that were set in time are sent, and later ones are not", async () => {
  const given = Promise.withResolvers<Promise<void>>();
  await using pair = await httpPair((_request, info) => {
    const { body, called } = written(info);
    given.resolve(called);
    info.sendTrailers(TRAILERS);
    return new Response(body);
  });
  const response = await pair.client.fetch("/", { method: "HEAD" });
  await (await given.promise);
  assertEquals([...await response.trailers], [["x-sum", "1"]]);
});

Deno.test("sendTrailers: the body of a handler that has thrown can still call it", async () => {
  const given = Promise.withResolvers<[ServeInfo, () => Promise<void>]>();
  await using pair = await httpPair(async (_request, info) => {
    await turn();
    const { body, called } = written(info);
    given.resolve([info, async () => {
      await body.cancel();
      await called;
    }]);
    throw new Error("not found");
  }, { onError: () => new Response("sorry", { status: 404 }) });
  const response = await pair.client.fetch("/");
  assertEquals(await response.text(), "sorry");
  const [info, cancel] = await given.promise;
  await info.completed;
  await cancel();
});

Deno.test("sendTrailers: the body of a response that is answered with 400 can still call it", async () => {
  const given = Promise.withResolvers<[ServeInfo, Promise<void>]>();
  const begun = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request, info) => {
    begun.resolve();
    await request.bytes().catch(() => {});
    const { body, called } = written(info);
    given.resolve([info, called]);
    return new Response(body);
  });
  const stream = await pair.client.openStream([
    [":host", "localhost"],
    [":method", "POST"],
    [":path", "/"],
    [":scheme", "http"],
    [":version", "HTTP/1.1"],
    ["content-length", "9"],
  ]);
  const writer = stream.writable.getWriter();
  await writer.write(BYTES.slice());
  await begun.promise;
  await writer.close();
  const [info, called] = await given.promise;
  await called;
  await info.completed;
  info.sendTrailers(TRAILERS);
  await stream.readable.cancel();
});
