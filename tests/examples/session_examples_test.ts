/** The examples on `Session` alone talk to each other, and to the others. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { freePort, run, startServer } from "./process.ts";

Deno.test("examples/spdyserv.ts sends files to spdyclient.ts", async () => {
  const port = freePort();
  await using _server = await startServer("spdyserv.ts", { port });
  const origin = `http://127.0.0.1:${port}`;
  const output = await run("spdyclient.ts", {
    args: [`${origin}/`, `${origin}/notfound`],
  });
  const lines = output.split("\n");
  assertEquals(lines.slice(0, 3), [
    "Stream#1",
    ":status: 200 OK",
    ":version: HTTP/1.1",
  ]);
  assertStringIncludes(output, "<h1>SPDY from Deno</h1>");
  assertStringIncludes(output, "Stream#3\n:status: 404 Not Found\n");
  assertStringIncludes(output, "There is no such page.\n");
  const closed = lines.filter((line) => line.includes("closed"));
  assertEquals(closed.sort(), [
    "Stream#1 closed, status 0",
    "Stream#3 closed, status 0",
  ]);
});

Deno.test("examples/spdyserv.ts on TLS agrees on each version by ALPN", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const folder = await Deno.makeTempDir();
  try {
    const args = [`${folder}/server.crt`, `${folder}/server.key`];
    await Deno.writeTextFile(args[0], cert);
    await Deno.writeTextFile(args[1], key);
    const port = freePort();
    await using _server = await startServer("spdyserv.ts", { port, args });
    for (const protocol of ["spdy/2", "spdy/3", "spdy/3.1"]) {
      await using connection = await connect({
        hostname: "localhost",
        port,
        tls: { caCerts: [caCert], alpnProtocols: [protocol] },
      });
      const response = await connection.fetch("/");
      assertEquals(response.status, 200);
      assertStringIncludes(await response.text(), "<h1>SPDY from Deno</h1>");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("examples/spdyclient.ts receives a body far larger than the window", async () => {
  const size = 1_000_000;
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("x".repeat(size)),
  );
  const output = await run("spdyclient.ts", {
    args: [`http://127.0.0.1:${server.addr.port}/`],
  });
  const body = output.match(/(?<=\n)x+|(?<=^)x+/g)?.join("") ?? "";
  assertEquals(body.length, size);
  assertStringIncludes(output, "Stream#1 closed, status 0");
});
