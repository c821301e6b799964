import { assertEquals } from "../deps.ts";
import { setLinearIterators } from "../../http/platform/linear_iterators.ts";
import { httpPair } from "../helpers/http.ts";

function filled(count: number): Headers {
  const headers = new Headers({ "set-cookie": "a=1" });
  headers.append("set-cookie", "b=2");
  for (let i = 0; i < count; i++) headers.append(`x-${i % 40}`, `${i}`);
  return headers;
}

Deno.test("headers with their own iterators give the same results as the platform's", () => {
  for (const count of [0, 30, 100]) {
    const plain = filled(count);
    const eased = setLinearIterators(filled(count), count);
    for (
      const read of [
        (headers: Headers) => [...headers],
        (headers: Headers) => [...headers.entries()],
        (headers: Headers) => [...headers.keys()],
        (headers: Headers) => [...headers.values()],
        (headers: Headers) => [...new Headers(headers)],
        (
          headers: Headers,
        ) => [...new Request("http://h/", { headers }).headers],
        (headers: Headers) => [...new Response("", { headers }).headers],
        (headers: Headers) => Object.fromEntries(headers),
        (headers: Headers) => Object.keys(headers),
        (headers: Headers) => headers.getSetCookie(),
      ]
    ) assertEquals(read(eased), read(plain));
    eased.delete("x-1");
    eased.set("new", "1");
    plain.delete("x-1");
    plain.set("new", "1");
    assertEquals([...eased], [...plain]);
  }
});

Deno.test("iterating over many headers of a request and of a response is fast", async () => {
  const many = Array.from({ length: 200 }, (_, i): [string, string] => [
    `x-${1000 + i}`,
    `${i}`,
  ]);
  const mine = (headers: Headers): [string, string][] =>
    [...headers].filter(([name]) => name.startsWith("x-"));
  await using pair = await httpPair((request) =>
    new Response("", { headers: mine(new Request(request).headers) })
  );
  const response = await pair.client.fetch("/", { headers: many });
  assertEquals(mine(response.headers), many);
  assertEquals(mine(new Response("", response).headers), many);
  assertEquals(mine(response.clone().headers), many);
  await response.text();
});
