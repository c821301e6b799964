/**
 * Cases of the Fetch standard, like those of the web platform tests: the same
 * code runs on `Deno.serve` and `fetch`, and on `serve` and `Client`, and the
 * results must be the same. `docs/compatibility.md` lists them, and the points
 * that cannot apply.
 */

import { Client } from "../../http/client/client.ts";
import { serve } from "../../http/server/serve.ts";
import { usesStandIns } from "../../http/platform/stand_in_switch.ts";
import { assertEquals } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";

type Handler = (request: Request) => Response | Promise<Response>;

interface Platform extends AsyncDisposable {
  /** Starts a server; returns its origin. */
  listen(handler: Handler): string;
  readonly fetch: typeof fetch;
}

function platform(
  listen: (handler: Handler) => { addr: Deno.NetAddr } & AsyncDisposable,
  ask: typeof fetch,
  dispose: () => Promise<void>,
): Platform {
  const servers: AsyncDisposable[] = [];
  return {
    fetch: ask,
    listen: (handler) => {
      const server = listen(handler);
      servers.push(server);
      return `http://127.0.0.1:${server.addr.port}`;
    },
    [Symbol.asyncDispose]: async () => {
      await dispose();
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

const OPTIONS = {
  hostname: "127.0.0.1",
  port: 0,
  onListen() {},
  onError: () => new Response(null, { status: 500 }),
};

function theirs(): Platform {
  return platform(
    (handler) => Deno.serve(OPTIONS, handler),
    fetch,
    () => Promise.resolve(),
  );
}

function ours(): Platform {
  const client = new Client();
  return platform(
    (handler) => serve(OPTIONS, handler),
    client.fetch as typeof fetch,
    () => client.close(),
  );
}

/** The result of an action, as text that can be compared. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? `fails: ${error.name}` : { thrown: error };
  }
}

/** The parts of a case with their results, without ports. */
type Case = (on: Platform) => Promise<Record<string, unknown>>;

function same(
  name: string,
  work: Case,
  options: Partial<Deno.TestDefinition> = {},
): void {
  Deno.test(`as fetch: ${name}`, options, async () => {
    const results: unknown[] = [];
    for (const make of [theirs, ours]) {
      await using on = make();
      const ports = new Map<string, string>();
      const text = JSON.stringify(await waitFor(name, work(on)), null, 1);
      results.push(JSON.parse(text.replace(/127\.0\.0\.1:(\d+)/g, (_, port) => {
        if (!ports.has(port)) ports.set(port, `server ${ports.size + 1}`);
        return ports.get(port) as string;
      })));
    }
    assertEquals(results[1], results[0]);
  });
}

/** Headers that both clients add, each with its own values. */
const OWN = new Set([
  "accept-encoding",
  "accept-language",
  "user-agent",
  "connection",
  "transfer-encoding",
]);

function headersOf(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !OWN.has(name)));
}

/** Answers with what it received. */
const echo: Handler = async (request) =>
  Response.json({
    method: request.method,
    url: request.url,
    headers: headersOf(request.headers),
    body: await request.text(),
  });

/** `/redirect?status=302&to=/x` leads there; everything else is echoed. */
const redirecting: Handler = (request) => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname !== "/redirect") return echo(request);
  const to = searchParams.get("to");
  return new Response("moved", {
    status: Number(searchParams.get("status")),
    headers: to === null ? {} : { location: to },
  });
};

function redirect(origin: string, status: number, to?: string): string {
  const query = to === undefined ? "" : `&to=${encodeURIComponent(to)}`;
  return `${origin}/redirect?status=${status}${query}`;
}

/** Without the body, because Deno drops that of a redirect without a target. */
async function headOf(response: Response): Promise<unknown> {
  const { status, type, redirected, url, ok } = response;
  await response.body?.cancel();
  return [status, type, redirected, url, ok];
}

async function told(response: Response): Promise<unknown> {
  const { status, type, redirected, url, ok } = response;
  return [status, type, redirected, url, ok, await response.text()];
}

same("redirects by status and method", async ({ listen, fetch }) => {
  const origin = listen(redirecting);
  const found: Record<string, unknown> = {};
  for (const status of [300, 301, 302, 303, 304, 307, 308]) {
    if (status === 304) continue;
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE"]) {
      const body = method === "POST" || method === "PUT" ? "text" : undefined;
      const headers = {
        "content-language": "en",
        "content-location": "/there",
        "x-kept": "yes",
      };
      found[`${status} ${method}`] = await outcome(async () =>
        told(
          await fetch(redirect(origin, status, "/x?y"), {
            method,
            body,
            headers,
          }),
        )
      );
    }
  }
  return found;
});

same("redirect modes", async ({ listen, fetch }) => {
  const origin = listen(redirecting);
  const found: Record<string, unknown> = {};
  for (const mode of ["follow", "manual", "error", "bogus"]) {
    const init = { redirect: mode as RequestRedirect };
    for (const to of ["/x", undefined]) {
      const url = redirect(origin, 302, to);
      found[`${mode} ${to}`] = await outcome(async () =>
        headOf(await fetch(url, init))
      );
      found[`${mode} ${to}, Request`] = await outcome(async () =>
        headOf(await fetch(new Request(url, init)))
      );
    }
  }
  return found;
});

same("targets of redirects", async ({ listen, fetch }) => {
  const origin = listen(redirecting);
  const found: Record<string, unknown> = {};
  const targets = [
    "x",
    "../x",
    "?only=query",
    "//127.0.0.1:1/",
    "/x#fragment",
    "",
    "ftp://h/",
    "data:,x",
    "http://[",
    "/with space and \u00e9",
  ];
  for (const target of targets.filter((each) => !each.includes(":1/"))) {
    const to = target.normalize();
    found[to] = await outcome(async () => {
      const response = await fetch(
        redirect(origin, 302, encodeURI(to).replaceAll("%5B", "[")),
      );
      return [response.url, response.redirected, await response.text()];
    });
  }
  found["a fragment of the request"] = await outcome(async () =>
    told(await fetch(`${redirect(origin, 302, "/x")}#mine`))
  );
  return found;
});

same("twenty redirects, and one more", async ({ listen, fetch }) => {
  let requests = 0;
  const origin = listen((request) => {
    requests++;
    const left = Number(new URL(request.url).searchParams.get("left"));
    if (left === 0) return new Response("arrived");
    const location = `/?left=${left - 1}`;
    return new Response(null, { status: 302, headers: { location } });
  });
  const found: Record<string, unknown> = {};
  for (const left of [19, 20, 21]) {
    requests = 0;
    found[left] = await outcome(async () =>
      (await fetch(`${origin}/?left=${left}`)).text()
    );
    found[`requests for ${left}`] = requests;
  }
  return found;
});

same(
  "redirects to another origin leave secrets behind",
  async ({ listen, fetch }) => {
    const target = listen(echo);
    const origin = listen(redirecting);
    const headers = {
      authorization: "Basic eDp5",
      cookie: "a=b",
      "proxy-authorization": "p",
      host: "elsewhere.example",
      "x-kept": "yes",
    };
    const ask =
      (to: string) =>
      async () => (await (await fetch(redirect(origin, 302, to), { headers }))
        .json());
    return {
      elsewhere: await outcome(ask(`${target}/x`)),
      here: await outcome(ask("/x")),
    };
  },
);

same(
  "bodies that a redirect needs a second time",
  async ({ listen, fetch }) => {
    const origin = listen(redirecting);
    const found: Record<string, unknown> = {};
    for (const status of [301, 302, 303, 307, 308]) {
      for (
        const [method, kind] of ["PUT", "POST"].flatMap((method) =>
          ["text", "blob", "form", "stream", "Request"].map((
            kind,
          ) => [method, kind])
        )
      ) {
        found[`${status} ${method} ${kind}`] = await outcome(async () => {
          const body = kind === "text"
            ? "text"
            : kind === "form"
            ? new URLSearchParams({ a: "b" })
            : kind === "stream"
            ? ReadableStream.from([new TextEncoder().encode("text")])
            : new Blob(["text"]);
          const url = redirect(origin, status, "/x");
          const init = { method, body };
          const response = kind === "Request"
            ? await fetch(new Request(url, init))
            : await fetch(url, init);
          return await response.json();
        });
      }
    }
    return found;
  },
);

same("content-length of requests", async ({ listen, fetch }) => {
  const origin = listen(echo);
  const bodies: Record<string, unknown> = {
    none: undefined,
    null: null,
    text: "text",
    empty: "",
    number: 5,
    object: {},
    bytes: new Uint8Array(3),
    buffer: new ArrayBuffer(3),
    view: new DataView(new ArrayBuffer(5), 1, 2),
    blob: new Blob(["abc"], { type: "a/b" }),
    form: new URLSearchParams("a=b&c=d"),
    "empty bytes": new Uint8Array(0),
  };
  const found: Record<string, unknown> = {};
  for (const [name, body] of Object.entries(bodies)) {
    const init = { method: "POST", body: body as BodyInit };
    const length = async (response: Response) => {
      const { headers, body } = await response.json();
      return [headers["content-length"], headers["content-type"], body];
    };
    found[name] = await outcome(async () => length(await fetch(origin, init)));
    found[`${name}, Request`] = await outcome(async () =>
      length(await fetch(new Request(`${origin}/`, init)))
    );
  }
  return found;
});

same("what is no request", async ({ listen, fetch }) => {
  const origin = listen(echo);
  const inits: Record<string, unknown>[] = [
    { mode: "bogus" },
    { credentials: "bogus" },
    { cache: "bogus" },
    { referrerPolicy: "bogus" },
    { priority: "bogus" },
    { mode: "navigate" },
    { signal: 1 },
    { method: "a b" },
    { method: "TRACE" },
    { method: "CONNECT" },
    { body: "x" },
    { headers: 5 },
    { headers: { "a b": "c" } },
    { headers: { a: "b\nc" } },
    { headers: { a: "\u0100" } },
    { headers: [["a"]] },
    { integrity: "", keepalive: true, window: null },
  ];
  const found: Record<string, unknown> = {};
  for (const init of inits) {
    found[JSON.stringify(init)] = await outcome(async () => {
      const response = await fetch(`${origin}/`, init as RequestInit);
      await response.text();
      return response.status;
    });
  }
  for (const url of ["relative", "http://", "ftp://h/", "http://h:99999/"]) {
    found[url] = await outcome(() => fetch(url));
  }
  const request = new Request(`${origin}/`, { method: "POST", body: "x" });
  found.first = await outcome(async () => (await fetch(request)).json());
  found["used up"] = await outcome(() => fetch(request));
  return found;
});

same("network errors", async ({ listen, fetch }) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  let received = Promise.withResolvers<void>();
  const origin = listen((request) => {
    let pulled = false;
    return new Response(
      request.url.endsWith("/breaks")
        ? new ReadableStream({
          async pull(controller) {
            if (!pulled) controller.enqueue(new Uint8Array(3));
            else {
              await received.promise;
              controller.error(new Error("it broke"));
            }
            pulled = true;
          },
        })
        : "fine",
    );
  });
  const ask = async (): Promise<Response> => {
    received = Promise.withResolvers();
    const response = await fetch(`${origin}/breaks`);
    received.resolve();
    return response;
  };
  const { error } = console;
  console.error = () => {};
  try {
    return {
      refused: await outcome(() => fetch(`http://127.0.0.1:${port}/`)),
      "no such host": await outcome(() => fetch("http://host.invalid/")),
      "a body that breaks": await outcome(async () => (await ask()).text()),
      "its reader": await outcome(async () => {
        const response = await ask();
        for await (const _ of response.body ?? []);
      }),
    };
  } finally {
    console.error = error;
  }
}, {
  // Before Deno 2.9, Deno.connect with a signal leaves a resource open if there
  // is no such host.
  sanitizeResources: !isDenoBefore("2.9.0"),
});

same("aborts", async ({ listen, fetch }) => {
  let arrived = Promise.withResolvers<void>();
  const origin = listen((request) => {
    arrived.resolve();
    return request.url.endsWith("/slow")
      ? new Promise<Response>((resolve) =>
        request.signal.addEventListener("abort", () => resolve(new Response()))
      )
      : new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(5)),
        }),
      );
  });
  const found: Record<string, unknown> = {};
  const reasons = [undefined, "text", null, 0, new RangeError("range")];
  for (const reason of reasons) {
    const name = String(reason);
    found[`before: ${name}`] = await outcome(() =>
      fetch(`${origin}/`, { signal: AbortSignal.abort(reason) })
    );
    found[`during: ${name}`] = await outcome(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      arrived = Promise.withResolvers();
      const [response] = await Promise.all([
        fetch(`${origin}/slow`, { signal }),
        arrived.promise.then(() => controller.abort(reason)),
      ]);
      return response;
    });
    found[`while reading: ${name}`] = await outcome(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const response = await fetch(`${origin}/body`, { signal });
      const reader = response.body!.getReader();
      await reader.read();
      const more = reader.read();
      controller.abort(reason);
      return await more;
    });
    found[`while reading a text: ${name}`] = await outcome(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const response = await fetch(`${origin}/body`, { signal });
      const text = response.text();
      controller.abort(reason);
      return await text;
    });
  }
  found["a Request's signal"] = await outcome(() =>
    fetch(new Request(`${origin}/`, { signal: AbortSignal.abort() }))
  );
  found["detached by null"] = await outcome(async () => {
    const signal = AbortSignal.abort();
    const request = new Request(`${origin}/`, { signal });
    const response = await fetch(request, { signal: null });
    await response.body?.cancel();
    return response.status;
  });
  found["a timeout"] = await outcome(() =>
    fetch(`${origin}/slow`, { signal: AbortSignal.timeout(50) })
  );
  return found;
});

same("received responses", async ({ listen, fetch }) => {
  const origin = listen((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/empty") return new Response(null, { status: 204 });
    const headers = [["set-cookie", "a=1"], ["set-cookie", "b=2"], [
      "x-twice",
      "a",
    ], ["x-twice", "b"]] as [string, string][];
    return new Response(
      pathname === "/stream" ? new Blob(["0123456789"]).stream() : "0123456789",
      { headers, status: pathname === "/missing" ? 404 : 200 },
    );
  });
  const found: Record<string, unknown> = {};
  for (const path of ["/", "/stream", "/missing", "/empty"]) {
    const ask = () => fetch(origin + path);
    const response = await ask();
    const { status, statusText, type, url, redirected, ok } = response;
    const headers = headersOf(response.headers);
    delete headers.date;
    delete headers.vary;
    // Set if the length is known.
    found[`${path} head`] = [
      status,
      statusText,
      type,
      url.slice(origin.length),
      redirected,
      ok,
      headers,
      response.headers.getSetCookie(),
      response.body === null,
      response instanceof Response,
      Object.prototype.toString.call(response),
    ];
    for (const method of ["append", "set", "delete"] as const) {
      found[`${path} headers.${method}`] = await outcome(() =>
        response.headers[method]("x-new", "y")
      );
    }
    const clone = response.clone();
    found[`${path} clone`] = await outcome(async () => [
      clone.type,
      clone.url.slice(origin.length),
      clone.redirected,
      clone.statusText,
      await outcome(() => clone.headers.set("a", "b")),
      await clone.text(),
      clone.bodyUsed,
      response.bodyUsed,
      await response.text(),
      response.bodyUsed,
    ]);
    found[`${path} twice`] = await outcome(() => response.text());
    found[`${path} clone of a used one`] = await outcome(() => {
      response.clone();
    });
    found[`${path} BYOB`] = await outcome(async () => {
      const reader = (await ask()).body!.getReader({ mode: "byob" });
      const chunks: unknown[] = [];
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(4));
        if (done) return [chunks, value?.length];
        chunks.push(...value);
      }
    });
    found[`${path} BYOB into the middle`] = await outcome(async () => {
      const reader = (await ask()).body!.getReader({ mode: "byob" });
      const view = new Uint8Array(new ArrayBuffer(20), 5, 6);
      const { value } = await reader.read(view, { min: 6 });
      await reader.cancel();
      return [value?.byteOffset, value?.length, [...value ?? []]];
    });
    if (!usesStandIns()) {
      // On that version, a body in memory has no BYOB reader.
      delete found[`${path} BYOB`];
      delete found[`${path} BYOB into the middle`];
    }
    found[`${path} tee`] = await outcome(async () => {
      const [left, right] = (await ask()).body!.tee();
      return [
        await new Response(left).text(),
        await new Response(right).text(),
      ];
    });
    found[`${path} new Response`] = await outcome(async () => {
      const from = await ask();
      const made = new Response(from.body, from);
      made.headers.set("x-new", "y");
      return [made.status, made.url, made.type, await made.text()];
    });
  }
  const head = await fetch(`${origin}/`, { method: "HEAD" });
  found.HEAD = [head.status, head.body, await head.text()];
  return found;
});

same("received requests", async ({ listen, fetch }) => {
  const found: Record<string, unknown> = {};
  const origin = listen(async (request) => {
    found.immutable = await outcome(() => request.headers.set("a", "b"));
    found.copy = await outcome(() => {
      const copy = new Request(request, { headers: { a: "b" } });
      copy.headers.set("c", "d");
      return [...copy.headers];
    });
    return new Response();
  });
  await (await fetch(origin)).text();
  return found;
});

same("requests without a body", async ({ listen, fetch }) => {
  const origin = listen(async (request) => {
    let length = 0;
    for await (const chunk of request.body ?? []) length += chunk.length;
    const again = await outcome(() => request.text());
    return Response.json([
      request.body === null,
      length,
      request.bodyUsed,
      again,
    ]);
  });
  const results: Record<string, unknown> = {};
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    results[method] = await (await fetch(origin, { method })).json();
  }
  for (const body of ["", new Uint8Array(), new Blob([])]) {
    const name = `body of ${typeof body} ${body.constructor.name}`;
    results[name] = await (await fetch(origin, { method: "POST", body }))
      .json();
  }
  results["init null"] = await (await fetch(origin, null!)).json();
  return results;
});

Deno.test("an empty body with a content-encoding is empty, as in Deno's fetch", async () => {
  // Before Deno 2.9, its fetch fails for gzip.
  const platforms = isDenoBefore("2.9.0") ? [ours] : [ours, theirs];
  for (const make of platforms) {
    await using on = make();
    const origin = on.listen((request) => {
      const coding = new URL(request.url).pathname.slice(1);
      return new Response("", { headers: { "content-encoding": coding } });
    });
    for (const coding of ["gzip", "deflate", "gzip,deflate"]) {
      assertEquals(await (await on.fetch(`${origin}/${coding}`)).text(), "");
    }
  }
});

same("a compressed response is cancelled", async ({ listen, fetch }) => {
  const results: Record<string, unknown> = {};
  const gzip = new CompressionStream("gzip");
  const packed = new Response(new Blob(["text"]).stream().pipeThrough(gzip));
  const start = (await packed.bytes()).subarray(0, 12);
  for (const isReading of [false, true]) {
    const cancelled = Promise.withResolvers<string>();
    const origin = listen(() =>
      new Response(
        new ReadableStream({
          start: (it) => it.enqueue(start),
          cancel: () => cancelled.resolve("cancelled"),
        }),
        { headers: { "content-encoding": "gzip" } },
      )
    );
    const reader = (await fetch(origin)).body!.getReader();
    const read = isReading ? reader.read() : undefined;
    await reader.cancel();
    results[`while a read waits: ${isReading}`] = [
      await cancelled.promise,
      await read,
    ];
  }
  return results;
});

same("repeated cookies of a request", async ({ listen, fetch }) => {
  const origin = listen(({ headers }) => Response.json(headers.get("cookie")));
  const ask = async (headers: [string, string][]) => {
    const cookies = [await (await fetch(origin, { headers })).json()];
    // On that version, only the joined value is available.
    if (!usesStandIns()) return cookies;
    const request = new Request(origin, { headers });
    cookies.push(await (await fetch(request.clone())).json());
    cookies.push(await (await fetch(request, { method: "PUT" })).json());
    return cookies;
  };
  const many = Array.from({ length: 20 }, (_, i) => [`x-${i}`, "y"]);
  return {
    two: await ask([["cookie", "a=1"], ["x", "y"], ["Cookie", " b=2, c=3"]]),
    one: await ask([["cookie", "a=1"], ["x", "y"], ["x", "z"]]),
    "two of many": await ask([
      ["cookie", "a=1"],
      ...many as [string, string][],
      ["cookie", "b=2"],
    ]),
  };
});

Deno.test("bytes after the end of a gzip body: here reading fails, and Deno's fetch drops them", async () => {
  const gzip = new CompressionStream("gzip");
  const member = await new Response(
    new Blob(["text"]).stream().pipeThrough(gzip),
  ).bytes();
  const read = async (open: () => Platform): Promise<unknown> => {
    await using platform = open();
    const origin = platform.listen(() =>
      new Response(Uint8Array.from([...member, ...member]), {
        headers: { "content-encoding": "gzip" },
      })
    );
    const response = await platform.fetch(origin);
    return await outcome(() => response.text());
  };
  if (!isDenoBefore("2.9.0")) assertEquals(await read(theirs), "text");
  assertEquals(await read(ours), "fails: TypeError");
});

Deno.test("accept-language: Deno's fetch sends a default, and ours sends none", async () => {
  const seen = async (open: () => Platform): Promise<unknown> => {
    await using platform = open();
    const origin = platform.listen(({ headers }) =>
      Response.json(headers.get("accept-language"))
    );
    return await (await platform.fetch(origin)).json();
  };
  assertEquals([await seen(theirs), await seen(ours)], ["*", null]);
});
