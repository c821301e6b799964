/**
 * Responses that fail, on `Deno.serve` and on `serve`: who is told, what the client
 * gets, and what the response of the server itself looks like.
 */

import { Client } from "../../http/client/client.ts";
import type { PushedResponse } from "../../http/fetch/fetch_init.ts";
import type { ServeHandler } from "../../http/server/serve_options.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals, assertMatch, assertRejects } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { captureErrors, httpPair } from "../helpers/http.ts";

type Handler = (request: Request) => Response | Promise<Response>;
type OnError = (error: unknown) => Response | Promise<Response>;

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Responses whose bodies fail, the errors that `onError` gets, and what is sent before. */
const FAILING: Record<
  string,
  [handler: Handler, error: string, sent?: string]
> = {
  "at its start": [() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.error(new Error("at the start")),
      }),
    ), "Error: at the start"],
  "at its first read": [() =>
    new Response(
      new ReadableStream({
        pull() {
          throw new RangeError("at the first read");
        },
      }),
    ), "RangeError: at the first read"],
  "after some bytes": [
    () => {
      let reads = 0;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            if (reads++ === 0) {
              return controller.enqueue(encoder.encode("some"));
            }
            await new Promise((resolve) => setTimeout(resolve, 10));
            throw new Error("after some bytes");
          },
        }),
      );
    },
    "Error: after some bytes",
    "some",
  ],
  "in a generator": [
    () =>
      new Response(ReadableStream.from((async function* () {
        yield encoder.encode("some");
        await Promise.resolve();
        throw new Error("in a generator");
      })())),
    "Error: in a generator",
    "some",
  ],
  "with the error of another request": [() =>
    new Response(
      new ReadableStream({
        pull: (controller) =>
          controller.error(new DOMException("elsewhere", "AbortError")),
      }),
    ), "AbortError: elsewhere"],
};

/** What `onError` does when the body of a response fails. */
const ON_ERROR: Record<string, OnError> = {
  "answers": () => new Response("not sent", { status: 503 }),
  "answers later": async () => {
    await Promise.resolve();
    return new Response("not sent", { status: 503 });
  },
  "throws": () => {
    throw new Error("in onError");
  },
  "rejects": () => Promise.reject(new Error("in onError")),
};

/** What `onError` got, the status, the bytes of the body, and how reading it ended. */
async function tell(
  listen: (
    handler: Handler,
    onError: OnError,
  ) => { addr: Deno.NetAddr } & AsyncDisposable,
  ask: typeof fetch,
  handler: Handler,
  onError: OnError,
): Promise<unknown> {
  const heard: string[] = [];
  await using server = listen(handler, (error) => {
    heard.push(String(error));
    return onError(error);
  });
  const response = await ask(`http://127.0.0.1:${server.addr.port}/`);
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk);
    }
    return [heard, response.status, text];
  } catch (error) {
    return [heard, response.status, text, (error as Error).name];
  }
}

for (const [when, [handler, error, sent = ""]] of Object.entries(FAILING)) {
  for (const [does, onError] of Object.entries(ON_ERROR)) {
    Deno.test(`as Deno.serve: onError ${does} for a body that fails ${when}`, async () => {
      using errors = captureErrors();
      await using client = new Client();
      const wanted = [[error], 200, sent, "TypeError"];
      const ours = await tell(
        (handler, onError) => serve({ ...LOOPBACK, onError }, handler),
        client.fetch as typeof fetch,
        handler,
        onError,
      );
      assertEquals(ours, wanted);
      assertEquals(
        errors.logged.map((args) => args.map(String)),
        does === "throws" || does === "rejects"
          ? [[
            "Exception in onError while handling exception",
            "Error: in onError",
          ]]
          : [],
      );
      // Earlier versions do not call it. This one logs what onError throws, around
      // `console`.
      if (isDenoBefore("2.9.6") || errors.logged.length > 0) return;
      const theirs = await tell(
        (handler, onError) => Deno.serve({ ...LOOPBACK, onError }, handler),
        fetch,
        handler,
        onError,
      );
      assertEquals(theirs, wanted);
    });
  }
}

Deno.test("serve: the response of onError for a body that fails is not sent, and its body is cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using pair = await httpPair(
    () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.error(new Error("at the first read"));
          },
        }),
      ),
    {
      onError: () =>
        new Response(new ReadableStream({ cancel: () => cancelled.resolve() })),
    },
  );
  await assertRejects(async () => (await pair.client.fetch("/")).text());
  await waitFor("the body to be cancelled", cancelled.promise);
});

Deno.test("serve: without onError, a body that fails is logged once", async () => {
  for (const [handler, error] of Object.values(FAILING)) {
    using errors = captureErrors();
    await using pair = await httpPair(handler);
    await assertRejects(async () => (await pair.client.fetch("/")).text());
    assertEquals(errors.logged.map((args) => args.map(String)), [[error]]);
  }
});

Deno.test("serve: a body that fails with the error of another stream is reported", async () => {
  const heard: unknown[] = [];
  await using upstream = await httpPair(() => {
    let reads = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (reads++ === 0) return controller.enqueue(encoder.encode("some"));
          await new Promise((resolve) => setTimeout(resolve, 10));
          throw new Error("upstream");
        },
      }),
    );
  }, { onError: () => new Response() });
  await using pair = await httpPair(async () => {
    // The raw stream fails with StreamResetError, like that of a client that left.
    const { stream } = await upstream.client.fetch("/", { decompress: false });
    return new Response(
      stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
    );
  }, {
    onError: (error) => {
      heard.push((error as Error).name);
      return new Response();
    },
  });
  await assertRejects(async () => (await pair.client.fetch("/")).text());
  assertEquals(heard.length, 1);
});

Deno.test("as Deno.serve: the response 500 of the server itself has no content-type", async () => {
  using _errors = captureErrors();
  const fail = () => {
    throw new Error("the handler");
  };
  const describe = async (response: Response) => {
    const { date: _, vary: __, ...headers } = Object.fromEntries(
      response.headers,
    );
    return [response.status, headers, await response.text()];
  };
  const wanted = [500, { "content-length": "21" }, "Internal Server Error"];
  for (const onError of [undefined, fail]) {
    await using client = new Client();
    await using ours = serve({ ...LOOPBACK, onError }, fail);
    const url = `http://127.0.0.1:${ours.addr.port}/`;
    assertEquals(await describe(await client.fetch(url)), wanted);
    if (isDenoBefore("2.9.6") || onError === undefined) continue;
    await using theirs = Deno.serve({ ...LOOPBACK, onError }, fail);
    const theirUrl = `http://127.0.0.1:${theirs.addr.port}/`;
    assertEquals(await describe(await fetch(theirUrl)), wanted);
  }
});

Deno.test("serve: an object that only has the prototype of Response, and a response with status 101, are reported to onError", async () => {
  const heard: string[] = [];
  const answers: Response[] = [
    Object.create(Response.prototype),
    new Response(null, { status: 101 }),
  ];
  await using pair = await httpPair(() => answers.shift()!, {
    onError: (error) => {
      heard.push(String(error));
      return new Response(null, { status: 500 });
    },
  });
  for (let count = 0; count < 2; count++) {
    assertEquals((await pair.client.fetch("/")).status, 500);
  }
  assertMatch(heard[0], /^TypeError: .* must be a Response constructed via/);
  assertMatch(heard[1], /^TypeError: .* must not have the status 101/);
});

/** Pushes responses, and returns what `onError` got. */
async function pushing(...responses: (() => Response)[]): Promise<string[]> {
  const heard: string[] = [];
  const handler: ServeHandler = async (_request, info) => {
    for (const make of responses) await info.push("/p", { response: make() });
    return new Response("page");
  };
  await using pair = await httpPair(handler, {
    onError: (error) => {
      heard.push((error as Error).message);
      return new Response();
    },
  });
  const pushes: PushedResponse[] = [];
  const onPush = (push: PushedResponse) => pushes.push(push);
  const page = await pair.client.fetch("/", { onPush });
  assertEquals(await page.text(), "page");
  for (const { response } of pushes) {
    await assertRejects(async () => await (await response).text());
  }
  return heard;
}

Deno.test("serve: pushed responses that cannot be sent are reported to onError", async () => {
  const locked = () => {
    const response = new Response(new ReadableStream());
    response.body?.getReader();
    return response;
  };
  const heard = await pushing(
    FAILING["at its first read"][0] as () => Response,
    FAILING["after some bytes"][0] as () => Response,
    locked,
    () => Response.error(),
  );
  assertEquals(heard.toSorted(), [
    "Return value from serve handler must not be an error response (like Response.error())",
    "The body of the Response returned from the serve handler is locked to a reader",
    "after some bytes",
    "at the first read",
  ]);
});
