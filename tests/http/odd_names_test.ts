/** Header names that are also names of what every object has. */

import type { ProtocolVersion } from "../../frame/constants.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { connectUpgrade } from "../../http/upgrade/connect_upgrade.ts";
import { UpgradeRefusedError } from "../../http/upgrade/upgrade_result.ts";
import { exec, portForward, serveStreaming } from "../../kubernetes/mod.ts";
import { getNpnProtocols, npnGetVersion } from "../../session/npn.ts";
import { assert, assertEquals, assertRejects } from "../deps.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
/** Members of objects and of promises: `then` would turn a header list into a promise. */
const NAMES = [...Object.getOwnPropertyNames(Object.prototype), "then"];
const PAIRS = NAMES.map((name): [string, string] => [name, `of ${name}`]);
/** The names in a `Headers` object. */
const EXPECTED = [...new Headers(PAIRS)];

function odd(headers: Headers): [string, string][] {
  return [...headers].filter(([name]) => new Headers(PAIRS).has(name));
}

for (const protocol of getNpnProtocols()) {
  const version = npnGetVersion(protocol) as ProtocolVersion;
  for (const headerCompression of ["safe", "full", "none"] as const) {
    Deno.test(`odd names: headers and trailers arrive in both directions, ${protocol}, compression "${headerCompression}"`, async () => {
      const seen: [string, string][][] = [];
      await using server = serve(
        { ...LOOPBACK, version, headerCompression },
        async (request, info) => {
          seen.push(odd(request.headers));
          await request.text();
          seen.push(odd(await info.trailers));
          info.sendTrailers(PAIRS);
          return new Response("body", { headers: PAIRS });
        },
      );
      await using client = await connect({
        port: server.addr.port,
        version,
        headerCompression,
      });
      for (const headers of [PAIRS, Object.fromEntries(PAIRS)]) {
        const response = await client.fetch("/", {
          method: "POST",
          headers,
          body: "body",
          trailers: PAIRS,
        });
        assertEquals(odd(response.headers), EXPECTED);
        await response.text();
        assertEquals(odd(await response.trailers), EXPECTED);
      }
      assertEquals(seen, [EXPECTED, EXPECTED, EXPECTED, EXPECTED]);
    });
  }
}

Deno.test("odd names: an upgrade sends them all, and reads them in a refusal", async () => {
  await using server = Deno.serve(
    LOOPBACK,
    ({ headers }) => new Response(null, { status: 403, headers }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const error = await assertRejects(
    () =>
      connectUpgrade(url, {
        headers: [...PAIRS, ["x-twice", "1"], ["X-Twice", "2"]],
      }),
    UpgradeRefusedError,
  );
  const { headers } = error.response;
  assertEquals(odd(headers), EXPECTED);
  assertEquals(headers.get("x-twice"), "1, 2");
  assertEquals(headers.get("host"), `127.0.0.1:${server.addr.port}`);
});

Deno.test("odd names: upgrades to exec and port-forward send them to the server", async () => {
  const seen: [string, string][][] = [];
  await using server = serveStreaming({
    exec: () => Promise.resolve(0),
    portForward: () => Promise.resolve(),
    resolve(call) {
      seen.push(odd(call.request.headers));
      return call;
    },
  });
  const target = {
    url: `http://127.0.0.1:${server.addr.port}`,
    pod: { name: "web" },
    headers: PAIRS,
  };
  await using process = await exec({ ...target, command: ["true"] });
  assert((await process.status).success);
  for (const transport of ["spdy", "websocket"] as const) {
    await using _forwarder = await portForward({ ...target, transport });
  }
  assertEquals(seen, [EXPECTED, EXPECTED, EXPECTED]);
});
