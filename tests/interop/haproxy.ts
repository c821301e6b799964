/**
 * A real HAProxy in front of `serve`: in TCP mode, plain and with TLS passed
 * through, with both versions of the PROXY protocol, health checks, a reload, and
 * a rolling restart of two servers under load.
 *
 * @module
 */

import { Client, connect, serve, type SpdyServer } from "../../mod.ts";
import { assert, assertEquals } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { requireTool } from "./peers.ts";
import type { PreparedSuite, Suite } from "./report.ts";

/** HAProxy as a load balancer. */
export const haproxySuite: Suite = { peer: "haproxy", prepare };

const LOOPBACK = { hostname: "127.0.0.1", onListen() {} };
/** Longest wait for HAProxy, ms. */
const PATIENCE = 60_000;
const REQUESTS = 10_000;
const CLIENTS = 8;
/** Requests of each client at once. */
const AT_ONCE = 10;

async function prepare(): Promise<PreparedSuite> {
  const line = await requireTool("haproxy", ["-v"]);
  return {
    version: /version (\d+\.\d+\.\d+)/.exec(line)?.[1] ?? "?",
    scenarios: [
      ...[
        "send-proxy",
        "send-proxy-v2",
        "send-proxy-v2 proxy-v2-options unique-id",
      ].flatMap((option) =>
        [false, true].map((secure) => ({
          name: `${secure ? "TLS pass-through" : "plain"}, ${option}`,
          run: () => tellAddress(option, secure),
        }))
      ),
      { name: "TLS pass-through without PROXY", run: passThrough },
      { name: "health checks: httpchk and TCP", run: healthChecks },
      {
        name: `reload and rolling restart, ${REQUESTS} requests`,
        run: rollingRestart,
      },
    ],
    async [Symbol.asyncDispose]() {},
  };
}

/** A server of a backend, as HAProxy's configuration names it. */
interface BackendServer {
  readonly port: number;
  /** The server behind its address. */
  readonly options: string;
}

/** A running HAProxy with one frontend and one backend. */
class Haproxy implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;

  private constructor(
    port: number,
    folder: string,
    process: Deno.ChildProcess,
  ) {
    this.port = port;
    this.#folder = folder;
    this.#process = process;
  }

  static async start(
    servers: readonly BackendServer[],
    backend: readonly string[] = [],
  ): Promise<Haproxy> {
    const folder = await Deno.makeTempDir();
    const port = freePort();
    const config = [
      "global",
      `  stats socket ${folder}/stats.sock mode 600 level admin expose-fd listeners`,
      "defaults",
      "  mode tcp",
      "  timeout connect 5s",
      "  timeout client 60s",
      "  timeout server 60s",
      "  option redispatch 1",
      "  retries 3",
      "frontend front",
      `  bind 127.0.0.1:${port}`,
      "  unique-id-format %{+X}o%ci-%cp",
      "  default_backend back",
      "backend back",
      "  balance roundrobin",
      ...backend.map((each) => `  ${each}`),
      ...servers.map(({ port, options }, index) =>
        `  server s${index} 127.0.0.1:${port} ${options}`
      ),
      "",
    ];
    await Deno.writeTextFile(`${folder}/haproxy.cfg`, config.join("\n"));
    const process = new Deno.Command("haproxy", {
      args: ["-W", "-db", "-f", `${folder}/haproxy.cfg`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const haproxy = new Haproxy(port, folder, process);
    await until(
      "HAProxy to listen",
      () =>
        Deno.connect({ hostname: "127.0.0.1", port })
          .then((conn) => (conn.close(), true), () => false),
    );
    return haproxy;
  }

  /** Reads the configuration again; resolves when a new worker has taken over the listener. */
  async reload(): Promise<void> {
    const worker = async (): Promise<string | undefined> =>
      /^Pid: (\d+)$/m.exec(await this.#ask("show info").catch(() => ""))?.[1];
    const before = await worker();
    this.#process.kill("SIGUSR2");
    await until("HAProxy to reload", async () => {
      const now = await worker();
      return now !== undefined && now !== before;
    });
  }

  /** State of each server, `UP` or `DOWN`, with the result of the last check. */
  async states(): Promise<string[]> {
    const text = await this.#ask("show stat");
    const [head, ...rows] = text.trim().split("\n").map((row) =>
      row.split(",")
    );
    const [status, check] = ["status", "check_status"].map((name) =>
      head.indexOf(name)
    );
    return rows.filter((row) => /^s\d$/.test(row[1]))
      // A star marks a check under way.
      .map((row) => `${row[status]} ${row[check].replace("* ", "")}`.trim());
  }

  /** Sends no new connections to a server, or starts to send them again. */
  async set(index: number, state: "drain" | "ready"): Promise<void> {
    await this.#ask(`set server back/s${index} state ${state}`);
  }

  async #ask(command: string): Promise<string> {
    using conn = await Deno.connect({
      transport: "unix",
      path: `${this.#folder}/stats.sock`,
    });
    await conn.write(new TextEncoder().encode(`${command}\n`));
    return await new Response(conn.readable).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** HAProxy does not accept port 0, because it could not report the port that it got. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** The handler sees the address of the client, and HAProxy's own fields. */
async function tellAddress(option: string, secure: boolean): Promise<string> {
  const { cert, key, caCert } = await makeCertificate();
  const errors: unknown[] = [];
  await using server = serve({
    ...LOOPBACK,
    port: 0,
    ...(secure ? { cert, key } : {}),
    proxyProtocol: "required",
    trusted: ["127.0.0.1"],
    onConnectionError: (error) => errors.push(error),
  }, (_request, { remoteAddr, proxyHead }) => {
    const { hostname, port } = remoteAddr as Deno.NetAddr;
    const unique = proxyHead?.tlvs.find(({ type }) => type === 5)?.value;
    return new Response(
      `${hostname} ${port} ${new TextDecoder().decode(unique)}`,
    );
  });
  await using haproxy = await Haproxy.start([
    { port: server.addr.port, options: option },
  ]);
  await using connection = await connect({
    hostname: "localhost",
    port: haproxy.port,
    tls: secure && { caCerts: [caCert] },
  });
  const { hostname, port } = connection.localAddr as Deno.NetAddr;
  const response = await connection.fetch("/");
  const [seenHost, seenPort, unique] = (await response.text()).split(" ");
  assertEquals([seenHost, seenPort], [hostname, String(port)]);
  assertEquals(unique !== "", option.includes("unique-id"));
  // HAProxy was connected to once before, without a byte, to see that it listens.
  assertEquals(errors, []);
  return `client ${seenHost}:${seenPort}`;
}

async function passThrough(): Promise<string> {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve(
    { ...LOOPBACK, port: 0, cert, key },
    async (request) => new Response(String((await request.bytes()).length)),
  );
  await using haproxy = await Haproxy.start([
    { port: server.addr.port, options: "" },
  ]);
  await using client = new Client({ tls: { caCerts: [caCert] } });
  const size = 5 << 20;
  const response = await client.fetch(`https://localhost:${haproxy.port}/`, {
    method: "POST",
    body: new Uint8Array(size),
  });
  assertEquals(await response.text(), String(size));
  return "5 MiB up";
}

/** Both kinds of checks find the server, and no check is reported as an error. */
async function healthChecks(): Promise<string> {
  const errors: string[] = [];
  const onConnectionError = (error: unknown): void =>
    void errors.push(String(error));
  const { cert, key } = await makeCertificate();
  const start = (options: object): SpdyServer<Deno.NetAddr> =>
    serve(
      { ...LOOPBACK, port: 0, onConnectionError, ...options },
      () => new Response(),
    );
  await using plain = start({ upgrade: true });
  await using proxied = start({ upgrade: true, proxyProtocol: "required" });
  await using secure = start({ cert, key });
  const checks = "check inter 100ms";
  await using http = await Haproxy.start([
    { port: plain.addr.port, options: checks },
    { port: proxied.addr.port, options: `${checks} send-proxy-v2` },
  ], [
    "option httpchk",
    "http-check send meth GET uri / ver HTTP/1.1 hdr Host health",
    "http-check expect status 426",
  ]);
  await using tcp = await Haproxy.start([
    { port: plain.addr.port, options: checks },
    { port: proxied.addr.port, options: `${checks} send-proxy` },
    { port: secure.addr.port, options: checks },
  ]);
  const allUp = async (haproxy: Haproxy, check: string): Promise<boolean> =>
    (await haproxy.states()).every((state) => state === `UP ${check}`);
  await until("HTTP checks to pass", () => allUp(http, "L7OK"));
  await until("TCP checks to pass", () => allUp(tcp, "L4OK"));
  // More rounds of the checks.
  await new Promise((done) => setTimeout(done, 1500));
  assertEquals(await http.states(), ["UP L7OK", "UP L7OK"]);
  assertEquals(await tcp.states(), ["UP L4OK", "UP L4OK", "UP L4OK"]);
  assertEquals(errors, []);
  await plain.shutdown();
  await until(
    "the check to find the server gone",
    async () => (await http.states())[0].startsWith("DOWN"),
  );
  return "up, and down after shutdown";
}

/** After this time, ms, connections that were under way when draining began have been accepted. */
const DRAIN = 200;

/** If each server is drained before its restart, hardly any request is lost or processed twice. */
async function rollingRestart(): Promise<string> {
  let handled = 0;
  const start = (name: string, port: number): SpdyServer<Deno.NetAddr> =>
    serve({
      ...LOOPBACK,
      port,
      proxyProtocol: "required",
      trusted: ["127.0.0.1"],
    }, async (request) => {
      const text = await request.text();
      handled++;
      // Some requests are still under way when their server is told to end.
      if (handled % 7 === 0) await new Promise((done) => setTimeout(done, 10));
      return new Response(`${name} ${text}`);
    });
  const servers = [start("s0", 0), start("s1", 0)];
  await using haproxy = await Haproxy.start(
    servers.map(({ addr }) => ({
      port: addr.port,
      options: "send-proxy-v2 check inter 100ms",
    })),
  );
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  const url = `http://127.0.0.1:${haproxy.port}/`;
  const lost: string[] = [];
  const byServer = new Map<string, number>();
  let next = 0;
  const work = async (client: Client): Promise<void> => {
    while (next < REQUESTS) {
      const body = String(next++);
      try {
        const response = await client.fetch(url, { method: "POST", body });
        const [name, text] = (await response.text()).split(" ");
        assertEquals(text, body);
        byServer.set(name, (byServer.get(name) ?? 0) + 1);
      } catch (error) {
        const { cause } = error as Error;
        lost.push(`request ${body}: ${error} (${cause})`);
      }
      await new Promise((done) => setTimeout(done, 0));
    }
  };
  const load = Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: AT_ONCE }, () => work(client))
    ),
  );
  let restarts = 0;
  const restart = async (index: number): Promise<void> => {
    const { port } = servers[index].addr;
    // Connections that HAProxy makes while the listener closes would be reset.
    await haproxy.set(index, "drain");
    await new Promise((done) => setTimeout(done, DRAIN));
    await servers[index].shutdown({ timeout: 30_000 });
    servers[index] = start(`s${index}`, port);
    restarts++;
    await haproxy.set(index, "ready");
    await until(
      "the server to be up again",
      async () => (await haproxy.states())[index].startsWith("UP"),
    );
  };
  const reached = (share: number): Promise<void> =>
    until("the load", () => next >= REQUESTS * share);
  await reached(0.1);
  await restart(0);
  await reached(0.25);
  await restart(1);
  await reached(0.4);
  await haproxy.reload();
  await reached(0.6);
  await restart(0);
  await reached(0.8);
  await restart(1);
  await load;
  for (const client of clients) await client.close();
  await Promise.all(servers.map((server) => server.shutdown()));
  assertEquals(lost, []);
  // Each was processed once, including those that were sent again.
  assertEquals(handled, REQUESTS);
  assertEquals(restarts, 4);
  assert(byServer.size === 2);
  const counts = [...byServer].map(([name, count]) => `${name} ${count}`);
  return counts.join(", ");
}
