/** `serve` on ports that accept HTTP/1.1 with an upgrade. */

import { PROTO_SPDY3, PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { connect } from "../../../http/connect.ts";
import { serve } from "../../../http/server/serve.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../../deps.ts";
import { makeCertificate } from "../../helpers/certificate.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { LOOPBACK, say, upgradeWithRequest } from "./peers.ts";

Deno.test("serve with upgrade: the same port accepts SPDY without an upgrade", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true, version: PROTO_SPDY3 },
    () => new Response("direct"),
  );
  await using client = await connect({
    port: server.addr.port,
    version: PROTO_SPDY3,
  });
  assertEquals(await (await client.fetch("/")).text(), "direct");
});

Deno.test("serve with upgrade: the same port accepts SPDY by ALPN", async () => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve(
    { ...LOOPBACK, cert, key, upgrade: true },
    () => new Response("agreed"),
  );
  await using client = await connect({
    hostname: "localhost",
    port: server.addr.port,
    tls: { caCerts: [caCert] },
  });
  assertEquals(client.version, PROTO_SPDY3_1);
  assertEquals(await (await client.fetch("/")).text(), "agreed");
});

Deno.test("serve with upgrade: every other HTTP/1.1 request gets 426", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true },
    () => new Response(),
  );
  const { port } = server.addr;
  for (
    const head of [
      "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc",
      "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: SPDY/4\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\nupgrade: SPDY/3.1\r\n\r\n",
    ]
  ) {
    const answer = await say(port, head);
    assertMatch(answer, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    assertStringIncludes(answer, "upgrade: SPDY/3.1, SPDY/3, SPDY/2\r\n");
  }
});

Deno.test("serve with upgrade: input that is neither HTTP nor SPDY gets 400", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: true },
    () => new Response(),
  );
  const answer = await say(server.addr.port, "nonsense\r\n\r\n");
  assertMatch(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
});

Deno.test("serve with upgrade: a head that is too large or too slow is refused", async () => {
  using time = virtualTime();
  await using server = serve(
    { ...LOOPBACK, upgrade: true, handshakeTimeout: 30_000 },
    () => new Response(),
  );
  const { port } = server.addr;
  const large = `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}`;
  assertMatch(await time.until(say(port, large)), /^HTTP\/1\.1 4\d\d /);
  assertEquals(await time.until(say(port, "GET / HTTP/1.1\r\nx: ")), "");
  assertEquals(await time.until(say(port, "")), "");
});

Deno.test("serve with TLS: a handshake that never arrives delays nothing else", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const server = serve(
    { ...LOOPBACK, cert, key, handshakeTimeout: 5000 },
    () => new Response("others"),
  );
  const { port } = server.addr;
  const silent = await Deno.connect({ hostname: "127.0.0.1", port });
  await using client = await connect({
    hostname: "localhost",
    port,
    tls: { caCerts: [caCert] },
  });
  assertEquals(await (await client.fetch("/")).text(), "others");
  await server.shutdown();
  assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
  silent.close();
});

Deno.test("serve with upgrade: bytes after the head in the same segment are kept", async () => {
  const seen = Promise.withResolvers<string>();
  await using server = serve(
    { ...LOOPBACK, upgrade: true },
    (request) => {
      seen.resolve(request.url);
      return new Response();
    },
  );
  using conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await conn.write(upgradeWithRequest());
  assertEquals(await seen.promise, "http://localhost/");
});
