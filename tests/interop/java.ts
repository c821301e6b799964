/**
 * Netty, Jetty and OkHttp, as client and as server where they can be both.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, delay } from "../deps.ts";
import {
  connect,
  type Connection,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  type PushedResponse,
  serve,
  type ServeHandler,
} from "../../mod.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { Lines } from "../helpers/lines.ts";
import { digest, patternDigest, patternStream } from "./pattern.ts";
import { cacheFolder, firstLine, requireTool } from "./peers.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";
import { WireTap } from "./wire_tap.ts";

const SOURCES = new URL("java/", import.meta.url);
const SIZE = 5 << 20;
/** Longest time that Maven may take from cold caches, ms. */
const BUILD_TIMEOUT = 400_000;
/** Longest time that a client may take, ms. */
const CLIENT_TIMEOUT = 200_000;
/** How long the test waits for a server that may have dropped the end of a body, ms. */
const READING_TIMEOUT = 5000;
/** The window of a new session, bytes. */
const FIRST_WINDOW = 65_536;

let built: Promise<string> | undefined;

/** Builds the programs, and resolves to the class path. */
function buildJavaPrograms(): Promise<string> {
  built ??= build();
  built.catch(() => built = undefined);
  return built;
}

async function build(): Promise<string> {
  await requireTool("java", ["-version"]);
  await requireTool("mvn", ["--version"]);
  const folder = `${cacheFolder()}/spdy-interop/java`;
  await Deno.mkdir(`${folder}/src/main/java`, { recursive: true });
  await Deno.copyFile(new URL("pom.xml", SOURCES), `${folder}/pom.xml`);
  const programs = new URL("src/main/java/", SOURCES);
  for await (const { name } of Deno.readDir(programs)) {
    await Deno.copyFile(
      new URL(name, programs),
      `${folder}/src/main/java/${name}`,
    );
  }
  const output = await new Deno.Command("mvn", {
    args: ["-q", "-B", "compile", "dependency:copy-dependencies"],
    cwd: folder,
    signal: AbortSignal.timeout(BUILD_TIMEOUT),
  }).output();
  if (!output.success) {
    const text = new TextDecoder().decode(output.stdout);
    throw new Error(`mvn compile failed:\n${text}`);
  }
  return `${folder}/target/classes:${folder}/target/dependency/*`;
}

/** A server in Java. It runs until it is disposed of. */
class JavaServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly port: number;

  private constructor(process: Deno.ChildProcess, lines: Lines, port: number) {
    this.#process = process;
    this.#lines = lines;
    this.port = port;
  }

  static async start(program: string, args: string[]): Promise<JavaServer> {
    const process = new Deno.Command("java", {
      args: ["-cp", await buildJavaPrograms(), program, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const lines = new Lines(process.stdout);
    const port = Number(await firstLine(process, lines));
    return new JavaServer(process, lines, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends together with its input.
    await this.#process.stdin.close();
    await this.#process.status;
    await this.#lines[Symbol.asyncDispose]();
  }
}

interface ServerPeer {
  readonly peer: string;
  readonly version: string;
  readonly program: string;
  readonly args: (paths: { cert: string; key: string }) => string[];
  readonly protocol: ProtocolVersion;
  readonly tls?: boolean;
  /** What happens to a header without a value, if it is not accepted like others. */
  readonly emptyValues?: "left out" | "the end of the connection";
  /** Bytes of an upload that it reads completely; default 5 MiB. */
  readonly upload?: number;
  /** What the program does, apart from answering. */
  readonly can: readonly ("reset" | "goaway" | "ping" | "push")[];
}

const NETTY = "4.1.100";
const JETTY = "9.2.30";
const OK_HTTP = "2.2.0";

/**
 * Jetty queues 64 pieces of a request's body, and drops what does not fit. Over
 * SPDY/2, which has no windows, this affects any long body: see
 * `uploadOnTheWire`.
 */
const JETTY_UPLOAD = 128 << 10;

const SERVERS: readonly ServerPeer[] = [
  {
    peer: "Netty server",
    version: NETTY,
    program: "NettyServer",
    args: () => [],
    protocol: PROTO_SPDY3_1,
    can: ["reset", "goaway", "ping", "push"],
  },
  {
    peer: "Netty server, TLS",
    version: NETTY,
    program: "NettyServer",
    args: ({ cert, key }) => [cert, key],
    protocol: PROTO_SPDY3_1,
    tls: true,
    can: ["reset", "goaway", "ping", "push"],
  },
  {
    peer: "Jetty server, SPDY/2",
    version: JETTY,
    program: "JettyServer",
    args: () => ["2"],
    protocol: PROTO_SPDY2,
    emptyValues: "left out",
    upload: JETTY_UPLOAD,
    can: ["push"],
  },
  {
    peer: "Jetty server, SPDY/3",
    version: JETTY,
    program: "JettyServer",
    args: () => ["3"],
    protocol: PROTO_SPDY3,
    emptyValues: "the end of the connection",
    can: ["push"],
  },
  {
    peer: "OkHttp server",
    version: OK_HTTP,
    program: "OkHttpServer",
    args: () => [],
    protocol: PROTO_SPDY3_1,
    can: ["reset"],
  },
];

async function body(response: Response): Promise<string> {
  if (response.body === null) throw new Error("the response has no body");
  return await digest(response.body);
}

function serverScenarios(
  open: () => Promise<Connection>,
  { can, emptyValues, upload = SIZE }: ServerPeer,
): Scenario[] {
  const scenario = (
    name: string,
    work: (connection: Connection) => Promise<string | void>,
  ): Scenario => {
    let connection: Connection | undefined;
    return {
      name,
      run: async () => {
        await using opened = await open();
        connection = opened;
        return await work(opened);
      },
      state: () => stateOf(connection),
    };
  };
  const hello = async (connection: Connection): Promise<void> =>
    assertEquals(await (await connection.fetch("/hello")).text(), "hello");
  const all = [
    scenario("GET", hello),
    scenario(`${upload >> 10} KiB up, 5 MiB down`, async (connection) => {
      const up = await connection.fetch("/digest", {
        method: "POST",
        body: patternStream(upload),
      });
      assertEquals(await up.text(), await patternDigest(upload));
      const down = await connection.fetch(`/bytes/${SIZE}`);
      assertEquals(await body(down), await patternDigest(SIZE));
    }),
    scenario("100 at once", async (connection) => {
      await Promise.all(Array.from({ length: 100 }, async (_, at) => {
        const size = 50_000 + at;
        const response = await connection.fetch(`/bytes/${size}`);
        assertEquals((await response.bytes()).length, size);
      }));
    }),
    scenario("big headers", async (connection) => {
      const response = await connection.fetch("/headers/30", {
        headers: { "x-request": "v".repeat(5000) },
      });
      assertEquals(response.headers.get("x-29")?.length, 1000);
      await response.body?.cancel();
    }),
    scenario("HEAD and 204", async (connection) => {
      const head = await connection.fetch("/hello", { method: "HEAD" });
      assertEquals([head.status, await head.text()], [200, ""]);
      const empty = await connection.fetch("/204");
      assertEquals([empty.status, await empty.text()], [204, ""]);
    }),
    scenario("ping", async (connection) => {
      for (let count = 0; count < 5; count++) await connection.ping();
      if (can.includes("ping")) {
        await (await connection.fetch("/ping")).body?.cancel();
        await connection.ping();
      }
    }),
    scenario("20 cancelled downloads, then GET", async (connection) => {
      for (let count = 0; count < 20; count++) {
        const response = await connection.fetch(`/bytes/${SIZE}`);
        const reader = response.body?.getReader();
        await reader?.read();
        await reader?.cancel();
      }
      const last = await connection.fetch("/bytes/1000000");
      assertEquals((await last.bytes()).length, 1_000_000);
    }),
  ];
  if (emptyValues !== undefined) {
    all.push(
      scenario(
        `an empty header value is ${emptyValues}`,
        async (connection) => {
          const response = connection.fetch("/hello", {
            headers: { "x-empty": "" },
          });
          if (emptyValues === "left out") {
            assertEquals(await (await response).text(), "hello");
            await hello(connection);
          } else {
            await assertRejects(() => response, TypeError);
            await using next = await open();
            await hello(next);
          }
        },
      ),
    );
  }
  if (can.includes("push")) {
    all.push(scenario("push", async (connection) => {
      const pushed: PushedResponse[] = [];
      const response = await connection.fetch("/push", {
        onPush: (push) => void pushed.push(push),
      });
      assertEquals(await response.text(), "hello");
      await connection.ping();
      const texts = await Promise.all(
        pushed.map(async ({ response }) => await (await response).text()),
      );
      assertEquals(texts.sort(), ["pushed 0", "pushed 1", "pushed 2"]);
    }));
  }
  if (can.includes("reset")) {
    all.push(scenario("reset", async (connection) => {
      const failure = await connection.fetch("/reset").then(
        () => undefined,
        (error: unknown) => error,
      );
      assert(failure instanceof TypeError);
      await hello(connection);
    }));
  }
  if (can.includes("goaway")) {
    all.push(scenario("GOAWAY", async (connection) => {
      const response = await connection.fetch("/goaway");
      assertEquals(await response.text(), "hello");
      await connection.closed;
      assertEquals(connection.accepting, false);
    }));
  }
  return all;
}

/** What a connection waits for, in one line. */
function stateOf(connection: Connection | undefined): string {
  return connection === undefined
    ? "connect has not resolved"
    : JSON.stringify(connection.stats());
}

/** A long body is sent completely, in order, with its end, however much of it the server reads. */
function uploadOnTheWire(target: number, version: ProtocolVersion): Scenario {
  return {
    name: "5 MiB up: all of it is on the wire",
    run: async () => {
      await using tap = new WireTap(target);
      await using connection = await connect({
        hostname: "127.0.0.1",
        port: tap.port,
        version,
      });
      const abort = new AbortController();
      const answer = connection.fetch("/digest", {
        method: "POST",
        body: patternStream(SIZE),
        signal: abort.signal,
      }).then((response) => response.text());
      answer.catch(() => {});
      const late = delay(READING_TIMEOUT, { signal: abort.signal });
      const read = await Promise.race([
        answer,
        late.then(() => "no answer", () => ""),
      ]);
      // The server has answered the PING after the body.
      await connection.ping();
      abort.abort();
      assertEquals(tap.up.digest, await patternDigest(SIZE));
      return `the server answered: ${read.split(" ", 1)[0]}`;
    },
  };
}

function serverSuite(peer: ServerPeer): Suite {
  return {
    peer: peer.peer,
    async prepare(): Promise<PreparedSuite> {
      await buildJavaPrograms();
      const files = await certificateFiles();
      const server = await JavaServer.start(peer.program, peer.args(files));
      const open = (): Promise<Connection> =>
        connect({
          hostname: peer.tls ? "localhost" : "127.0.0.1",
          port: server.port,
          version: peer.protocol,
          ...peer.tls && { tls: { caCerts: [files.caCert] } },
        });
      const scenarios = serverScenarios(open, peer);
      if (peer.upload !== undefined) {
        scenarios.push(uploadOnTheWire(server.port, peer.protocol));
      }
      return {
        version: peer.version,
        scenarios,
        async [Symbol.asyncDispose]() {
          await server[Symbol.asyncDispose]();
          await Deno.remove(files.folder, { recursive: true });
        },
      };
    },
  };
}

async function certificateFiles(): Promise<
  { folder: string; cert: string; key: string; ca: string; caCert: string }
> {
  const { cert, key, caCert } = await makeCertificate();
  const folder = await Deno.makeTempDir();
  const files = {
    folder,
    cert: `${folder}/cert.pem`,
    key: `${folder}/key.pem`,
    ca: `${folder}/ca.pem`,
    caCert,
  };
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key);
  await Deno.writeTextFile(files.ca, caCert);
  return files;
}

const answer: ServeHandler = async (request, info) => {
  const { pathname } = new URL(request.url);
  const size = Number(pathname.slice(pathname.lastIndexOf("/") + 1));
  if (pathname.startsWith("/bytes/")) return new Response(patternStream(size));
  if (pathname === "/digest" && request.body !== null) {
    return new Response(await digest(request.body));
  }
  if (pathname === "/204") return new Response(null, { status: 204 });
  const headers = new Headers();
  if (pathname.startsWith("/headers/")) {
    for (let at = 0; at < size; at++) headers.set(`x-${at}`, "v".repeat(1000));
  }
  if (pathname === "/push") {
    for (let at = 0; at < 3; at++) {
      await info.push(`/pushed/${at}`, {
        response: new Response(`pushed ${at}`),
      });
    }
  }
  return new Response("hello", { headers });
};

interface ClientPeer {
  readonly peer: string;
  readonly version: string;
  readonly program: string;
  readonly tls: boolean;
  /** Whether it never grants window for DATA of streams that it cancelled. */
  readonly leaks?: boolean;
}

const CLIENTS: readonly ClientPeer[] = [
  { peer: "Netty client", version: NETTY, program: "NettyClient", tls: false },
  {
    peer: "Netty client, TLS",
    version: NETTY,
    program: "NettyClient",
    tls: true,
  },
  {
    peer: "OkHttp client",
    version: OK_HTTP,
    program: "OkHttpClient",
    tls: false,
    leaks: true,
  },
];

/** The client runs all cases at once, and prints a line for each. */
function clientSuite(
  { peer, version, program, tls, leaks = false }: ClientPeer,
): Suite {
  return {
    peer,
    async prepare(): Promise<PreparedSuite> {
      const classPath = await buildJavaPrograms();
      return {
        version,
        scenarios: [{
          name: "GET, 5 MiB, 100 at once, push, cancel and more",
          run: () => runClient(classPath, program, tls),
        }, ...leaks ? [leakedWindow(classPath, program)] : []],
        async [Symbol.asyncDispose]() {},
      };
    },
  };
}

/**
 * Four cancelled downloads of 5 MiB use up OkHttp's session window of 16 MiB,
 * because it drops their bytes without a WINDOW_UPDATE. The next request gets its
 * headers and no body. We have then sent every byte that its window allowed.
 */
function leakedWindow(classPath: string, program: string): Scenario {
  return {
    name: "4 cancelled downloads, then GET: no window is left",
    run: async () => {
      await using server = serve({
        hostname: "127.0.0.1",
        port: 0,
        onListen() {},
      }, answer);
      await using tap = new WireTap((server.addr as Deno.NetAddr).port);
      const output = await new Deno.Command("java", {
        args: ["-cp", classPath, program, `${tap.port}`, "leak"],
        stderr: "null",
        signal: AbortSignal.timeout(CLIENT_TIMEOUT),
      }).output();
      const text = new TextDecoder().decode(output.stdout).trim();
      assertEquals(text, "headers, then timeout");
      const allowed = FIRST_WINDOW + tap.up.sessionCredit;
      assertEquals(tap.down.data, allowed);
      return `${tap.down.data} bytes of DATA, window and WINDOW_UPDATEs ${allowed}`;
    },
  };
}

async function runClient(
  classPath: string,
  program: string,
  tls: boolean,
): Promise<string> {
  const files = await certificateFiles();
  try {
    const secure = tls && {
      cert: await Deno.readTextFile(files.cert),
      key: await Deno.readTextFile(files.key),
    };
    await using server = serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
      ...secure,
    }, answer);
    const { port } = server.addr as Deno.NetAddr;
    const output = await new Deno.Command("java", {
      args: ["-cp", classPath, program, `${port}`, ...tls ? [files.ca] : []],
      signal: AbortSignal.timeout(CLIENT_TIMEOUT),
    }).output();
    const lines = new TextDecoder().decode(output.stdout).trim().split("\n");
    const failed = lines.filter((line) => !line.startsWith("pass "));
    if (failed.length > 0 || !output.success) {
      const errors = new TextDecoder().decode(output.stderr).slice(-1000);
      throw new Error(`${failed.join("; ")} ${errors}`);
    }
    return `${lines.length} passed`;
  } finally {
    await Deno.remove(files.folder, { recursive: true });
  }
}

/** All cases. */
export const javaSuites: readonly Suite[] = [
  ...SERVERS.map(serverSuite),
  ...CLIENTS.map(clientSuite),
];
