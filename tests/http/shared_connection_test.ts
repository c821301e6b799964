/** A `connect` of Client that returns a connection which is in use already. */

import { Client } from "../../http/client/client.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals } from "../deps.ts";
import { turn } from "../helpers/virtual_time.ts";

const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };

Deno.test("client: a connection that is shared by two origins keeps the process alive while either has a request", async () => {
  const held = Promise.withResolvers<void>();
  await using server = serve(quiet, async (request) => {
    if (request.url.endsWith("/held")) await held.promise;
    return new Response("x");
  });
  const shared = await connect({ port: server.addr.port });
  const calls: string[] = [];
  shared.ref = () => void calls.push("ref");
  shared.unref = () => void calls.push("unref");
  await using client = new Client({ connect: () => Promise.resolve(shared) });
  const first = client.fetch("http://one/held");
  await turn();
  assertEquals(calls, ["unref", "ref"]);
  assertEquals(await (await client.fetch("http://two/")).text(), "x");
  await turn();
  assertEquals(calls.at(-1), "ref");
  held.resolve();
  assertEquals(await (await first).text(), "x");
  await turn();
  assertEquals(calls.at(-1), "unref");
});
