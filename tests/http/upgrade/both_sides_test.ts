/** The HTTP/1.1 upgrade, both sides, on TCP and Unix sockets. */

import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
} from "../../../frame/constants.ts";
import { serve } from "../../../http/server/serve.ts";
import { connectUpgrade } from "../../../http/upgrade/connect_upgrade.ts";
import { assertEquals } from "../../deps.ts";
import { makeCertificate } from "../../helpers/certificate.ts";
import { LOOPBACK } from "./peers.ts";
import { unixOnly } from "../../helpers/unix_only.ts";

const TOKENS = [
  ["SPDY/2", PROTO_SPDY2],
  ["SPDY/3", PROTO_SPDY3],
  ["SPDY/3.1", PROTO_SPDY3_1],
] as const;

for (const [token, version] of TOKENS) {
  Deno.test(`upgrade: ${token} works on TCP`, async () => {
    await using server = serve(
      { ...LOOPBACK, upgrade: true },
      (request, info) =>
        new Response(`${request.url} ${info.remoteAddr.hostname}`),
    );
    const origin = `http://127.0.0.1:${server.addr.port}`;
    const { connection, response } = await connectUpgrade(`${origin}/ignored`, {
      protocols: [token],
    });
    await using client = connection;
    assertEquals(response.status, 101);
    assertEquals(response.headers.get("upgrade"), token);
    assertEquals(client.version, version);
    assertEquals(client.origin, origin);
    const answer = await client.fetch("/x");
    assertEquals(await answer.text(), `${origin}/x 127.0.0.1`);
  });

  Deno.test(`upgrade: ${token} works on TLS`, async () => {
    const { cert, key, caCert } = await makeCertificate();
    await using server = serve(
      { ...LOOPBACK, cert, key, upgrade: true },
      async (request) => new Response(await request.text()),
    );
    const url = `https://localhost:${server.addr.port}/`;
    const { connection } = await connectUpgrade(url, {
      protocols: [token],
      tls: { caCerts: [caCert] },
    });
    await using client = connection;
    assertEquals(client.version, version);
    const body = "x".repeat(1 << 20);
    const answer = await client.fetch("/", { method: "POST", body });
    assertEquals(await answer.text(), body);
  });
}

unixOnly.test("upgrade: it works on a Unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  try {
    await using server = serve(
      { path, onListen() {}, upgrade: true },
      (request) => new Response(request.url),
    );
    assertEquals(server.addr.transport, "unix");
    const { connection } = await connectUpgrade("http://h/", { path });
    await using client = connection;
    assertEquals(await (await client.fetch("/x")).text(), "http://h/x");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("upgrade: the first of several names that both sides support is used", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true, versions: [PROTO_SPDY2, PROTO_SPDY3] },
    () => new Response(),
  );
  const { connection } = await connectUpgrade(
    `http://127.0.0.1:${server.addr.port}/`,
    { protocols: ["SPDY/3.1", "SPDY/3", "SPDY/2"] },
  );
  assertEquals(connection.version, PROTO_SPDY3);
  await connection.close();
});
