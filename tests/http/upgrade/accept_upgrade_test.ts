/** `acceptUpgrade` with an application's own server. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { HttpMessageError } from "../../../http/message/message_error.ts";
import { acceptUpgrade } from "../../../http/upgrade/accept_upgrade.ts";
import { connectUpgrade } from "../../../http/upgrade/connect_upgrade.ts";
import { assert, assertEquals, assertMatch } from "../../deps.ts";
import { nextStream, RESPONSE } from "../../helpers/http.ts";
import { say, upgradeWithRequest } from "./peers.ts";

/** A node:http server that listens on loopback. */
async function listening(
  server: Server,
): Promise<{ url: string } & AsyncDisposable> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((done) => server.close(done));
    },
  };
}

Deno.test("acceptUpgrade: it works with the application's own node:http server", async () => {
  const server = createServer((_request, response) => response.end("plain"));
  const ended = Promise.withResolvers<void>();
  server.on("upgrade", async (request, socket, head) => {
    await using connection = await acceptUpgrade(request, socket, head, {
      headers: { "x-extra": "yes" },
    });
    for await (const stream of connection) {
      await stream.reply([...RESPONSE]);
      await stream.readable.pipeTo(stream.writable);
    }
    ended.resolve();
  });
  await using running = await listening(server);
  const { connection, response } = await connectUpgrade(running.url);
  assertEquals(response.headers.get("x-extra"), "yes");
  const body = "echo".repeat(100_000);
  const answer = await connection.fetch("/", { method: "POST", body });
  assertEquals(await answer.text(), body);
  await connection.close();
  await ended.promise;
  assertEquals(await (await fetch(running.url)).text(), "plain");
});

Deno.test("acceptUpgrade: it keeps bytes after the head and refuses other names", async () => {
  const server = createServer();
  const streams: string[] = [];
  const failed = Promise.withResolvers<unknown>();
  const arrived = Promise.withResolvers<void>();
  server.on("upgrade", async (request, socket, head) => {
    try {
      await using connection = await acceptUpgrade(request, socket, head);
      const stream = await nextStream(connection);
      streams.push(stream.headers[0][1]);
      arrived.resolve();
    } catch (error) {
      failed.resolve(error);
    }
  });
  await using running = await listening(server);
  const port = Number(new URL(running.url).port);
  const answer = await say(
    port,
    "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
  );
  assertMatch(answer, /^HTTP\/1\.1 426 /);
  const error = await failed.promise as Error;
  assert(error instanceof HttpMessageError);
  assertEquals(
    error.message,
    "the upgrade was refused: the request names the protocol h2c, not SPDY/3.1 or SPDY/3 or SPDY/2",
  );
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(upgradeWithRequest());
  await arrived.promise;
  assertEquals(streams, ["localhost"]);
});

Deno.test("acceptUpgrade: forbidden requests are refused, and a client may reset meanwhile", async () => {
  const outcomes: string[] = [];
  const http = createServer();
  http.on("upgrade", (request, socket, head) => {
    acceptUpgrade(request, socket, head).then(
      (connection) => {
        outcomes.push("granted");
        return connection.close();
      },
      (error) => outcomes.push(error.name),
    );
    // This is how a client's reset reaches a socket that node:http has passed
    // on.
    socket.emit("error", new Error("read ECONNRESET"));
  });
  await using server = await listening(http);
  const port = Number(new URL(server.url).port);
  const upgrade = "host: h\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n";
  for (
    const [head, status] of [
      [`DELETE / HTTP/1.1\r\n${upgrade}\r\n`, 405],
      [`GET / HTTP/1.1\r\n${upgrade}content-length: 1\r\n\r\nx`, 400],
      [`GET / HTTP/1.1\r\n${upgrade}origin: http://g\r\n\r\n`, 403],
      [`GET / HTTP/1.1\r\n${upgrade}origin: http://h\r\n\r\n`, 101],
    ] as const
  ) {
    assertMatch(await say(port, head), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  assertEquals(outcomes, [
    "HttpMessageError",
    "HttpMessageError",
    "HttpMessageError",
    "granted",
  ]);
});

Deno.test("acceptUpgrade: a header value of the 101 is sent as its bytes", async () => {
  const http = createServer();
  http.on("upgrade", async (request, socket, head) => {
    // Each character is one byte; this is the UTF-8 of "\u00fc", and then a byte alone.
    const headers = { "x-name": "\xc3\xbc \xe9." };
    const options = { headers };
    await using _ = await acceptUpgrade(request, socket, head, options);
  });
  await using server = await listening(http);
  using conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(server.url).port),
  });
  await conn.write(upgradeWithRequest());
  let text = "";
  for (const part = new Uint8Array(1000); !text.includes("\r\n\r\n");) {
    const size = await conn.read(part);
    if (size === null) break;
    text += String.fromCharCode(...part.subarray(0, size));
  }
  assertMatch(text, /\r\nx-name: \xc3\xbc \xe9\.\r\n/);
});
