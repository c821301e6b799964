/** Libraries that receive a `fetch` call it without its object. */

import ky from "npm:ky@1";
import OpenAI from "npm:openai@5";
import { Client } from "../../http/client/client.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals } from "../deps.ts";

Deno.test("ky and openai work with the fetch of a client and of a connection, unbound", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request): Promise<Response> => {
      const { pathname, origin } = new URL(request.url);
      if (pathname === "/moved") return Response.redirect(`${origin}/echo`);
      if (pathname === "/models") {
        return Response.json({ object: "list", data: [{ id: "one" }] });
      }
      return Response.json([request.method, await request.text()]);
    },
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using client = new Client();
  await using connection = await connect({ port: server.addr.port });
  for (const { fetch } of [client, connection]) {
    const custom = fetch as typeof globalThis.fetch;
    const api = ky.create({ prefixUrl: origin, fetch: custom, retry: 0 });
    const posted = api.post("echo", { json: { a: 1 } });
    assertEquals(await posted.json(), ["POST", '{"a":1}']);
    // ky passes a Request whose redirect mode is "follow".
    assertEquals(await api.get("moved").json(), ["GET", ""]);
    const openai = new OpenAI({ apiKey: "k", baseURL: origin, fetch: custom });
    const { data } = await openai.models.list();
    assertEquals(data.map(({ id }) => id), ["one"]);
  }
});

Deno.test("fetch can be replaced by a mock", async () => {
  await using client = new Client();
  const { fetch } = client;
  client.fetch = () => Promise.reject(new Error("replaced"));
  assertEquals(
    await client.fetch("http://h/").catch(String),
    "Error: replaced",
  );
  client.fetch = fetch;
  assertEquals(Object.keys(client), []);
});
