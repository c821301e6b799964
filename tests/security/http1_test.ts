/**
 * Clients of HTTP/1.1 that break its rules, on real sockets: the process
 * continues to run and answers others.
 */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { serveStreaming } from "../../kubernetes/mod.ts";
import { assert, assertEquals, assertMatch } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const FOREIGN = "Host: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
const SPDY = "Host: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";

/** Invalid input that fits into one segment. */
const ATTACKS: readonly string[] = [
  GET + `GET / HTTP/1.1\r\n${FOREIGN}`,
  `GET / HTTP/1.1\r\n${FOREIGN}${GET}`,
  GET.repeat(50),
  `${GET}nonsense\r\n\r\n`,
  `nonsense\r\n\r\n${GET}`,
  ...["TRACE", "TRACK", "CONNECT", "OPTIONS", "HEAD", "PUT", "%"].map((
    method,
  ) => `${method} / HTTP/1.1\r\n${FOREIGN}`),
  ...["TRACE", "CONNECT", "HEAD", "DELETE"].map((method) =>
    `${method} / HTTP/1.1\r\n${SPDY}\r\n`
  ),
  `POST / HTTP/1.1\r\n${SPDY}Content-Length: 5\r\n\r\nhello${GET}`,
  `POST / HTTP/1.1\r\n${SPDY}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `GET / HTTP/1.1\r\n${SPDY}Origin: http://evil.example\r\n\r\n`,
  "GET / HTTP/1.1\r\nHost: [\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  `GET / HTTP/1.1\r\nX: ${"y".repeat(2 << 20)}`,
];

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** Sends input on a connection of its own and reads to the end. */
async function say(conn: Deno.Conn, text: string): Promise<string> {
  let answer = "";
  try {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await conn.write(rest));
    }
    await conn.closeWrite();
    const buffer = new Uint8Array(4096);
    for (;;) {
      const size = await conn.read(buffer);
      if (size === null) break;
      answer += String.fromCharCode(...buffer.subarray(0, size));
    }
  } catch {
    // The server has closed the connection.
  }
  try {
    conn.close();
  } catch {
    // Closed, because its input was cut off.
  }
  return answer;
}

for (const secure of [false, true]) {
  const kind = secure ? "TLS" : "TCP";

  Deno.test(`serve with upgrade on ${kind} survives anything that HTTP/1.1 clients send`, async () => {
    const { caCert, ...tls } = await makeCertificate();
    await using server = serve(
      { ...LOOPBACK, upgrade: true, ...(secure ? tls : {}) },
      () => new Response("here"),
    );
    const { port } = server.addr;
    for (const attack of ATTACKS) {
      const answer = await say(await dial(port, secure, caCert), attack);
      assertMatch(answer, /^(HTTP\/1\.1 4\d\d |HTTP\/1\.1 50[15] |$)/);
      assert((answer.match(/^HTTP\/1\.1 /gm) ?? []).length <= 1, answer);
    }
    await using client = await connect({
      hostname: "localhost",
      port,
      tls: secure && { caCerts: [caCert] },
    });
    assertEquals(await (await client.fetch("/")).text(), "here");
  });

  Deno.test(`serveStreaming on ${kind} survives anything that HTTP/1.1 clients send`, async () => {
    const { caCert, ...tls } = await makeCertificate();
    await using server = serveStreaming({
      exec: async () => {},
      ...(secure ? tls : {}),
      fetch: () => new Response("here"),
      onError: () => {
        throw new Error("a callback that throws is no reason to end");
      },
    });
    const { port } = server.addr;
    for (const attack of ATTACKS) {
      await say(await dial(port, secure, caCert), attack);
    }
    assertMatch(await say(await dial(port, secure, caCert), GET), /here/);
  });
}

function dial(
  port: number,
  secure: boolean,
  caCert: string,
): Promise<Deno.Conn> {
  return secure
    ? Deno.connectTls({ hostname: "localhost", port, caCerts: [caCert] })
    : Deno.connect({ hostname: "127.0.0.1", port });
}
