/** A tunnel through a SOCKS proxy (RFC 1928, RFC 1929), to the byte. */

import { ProxyError } from "../../../connection/errors.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { readProxy } from "../../../connection/transport/proxy_settings.ts";
import { openTunnel } from "../../../connection/transport/proxy_tunnel.ts";
import { ERR_EOF, ERR_PROTO } from "../../../errors.ts";
import { connect } from "../../../http/connect.ts";
import { serve } from "../../../http/server/serve.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { socksProxy } from "../../helpers/socks_proxy.ts";

/** A proxy that answers with these bytes, of which each read gets `largest` at most. */
class FakeProxy implements ByteConn {
  readonly sent: number[] = [];
  readonly left: number[];
  readonly #largest: number;
  open = true;

  constructor(answer: readonly number[], largest: number) {
    this.left = [...answer];
    this.#largest = largest;
  }

  read(into: Uint8Array): Promise<number | null> {
    const part = this.left.splice(0, Math.min(into.length, this.#largest));
    into.set(part);
    return Promise.resolve(part.length === 0 ? null : part.length);
  }

  write(data: Uint8Array): Promise<number> {
    this.sent.push(data[0]);
    return Promise.resolve(1);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.open = false;
  }
}

async function open(
  proxy: FakeProxy,
  url = "socks5://proxy.example",
  hostname = "a.example",
): Promise<void> {
  await openTunnel(
    readProxy({ url }),
    { hostname, port: 443 },
    () => Promise.resolve(proxy),
    undefined,
    undefined,
  );
}

const bytes = (text: string): number[] =>
  Array.from(text, (char) => char.charCodeAt(0));
const FIRST = [5, 0];
const DONE = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

Deno.test("SOCKS: the request has the name or the address, and reading stops after the answer", async () => {
  const answers = [
    DONE,
    [5, 0, 0, 3, 2, 120, 120, 0, 0],
    [5, 0, 0, 4, ...new Array(18).fill(0)],
  ];
  for (const answer of answers) {
    for (const largest of [1, 100]) {
      const proxy = new FakeProxy([...FIRST, ...answer, 7], largest);
      await open(proxy);
      assertEquals(proxy.left, [7]);
      assertEquals(proxy.sent, [
        ...[5, 1, 0],
        ...[5, 1, 0, 3, 9, ...bytes("a.example"), 1, 187],
      ]);
    }
  }
  const hosts: [host: string, sent: number[]][] = [
    ["192.0.2.1", [1, 192, 0, 2, 1]],
    ["::1", [4, ...new Array(15).fill(0), 1]],
    ["\u00e9t\u00e9.example", [3, 18, ...bytes("xn--t-9fab.example")]],
  ];
  for (const [host, sent] of hosts) {
    const proxy = new FakeProxy([...FIRST, ...DONE], 100);
    await open(proxy, undefined, host);
    assertEquals(proxy.sent, [...[5, 1, 0], ...[5, 1, 0, ...sent, 1, 187]]);
  }
});

Deno.test("SOCKS: user name and password are sent if the proxy asks for them", async () => {
  const proxy = new FakeProxy([5, 2, 1, 0, ...DONE], 100);
  await open(proxy, "socks5://ann:p%20w@proxy.example");
  assertEquals(proxy.sent.slice(0, 4), [5, 2, 0, 2]);
  assertEquals(
    proxy.sent.slice(4, 13),
    [1, 3, ...bytes("ann"), 3, ...bytes("p w")],
  );
  const open2 = new FakeProxy([...FIRST, ...DONE], 100);
  await open(open2, "socks5://ann:p%20w@proxy.example");
  assertEquals(open2.sent.slice(4, 8), [5, 1, 0, 3]);
});

Deno.test("SOCKS: a refusal is reported with its reason, and never with the password", async () => {
  const url = "socks5://ann:secret@proxy.example";
  const cases: [answer: number[], url: string | undefined, message: string][] =
    [
      [[5, 255], undefined, "requires credentials"],
      [[5, 2], undefined, "requires credentials"],
      [[5, 255], url, "accepts neither"],
      [[5, 2, 1, 1], url, "refused the user name and password"],
      [[5, 0, 5, 5, 0, 1], undefined, "the connection was refused"],
      [[5, 0, 5, 99, 0, 1], undefined, "code 99"],
      [[5, 0, 5, 0, 0, 9], undefined, "unknown type of address: 9"],
      [
        bytes("HTTP/1.1 400"),
        undefined,
        'not answer in SOCKS 5, but with "HT"',
      ],
    ];
  for (const [answer, url, message] of cases) {
    const proxy = new FakeProxy(answer, 100);
    const error = await assertRejects(
      () => open(proxy, url),
      ProxyError,
      message,
    );
    assertEquals([error.code, proxy.open], [ERR_PROTO, false]);
    assertEquals(error.message.includes("secret"), false);
  }
});

Deno.test("SOCKS: a proxy that closes at any byte is reported", async () => {
  const answer = [5, 2, 1, 0, ...DONE];
  for (let length = 0; length < answer.length; length++) {
    const proxy = new FakeProxy(answer.slice(0, length), 100);
    const error = await assertRejects(
      () => open(proxy, "socks5://ann:secret@proxy.example"),
      ProxyError,
      "the proxy socks5://proxy.example closed the connection before it answered",
    );
    assertEquals([error.code, proxy.open], [ERR_EOF, false]);
  }
});

Deno.test("a connection goes through a SOCKS proxy", async () => {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("through"),
  );
  await using proxy = socksProxy({ username: "ann", password: "secret" });
  const address = `127.0.0.1:${proxy.port}`;
  await using connection = await connect({
    ...server.addr,
    proxy: { url: `socks5://ann:secret@${address}` },
  });
  const response = await connection.fetch("http://localhost/");
  assertEquals(await response.text(), "through");
  assertEquals(proxy.targets, [`127.0.0.1:${server.addr.port}`]);
  await assertRejects(
    () =>
      connect({
        ...server.addr,
        proxy: { url: `socks5://ann:wrong@${address}` },
      }),
    ProxyError,
    "refused the user name and password",
  );
});
