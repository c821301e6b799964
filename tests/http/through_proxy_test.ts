/** Clients behind an HTTP proxy, with a `dial` function, and with another server name. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { connectRaw } from "../../connection/connect.ts";
import { writeAll } from "../../connection/transport/byte_conn.ts";
import { openWire } from "../../connection/transport/transport.ts";
import {
  Client,
  connect,
  ConnectionClosedError,
  connectUpgrade,
  InvalidArgumentError,
  ProxyError,
  serve,
} from "../../mod.ts";
import type { ByteStreams } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { type ConnectProxy, connectProxy } from "../helpers/connect_proxy.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0, onListen() {} };
const answer = async (request: Request): Promise<Response> =>
  new Response(`${request.url} ${(await request.bytes()).length}`);
const proxyAt = ({ port }: ConnectProxy, scheme = "http"): { url: string } => ({
  url: `${scheme}://user:pass@localhost:${port}`,
});
const BASIC = `proxy-authorization: Basic ${btoa("user:pass")}`;
const BODY = new Uint8Array(200_000);

/** Sends a body of 200 kB and reads the answer. */
async function exchange(
  fetcher: Pick<Client, "fetch">,
  url: string,
): Promise<void> {
  const response = await fetcher.fetch(url, { method: "POST", body: BODY });
  assertEquals(await response.text(), `${url} ${BODY.length}`);
}

for (const toProxy of ["http", "https"]) {
  for (const toServer of ["http", "https"]) {
    Deno.test(`a client reaches an ${toServer} server through a proxy over ${toProxy}`, async () => {
      const { cert, key, caCert } = await makeCertificate();
      await using server = serve(
        { ...LOOPBACK, ...(toServer === "https" ? { cert, key } : {}) },
        answer,
      );
      await using proxy = connectProxy({
        tls: toProxy === "https" ? { cert, key } : undefined,
        interim: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\na: b\r\n\r\n",
      });
      const { port } = server.addr;
      const tls = { caCerts: [caCert] };
      const origin = `${toServer}://localhost:${port}`;
      {
        await using connection = await connect({
          hostname: "localhost",
          port,
          tls: toServer === "https" && tls,
          // Trusts the connection's authorities, or those in its own options.
          proxy: toServer === "https"
            ? proxyAt(proxy, toProxy)
            : { ...proxyAt(proxy, toProxy), tls },
        });
        await exchange(connection, `${origin}/a`);
      }
      {
        await using client = new Client({
          tls,
          proxy: proxyAt(proxy, toProxy),
        });
        await exchange(client, `${origin}/b`);
      }
      assertEquals(proxy.requests.length, 2);
      for (const head of proxy.requests) {
        assertStringIncludes(
          head,
          `CONNECT localhost:${port} HTTP/1.1\r\nhost: localhost:${port}\r\n`,
        );
        assertStringIncludes(head, BASIC);
      }
    });
  }

  Deno.test(`an upgrade works through a proxy over ${toProxy}`, async () => {
    const { cert, key, caCert } = await makeCertificate();
    await using server = serve(
      { ...LOOPBACK, cert, key, upgrade: true },
      answer,
    );
    await using proxy = connectProxy({
      tls: toProxy === "https" ? { cert, key } : undefined,
    });
    const url = `https://localhost:${server.addr.port}/c`;
    const { connection } = await connectUpgrade(url, {
      tls: { caCerts: [caCert] },
      proxy: { ...proxyAt(proxy, toProxy), headers: { "x-trace": "\xe9" } },
    });
    await exchange(connection, url);
    assertStringIncludes(proxy.requests[0], BASIC);
    assertStringIncludes(proxy.requests[0], "\r\nx-trace: \xe9\r\n");
    await connection.close();
  });
}

Deno.test("the proxy resolves the server's name, and IPv6 addresses are in brackets", async () => {
  await using server = serve(LOOPBACK, answer);
  await using proxy = connectProxy({
    target: { hostname: "127.0.0.1", port: server.addr.port },
  });
  for (const hostname of ["no-such-host.invalid", "2001:db8::1"]) {
    await using connection = await connectRaw({
      hostname,
      port: 4711,
      proxy: proxyAt(proxy),
    });
    assertGreater(connection.version, 0);
  }
  assertStringIncludes(proxy.requests[0], "CONNECT no-such-host.invalid:4711 ");
  assertStringIncludes(proxy.requests[1], "CONNECT [2001:db8::1]:4711 ");
});

Deno.test("a host name cannot add lines to the request to the proxy", async () => {
  await using proxy = connectProxy({ answer: "HTTP/1.1 200 OK\r\n\r\n" });
  for (const hostname of ["a\r\nx: y", "a b", "a/b", "user@a", "", "a%0d"]) {
    await assertRejects(
      () => connect({ hostname, port: 1, proxy: proxyAt(proxy) }),
      InvalidArgumentError,
      "is not a host name",
    );
  }
  assertEquals(proxy.requests, []);
});

Deno.test("bytes that the server sends before the client belong to the tunnel", async () => {
  // A SPDY server that sends first: SETTINGS directly after the proxy's answer.
  const settings = "\x80\x03\x00\x04\x00\x00\x00\x0c\x00\x00\x00\x01" +
    "\x00\x00\x00\x04\x00\x00\x00\x64";
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const proxied = (async () => {
    const conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    const bytes = Uint8Array.from(
      `HTTP/1.1 200 OK\r\n\r\n${settings}`,
      (char) => char.charCodeAt(0),
    );
    await writeAll(conn, bytes);
    return conn;
  })();
  const seen = Promise.withResolvers<string>();
  const connection = await connect({
    hostname: "server.invalid",
    port: 1,
    proxy: { url: `http://127.0.0.1:${port}` },
    onFrame(direction, frame) {
      if (direction === "received") seen.resolve(String(frame.frameType));
    },
  });
  assertEquals(await waitFor("the server's SETTINGS", seen.promise), "4");
  await connection.close();
  (await proxied).close();
});

Deno.test("other answers of a proxy than a tunnel are errors", async () => {
  const answers: [answer: string, status: number | undefined, text: string][] =
    [
      [
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 3\r\n\r\nno!",
        407,
        "refused to open a tunnel to localhost:1: 407 Proxy Authentication Required",
      ],
      [
        "HTTP/1.0 503 \x1b[2J\r\n\r\n",
        undefined,
        "does not answer in HTTP/1.1",
      ],
      ["HTTP/1.1 502 a\xa0b\r\n\r\n", 502, "502"],
      ["HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n", 302, "302 Found"],
      ["HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "101"],
      ["HTTP/2.0 200 OK\r\n\r\n", undefined, '"HTTP/2.0"'],
      ["SSH-2.0-OpenSSH_9\r\n", undefined, "does not answer in HTTP/1.1"],
      ["\x15\x03\x01\x00\x02\x02\x50", undefined, '"\\\\x15'],
      ["HTTP/1.1 2000 OK\r\n\r\n", undefined, "does not answer in HTTP/1.1"],
      [
        `HTTP/1.1 200 OK\r\na: ${"b".repeat(20_000)}\r\n\r\n`,
        undefined,
        "longer than 16384 bytes",
      ],
      [
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000),
        undefined,
        "longer than 16384 bytes",
      ],
    ];
  for (const [answer, status, text] of answers) {
    await using proxy = connectProxy({ answer });
    const error: ProxyError = await waitFor(
      JSON.stringify(answer.slice(0, 40)),
      assertRejects(
        () =>
          connect({ hostname: "localhost", port: 1, proxy: proxyAt(proxy) }),
        ProxyError,
        text,
      ),
    );
    assertEquals(error.status, status, answer);
    assertEquals(error.initiator, "remote");
    assertEquals(error.message.includes("pass"), false);
  }
});

Deno.test("a proxy that cannot be reached or closes the connection is an error", async () => {
  using gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = gone.addr as Deno.NetAddr;
  gone.close();
  const error = await assertRejects(
    () => connect({ port: 1, proxy: { url: `http://127.0.0.1:${port}` } }),
    ProxyError,
    `the proxy http://127.0.0.1:${port} could not be reached`,
  );
  assert(error.cause instanceof Deno.errors.ConnectionRefused);

  using hasty = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = hasty.accept().then((conn) => conn.close());
  await assertRejects(
    () =>
      connect({
        port: 1,
        proxy: { url: `http://127.0.0.1:${(hasty.addr as Deno.NetAddr).port}` },
      }),
    ProxyError,
  );
  await accepted;
});

Deno.test("an untrusted certificate of the proxy is the proxy's fault", async () => {
  const { cert, key } = await makeCertificate();
  await using proxy = connectProxy({ tls: { cert, key } });
  const error = await assertRejects(
    () => connect({ port: 1, proxy: proxyAt(proxy, "https") }),
    ProxyError,
    "could not be reached",
  );
  assertStringIncludes(error.message, "UnknownIssuer");
});

Deno.test("a proxy that does not answer ends with a timeout", async () => {
  using time = virtualTime();
  await using proxy = connectProxy({ answer: "HTTP/1.1 200" });
  const connecting = connect({
    hostname: "localhost",
    port: 1,
    proxy: { ...proxyAt(proxy), timeout: 5000 },
  });
  const rejected = assertRejects(
    () => connecting,
    ConnectionClosedError,
    "did not open the tunnel to localhost:1 within 5000 ms",
  );
  while (proxy.requests.length === 0) await realPause();
  await time.advance(5000);
  await waitFor("the timeout", rejected);
  while (proxy.open.size > 0) await realPause();
});

Deno.test("a signal ends the wait for a proxy, with its reason", async () => {
  await using proxy = connectProxy({ answer: "HTTP/1.1 100 Continue\r\n\r\n" });
  const abort = new AbortController();
  const connecting = connect({
    port: 1,
    proxy: proxyAt(proxy),
    signal: abort.signal,
  });
  while (proxy.requests.length === 0) await realPause();
  const reason = new Error("enough");
  abort.abort(reason);
  assertEquals(await connecting.catch((error) => error), reason);
  while (proxy.open.size > 0) await realPause();
});

Deno.test("options that contradict each other are refused before connecting", async () => {
  const proxy = { url: "http://127.0.0.1:1" };
  for (
    const [options, text] of [
      [{ path: "/x", proxy }, "path and proxy exclude each other"],
      [
        { path: "/x", dial: () => Promise.reject(new Error()) },
        "path and dial exclude each other",
      ],
      [{ port: 1, dial: 5 as never }, "dial is not a function"],
      [{ port: 1, proxy: { url: "socks4://a" } }, "socks5:"],
      [{ port: 1, tls: { serverName: "" } }, "tls.serverName"],
      [{ path: "/x", tls: true }, "path exclude each other"],
    ] as const
  ) {
    await assertRejects(() => connect(options), InvalidArgumentError, text);
  }
  assertThrows(
    () => new Client({ proxy: { url: "nonsense" } }),
    InvalidArgumentError,
    "proxy.url is not a URL",
  );
  await assertRejects(
    () => connectUpgrade("http://localhost:1", { proxy: { url: "" } }),
    InvalidArgumentError,
    "proxy.url is not a URL",
  );
  for (const tls of [{ cert: "x" }, { key: "x" }]) {
    await assertRejects(() => connect({ port: 1, tls }), TypeError, "`tls.");
  }
});

Deno.test("the environment's proxy is used for TLS, unless the option forbids it", async () => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve({ ...LOOPBACK, cert, key }, answer);
  await using plain = serve(LOOPBACK, answer);
  await using proxy = connectProxy();
  // A process of its own, because all tests of this one would see the variable.
  const program = `
    import { connect } from ${
    JSON.stringify(new URL("../../mod.ts", import.meta.url).href)
  };
    const port = ${server.addr.port};
    const options = {
      hostname: "localhost",
      port,
      tls: { caCerts: [${JSON.stringify(caCert)}] },
    };
    for (const more of [{}, { proxy: false }]) {
      await using connection = await connect({ ...options, ...more });
      const response = await connection.fetch(\`https://localhost:\${port}/\`);
      await response.bytes();
    }
    await using plain = await connect({ port: ${plain.addr.port} });
    console.log(plain.accepting);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-check", "-"],
    env: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { code, stdout } = await child.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "true\n"]);
  assertEquals(proxy.requests.length, 1);
});

Deno.test("dial opens the connection to the server or to the proxy", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const tls = { caCerts: [caCert] };
  await using server = serve({ ...LOOPBACK, cert, key }, answer);
  await using proxy = connectProxy({
    target: { hostname: "127.0.0.1", port: server.addr.port },
  });
  const asked: string[] = [];
  const dialTo =
    (port: number) =>
    ({ hostname, port: wanted }: { hostname: string; port: number }) => {
      asked.push(`${hostname}:${wanted}`);
      return Deno.connect({ hostname: "127.0.0.1", port });
    };
  const url = "https://localhost:4711/";
  {
    await using client = new Client({ tls, dial: dialTo(server.addr.port) });
    await exchange(client, url);
  }
  {
    await using client = new Client({
      tls,
      dial: dialTo(proxy.port),
      proxy: { url: "http://proxy.invalid:3128" },
    });
    await exchange(client, url);
  }
  assertEquals(asked, ["localhost:4711", "proxy.invalid:3128"]);
  await assertRejects(
    () => connect({ port: 1, dial: () => Promise.resolve(5 as never) }),
    InvalidArgumentError,
    "dial returned neither",
  );
  const failure = new Error("no way");
  assertEquals(
    await connect({ port: 1, dial: () => Promise.reject(failure) })
      .catch((error) => error),
    failure,
  );
});

unixOnly.test("TLS is opened on any result of dial: web streams and Unix sockets", async () => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve({ ...LOOPBACK, cert, key }, answer);
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  using unix = Deno.listen({ transport: "unix", path });
  const relayed = (async () => {
    const conn = await unix.accept();
    const tcp = await Deno.connect({ port: server.addr.port });
    await relay(conn, tcp);
  })();
  const ways: (() => Promise<Deno.Conn | ByteStreams>)[] = [
    () => Deno.connect({ transport: "unix", path }),
    async () => {
      const [ours, theirs] = memoryStreams();
      relay(await Deno.connect({ port: server.addr.port }), theirs).catch(
        () => {},
      );
      return ours;
    },
  ];
  for (const dial of ways) {
    await using client = new Client({ tls: { caCerts: [caCert] }, dial });
    await exchange(client, `https://localhost:${server.addr.port}/`);
  }
  await waitFor("the relay's end", relayed);
  await Deno.remove(path);
});

Deno.test("tls.serverName is sent and verified", async () => {
  const { cert, key, caCert } = await makeCertificate(
    ["spdy.example"],
    null,
  );
  await using server = serve({ ...LOOPBACK, cert, key, upgrade: true }, answer);
  const { port } = server.addr;
  const caCerts = [caCert];
  const target = { hostname: "127.0.0.1", port };
  const named = { caCerts, serverName: "spdy.example" };
  for (const tls of [named, { ...named, cert, key }]) {
    await using connection = await connect({ ...target, tls });
    await exchange(connection, `https://127.0.0.1:${port}/`);
    await using proxy = connectProxy();
    await using proxied = await connect({
      ...target,
      tls,
      proxy: proxyAt(proxy),
    });
    await exchange(proxied, `https://127.0.0.1:${port}/`);
    const { connection: upgraded } = await connectUpgrade(
      `https://127.0.0.1:${port}/`,
      { tls },
    );
    await upgraded.close();
  }
  for (const serverName of [undefined, "other.example"]) {
    for (const pair of [{}, { cert, key }]) {
      await assertRejects(
        () => connect({ ...target, tls: { caCerts, serverName, ...pair } }),
        Error,
        "certificate",
      );
    }
  }
});

Deno.test("a client certificate is sent, directly and through proxies", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const names: string[] = [];
  const server = createServer({
    cert,
    key,
    ca: caCert,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ["spdy/3.1"],
  }, (socket) => {
    names.push(String(socket.getPeerCertificate()?.subject?.CN));
    socket.on("error", () => {});
    socket.resume();
    socket.end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await using proxy = connectProxy();
  await using secure = connectProxy({ tls: { cert, key } });
  for (
    const way of [
      undefined,
      proxyAt(proxy),
      proxyAt(secure, "https"),
    ]
  ) {
    const connection = await connect({
      hostname: "localhost",
      port,
      tls: { caCerts: [caCert], cert, key },
      proxy: way,
    });
    await connection.close();
  }
  while (names.length < 3) await realPause();
  assertEquals(names, ["localhost", "localhost", "localhost"]);
  await new Promise((done) => server.close(done));
});

/** Joins two byte pipes until both directions have ended. */
async function relay(
  left: Deno.Conn | ByteStreams,
  right: Deno.Conn | ByteStreams,
): Promise<void> {
  const [one, other] = [openWire(left), openWire(right)];
  const pass = async (from: typeof one, to: typeof one): Promise<void> => {
    for (;;) {
      const data = await from.receive();
      if (data === null) break;
      for (let rest = data; rest.length > 0;) {
        rest = rest.subarray(await to.send(rest));
      }
    }
    await to.closeWrite();
  };
  await Promise.allSettled([pass(one, other), pass(other, one)]);
  one.close();
  other.close();
}

/** Real time, for events that only the system causes. */
function realPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
