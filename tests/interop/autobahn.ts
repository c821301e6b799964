/**
 * Autobahn's test suite against both ends of our WebSockets: a fuzzing client
 * tests an echo server, and an echo client runs the cases of a fuzzing server.
 *
 * @module
 */

import { concat } from "../deps.ts";
import { acceptKey } from "../../kubernetes/websocket/handshake.ts";
import { WebSocketPeer } from "../../kubernetes/websocket/peer.ts";
import { cacheFolder, OptionalToolError } from "./peers.ts";
import type { PreparedSuite, Suite } from "./report.ts";

/** The last release that runs unchanged; it needs Python 2.7. */
const VERSION = "0.8.2";
/** Runs the suite's program from a folder. Its packages are in several folders. */
const START =
  "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()";
/** Longest time that pip may take, ms. */
const INSTALL_TIMEOUT = 400_000;
/**
 * There is no section 8. Section 9 is about speed; 12 and 13 are about an
 * extension that Kubernetes does not use.
 */
const CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];
const AGENT = "spdy";
/** Longest time of one end, ms. */
const DEADLINE = 240_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Autobahn's test suite. */
export const autobahnSuite: Suite = { peer: "Autobahn's test suite", prepare };

async function prepare(): Promise<PreparedSuite> {
  const wstest = await install();
  const work = await Deno.makeTempDir();
  return {
    version: VERSION,
    scenarios: [
      { name: "our server", run: () => tryServer(wstest, work) },
      { name: "our client", run: () => tryClient(wstest, work) },
    ],
    [Symbol.asyncDispose]: () => Deno.remove(work, { recursive: true }),
  };
}

/** Runs a command of the suite. */
type Wstest = (args: readonly string[], work: string) => Deno.Command;

/** Installs the suite once. */
async function install(): Promise<Wstest> {
  const python = await findPython();
  const folder = `${cacheFolder()}/spdy-interop/autobahn-${VERSION}`;
  const done = `${folder}/installed`;
  if (await Deno.stat(done).catch(() => undefined) === undefined) {
    const { success, stderr } = await new Deno.Command(python, {
      args: [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--upgrade",
        "--target",
        folder,
        `autobahntestsuite==${VERSION}`,
      ],
      stdout: "null",
      signal: AbortSignal.timeout(INSTALL_TIMEOUT),
    }).output();
    if (!success) throw new Error(decoder.decode(stderr).slice(-500));
    await Deno.writeTextFile(done, "");
  }
  return (args, work) =>
    new Deno.Command(python, {
      args: ["-c", START, folder, ...args],
      cwd: work,
      stdout: "null",
      signal: AbortSignal.timeout(DEADLINE),
    });
}

/** Most systems no longer have Python 2.7; `PYTHON27` is its path if it is not on PATH. */
async function findPython(): Promise<string> {
  const python = Deno.env.get("PYTHON27") ?? "python2.7";
  try {
    const command = new Deno.Command(python, {
      args: ["-m", "pip", "--version"],
    });
    if ((await command.output()).success) return python;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new OptionalToolError(
    `${python} with pip is not on this machine; PYTHON27 can name it`,
  );
}

async function tryServer(wstest: Wstest, work: string): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) serveEcho(conn).catch(() => {});
  })();
  const reports = `${work}/server`;
  const spec = `${work}/client.json`;
  const url = `ws://127.0.0.1:${listener.addr.port}`;
  await Deno.writeTextFile(
    spec,
    JSON.stringify({
      outdir: reports,
      servers: [{ agent: AGENT, url }],
      cases: CASES,
      "exclude-cases": [],
      "exclude-agent-cases": {},
    }),
  );
  const args = ["-m", "fuzzingclient", "-s", spec];
  const { success, stderr } = await wstest(args, work).output();
  if (!success) throw new Error(decoder.decode(stderr).slice(-500));
  listener.close();
  await serving.catch(() => {});
  return await judge(reports);
}

async function tryClient(wstest: Wstest, work: string): Promise<string> {
  const port = freePort();
  const reports = `${work}/client`;
  const spec = `${work}/server.json`;
  await Deno.writeTextFile(
    spec,
    JSON.stringify({
      url: `ws://127.0.0.1:${port}`,
      outdir: reports,
      cases: CASES,
      "exclude-cases": [],
      "exclude-agent-cases": {},
    }),
  );
  const process = wstest(["-m", "fuzzingserver", "-s", spec], work).spawn();
  try {
    const count = Number(await ask(port, "/getCaseCount"));
    for (let number = 1; number <= count; number++) {
      const path = `/runCase?case=${number}&agent=${AGENT}`;
      await echo(await open(port, path)).catch(() => {});
    }
    await ask(port, `/updateReports?agent=${AGENT}`);
  } finally {
    process.kill();
    await process.status;
  }
  return await judge(reports);
}

/** A report: each case, and how the endpoint behaved in it. */
type Report = Record<
  string,
  Record<string, { behavior: string; behaviorClose: string }>
>;

const GOOD = ["OK", "NON-STRICT", "INFORMATIONAL"];

async function judge(folder: string): Promise<string> {
  const text = await Deno.readTextFile(`${folder}/index.json`);
  const report: Report = JSON.parse(text);
  const cases = Object.entries(report[AGENT] ?? {});
  if (cases.length < 200) throw new Error(`only ${cases.length} cases ran`);
  const bad = cases.filter(([, { behavior, behaviorClose }]) =>
    !GOOD.includes(behavior) || !GOOD.includes(behaviorClose)
  );
  if (bad.length > 0) {
    const list = bad.map(([name, { behavior, behaviorClose }]) =>
      `${name} ${behavior}/${behaviorClose}`
    );
    throw new Error(`${bad.length} of ${cases.length}: ${list.join(", ")}`);
  }
  const strict = cases.filter(([, { behavior }]) => behavior === "OK").length;
  return `${cases.length} cases, ${strict} of them strictly`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function serveEcho(conn: Deno.TcpConn): Promise<void> {
  const head = await readHead(conn);
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? "";
  await conn.write(encoder.encode(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${await acceptKey(
      key,
    )}\r\n\r\n`,
  ));
  await echo(new WebSocketPeer(conn, false));
}

/** Sends each message back until the peer closes. */
async function echo(peer: WebSocketPeer): Promise<void> {
  const parts: Uint8Array[] = [];
  try {
    for (;;) {
      const part = await peer.read();
      if (part === null) return;
      parts.push(part.data.slice());
      if (!part.ends) continue;
      await peer.send(part.opcode, concat(parts));
      parts.length = 0;
    }
  } finally {
    try {
      peer.abort();
    } catch {
      // It is closed.
    }
  }
}

/** The text of the only message with which a path answers. */
async function ask(port: number, path: string): Promise<string> {
  const peer = await open(port, path);
  let text = "";
  for (;;) {
    const part = await peer.read();
    if (part === null) break;
    text += decoder.decode(part.data);
  }
  peer.abort();
  return text;
}

async function open(port: number, path: string): Promise<WebSocketPeer> {
  const conn = await connect(port);
  await conn.write(encoder.encode(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  ));
  await readHead(conn);
  return new WebSocketPeer(conn, true);
}

/** Connects as soon as the server listens. */
async function connect(port: number): Promise<Deno.TcpConn> {
  const until = Date.now() + 30_000;
  for (;;) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Reads a head byte by byte, because frames may follow it. */
async function readHead(conn: Deno.TcpConn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n") && await conn.read(byte) !== null) {
    head += decoder.decode(byte);
  }
  return head;
}
