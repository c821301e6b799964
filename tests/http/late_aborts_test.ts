/**
 * Aborts after the head of a response has arrived: the same code on `Deno.serve` and
 * `fetch`, and on `serve` and this module's.
 */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals } from "../deps.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const OPTIONS = { hostname: "127.0.0.1", port: 0, onListen() {} };
const LARGE = "large ".repeat(50_000);

/** `/text` is one chunk, `/empty` none, `/large` more than a window. */
async function handler(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/large") return new Response(LARGE);
  const text = pathname === "/empty" ? "" : "some text";
  if (pathname !== "/gzip") return new Response(text);
  const packed = new Blob([text]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  return new Response(await new Response(packed).bytes(), {
    headers: { "content-encoding": "gzip" },
  });
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

/** Until everything that the server has sent can have arrived. */
async function arrives(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const path of ["/text", "/empty", "/gzip", "/large"]) {
  for (const isEarly of [true, false]) {
    Deno.test(`as fetch: an abort ${isEarly ? "with the head" : "after the body"} fails every way to read ${path}`, async () => {
      const [ours, theirs] = await onBoth(async (fetch, origin) => {
        const found: Record<string, string> = {};
        for (const [name, read] of Object.entries(READS)) {
          const abort = new AbortController();
          const { signal } = abort;
          const response = await fetch(origin + path, { signal });
          if (!isEarly) await arrives();
          abort.abort();
          found[name] = await outcome(() => read(response));
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
        const abort = new AbortController();
        const { signal } = abort;
        const response = isRequest
          ? await (fetch as unknown as (request: Request) => Promise<Response>)(
            new Request(`${origin}/text`, { signal }),
          )
          : await fetch(`${origin}/text`, { signal });
        await arrives();
        abort.abort(reason);
        found[`${reason} ${isRequest}`] = await outcome(() => response.text());
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
        const response = await fetch(origin + path, { signal });
        await arrives();
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
