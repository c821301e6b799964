/**
 * Servers in processes of their own, so that their use of CPU and memory is measured
 * without that of their clients, and a client for each.
 *
 * @module
 */

import http2 from "node:http2";
import { fileURLToPath } from "node:url";
import { connect, PROTO_SPDY3_1 } from "../../mod.ts";
import { makeCertificate } from "../../tests/helpers/certificate.ts";
import { PeerMissing } from "../harness.ts";
import { OutputLines } from "./output_lines.ts";

/** The protocol of a server: SPDY of this module, HTTP/2 of Node, or HTTP/1.1 of Deno. */
export type Protocol = "spdy" | "http2" | "http1";

/** The names of the servers in the table. */
export const SERVER_NAMES: Readonly<Record<Protocol, string>> = {
  spdy: "serve",
  http2: "node:http2 of Node",
  http1: "Deno.serve, HTTP/1.1",
};

/** A connection to a server. */
export interface ServerClient {
  /** One small request and its answer. */
  get(): Promise<void>;
  /** 1 MiB from the server, then 1 MiB to it. */
  moveBulk(): Promise<void>;
  close(): void;
}

/** A server in another process. */
export interface ServerProcess extends AsyncDisposable {
  /** What it has used so far: resident memory in bytes, CPU time in us. */
  used(): Promise<{ readonly rss: number; readonly cpu: number }>;
  connect(): Promise<ServerClient>;
}

const MIB = new Uint8Array(1 << 20);
const hostname = "127.0.0.1";

interface Target {
  readonly port: number;
  /** The authority of the server's certificate; without TLS `undefined`. */
  readonly caCert: string | undefined;
}

/** Starts a server; throws {@linkcode PeerMissing} if it needs Node and Node is not installed. */
export async function startServer(
  protocol: Protocol,
  secure = false,
): Promise<ServerProcess> {
  const certificate = secure ? await makeCertificate() : undefined;
  const process = start(
    protocol,
    certificate === undefined
      ? {}
      : { CERT: certificate.cert, KEY: certificate.key },
  );
  const input = process.stdin.getWriter();
  const output = new OutputLines("a server of the benchmark", process.stdout);
  const target: Target = {
    port: Number(await output.next()),
    caCert: certificate?.caCert,
  };
  return {
    async used() {
      await input.write(new TextEncoder().encode("\n"));
      return JSON.parse(await output.next());
    },
    connect: () => CLIENTS[protocol](target),
    async [Symbol.asyncDispose]() {
      await input.close();
      await output.close();
      await process.status;
    },
  };
}

function start(
  protocol: Protocol,
  env: Record<string, string>,
): Deno.ChildProcess {
  const program = (name: string) =>
    fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
  const [path, args] = protocol === "http2"
    ? ["node", [program("http2_server.mjs")]]
    : [
      Deno.execPath(),
      ["run", "-A", "--no-check", program("server.ts"), protocol],
    ];
  try {
    return new Deno.Command(path, {
      args,
      env,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new PeerMissing(`${path} is not installed`);
  }
}

const CLIENTS: Readonly<
  Record<Protocol, (target: Target) => Promise<ServerClient>>
> = { spdy: spdyClient, http2: http2Client, http1: http1Client };

async function spdyClient({ port, caCert }: Target): Promise<ServerClient> {
  const connection = await connect(
    caCert === undefined
      ? { hostname, port, version: PROTO_SPDY3_1 }
      : { hostname, port, tls: { caCerts: [caCert] } },
  );
  const ask = async (path: string, body?: Uint8Array<ArrayBuffer>) => {
    const response = await connection.fetch(
      path,
      body === undefined ? {} : { method: "POST", body },
    );
    await response.arrayBuffer();
  };
  return {
    get: () => ask("/"),
    async moveBulk() {
      await ask("/down");
      await ask("/up", MIB);
    },
    close: () => void connection.close(),
  };
}

function http2Client({ port, caCert }: Target): Promise<ServerClient> {
  const scheme = caCert === undefined ? "http" : "https";
  const session = http2.connect(`${scheme}://${hostname}:${port}`, {
    ca: caCert,
    settings: { initialWindowSize: 1 << 20 },
  });
  const ask = (path: string, body?: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ":method": body === undefined ? "GET" : "POST",
        ":path": path,
      });
      stream.on("error", reject);
      stream.on("data", () => {});
      stream.on("end", resolve);
      if (body === undefined) stream.end();
      else stream.end(body);
    });
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    session.on("connect", () =>
      resolve({
        get: () => ask("/"),
        async moveBulk() {
          await ask("/down");
          await ask("/up", MIB);
        },
        close: () => session.destroy(),
      }));
  });
}

async function http1Client({ port, caCert }: Target): Promise<ServerClient> {
  const conn = caCert === undefined
    ? await Deno.connect({ hostname, port })
    : await Deno.connectTls({ hostname, port, caCerts: [caCert] });
  const memory = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder("latin1");
  const ask = async (head: string, body: Uint8Array, end: string) => {
    await writeAll(conn, new TextEncoder().encode(`${head}\r\n\r\n`));
    await writeAll(conn, body);
    for (let tail = ""; !tail.endsWith(end);) {
      const size = await conn.read(memory);
      if (size === null) throw new Error("the server closed the connection");
      tail += decoder.decode(memory.subarray(Math.max(0, size - 64), size));
      tail = tail.slice(-64);
    }
  };
  const none = new Uint8Array(0);
  const up = `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${MIB.length}`;
  return {
    get: () => ask("GET / HTTP/1.1\r\nHost: a", none, "hello"),
    async moveBulk() {
      await ask("GET /down HTTP/1.1\r\nHost: a", none, "0\r\n\r\n");
      await ask(up, MIB, String(MIB.length));
    },
    close: () => conn.close(),
  };
}

async function writeAll(conn: Deno.Conn, data: Uint8Array): Promise<void> {
  for (let rest = data; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}
