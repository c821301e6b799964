/** `spdy get -L` and `fetch` follow a redirect with the same request. */

import { redirected } from "../../cli/get/redirect.ts";
import { readTarget } from "../../cli/target.ts";
import { Client } from "../../http/client/client.ts";
import { serve } from "../../http/server/serve.ts";
import type { SpdyServer } from "../../http/server/serve_options.ts";
import { assertEquals } from "../deps.ts";

/** What a redirect can change in a request. */
interface Sent {
  readonly method: string;
  readonly hasBody: boolean;
  /** Those of {@linkcode HEADERS} that were sent. */
  readonly names: readonly string[];
}

const OF_BODY = [
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
];
const SECRET = ["authorization", "cookie", "proxy-authorization"];
const OTHER = ["content-disposition", "x-other"];
const HEADERS = [...OF_BODY, ...SECRET, ...OTHER];

/** A server that redirects if the path is a status, and otherwise records the request. */
function listen(
  location: () => string,
): { server: SpdyServer<Deno.NetAddr>; sent: Sent[] } {
  const sent: Sent[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = serve(options, async (request) => {
    const body = await request.text();
    const status = Number(new URL(request.url).pathname.slice(1));
    if (status > 0) {
      return new Response(null, { status, headers: { location: location() } });
    }
    sent.push({
      method: request.method,
      hasBody: body !== "",
      names: HEADERS.filter((name) => request.headers.has(name)),
    });
    return new Response();
  });
  return { server, sent };
}

/** The request with which `spdy get -L` follows a redirect. */
function sentByCommand(
  status: number,
  method: string,
  from: string,
  location: string,
): Sent | undefined {
  const next = redirected(
    {
      target: readTarget(from.replace("http:", "spdy:")),
      method,
      headers: HEADERS.map((name) => [name.toUpperCase(), "1"]),
      hasBody: method !== "GET" && method !== "HEAD",
    },
    new Response(null, { status, headers: { location } }),
  );
  return next && {
    method: next.method,
    hasBody: next.hasBody,
    names: next.headers.map(([name]) => name.toLowerCase()),
  };
}

Deno.test("redirects: fetch and get -L send the next request as the Fetch standard requires", async () => {
  let location = "";
  const first = listen(() => location);
  const second = listen(() => "");
  await using _first = first.server;
  await using _second = second.server;
  await using client = new Client();
  const here = `http://127.0.0.1:${first.server.addr.port}/`;
  const elsewhere = `http://127.0.0.1:${second.server.addr.port}/`;
  for (const status of [301, 302, 303, 307, 308]) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE"]) {
      const hasBody = method !== "GET" && method !== "HEAD";
      const getsNext = status === 303 && hasBody ||
        status < 303 && method === "POST";
      for (location of [here, elsewhere]) {
        const what = `${status} ${method} to ${location}`;
        const expected: Sent = {
          method: getsNext ? "GET" : method,
          hasBody: hasBody && !getsNext,
          names: [
            ...getsNext ? [] : OF_BODY,
            ...location === here ? SECRET : [],
            ...OTHER,
          ],
        };
        const response = await client.fetch(`${here}${status}`, {
          method,
          headers: HEADERS.map((name): [string, string] => [name, "1"]),
          body: hasBody ? "body" : undefined,
        });
        await response.body?.cancel();
        const { sent } = location === here ? first : second;
        assertEquals(sent.splice(0), [expected], what);
        assertEquals(
          sentByCommand(status, method, `${here}${status}`, location),
          expected,
          what,
        );
      }
    }
  }
});

Deno.test("redirects: other statuses, and a response without location, are not followed", () => {
  const from = "http://127.0.0.1:1/";
  for (const status of [200, 204, 300, 304, 305, 306, 400]) {
    assertEquals(sentByCommand(status, "GET", from, "/there"), undefined);
  }
  assertEquals(sentByCommand(302, "GET", from, ""), undefined);
});

Deno.test("get -L: a host header is meant for the server of its URL", () => {
  for (
    const [location, names] of [
      ["/there", ["Host"]],
      ["http://127.0.0.1:2/", []],
    ] as const
  ) {
    const next = redirected(
      {
        target: readTarget("spdy://127.0.0.1:1/"),
        method: "GET",
        headers: [["Host", "example.org"]],
        hasBody: false,
      },
      new Response(null, { status: 302, headers: { location } }),
    );
    assertEquals(next?.headers.map(([name]) => name), [...names]);
  }
});
