/**
 * Options with a wrong value, or with one that counts as none: nothing is opened that the
 * caller could not close.
 */

import {
  acceptUpgrade,
  Client,
  connect,
  Connection,
  type ConnectionListener,
  connectUpgrade,
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  serve,
  serveConnection,
} from "../../mod.ts";
import { coreOf } from "../../connection.ts";
import { checkSignal } from "../../connection/abort_signal.ts";
import { connectRaw } from "../../connection/mod.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { CLIENT } from "../../session/constants.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { memoryPair, memoryStreams } from "../helpers/connections.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { waitUntil } from "../helpers/deadline.ts";
import { httpPair, nextStream } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

// deno-lint-ignore no-explicit-any -- values that the types do not allow
type Any = any;
const handler = () => new Response("x");
const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** A listener that no client reaches, and the calls of its functions. */
function watchedListener(): { listener: ConnectionListener; calls: string[] } {
  const calls: string[] = [];
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const listener: ConnectionListener = {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept() {
      calls.push("accept");
      return ended.promise;
    },
    close() {
      calls.push("close");
      ended.reject(new Deno.errors.BadResource("closed"));
    },
  };
  return { listener, calls };
}

const WRONG_SIGNALS: readonly Any[] = [
  new AbortController(),
  {},
  "abort",
  true,
  1,
];

Deno.test("checkSignal: null is no signal, and the mistake is named", () => {
  assertEquals(checkSignal(null), undefined);
  assertEquals(checkSignal(undefined), undefined);
  const { signal } = new AbortController();
  assertEquals(checkSignal(signal), signal);
  for (const owner of [new AbortController(), new Request("http://h")]) {
    assertThrows(
      () => checkSignal(owner as Any),
      InvalidArgumentError,
      "is not an AbortSignal: pass its `signal`",
    );
  }
});

Deno.test("serve: a wrong signal, a wrong function and an onListen that throws leave no server", async () => {
  const wrong: [options: object, text: string][] = [
    ...WRONG_SIGNALS.map((signal): [object, string] => [
      { signal },
      "is not an AbortSignal",
    ]),
    ...["onListen", "onError", "onConnection", "onConnectionError"]
      .map((name): [object, string] => [
        { [name]: "x" },
        `${name} "x" is not a function`,
      ]),
  ];
  const { listen } = Deno;
  let listened = 0;
  Object.assign(Deno, {
    listen: (options: Deno.TcpListenOptions): Deno.TcpListener => {
      listened++;
      return listen(options);
    },
  });
  try {
    for (const [options, text] of wrong) {
      const { listener, calls } = watchedListener();
      for (const where of [quiet, { onListen() {}, listener }]) {
        assertThrows(
          () => serve({ ...where, ...options }, handler),
          InvalidArgumentError,
          text,
        );
      }
      assertEquals([listened, calls], [0, []]);
    }
  } finally {
    Object.assign(Deno, { listen });
  }
  const { listener, calls } = watchedListener();
  const onListen = () => {
    throw new Error("no place to write the port to");
  };
  assertThrows(
    () => serve({ listener, onListen }, handler),
    Error,
    "no place to write",
  );
  assertEquals(calls.filter((each) => each === "close"), ["close"]);
  await turn();
});

Deno.test("serveConnection: signal null is none, and a wrong one leaves the transport untouched", async () => {
  for (const signal of WRONG_SIGNALS) {
    const [, right] = memoryStreams();
    assertThrows(
      () => serveConnection(right, { signal }, handler),
      InvalidArgumentError,
    );
    assertEquals(right.readable.locked, false);
  }
  const [left, right] = memoryStreams();
  const served = serveConnection(right, { signal: null as Any }, handler);
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    origin: "http://h",
  });
  assertEquals(await (await client.fetch("/")).text(), "x");
  await client.close();
  await served.finished;
});

Deno.test("connect, connectRaw and connectUpgrade: signal null is none, and a wrong one is refused before connecting", async () => {
  await using server = serve({ ...quiet, upgrade: true }, handler);
  const { port } = server.addr;
  for (const dial of [connect, connectRaw]) {
    await using connection = await dial({ port, signal: null as Any });
    await connection.ping();
  }
  const url = `http://127.0.0.1:${port}/`;
  const { connection } = await connectUpgrade(url, { signal: null as Any });
  await connection.close();
  let dialled = 0;
  const dial = () => {
    dialled++;
    return Promise.reject(new Error());
  };
  for (const signal of WRONG_SIGNALS) {
    for (
      const call of [
        () => connect({ port, dial, signal }),
        () => connectRaw({ port, dial, signal }),
        () => connectUpgrade(url, { dial, signal }),
      ]
    ) await assertRejects(call, InvalidArgumentError, "AbortSignal");
  }
  assertEquals(dialled, 0);
});

Deno.test("openStream and push: signal null is none, and a wrong one opens no stream", async () => {
  await using pair = memoryPair();
  const { client, server } = pair;
  for (const signal of WRONG_SIGNALS) {
    await assertRejects(
      () => client.openStream([["a", "b"]], { signal }),
      InvalidArgumentError,
    );
  }
  assertEquals(coreOf(client).counters.opening, 0);
  await client.openStream([["a", "b"]], { signal: null as Any });
  const stream = await nextStream(server);
  assertEquals(stream.id, 1);
  for (const signal of WRONG_SIGNALS) {
    await assertRejects(
      () => stream.push([["a", "b"]], { signal }),
      InvalidArgumentError,
    );
  }
  await stream.push([["a", "b"]], { signal: null as Any });
});

Deno.test("serve: maxHeadBytes null, an empty list of versions and origins that match nothing are refused", () => {
  const wrong: readonly [options: object, text: string][] = [
    [{ maxHeadBytes: null }, "maxHeadBytes null is not a whole number"],
    [{ versions: [] }, "versions [] is not a list with at least one version"],
    [{ versions: 4 }, "versions 4 is not a list"],
    [{ allowedOrigins: "https://a.example" }, "is not a list"],
    [
      { allowedOrigins: ["https://a.example/"] },
      'contains "https://a.example/", which is not an origin: write "https://a.example"',
    ],
    [{ allowedOrigins: ["https://A.example"] }, 'write "https://a.example"'],
    [{ allowedOrigins: ["https://"] }, "is not an origin"],
    [{ allowedOrigins: ["*"] }, 'as a browser does, such as "https://'],
    [{ allowedOrigins: ["https://*.example.org"] }, "as a browser does"],
    [{ allowedOrigins: ["example.org"] }, 'write "https://example.org"'],
    [{ allowedOrigins: ["example.org:8443"] }, 'write "https://example.org:84'],
    [{ allowedOrigins: [" https://a.example"] }, 'write "https://a.example"'],
    [
      { allowedOrigins: ["https://a.example:443"] },
      'write "https://a.example"',
    ],
    [{ allowedOrigins: ["https://a.example,https://b.example"] }, "not an ori"],
    [{ allowedOrigins: ["https://me@a.example"] }, 'write "https://a.example"'],
    [
      { allowedOrigins: ["https://a.example/x?y"] },
      'write "https://a.example"',
    ],
    [
      { allowedOrigins: ["https://b\u{fc}cher.example"] },
      'write "https://xn--',
    ],
    [{ allowedOrigins: ["ws://a.example"] }, 'write "http://a.example"'],
    [{ allowedOrigins: ["wss://a.example/"] }, 'write "https://a.example"'],
    [{ allowedOrigins: ["app://x/"] }, 'write "app://x"'],
    [{ allowedOrigins: ["app://x*"] }, "is not an origin"],
    [{ allowedOrigins: ["file://x"] }, 'write "file://"'],
    [{ allowedOrigins: ["about:blank"] }, "is not an origin"],
    [{ allowedOrigins: [""] }, "is not an origin"],
    [{ allowedOrigins: [undefined] }, "contains undefined"],
    [{ allowedOrigins: [/example/] }, "contains /example/"],
    [{ allowedOrigins: [new URL("https://a.example")] }, "is not an origin"],
  ];
  for (const [options, text] of wrong) {
    assertThrows(
      () => serve({ ...quiet, upgrade: true, ...options }, handler),
      InvalidArgumentError,
      text,
    );
  }
});

Deno.test("serve: origins as browsers write them are accepted", async () => {
  await using _server = serve({
    ...quiet,
    upgrade: true,
    allowedOrigins: [
      "null",
      "file://",
      "https://a.example",
      "https://xn--bcher-kva.example:8443",
      "http://[::1]:8080",
      "http://127.0.0.1",
      "http://a_b",
      "app://x",
      "chrome-extension://abcdefghijklmnop",
    ],
  }, handler);
});

Deno.test("acceptUpgrade: wrong versions and origins are refused", async () => {
  for (
    const options of [{ versions: [] }, { allowedOrigins: "https://a.example" }]
  ) {
    await assertRejects(
      () =>
        acceptUpgrade({} as Any, {} as Any, new Uint8Array(), options as Any),
      InvalidArgumentError,
    );
  }
});

Deno.test("serve: limits that are undefined or getters of a class have their meaning", async () => {
  class Limits {
    get maxConcurrentStreams(): number {
      return 7;
    }
  }
  await using server = serve({ ...quiet, limits: new Limits() }, handler);
  await using client = await connect({ port: server.addr.port });
  assertEquals((await client.fetch("/")).status, 200);
  assertEquals(client.peerSettings.get(4), 7);

  const limits = { maxHeaderCount: undefined, maxDataFrameSize: undefined };
  await using second = serve({ ...quiet, limits }, handler);
  await using other = await connect({ port: second.addr.port });
  await other.ping();
  const [connection] = second.connections;
  const { options } = coreOf(connection);
  assertEquals(options.limits.maxHeaderCount, 256);
  assertEquals(options.limits.maxDataFrameSize, 65536);
});

Deno.test("serveConnection: a version that ALPN selected, but that versions does not list, is refused", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    alpnProtocols: ["spdy/2", "spdy/3.1"],
  });
  const told: string[] = [];
  await using server = serve({
    listener,
    versions: [PROTO_SPDY3_1],
    onListen() {},
    onConnectionError: (error) => told.push((error as Error).message),
  }, handler);
  const { port } = server.addr as Deno.NetAddr;
  const ask = async (alpnProtocols: string[]): Promise<string> => {
    const tls = { caCerts: [caCert], alpnProtocols };
    await using connection = await connect({
      hostname: "localhost",
      port,
      tls,
      version: PROTO_SPDY2,
    });
    return await (await connection.fetch("/")).text();
  };
  await assertRejects(() => ask(["spdy/2"]));
  await waitUntil("the report", () => told.length > 0);
  assertEquals(told, [
    'the client agreed on "spdy/2" by ALPN; SPDY needs one of spdy/3.1',
  ]);
  assertEquals(await ask(["spdy/3.1"]), "x");
});

Deno.test("connectUpgrade: origin undefined is the origin of the URL", async () => {
  await using server = serve({ ...quiet, upgrade: true }, handler);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { connection } = await connectUpgrade(url, { origin: undefined });
  assertEquals(connection.origin, url);
  assertEquals(await (await connection.fetch("/")).text(), "x");
  await connection.close();
});

Deno.test("connectUpgrade: what cannot be sent is refused before connecting", async () => {
  let dialled = 0;
  const dial = () => {
    dialled++;
    return Promise.reject(new Error());
  };
  await assertRejects(
    () => connectUpgrade("http://h/", { dial, method: "B AD" }),
    InvalidArgumentError,
    'method "B AD" is not an HTTP method that can ask for an upgrade',
  );
  for (
    const headers of [{ "b ad": "x" }, [["x", "a\nb"]], [["b ad", "x"]]]
  ) {
    await assertRejects(
      () => connectUpgrade("http://h/", { dial, headers: headers as Any }),
      TypeError,
    );
  }
  assertEquals(dialled, 0);
});

Deno.test("options of another kind are refused before anything listens or connects", async () => {
  let dialled = 0;
  const dial = () => {
    dialled++;
    return Promise.reject(new Error());
  };
  const wrong: readonly [options: object, text: string][] = [
    [{ settings: null }, "settings null is not a list"],
    [{ onFrame: "x" }, 'onFrame "x" is not a function'],
    [{ settingsStore: {}, origin: "http://h" }, "no functions get, set"],
    [{ settingsStore: "x", origin: "http://h" }, 'settingsStore "x"'],
    [{ settingsStore: Map, origin: "http://h" }, "no functions get, set"],
  ];
  for (const [options, text] of wrong) {
    for (
      const call of [
        () => connect({ port: 1, dial, ...options }),
        () => connectUpgrade("http://h/", { dial, ...options }),
        () => new Client(options),
        () => serve({ ...quiet, ...options }, handler),
        () => serveConnection(memoryStreams()[0], options, handler),
      ]
    ) {
      await assertRejects(
        async () => await call(),
        InvalidArgumentError,
        text,
      );
    }
  }
  // `connect`, `connectUpgrade` and `Client` set the origin, a server does not.
  const settingsStore = new Map();
  for (
    const call of [
      () => serve({ ...quiet, settingsStore }, handler),
      () => serveConnection(memoryStreams()[0], { settingsStore }, handler),
    ]
  ) {
    assertThrows(call, InvalidArgumentError, "settingsStore needs the option");
  }
  new Client({ settingsStore });
  for (const hostname of [null, 5, ""] as Any[]) {
    await assertRejects(
      () => connect({ port: 1, dial, hostname }),
      InvalidArgumentError,
      "hostname",
    );
  }
  for (const path of [null, 5] as Any[]) {
    await assertRejects(() => connect({ path }), InvalidArgumentError, "path");
    assertThrows(
      () => serve({ path, onListen() {} }, handler),
      InvalidArgumentError,
      "path",
    );
  }
  assertThrows(
    () => new Client({ connect: "x" as Any }),
    InvalidArgumentError,
    'connect "x" is not a function',
  );
  await assertRejects(
    () => connectUpgrade("http://h/", { dial, method: "CONNECT" }),
    InvalidArgumentError,
    "CONNECT",
  );
  assertEquals(dialled, 0);
});

Deno.test("fetch: onPush null is none, anything else must be a function", async () => {
  await using server = serve(quiet, async (_request, info) => {
    await info.push("/pushed", { response: new Response() }).catch(() => {});
    return new Response("page");
  });
  await using client = await connect({ port: server.addr.port });
  const response = await client.fetch("/", { onPush: null as Any });
  assertEquals(await response.text(), "page");
  await assertRejects(
    () => client.fetch("/", { onPush: "x" as Any }),
    TypeError,
    "onPush is not a function",
  );
});

Deno.test("fetch: client null is none, as in Deno's fetch, and others are refused", async () => {
  await using pair = await httpPair(handler);
  for (const client of [null, undefined]) {
    const response = await pair.client.fetch("/", { client } as Any);
    assertEquals(await response.text(), "x");
  }
  for (const client of [false, {}, "x"]) {
    await assertRejects(
      () => pair.client.fetch("/", { client } as Any),
      TypeError,
      "no option client",
    );
  }
});

Deno.test("Client: a connector that gives no connection, and one that throws, fail the request", async () => {
  await using pair = memoryPair();
  for (
    const [connect, text] of [
      [() => Promise.resolve(undefined), "resolved to undefined"],
      [() => undefined, "resolved to undefined"],
      [() => Promise.resolve(pair.server), "the server's side"],
      [
        () => {
          throw new Error("no route");
        },
        "no route",
      ],
    ] as const
  ) {
    await using client = new Client({ connect: connect as Any });
    const error = await assertRejects(
      () => client.fetch("http://h/"),
      TypeError,
    );
    assertEquals(error.message.includes(text), true, error.message);
  }
});
