/**
 * Aborts after the head of a response has arrived: the same code on `Deno.serve` and
 * `fetch`, and on `serve` and this module's.
 */

import { streamCoreOf } from "../../connection/stream/stream.ts";
import type { SpdyResponse } from "../../http/fetch/spdy_response.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals } from "../deps.ts";
import { waitFor, waitUntil } from "../helpers/deadline.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";

type Fetch = (
  url: string | Request,
  init?: RequestInit,
) => Promise<Response | SpdyResponse>;

const OPTIONS = { hostname: "127.0.0.1", port: 0, onListen() {} };
const LARGE = "large ".repeat(50_000);
/** Bytes that a server may send before the client reads. */
const FIRST_WINDOW = 65_536;

/** A body that is sent only when the test says so. */
class HeldBody {
  readonly query: string;
  readonly #released = Promise.withResolvers<void>();
  readonly #sent = Promise.withResolvers<void>();

  constructor() {
    this.query = `?${HELD.size}`;
    HELD.set(this.query, this);
  }

  release(): void {
    this.#released.resolve();
  }

  /** Resolves when the server has sent all of it. */
  get sent(): Promise<void> {
    return this.#sent.promise;
  }

  respond(
    bytes: Uint8Array<ArrayBuffer>,
    init: ResponseInit,
    completed: Promise<void>,
  ): Response {
    completed.then(this.#sent.resolve, this.#sent.reject);
    this.sent.catch(() => {});
    const body = new ReadableStream({
      pull: async (controller) => {
        await this.#released.promise;
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
    return new Response(body, init);
  }
}

/** By the query of their request. */
const HELD = new Map<string, HeldBody>();

/** `/text` is one chunk, `/empty` none, `/large` more than a window. */
async function handler(
  request: Request,
  { completed }: { completed: Promise<void> },
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const text = pathname === "/large"
    ? LARGE
    : pathname === "/empty"
    ? ""
    : "some text";
  let bytes = new TextEncoder().encode(text);
  const init: ResponseInit = {};
  if (pathname === "/gzip") {
    const packed = new Blob([bytes]).stream().pipeThrough(
      new CompressionStream("gzip"),
    );
    bytes = await new Response(packed).bytes();
    init.headers = { "content-encoding": "gzip" };
  }
  return HELD.get(search)?.respond(bytes, init, completed) ??
    new Response(bytes, init);
}

async function onBoth<T>(
  work: (fetch: Fetch, origin: string) => Promise<T>,
): Promise<[ours: T, theirs: T]> {
  await using ours = serve(OPTIONS, handler);
  await using theirs = Deno.serve(OPTIONS, handler);
  await using connection = await connect({ port: ours.addr.port });
  using client = Deno.createHttpClient({});
  return [
    await work(connection.fetch, `http://127.0.0.1:${ours.addr.port}`),
    await work(
      (url, init) => fetch(url, { ...init, client }),
      `http://127.0.0.1:${theirs.addr.port}`,
    ),
  ];
}

/** Whether the body has arrived: all of it, or as much as the window allows. */
function hasArrived({ stream }: SpdyResponse): boolean {
  const { remoteEnded, receiveBuffer } = streamCoreOf(stream);
  return remoteEnded || receiveBuffer.size === FIRST_WINDOW;
}

/** Lets the body be sent, and waits until it has arrived. */
async function arrival(
  response: Response | SpdyResponse,
  body: HeldBody,
): Promise<void> {
  body.release();
  if ("stream" in response) {
    await waitUntil("the body to arrive", () => hasArrived(response));
  } else if (!response.url.includes("/large")) {
    // Deno does not show what has arrived and was not read.
    await waitFor("the body to be sent", body.sent);
  }
}

const READS: Record<string, (response: Response) => Promise<unknown>> = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  bytes: (response) => response.bytes(),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
  formData: (response) => response.formData(),
  "a reader": async (response) => await response.body?.getReader().read(),
  "a BYOB reader": async (response) =>
    await response.body?.getReader({ mode: "byob" }).read(new Uint8Array(2)),
  "for await": async (response) => {
    for await (const _ of response.body ?? []);
  },
  "a clone": (response) => response.clone().text(),
  "a branch of tee": (response) => new Response(response.body?.tee()[0]).text(),
  "a new Response": (response) => new Response(response.body, response).text(),
  pipeTo: async (response) => await response.body?.pipeTo(new WritableStream()),
};

/** The value or the thrown value, as text. */
async function outcome(work: () => Promise<unknown>): Promise<string> {
  try {
    return `gives ${JSON.stringify(await work())}`;
  } catch (error) {
    return `throws ${error instanceof Error ? error.name : String(error)}`;
  }
}

const TIMES = ["before the body", "with the head", "after the body"] as const;

for (const path of ["/text", "/empty", "/gzip", "/large"]) {
  for (const when of TIMES) {
    Deno.test(`as fetch: an abort ${when} fails every way to read ${path}`, async () => {
      const [ours, theirs] = await onBoth(async (fetch, origin) => {
        const found: Record<string, string> = {};
        for (const [name, read] of Object.entries(READS)) {
          const abort = new AbortController();
          const { signal } = abort;
          // From memory, the body may leave together with the head.
          const body = when === "with the head" ? undefined : new HeldBody();
          const url = `${origin}${path}${body?.query ?? ""}`;
          const response = await fetch(url, { signal });
          if (when === "after the body") await arrival(response, body!);
          if (body !== undefined && "stream" in response) {
            assertEquals(hasArrived(response), when === "after the body");
          }
          abort.abort();
          found[name] = await outcome(() => read(response));
          body?.release();
        }
        return found;
      });
      const names = Object.keys(READS).map((
        name,
      ) => [name, "throws AbortError"]);
      assertEquals(ours, Object.fromEntries(names));
      if (!isDenoBefore("2.9.0")) assertEquals(ours, theirs);
    });
  }
}

Deno.test("as fetch: a late abort fails reading with its reason, also by the signal of a Request", async () => {
  const [ours, theirs] = await onBoth(async (fetch, origin) => {
    const found: Record<string, string> = {};
    for (const reason of [null, 0, "why", new RangeError("x")]) {
      for (const isRequest of [false, true]) {
        for (const isHeld of [false, true]) {
          const abort = new AbortController();
          const { signal } = abort;
          const body = isHeld ? new HeldBody() : undefined;
          const url = `${origin}/text${body?.query ?? ""}`;
          const response = isRequest
            ? await fetch(new Request(url, { signal }))
            : await fetch(url, { signal });
          if (body !== undefined) await arrival(response, body);
          abort.abort(reason);
          found[`${reason} ${isRequest} ${isHeld}`] = await outcome(() =>
            response.text()
          );
        }
      }
    }
    return found;
  });
  assertEquals(ours, theirs);
});

Deno.test("as fetch: an abort has the same effect on a reader of the body, on a clone and on a body that was read", async () => {
  const [ours, theirs] = await onBoth(async (fetch, origin) => {
    const found: Record<string, unknown> = {};
    for (const path of ["/text", "/gzip"]) {
      const ask = async () => {
        const abort = new AbortController();
        const { signal } = abort;
        const body = new HeldBody();
        const response = await fetch(origin + path + body.query, { signal });
        await arrival(response, body);
        return { abort, response };
      };
      const read = await ask();
      const reader = read.response.body!.getReader();
      read.abort.abort();
      found[`${path} reader`] = await outcome(() => reader.read());
      const cloned = await ask();
      const copy = cloned.response.clone();
      cloned.abort.abort();
      found[`${path} clone`] = await outcome(() => copy.text());
      found[`${path} original`] = await outcome(() => cloned.response.text());
      const complete = await ask();
      found[`${path} text`] = await complete.response.text();
      complete.abort.abort();
      found[`${path} used`] = complete.response.bodyUsed;
    }
    return found;
  });
  assertEquals(ours, theirs);
});
