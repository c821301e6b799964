/** `connectUpgrade` with servers that answer in every way. */

import { ConnectionClosedError } from "../../../connection/errors.ts";
import type { DialTarget } from "../../../connection/transport/dial.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import { PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { Connection } from "../../../http/connection.ts";
import { HttpMessageError } from "../../../http/message/message_error.ts";
import { serve } from "../../../http/server/serve.ts";
import { connectUpgrade } from "../../../http/upgrade/connect_upgrade.ts";
import { UpgradeRefusedError } from "../../../http/upgrade/upgrade_result.ts";
import { SERVER } from "../../../session/constants.ts";
import { assertEquals, assertMatch, assertRejects } from "../../deps.ts";
import { makeCertificate } from "../../helpers/certificate.ts";
import { waitUntil } from "../../helpers/deadline.ts";
import { nextStream, RESPONSE } from "../../helpers/http.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { LOOPBACK } from "./peers.ts";

/** Answers the first connection with `answer`, cut into these pieces. */
function answering(
  ...answer: (string | Uint8Array | Promise<void>)[]
): { url: string; asked: Promise<void> } & AsyncDisposable {
  const asked = Promise.withResolvers<void>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    asked.resolve();
    for (const part of answer) {
      if (part instanceof Promise) await part;
      else {
        await conn.write(
          typeof part === "string" ? new TextEncoder().encode(part) : part,
        );
      }
    }
  })().catch(() => {});
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    asked: asked.promise,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await done;
    },
  };
}

const HEAD_101 =
  "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n";

Deno.test("connectUpgrade: other answers are returned with their body", async () => {
  for (
    const [answer, status, text] of [
      ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello"],
      [
        "HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        403,
        "no",
      ],
      ["HTTP/1.0 404 Not Found\r\n\r\nuntil close", 404, "until close"],
      ["HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
      [
        `HTTP/1.1 500 Oops\r\ncontent-length: 99999\r\n\r\n${
          "x".repeat(99_999)
        }`,
        500,
        "x".repeat(65_536),
      ],
    ] as const
  ) {
    await using server = answering(answer);
    const error = await assertRejects(
      () => connectUpgrade(server.url),
      UpgradeRefusedError,
      `the upgrade was refused with ${status}`,
    );
    assertEquals(error.response.status, status);
    assertEquals(await error.response.text(), text);
  }
});

Deno.test("connectUpgrade: a 101 to another protocol and an answer that is not HTTP are errors", async () => {
  for (
    const [answer, message] of [
      [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        "the server switched protocols, but its answer names the protocol websocket, not SPDY/3.1",
      ],
      [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3\r\n\r\n",
        "the server switched protocols, but its answer names the protocol SPDY/3, not SPDY/3.1",
      ],
      [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: close\r\nupgrade: SPDY/3.1\r\n\r\n",
        'or without "connection: Upgrade"',
      ],
      [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c, SPDY/3.1\r\n\r\n",
        "names the protocol h2c, SPDY/3.1, not SPDY/3.1",
      ],
      [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\nupgrade: h2c\r\n\r\n",
        "names the protocol SPDY/3.1, h2c, not SPDY/3.1",
      ],
      ["SSH-2.0-OpenSSH_9.2p1\r\n", ""],
      [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, ""],
    ]
  ) {
    await using server = answering(answer);
    await assertRejects(
      () => connectUpgrade(server.url),
      HttpMessageError,
      message,
    );
  }
});

Deno.test("connectUpgrade: empty elements of the list of protocols do not count", async () => {
  for (const upgrade of ["SPDY/3.1,", ", SPDY/3.1 ,,", "SPDY/3.1, SPDY/3.1"]) {
    await using server = answering(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${upgrade}\r\n\r\n`,
    );
    const { connection } = await connectUpgrade(server.url);
    assertEquals(connection.version, PROTO_SPDY3_1);
    await connection.close().catch(() => {});
  }
});

Deno.test("connectUpgrade: a server that closes the connection or takes too long is an error", async () => {
  {
    await using server = answering("HTTP/1.1 101 Swit");
    await assertRejects(
      () => connectUpgrade(server.url),
      ConnectionClosedError,
      "before it answered",
    );
  }
  using time = virtualTime();
  const release = Promise.withResolvers<void>();
  await using server = answering(release.promise);
  await assertRejects(
    () => time.until(connectUpgrade(server.url, { timeout: 30_000 })),
    ConnectionClosedError,
    "within 30000 ms",
  );
  release.resolve();
});

Deno.test("connectUpgrade: the signal aborts it", async () => {
  const release = Promise.withResolvers<void>();
  await using server = answering(release.promise);
  const abort = new AbortController();
  const upgrading = connectUpgrade(server.url, { signal: abort.signal });
  const rejected = assertRejects(() => upgrading, Error, "enough");
  await server.asked;
  abort.abort(new Error("enough"));
  release.resolve();
  await rejected;
  await assertRejects(
    () => connectUpgrade(server.url, { signal: abort.signal }),
    Error,
    "enough",
  );
});

Deno.test("connectUpgrade: invalid arguments are refused", async () => {
  for (
    const [url, protocols] of [
      ["ftp://h/", undefined],
      ["http://h/", ["SPDY/4"]],
      ["http://h/", []],
    ] as const
  ) {
    await assertRejects(
      () => connectUpgrade(url, { protocols }),
      InvalidArgumentError,
    );
  }
});

Deno.test("connectUpgrade: an untrusted certificate is an error", async () => {
  const { cert, key } = await makeCertificate();
  await using server = serve(
    { ...LOOPBACK, cert, key, upgrade: true },
    () => new Response(),
  );
  await assertRejects(
    () => connectUpgrade(`https://localhost:${server.addr.port}/`),
    Error,
    "certificate",
  );
});

Deno.test("connectUpgrade: bytes after the 101 are kept, in its segment or cut anywhere", async () => {
  // A SETTINGS frame: MAX_CONCURRENT_STREAMS 7.
  const settings = Uint8Array.from(
    // deno-fmt-ignore
    [0x80, 3, 0, 4, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7],
  );
  const head = new TextEncoder().encode(`${HEAD_101}\r\n`);
  const whole = new Uint8Array([...head, ...settings]);
  const cuts = [
    whole.length,
    head.length - 1,
    head.length,
    head.length + 1,
    head.length + 11,
  ];
  for (const cut of cuts) {
    const release = Promise.withResolvers<void>();
    const received = Promise.withResolvers<void>();
    await using server = answering(
      whole.subarray(0, cut),
      received.promise,
      whole.subarray(cut),
      release.promise,
    );
    const dial = async (target: DialTarget): Promise<ByteConn> => {
      const conn = await Deno.connect(target);
      let size = 0;
      return {
        async read(buffer) {
          const read = await conn.read(buffer);
          size += read ?? 0;
          if (size >= cut) received.resolve();
          return read;
        },
        write: (data) => conn.write(data),
        closeWrite: () => conn.closeWrite(),
        close: () => conn.close(),
      };
    };
    const { connection } = await connectUpgrade(server.url, { dial });
    await waitUntil("SETTINGS", () => connection.peerSettings.size > 0);
    assertEquals([...connection.peerSettings], [[4, 7]]);
    release.resolve();
    await connection.close();
  }
});

Deno.test("connectUpgrade: headers and method are sent unchanged", async () => {
  const asked = Promise.withResolvers<string>();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    const size = await conn.read(buffer);
    asked.resolve(new TextDecoder().decode(buffer.subarray(0, size ?? 0)));
    await conn.write(new TextEncoder().encode(`${HEAD_101}x-a: 1\r\n\r\n`));
    await using connection = new Connection(conn, {
      side: SERVER,
      version: PROTO_SPDY3_1,
    });
    const stream = await nextStream(connection);
    await stream.reply([...RESPONSE], { fin: true });
    await connection.closed;
  })();
  const { port } = listener.addr;
  const { connection, response } = await connectUpgrade(
    `http://127.0.0.1:${port}/path?#no`,
    {
      method: "POST",
      headers: [["X-Stream-Protocol-Version", "v4"], [
        "X-Stream-Protocol-Version",
        "v3",
      ]],
    },
  );
  const head = await asked.promise;
  assertMatch(head, /^POST \/path\? HTTP\/1\.1\r\n/);
  assertMatch(head, new RegExp(`\r\nhost: 127.0.0.1:${port}\r\n`, "i"));
  assertMatch(head, /\r\nconnection: Upgrade\r\n/i);
  assertMatch(head, /\r\nupgrade: SPDY\/3\.1\r\n/i);
  assertMatch(head, /\r\nX-Stream-Protocol-Version: v4\r\n/i);
  assertMatch(head, /\r\nX-Stream-Protocol-Version: v3\r\n/i);
  assertEquals(response.headers.get("x-a"), "1");
  assertEquals((await connection.fetch("/")).status, 200);
  await connection.close();
  await served;
});

Deno.test("connectUpgrade: headers that can be read only once are sent", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    const size = await conn.read(buffer);
    await conn.write(
      new TextEncoder().encode("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"),
    );
    return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
  })();
  await assertRejects(
    () =>
      connectUpgrade(`http://127.0.0.1:${listener.addr.port}`, {
        headers: new Map([["authorization", "Bearer x"]]).entries(),
      }),
    UpgradeRefusedError,
  );
  assertMatch(await asked, /\r\nauthorization: Bearer x\r\n/i);
});

Deno.test("connectUpgrade: control characters in a reason phrase are replaced", async () => {
  await using server = answering(
    "HTTP/1.1 403 \x1b[31mNo\x07\r\ncontent-length: 0\r\n\r\n",
  );
  const error = await assertRejects(
    () => connectUpgrade(server.url),
    UpgradeRefusedError,
    "refused with 403 ?[31mNo?",
  );
  assertEquals(error.response.statusText, "?[31mNo?");
});
