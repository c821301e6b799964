/** Changing the certificate without a restart. */

import { connect, InvalidArgumentError, serve } from "../../mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };

Deno.test("setCertificate: new handshakes use it, and open connections continue", async () => {
  const [before, after] = [await makeCertificate(), await makeCertificate()];
  const { cert, key } = before;
  await using server = serve(
    { ...LOOPBACK, cert, key },
    () => new Response("served"),
  );
  const target = (caCert: string) => ({
    hostname: "localhost",
    port: server.addr.port,
    tls: { caCerts: [caCert] },
  });
  await using first = await connect(target(before.caCert));
  // It is connected, and its handshake begins after the change.
  const waiting = Promise.allSettled(
    Array.from({ length: 20 }, () => connect(target(after.caCert))),
  );
  server.setCertificate({ cert: after.cert, key: after.key });
  const second = await connect(target(after.caCert));
  for (const connection of [first, second]) {
    const response = await connection.fetch("/");
    assertEquals(await response.text(), "served");
  }
  await second.close();
  await assertRejects(
    () => connect(target(before.caCert)),
    Error,
    "invalid peer certificate",
  );
  // Early connections have either certificate, and none hangs.
  for (const result of await waiting) {
    if (result.status === "fulfilled") await result.value.close();
  }
  assertThrows(() => server.setCertificate({ cert: "none", key: "none" }));
  await using third = await connect(target(after.caCert));
  assertEquals(await (await third.fetch("/")).text(), "served");
});

Deno.test("setCertificate: it is refused if the server does not use TLS", async () => {
  await using server = serve(LOOPBACK, () => new Response());
  assertThrows(
    () => server.setCertificate({ cert: "", key: "" }),
    InvalidArgumentError,
    "the certificate cannot be changed",
  );
});

Deno.test("setCertificate: a server that has ended does not listen again", async () => {
  const { cert, key } = await makeCertificate();
  const server = serve({ ...LOOPBACK, cert, key }, () => new Response());
  await server.shutdown();
  const { listenTls } = Deno;
  const opened: Deno.TlsListener[] = [];
  Deno.listenTls = (options) => {
    const listener = listenTls(options);
    opened.push(listener);
    return listener;
  };
  try {
    server.setCertificate({ cert, key });
  } finally {
    Deno.listenTls = listenTls;
    for (const listener of opened) listener.close();
  }
  assertEquals(opened.length, 0);
});
