/**
 * The objects of `serve` and `fetch` that replace the platform's `Request` and
 * `Response`. Everything here is done with both kinds of objects, and the results
 * must be the same.
 */

import { KEPT_STREAM } from "../../connection/kept_stream.ts";
import type { NameValue } from "../../frame/types.ts";
import {
  type ReceivedHead,
  ReceivedResponse,
} from "../../http/fetch/received_response.ts";
import { spdyResponse } from "../../http/fetch/spdy_response.ts";
import { makeImmutable } from "../../http/platform/immutable_headers.ts";
import {
  HELD,
  Held,
  type StandIn,
  standInFor,
  standInLater,
} from "../../http/platform/stand_in.ts";
import { receivedRequest } from "../../http/server/received_request.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStrictEquals,
} from "../deps.ts";
import { withStandIns } from "../helpers/with_stand_ins.ts";

const HEADERS: NameValue[] = [
  ["content-type", "application/json; charset=utf-8"],
  ["x-twice", "a"],
  ["x-twice", "b"],
  ["set-cookie", "a=1"],
  ["set-cookie", "b=2"],
  ["x-space", "  in the middle  "],
];
const FORM: NameValue[] = [
  ["content-type", "application/x-www-form-urlencoded"],
];
const READERS = [
  "arrayBuffer",
  "blob",
  "bytes",
  "formData",
  "json",
  "text",
] as const;

/** A kind of object: how the platform creates it, and how this module does. */
interface Pair {
  readonly name: string;
  readonly prototype: Request | Response;
  readonly real: () => Request | Response;
  readonly ours: () => Request | Response;
}

function requestPair(
  name: string,
  method: string,
  body: string | null,
  headers: NameValue[] = HEADERS,
): Pair {
  const url = "http://localhost:8080/a/../b?q='x'#top";
  const bytes = body === null ? null : encode(body);
  return {
    name,
    prototype: Request.prototype,
    real: () => received(new Request(url, { method, body: bytes, headers })),
    ours: () =>
      receivedRequest(
        { method, url, headers },
        bytes && bytes.slice(),
        () => new AbortController().signal,
      ),
  };
}

function responsePair(
  name: string,
  status: number,
  body: string | null,
  headers: NameValue[] = HEADERS,
): Pair {
  const bytes = body === null ? null : encode(body);
  const head = { status, statusText: "So", headers, contentLength: undefined };
  return {
    name,
    prototype: Response.prototype,
    real: () => received(new Response(bytes, head)),
    ours: () => new ReceivedResponse(bytes && bytes.slice(), head),
  };
}

const PAIRS: readonly Pair[] = [
  requestPair("GET", "GET", null),
  requestPair("POST of JSON", "POST", '{"a":[1,2]}'),
  requestPair("POST of a form", "POST", "a=1&b=2", FORM),
  requestPair("POST of BOM and bad UTF-8", "POST", '\ufeff"\ud800"'),
  requestPair("POST of what is no JSON", "POST", "{"),
  requestPair("a method of its own", "REPORT", "x"),
  requestPair("a method in lower case", "post", "x"),
  requestPair("UTF-8 in a header", "PUT", "x", [["x-name", "\u00c3\u00a9"]]),
  responsePair("200 with JSON", 200, '{"a":[1,2]}'),
  responsePair("200 with a form", 200, "a=1&b=2", FORM),
  responsePair("200 with BOM", 200, "\ufefftext"),
  responsePair("404 with nothing in it", 404, ""),
  responsePair("204", 204, null),
  responsePair("599 without headers", 599, "x", []),
];

/** Objects that arrived from a peer have headers that cannot be changed. */
function received<T extends Request | Response>(message: T): T {
  makeImmutable(message.headers);
  return message;
}

/** The printed text, except for BYOB readers: only received bodies have them. */
function shown(message: Request | Response): string {
  return Deno.inspect(message).replace(/supportsBYOB: \w+/, "supportsBYOB");
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The result of an action, as text that can be compared. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await told(await work());
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

async function told(value: unknown): Promise<unknown> {
  if (value instanceof Headers) return [...value];
  if (value instanceof AbortSignal) return `aborted: ${value.aborted}`;
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (value instanceof Blob) return [value.type, await value.text()];
  if (value instanceof FormData) return [...value];
  if (value instanceof ReadableStream) {
    return value.locked ? "locked" : await new Response(value).text();
  }
  if (value instanceof Request || value instanceof Response) {
    return [value.bodyUsed, [...value.headers], await value.text()];
  }
  return typeof value === "function" ? typeof value : value;
}

/** Does the same with the platform's object and with ours, and compares the results. */
async function same(
  pair: Pair,
  what: string,
  work: (message: Request | Response) => unknown,
): Promise<void> {
  assertEquals(
    await outcome(() => work(pair.ours())),
    await outcome(() => work(pair.real())),
    `${pair.name}: ${what}`,
  );
}

/** Every member with a name on the platform's prototype. */
function membersOf({ prototype }: Pair): string[] {
  return Object.getOwnPropertyNames(prototype);
}

/** Ways to make a stand-in create the platform's object. */
const REVEALING: readonly [string, (message: Request | Response) => unknown][] =
  [
    ["untouched", () => {}],
    ["after its headers", (message) => message.headers],
    ["after its body", (message) => message.body],
    ["after an inspection", (message) => Deno.inspect(message)],
    ["after a copy", (message) => message.clone()],
    ["after text()", (message) => message.text()],
    ["after bytes()", (message) => message.bytes()],
    ["after blob()", (message) => message.blob()],
  ];

withStandIns.test("stand-ins are used on this platform", () => {
  assert(ReceivedResponse !== Response as unknown);
  for (const pair of PAIRS) assert(HELD in pair.ours(), pair.name);
});

Deno.test("every member equals the platform's, on used and unused objects", async () => {
  for (const pair of PAIRS) {
    for (const member of membersOf(pair)) {
      for (const [when, reveal] of REVEALING) {
        await same(pair, `${member}, ${when}`, async (message) => {
          const revealed = reveal(message);
          // Other tests check rejections.
          await Promise.resolve(revealed).catch(() => {});
          return Reflect.get(message, member);
        });
      }
    }
  }
});

Deno.test("the function of every member of the platform works", async () => {
  for (const pair of PAIRS) {
    for (const member of membersOf(pair)) {
      const { get, value } = Object.getOwnPropertyDescriptor(
        pair.prototype,
        member,
      )!;
      if (member === "constructor") continue;
      await same(pair, member, (message) => (get ?? value).call(message));
      await same(pair, `${member} after text()`, async (message) => {
        await message.text();
        return (get ?? value).call(message);
      });
    }
  }
});

Deno.test("a body is read once, by any reader", async () => {
  for (const pair of PAIRS) {
    for (const first of READERS) {
      await same(pair, first, (message) => message[first]());
      await same(pair, `bodyUsed during ${first}`, (message) => {
        message[first]().catch(() => {});
        return message.bodyUsed;
      });
      await same(pair, `clone after ${first}`, async (message) => {
        await message[first]().catch(() => {});
        return message.clone();
      });
      for (const second of READERS) {
        await same(pair, `${first}, then ${second}`, async (message) => {
          await message[first]().catch(() => {});
          return message[second]();
        });
      }
    }
  }
});

Deno.test("a copy and its original can both be read", async () => {
  for (const pair of PAIRS) {
    for (const reader of READERS) {
      await same(pair, `copy, ${reader}`, async (message) => {
        const copy = message.clone();
        const one = await outcome(() => copy[reader]());
        return [one, await outcome(() => message[reader]())];
      });
    }
  }
});

Deno.test("a body is locked by its reader", async () => {
  for (const pair of PAIRS) {
    await same(pair, "locked", async (message) => {
      const reader = message.body?.getReader();
      const text = await outcome(() => message.text());
      reader?.releaseLock();
      return [text, message.bodyUsed, await message.text()];
    });
  }
});

Deno.test("headers are always the same object, which is immutable", async () => {
  for (const pair of PAIRS) {
    for (const method of ["append", "delete", "set"] as const) {
      await same(pair, `headers.${method}`, (message) => {
        assertStrictEquals(message.headers, message.headers);
        message.headers[method]("x-twice", "1");
      });
    }
    await same(pair, "headers", (message) => {
      assertStrictEquals(message.headers, message.headers);
      return message.clone();
    });
  }
});

Deno.test("headers are the same object before and after the real object is created", async () => {
  for (const pair of PAIRS) {
    const headersOf = Object.getOwnPropertyDescriptor(
      pair.prototype,
      "headers",
    )!.get!;
    for (const [when, reveal] of REVEALING) {
      for (const first of [true, false]) {
        await same(
          pair,
          `${when}, headers first: ${first}`,
          async (message) => {
            if (first) message.headers.get("x-new");
            const revealed = reveal(message);
            await Promise.resolve(revealed).catch(() => {});
            const before = message.headers;
            const theirs: Headers = headersOf.call(message);
            const refused = await outcome(() => theirs.append("x-new", "3"));
            const seen = shown(message);
            const copied = await outcome(() => message.clone());
            return [
              before === theirs,
              before === message.headers,
              copied,
              refused,
              seen,
            ];
          },
        );
      }
    }
  }
});

Deno.test("properties have the same places and attributes", async () => {
  const views: ((message: Request | Response) => unknown)[] = [
    (message) => {
      const names: string[] = [];
      for (const name in message) names.push(name);
      return names.sort();
    },
    (message) => Object.keys(message),
    (message) => Object.getOwnPropertyNames(message),
    (message) => JSON.stringify(message),
    (message) => String(message),
    (message) => message.constructor.name,
    (message) => Object.hasOwn(message, "url"),
    (message) => Reflect.set(message, "url", "x"),
    (message) => Reflect.set(message, "bodyUsed", true),
    (message) => message instanceof Request,
    (message) => message instanceof Response,
    (message) => structuredClone(message),
    (message) => shown(message),
    (message) => new Proxy(message, {}).url,
    (message) => Reflect.get(Object.create(message), "method"),
    (message) => Object.getOwnPropertySymbols({ ...message }).length > 0,
    (message) => message.text.length,
    (message) => message.text.name,
    (message) => Object.assign(message, { extra: 1 }).extra,
  ];
  for (const pair of PAIRS) {
    for (const view of views) await same(pair, String(view), view);
  }
});

Deno.test("the platform creates other objects from stand-ins", async () => {
  for (const pair of PAIRS) {
    const isRequest = pair.prototype === Request.prototype;
    await same(pair, "new Request(ours)", async (message) => {
      if (!isRequest) return "a response";
      const copy = new Request(message as Request);
      return [message.bodyUsed, copy.method, copy.url, await told(copy)];
    });
    await same(pair, "new Request(ours, init)", async (message) => {
      if (!isRequest) return "a response";
      const copy = new Request(message as Request, {
        method: "PUT",
        headers: { "x-other": "1" },
      });
      return [message.bodyUsed, copy.method, copy.url, await told(copy)];
    });
    await same(pair, "new Request(url, ours)", async (message) => {
      if (!isRequest) return "a response";
      const copy = new Request("http://localhost/c", message as Request);
      return [copy.method, copy.url, await told(copy)];
    });
    await same(pair, "new Response(body, ours)", (message) => {
      if (isRequest) return "a request";
      return new Response(message.body, message as Response);
    });
    await same(pair, "used, then new Request(ours)", async (message) => {
      if (!isRequest) return "a response";
      await message.text();
      return new Request(message as Request);
    });
  }
});

Deno.test("subclasses are possible", async () => {
  class Sub extends ReceivedResponse {
    get mine(): string {
      return `${this.status}`;
    }
  }
  const head = { status: 201, statusText: "", headers: HEADERS };
  const sub = new Sub(encode("x"), head);
  assertEquals([sub.mine, sub.headers.get("x-twice")], ["201", "a, b"]);
  assert(sub instanceof Response);
  assertEquals(await sub.text(), "x");
});

withStandIns.test("invalid parts are refused as on the platform", async () => {
  const bad: NameValue[][] = [
    [["na me", "x"]],
    [["name", "\u0100"]],
    [["name", "a\nb"]],
    [["", "x"]],
  ];
  const withHeaders = (
    message: Request | Response,
    headers: NameValue[],
  ): void => {
    for (const [name, value] of headers) message.headers.append(name, value);
  };
  const signal = () => new AbortController().signal;
  for (const headers of bad) {
    const url = "http://a/";
    assertEquals(
      await outcome(() =>
        receivedRequest({ method: "GET", url, headers }, null, signal)
      ),
      await outcome(() => withHeaders(new Request(url), headers)),
    );
    const head = { status: 200, statusText: "", contentLength: undefined };
    assertEquals(
      await outcome(() => new ReceivedResponse(null, { ...head, headers })),
      await outcome(() => withHeaders(new Response(), headers)),
    );
  }
  const headers: NameValue[] = [];
  for (const url of ["http://a:99999/", "http://[/", "nothing"]) {
    assertEquals(
      await outcome(() =>
        receivedRequest({ method: "GET", url, headers }, null, signal)
      ),
      await outcome(() => new Request(url)),
    );
  }
  for (
    const [status, statusText, body] of [
      [99, "", "x"],
      [600, "", "x"],
      [204, "", "x"],
      [200, "\u0100", "x"],
      [200, "a\nb", "x"],
    ] as const
  ) {
    const head = { status, statusText, headers, contentLength: undefined };
    assertEquals(
      await outcome(() => new ReceivedResponse(encode(body), head)),
      await outcome(() => new Response(encode(body), { status, statusText })),
    );
  }
});

withStandIns.test(
  "a stand-in does not pass on a handle of memory outside of JavaScript",
  () => {
    // Deno keeps such a handle in a member of some objects. If a stand-in returned
    // it, Deno would free that memory twice.
    const head = { status: 200, statusText: "So", headers: [] };
    const ours = new ReceivedResponse(encode("x"), head as ReceivedHead);
    const { real } = (ours as unknown as StandIn)[HELD];
    const newHandle = (): object => Object.create(null);
    let tested = 0;
    for (const key of Object.getOwnPropertySymbols(real)) {
      const value: unknown = Reflect.get(real, key);
      if (typeof value !== "object" || value instanceof Headers) continue;
      const [handle, own] = [newHandle(), newHandle()];
      if (!Reflect.set(real, key, handle)) continue;
      assertEquals(Reflect.get(ours, key), null, String(key));
      // A handle that Deno keeps in our object stays there.
      Reflect.set(ours, key, own);
      assertStrictEquals(Reflect.get(ours, key), own, String(key));
      assertStrictEquals(Reflect.get(real, key), handle, String(key));
      Reflect.set(real, key, value);
      tested++;
    }
    assertGreater(tested, 0);
  },
);

Deno.test("if the platform hides its state, stand-ins are off", () => {
  class Sealed {
    readonly #url = "x";
    get url(): string {
      return this.#url;
    }
    clone(): Sealed {
      return new Sealed();
    }
    arrayBuffer(): void {}
  }
  class HeldSealed extends Held<Response> {
    protected override make(): Response {
      return new Sealed() as unknown as Response;
    }
  }
  class Pretender {
    readonly [HELD]: Held<Response> = new HeldSealed(null, []);
  }
  const platform = Sealed as unknown as { prototype: Response };
  const probe = (): StandIn => new Pretender();
  assertEquals(standInFor(Pretender.prototype, platform, probe), false);
});

/** A class of stand-ins whose platform class was not inspected yet. */
function lateStandIn(): { ours: Response & StandIn; asked: () => number } {
  class HeldText extends Held<Response> {
    protected override make(body: BodyInit | null): Response {
      return new Response(body, { status: 201 });
    }
  }
  class Late {
    readonly [HELD]: Held<Response> = new HeldText(encode("late"), [[
      "a",
      "b",
    ]]);
  }
  let asked = 0;
  const platform = (): typeof Response => {
    asked++;
    return Response;
  };
  standInLater(Late.prototype, platform, () => new Late());
  return {
    ours: new Late() as unknown as Response & StandIn,
    asked: () => asked,
  };
}

/** What `for in` finds, sorted. */
function namesIn(response: Response): string[] {
  const names: string[] = [];
  for (const name in response) names.push(name);
  return names.sort();
}

/** What a program may do first with a response, and the result. */
const FIRST_LOOKS: readonly [
  string,
  (response: Response) => unknown,
  unknown,
][] = [
  ["instanceof", (response) => response instanceof Response, true],
  [
    "isPrototypeOf",
    (response) =>
      Object.prototype.isPrototypeOf.call(Response.prototype, response),
    true,
  ],
  ["the status", (response) => response.status, 201],
  ["the constructor", (response) => response.constructor === Response, true],
  ["a member by name", (response) => "redirected" in response, true],
  [
    "an unknown member",
    (response) => Reflect.get(response, "unknown"),
    undefined,
  ],
  ["clone()", (response) => response.clone().text(), "late"],
  ["blob()", async (response) => (await response.blob()).size, 4],
  [
    "a function of the platform",
    (response) => Response.prototype.text.call(response),
    "late",
  ],
  [
    "new Response",
    (response) => new Response(response.body, response).text(),
    "late",
  ],
  [
    "an inspection",
    (response) => Deno.inspect(response).slice(0, 8),
    "Response",
  ],
  [
    "all names",
    (response) => namesIn(response).join(),
    namesIn(new Response()).join(),
  ],
  [
    "a property that is set",
    (response) => {
      Reflect.set(response, "mine", 1);
      return Object.keys(response).includes("mine");
    },
    true,
  ],
  [
    "a property that cannot be set",
    (response) => Reflect.set(response, "status", 500),
    false,
  ],
];

withStandIns.test(
  "a stand-in looks at the platform at its first use, whatever that use is",
  async () => {
    for (const [what, look, result] of FIRST_LOOKS) {
      const { ours, asked } = lateStandIn();
      assertEquals(asked(), 0, what);
      assertEquals(await look(ours), result, what);
      assert(asked() > 0, what);
      assert(ours instanceof Response, what);
      assertEquals(ours.headers.get("a"), "b", what);
    }
  },
);

withStandIns.test(
  "bytes, text and headers of a stand-in, and waiting for it, create no platform object",
  async () => {
    const { ours, asked } = lateStandIn();
    assertStrictEquals(await Promise.resolve(ours), ours);
    assertStrictEquals(await (async () => await ours)(), ours);
    assertEquals([ours.bodyUsed, ours.headers.get("a")], [false, "b"]);
    assertEquals(await ours.text(), "late");
    assertEquals(ours.bodyUsed, true);
    assertEquals(asked(), 0);
    // The platform's object is used already.
    await assertRejects(() => ours.text(), TypeError);
    assertGreater(asked(), 0);
  },
);

Deno.test("for...in finds the same names in a response of fetch as in one of the platform", () => {
  const response = spdyResponse(
    "body",
    { status: 200, statusText: "", headers: [] },
    { url: "http://localhost/", stream: KEPT_STREAM },
  );
  assertEquals(namesIn(response), namesIn(new Response()));
});
