import { assert, assertEquals, assertRejects, assertThrows } from "../deps.ts";
import {
  accept,
  CLIENT,
  Client,
  connect,
  Connection,
  connectUpgrade,
  InvalidArgumentError,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  serve,
  SERVER,
  Session,
} from "../../mod.ts";
import { acceptRaw } from "../../connection/mod.ts";
import { FrameDecoder } from "../../frame/mod.ts";
import { compress, decompress, Deflate, Inflate } from "../../zlib/mod.ts";
import {
  attach,
  exec,
  portForward,
  serveStreaming,
} from "../../kubernetes/mod.ts";
import {
  DEFAULT_SESSION_LIMITS,
  type Limits,
  resolveLimits,
} from "../../session/limits.ts";
import { DEFAULT_FRAME_LIMITS } from "../../frame/limits.ts";
import {
  type ConnectionTuning,
  resolveOptions,
} from "../../connection/options.ts";

const MOST = 0x7fffffff;
const SIZE = 2 ** 24 - 1;
const SAFE = Number.MAX_SAFE_INTEGER;

/** A number that a caller may pass, and the function that accepts it. */
interface Case {
  readonly name: string;
  readonly lowest: number;
  readonly highest: number;
  readonly give: (value: number) => unknown;
  /** There, `Infinity` means no limit. */
  readonly unbounded?: boolean;
}

type Giver = (name: string, value: number) => unknown;

/** The options of `ConnectionTuning`, which many functions accept. */
function tuning(
  where: string,
  give: (options: ConnectionTuning) => unknown,
): Case[] {
  const one = (
    name: string,
    lowest: number,
    highest: number,
    nest: (value: number) => ConnectionTuning = (v) => ({ [name]: v }),
  ): Case => ({ name, lowest, highest, give: (v) => give(nest(v)) });
  return named(where, [
    one("idleTimeout", 0, MOST),
    one("headerTimeout", 0, MOST),
    one("controlFrameTimeout", 0, MOST),
    one("closeTimeout", 0, MOST),
    one("maxSendBuffer", 1024, 1 << 24),
    one("maxBufferedBytes", 1, SAFE),
    one("maxWaitingStreams", 0, MOST),
    one("maxHeldBytes", 1, SAFE),
    one("sessionWindow", 65536, MOST),
    one(
      "keepAlive.interval",
      1,
      MOST,
      (interval) => ({ keepAlive: { interval } }),
    ),
    one(
      "keepAlive.timeout",
      0,
      MOST,
      (timeout) => ({ keepAlive: { interval: 1, timeout } }),
    ),
    one(
      "windowTuning.maxWindow",
      65536,
      MOST,
      (maxWindow) => ({ windowTuning: { maxWindow } }),
    ),
    one(
      "windowTuning.maxMemory",
      0,
      SAFE,
      (maxMemory) => ({ windowTuning: { maxMemory } }),
    ),
    ...limits("", (limits) => give({ limits })),
  ]);
}

function limits(where: string, give: (limits: Limits) => unknown): Case[] {
  const names = { ...DEFAULT_SESSION_LIMITS, ...DEFAULT_FRAME_LIMITS };
  return named(
    where,
    Object.keys(names).map((name) => ({
      name: `limits.${name}`,
      lowest: name === "maxDataFrameSize" ? 1 : 0,
      highest: name === "maxDataFrameSize" || name === "maxControlFrameLength"
        ? SIZE
        : MOST,
      give: (value) => give({ [name]: value }),
    })),
  );
}

function named(where: string, cases: Case[]): Case[] {
  return cases.map((each) => ({ ...each, where }));
}

function timeouts(names: readonly string[], give: Giver): Case[] {
  return names.map((name) => ({
    name,
    lowest: 0,
    highest: MOST,
    give: (value) => give(name, value),
  }));
}

const NOTHING = await compress(new Uint8Array(0), "gzip");

/** Where a call would connect to if it were not refused. */
const NOBODY = { url: "http://127.0.0.1:1/", pod: { name: "a" } };

function wrongOf({ lowest, highest, unbounded }: Case): unknown[] {
  const wrong: unknown[] = [
    NaN,
    -Infinity,
    -1,
    lowest - 1,
    lowest + 0.5,
    "1000",
    2n,
    {},
  ];
  if (!unbounded) wrong.push(Infinity);
  if (highest < SAFE) wrong.push(highest + 1, 2 ** 53);
  return wrong;
}

async function refuses(each: Case, value: unknown): Promise<void> {
  const about = `${each.name} ${String(value)}`;
  const error = await assertRejects(
    async () => await each.give(value as number),
    InvalidArgumentError,
    undefined,
    about,
  );
  const name = each.name.split(" ").at(-1)!;
  // The type shows as well: the text "1000" is wrong because it is no number, and so
  // is the bigint 2n.
  const shown = typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "bigint"
    ? `${value}n`
    : String(value);
  assert(error.message.startsWith(`${name} ${shown} is not `), about);
}

const CALLS: Readonly<Record<string, Case[]>> = {
  "Session": [
    ...limits("", (limits) => new Session(CLIENT, PROTO_SPDY3, { limits })),
    {
      name: "maxRecvCtrlFrameBuffer",
      lowest: 8192,
      highest: SIZE,
      give: (maxRecvCtrlFrameBuffer) =>
        new Session(CLIENT, PROTO_SPDY3, { maxRecvCtrlFrameBuffer }),
    },
  ],
  "FrameDecoder": limits("", (limits) => new FrameDecoder(PROTO_SPDY3, limits))
    .filter(({ name }) => name.slice(7) in DEFAULT_FRAME_LIMITS),
  "zlib": [
    {
      name: "level",
      lowest: 0,
      highest: 9,
      give: (level) => new Deflate({ level }),
    },
    {
      name: "windowBits",
      lowest: 8,
      highest: 15,
      give: (windowBits) => new Deflate({ windowBits }),
    },
    {
      name: "maxOutput",
      lowest: 0,
      highest: SAFE,
      unbounded: true,
      give: (maxOutput) => new Inflate({ maxOutput }),
    },
    {
      name: "maxOutput",
      lowest: 0,
      highest: SAFE,
      unbounded: true,
      give: (maxOutput) => decompress(NOTHING, "gzip", { maxOutput }),
    },
  ],
  "new Connection": tuning("", (options) =>
    new Connection(
      { readable: new ReadableStream(), writable: new WritableStream() },
      { side: SERVER, version: PROTO_SPDY3_1, ...options },
    )),
  "connect": [
    ...tuning("", (options) => connect({ port: 1, ...options })),
    {
      name: "port",
      lowest: 1,
      highest: 65535,
      give: (port) => connect({ port }),
    },
  ],
  "Client": [
    ...tuning("", (options) => new Client(options)),
    {
      name: "retries",
      lowest: 0,
      highest: SAFE,
      give: (retries) => new Client({ retries }),
    },
  ],
  "connectUpgrade": [
    ...tuning("", (options) => connectUpgrade(NOBODY.url, options)),
    ...timeouts(
      ["timeout"],
      (name, value) => connectUpgrade(NOBODY.url, { [name]: value }),
    ),
  ],
  "serve": [
    ...tuning("", (options) => serve({ port: 0, ...options }, () => OK())),
    ...timeouts(
      ["handshakeTimeout"],
      (name, value) =>
        serve({ port: 0, upgrade: true, [name]: value }, () => OK()),
    ),
    {
      name: "port",
      lowest: 0,
      highest: 65535,
      give: (port) => serve({ port }, () => OK()),
    },
  ],
  "accept, acceptRaw": [accept, acceptRaw].flatMap((call) =>
    timeouts(
      ["handshakeTimeout"],
      (name, value) => call({ close() {} } as Deno.Conn, { [name]: value }),
    )
  ),
  "exec, attach": [exec, attach].flatMap((call) =>
    timeouts(
      ["statusTimeout"],
      (name, value) => call({ ...NOBODY, [name]: value }),
    )
  ),
  "exec, attach, portForward": [exec, attach, portForward].flatMap((call) => [
    ...timeouts(
      ["timeout"],
      (name, value) => call({ ...NOBODY, [name]: value }),
    ),
    {
      name: "maxBufferedBytes",
      lowest: 1,
      highest: SAFE,
      give: (maxBufferedBytes: number): unknown =>
        call({ ...NOBODY, maxBufferedBytes }),
    },
    {
      name: "keepAlive.interval",
      lowest: 1,
      highest: MOST,
      give: (interval: number): unknown =>
        call({ ...NOBODY, keepAlive: { interval } }),
    },
    {
      name: "keepAlive.timeout",
      lowest: 0,
      highest: MOST,
      give: (timeout: number): unknown =>
        call({ ...NOBODY, keepAlive: { interval: 1, timeout } }),
    },
  ]),
  "serveStreaming": [
    ...timeouts(
      ["headTimeout", "streamCreationTimeout"],
      (name, value) => serveStreaming({ [name]: value }),
    ),
    {
      name: "maxBufferedBytes",
      lowest: 1,
      highest: SAFE,
      give: (maxBufferedBytes) => serveStreaming({ maxBufferedBytes }),
    },
    {
      name: "port",
      lowest: 0,
      highest: 65535,
      give: (port) => serveStreaming({ port }),
    },
  ],
};

function OK(): Response {
  return new Response();
}

for (const [call, cases] of Object.entries(CALLS)) {
  Deno.test(`numbers: ${call} refuses values out of range, by name, before anything starts`, async () => {
    for (const each of cases) {
      for (const wrong of wrongOf(each)) await refuses(each, wrong);
    }
  });
}

Deno.test("numbers: the limits of every range are accepted", () => {
  const resolved = (options: ConnectionTuning): unknown =>
    resolveOptions({ side: CLIENT, version: PROTO_SPDY3, ...options });
  const cases = [
    ...tuning("", resolved),
    ...limits("", resolveLimits),
    ...CALLS["zlib"].filter(({ name }) => name !== "windowBits"),
  ];
  for (const { lowest, highest, give } of cases) {
    give(lowest);
    give(highest);
  }
  assertThrows(
    () => new Deflate({ format: "raw", windowBits: 8 }),
    InvalidArgumentError,
    "windowBits",
  );
  new Deflate({ format: "raw", windowBits: 9 });
});

Deno.test("numbers: an unknown version is refused before listening or connecting", async () => {
  const version = 7 as never;
  await assertRejects(() => connect({ port: 1, version }), Error, "version 7");
  assertThrows(() => new Client({ version }), Error, "version 7");
  for (const options of [{ version }, { versions: [version] }]) {
    assertThrows(
      () => serve({ port: 0, ...options }, OK),
      Error,
      "version 7",
    );
  }
});

Deno.test("numbers: a timeout of 0 means no limit everywhere", async () => {
  const never = {
    idleTimeout: 0,
    headerTimeout: 0,
    controlFrameTimeout: 0,
    closeTimeout: 0,
    keepAlive: { interval: 1, timeout: 0 },
  };
  await using server = serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    upgrade: true,
    handshakeTimeout: 0,
    ...never,
  }, OK);
  const { port } = server.addr;
  for (
    const connection of [
      await connect({ port, ...never }),
      (await connectUpgrade(`http://127.0.0.1:${port}/`, {
        timeout: 0,
        ...never,
      })).connection,
    ]
  ) {
    assertEquals((await connection.fetch("/")).status, 200);
    await connection.close();
  }
  await using streaming = serveStreaming({
    headTimeout: 0,
    streamCreationTimeout: 0,
    exec: () => Promise.resolve(3),
    async portForward({ readable, writable }) {
      await readable.pipeTo(writable);
    },
  });
  const target = {
    url: `http://127.0.0.1:${streaming.addr.port}`,
    pod: { name: "a" },
    timeout: 0,
  };
  await using process = await exec({ ...target, command: ["x"] });
  assertEquals((await process.status).code, 3);
  await using forwarder = await portForward(target);
  const { readable, writable } = await forwarder.connect(80);
  await new Blob(["hello"]).stream().pipeTo(writable);
  assertEquals(await new Response(readable).text(), "hello");
});
