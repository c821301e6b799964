/** Options that do not exist are refused, and the error names the one that was meant. */
// cspell:ignore Bufer onignored levle prio

import {
  accept,
  Client,
  connect,
  Connection,
  serve,
  serveConnection,
  Session,
} from "../mod.ts";
import { acceptRaw, connectRaw, RawConnection } from "../connection/mod.ts";
import { FrameDecoder, FrameEncoder } from "../frame/mod.ts";
import { decompress, Deflate, Inflate } from "../zlib/mod.ts";
import { InvalidArgumentError } from "../errors.ts";
import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import { CLIENT } from "../session/constants.ts";
import { assertEquals, assertRejects, assertThrows } from "./deps.ts";
import { coreOf } from "../connection.ts";
import { memoryStreams, tcpConns } from "./helpers/connections.ts";
import { unixOnly } from "./helpers/unix_only.ts";

type Options = Record<string, unknown>;
const handler = () => new Response();
const quiet = { port: 0, hostname: "127.0.0.1", onListen() {} };

const TAKERS: Record<string, (options: Options) => unknown> = {
  "a Session": (options) => new Session(CLIENT, PROTO_SPDY3_1, options),
  "a Client": (options) => new Client(options),
  "serve": (options) => serve({ ...quiet, ...options }, handler),
  "serveConnection": (options) =>
    serveConnection(memoryStreams()[1], options, handler),
};

const WRONG: Record<string, [name: string, meant: string][]> = {
  "a Session": [
    ["on_ctrl_recv_cb", "onCtrlRecv"],
    ["send_cb", "send"],
    ["user_data", "userData"],
    ["OnCtrlSend", "onCtrlSend"],
    ["autoWindowUpdates", "autoWindowUpdate"],
    ["config", "SessionOptions"],
  ],
  "a Client": [["retires", "retries"], ["idle_timeout", "idleTimeout"]],
  "serve": [
    ["onerror", "onError"],
    ["hostName", "hostname"],
    ["max_connections", "maxConnections"],
    ["keyFile", "`key`"],
    ["keepalive", "keepAlive"],
  ],
  "serveConnection": [["on_connection", "onConnection"], ["port", "no option"]],
};

for (const [what, wrong] of Object.entries(WRONG)) {
  for (const [name, meant] of wrong) {
    Deno.test(`${what} has no option ${name}`, () => {
      const error = assertThrows(
        () => TAKERS[what]({ [name]: () => 1 }),
        InvalidArgumentError,
        `has no option "${name}"`,
      );
      if (!(error as Error).message.includes(meant)) throw error;
      if (name !== "keyFile" && name !== "config") {
        // An option that is undefined counts as not set.
        TAKERS[what]({ [name]: undefined, ...REST[what] });
      }
    });
  }
}

/** Ends what was started. */
const REST: Record<string, Options> = {
  serve: { signal: AbortSignal.abort() },
  serveConnection: { signal: AbortSignal.abort() },
};

const sideAndVersion = { side: CLIENT, version: PROTO_SPDY3_1 } as const;

const MORE: readonly [
  what: string,
  call: (options: Options) => unknown,
  name: string,
  message: string,
][] = [
  [
    "new Connection",
    (options) =>
      new Connection(memoryStreams()[0], { ...sideAndVersion, ...options }),
    "maxSendBufer",
    'a Connection has no option "maxSendBufer"; did you mean "maxSendBuffer"?',
  ],
  [
    "new RawConnection",
    (options) =>
      new RawConnection(memoryStreams()[0], { ...sideAndVersion, ...options }),
    "signal",
    'a Connection has no option "signal"',
  ],
  [
    "new RawConnection, keepAlive",
    (keepAlive) =>
      new RawConnection(memoryStreams()[0], {
        ...sideAndVersion,
        keepAlive: { interval: 1, ...keepAlive },
      }),
    "time_out",
    'keepAlive has no option "time_out"; did you mean "timeout"?',
  ],
  [
    "new RawConnection, windowTuning",
    (windowTuning) =>
      new RawConnection(memoryStreams()[0], {
        ...sideAndVersion,
        windowTuning,
      }),
    "maxWindows",
    'windowTuning has no option "maxWindows"; did you mean "maxWindow"?',
  ],
  [
    "connectRaw",
    (options) => connectRaw({ port: 1, ...options }),
    "host",
    'connectRaw has no option "host"; did you mean "hostname"?',
  ],
  [
    "connect, tls",
    (tls) => connect({ port: 1, tls }),
    "caCert",
    'tls has no option "caCert"; did you mean "caCerts"?',
  ],
  [
    "connect, proxy",
    (proxy) => connect({ port: 1, proxy: { url: "http://[::1]:1", ...proxy } }),
    "header",
    'proxy has no option "header"; did you mean "headers"?',
  ],
  [
    "connect, proxyProtocol",
    (proxyProtocol) => connect({ port: 1, proxyProtocol }),
    "tlv",
    'proxyProtocol has no option "tlv"; did you mean "tlvs"?',
  ],
  [
    "new FrameDecoder",
    (options) => new FrameDecoder(PROTO_SPDY3_1, {}, options),
    "onignored",
    'a FrameDecoder has no option "onignored"; did you mean "onIgnored"?',
  ],
  [
    "new FrameDecoder, limits",
    (limits) => new FrameDecoder(PROTO_SPDY3_1, limits),
    "maxHeaderBlocks",
    'limits has no option "maxHeaderBlocks"; did you mean "maxHeaderBlock"?',
  ],
  [
    "new FrameEncoder",
    (options) => new FrameEncoder(PROTO_SPDY3_1, options),
    "sensitive",
    'a FrameEncoder has no option "sensitive"; did you mean "sensitiveHeaders"?',
  ],
  [
    "new Deflate",
    (options) => new Deflate(options),
    "levle",
    'a Deflate has no option "levle"; did you mean "level"?',
  ],
  [
    "new Inflate",
    (options) => new Inflate(options),
    "max_output",
    'an Inflate has no option "max_output"; did you mean "maxOutput"?',
  ],
  [
    "decompress",
    (options) => decompress(new Uint8Array(0), "gzip", options),
    "maxOutputs",
    'decompress has no option "maxOutputs"; did you mean "maxOutput"?',
  ],
];

for (const [what, call, name, message] of MORE) {
  Deno.test(`${what} has no option ${name}`, async () => {
    const error = await assertRejects(
      async () => await call({ [name]: 1 }),
      InvalidArgumentError,
    );
    assertEquals(error.message, message);
  });
}

Deno.test("new Connection leaves the transport untouched when an option does not exist", async () => {
  const [transport] = memoryStreams();
  assertThrows(
    () => new Connection(transport, { ...sideAndVersion, retries: 1 } as never),
    InvalidArgumentError,
    'a Connection has no option "retries"',
  );
  assertEquals([transport.readable.locked, transport.writable.locked], [
    false,
    false,
  ]);
  await transport.writable.close();
});

Deno.test("the functions of a stream do not accept options of other functions", async () => {
  const [near, far] = memoryStreams();
  await using client = new Connection(near, sideAndVersion);
  await using server = new Connection(far, { ...sideAndVersion, side: 2 });
  await assertRejects(
    () => client.openStream([[":path", "/"]], { priority: 1 } as object),
    InvalidArgumentError,
    'openStream has no option "priority"; did you mean "pri"?',
  );
  await client.openStream([[":path", "/"]]);
  const { value: stream } = await server[Symbol.asyncIterator]().next();
  for (
    const [call, message] of [
      [
        () => stream!.reply([["a", "b"]], { end: true } as object),
        'reply has no option "end"',
      ],
      [
        () => stream!.sendHeaders([["a", "b"]], { Fin: true } as object),
        'sendHeaders has no option "Fin"; did you mean "fin"?',
      ],
      [
        () => stream!.push([[":path", "/"]], { prio: 1 } as object),
        'push has no option "prio"; did you mean "pri"?',
      ],
    ] as const
  ) await assertRejects(call, InvalidArgumentError, message);
});

Deno.test("shutdown of a server accepts no option but timeout", async () => {
  await using server = serve(quiet, handler);
  await assertRejects(
    () => server.shutdown({ timeOut: 0 } as object),
    InvalidArgumentError,
    'shutdown has no option "timeOut"; did you mean "timeout"?',
  );
});

Deno.test("connect, accept and serve pass on exactly the options that they got", async () => {
  await using server = serve({ ...quiet, maxConnections: 9 }, handler);
  await using connection = await connect({
    port: server.addr.port,
    idleTimeout: 5000,
  });
  assertEquals((await connection.fetch("/")).status, 200);
  const { options } = coreOf(connection);
  assertEquals(options.idleTimeout, 5000);
  assertEquals("port" in options, false);
  const [near, far] = await tcpConns();
  await using accepted = await acceptRaw(far, { maxWaitingStreams: 3 });
  assertEquals(coreOf(accepted).options.maxWaitingStreams, 3);
  near.close();
  for (const each of server.connections) {
    assertEquals("maxConnections" in coreOf(each).options, false);
  }
});

Deno.test("connect and accept do not accept options of other functions", async () => {
  await assertRejects(
    () => connect({ port: 1, host: "localhost" } as { port: number }),
    InvalidArgumentError,
    'connect has no option "host"',
  );
  const [near, far] = await tcpConns();
  await assertRejects(
    () => accept(far, { upgrade: true } as { version?: 4 }),
    InvalidArgumentError,
    'accept has no option "upgrade"',
  );
  near.close();
  assertThrows(() => far.close(), Deno.errors.BadResource);
});

Deno.test("connect and connectRaw name themselves if the port is missing", async () => {
  for (const taker of [connect, connectRaw]) {
    await assertRejects(
      () => taker({}),
      InvalidArgumentError,
      `${taker.name} needs the option port or path`,
    );
  }
});

Deno.test("accept and acceptRaw close the connection if an option is invalid", async () => {
  for (const taker of [accept, acceptRaw]) {
    for (
      const [options, text] of [
        [{ bogus: 1 }, `${taker.name} has no option "bogus"`],
        [{ idleTimeout: -1 }, "idleTimeout"],
        [null, ""],
      ] as const
    ) {
      const [near, far] = await tcpConns();
      await assertRejects(() => taker(far, options as object), Error, text);
      assertThrows(() => far.close(), Deno.errors.BadResource);
      near.close();
    }
  }
});

Deno.test("unknown limits are refused", () => {
  const limits = { maxConcurrentStream: 1 } as Record<string, number>;
  for (const taker of Object.values(TAKERS)) {
    assertThrows(
      () => taker({ limits }),
      InvalidArgumentError,
      'did you mean "maxConcurrentStreams"?',
    );
  }
});

unixOnly.test("serve accepts the options of Deno.serve for a Unix socket", async () => {
  const path = `${await Deno.makeTempDir()}/socket`;
  await serve({ transport: "unix", path, onListen() {} }, handler).shutdown();
});

Deno.test("serve accepts the options of Deno.serve, or explains why not", async () => {
  await serve({
    ...quiet,
    transport: "tcp",
    tcpBacklog: 16,
    automaticCompression: false,
    reusePort: false,
  }, handler).shutdown();
  for (
    const [options, text] of [
      [{ automaticCompression: true }, "CompressionStream"],
      [{ transport: "udp" }, "udp"],
      [{ transport: "unix" }, "path"],
      [{ tcpBacklog: 0 }, "tcpBacklog"],
    ] as const
  ) {
    assertThrows(
      () => serve({ ...quiet, ...options as Options }, handler),
      InvalidArgumentError,
      text,
    );
  }
});
