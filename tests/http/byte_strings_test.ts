/**
 * Header values are byte strings: the same code runs with Deno's server and
 * client, and with ours.
 */

import { Client } from "../../http/client/client.ts";
import { serve } from "../../http/server/serve.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
} from "../../frame/constants.ts";
import { assertEquals } from "../deps.ts";
import { versionName } from "../helpers/version_name.ts";

/** Values, as the bytes on the wire. */
const VALUES = [
  "caf\xe9",
  // The bytes of UTF-8, and the bytes of an incomplete sequence.
  "caf\xc3\xa9",
  "\xc3",
  "a\xe2\x82",
  'attachment; filename="na\xefve.txt"',
  "\x80 \xff\xfe \xa0x",
  "\xef\xbb\xbfmark",
  "\xed\xa0\x80",
  "\xff".repeat(50),
];

/** What a server received and what its client received, as character codes. */
interface Received {
  readonly server: string | null;
  readonly client: string | null;
}

async function exchange(
  listen: (
    handler: (request: Request) => Response,
  ) => { readonly addr: Deno.NetAddr } & AsyncDisposable,
  ask: typeof fetch,
  name: string,
  value: string,
): Promise<Received> {
  let seen: string | null = null;
  await using server = listen((request) => {
    seen = request.headers.get(name);
    return new Response(null, { headers: { [name]: value } });
  });
  const response = await ask(`http://127.0.0.1:${server.addr.port}/`, {
    headers: { [name]: value },
  });
  // Before Deno 2.8, a response without a body has one that must be closed.
  await response.body?.cancel();
  return { server: seen, client: response.headers.get(name) };
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]) {
  Deno.test(`header values, ${versionName(version)}: the bytes in Headers arrive in both directions, as with Deno.serve and fetch`, async () => {
    const hostname = "127.0.0.1";
    const options = { hostname, port: 0, onListen() {} };
    await using client = new Client({ version });
    const ask = ((url: string, init: RequestInit) =>
      client.fetch(url, init)) as typeof fetch;
    for (const value of VALUES) {
      // A public header, an unknown one, and a secret one.
      for (const name of ["content-disposition", "x-other", "cookie"]) {
        const wanted = await exchange(
          (handler) =>
            Deno.serve(options, handler),
          fetch,
          name,
          value,
        );
        assertEquals(wanted, { server: value, client: value });
        const found = await exchange(
          (handler) => serve({ ...options, version }, handler),
          ask,
          name,
          value,
        );
        assertEquals(found, wanted, JSON.stringify([name, value]));
      }
    }
  });
}

Deno.test("a reason phrase that is not UTF-8 arrives unchanged", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { statusText: "tr\xe8s \xff" }),
  );
  await using client = new Client();
  const url = `http://127.0.0.1:${server.addr.port}/`;
  assertEquals((await client.fetch(url)).statusText, "tr\xe8s \xff");
});
