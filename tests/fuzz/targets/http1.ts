import { connect as connectSocket, type Socket } from "node:net";
import { connect } from "../../../http/connect.ts";
import { stdFlags } from "../../../tools/std.ts";
import { assert, assertMatch, toText } from "../../deps.ts";
import { Lines } from "../../helpers/lines.ts";
import type { Random } from "../../helpers/random.ts";
import type { Target } from "../target.ts";
import { http1Input } from "./http1_input.ts";
import type { Listening, Started } from "./http1_servers.ts";

/** Number of connections of an execution, all at once. */
const CONNECTIONS = 8;
/** Longest wait for anything, ms. */
const PATIENCE = 30_000;
/** How long answers are read before a connection is ended, ms. */
const READING = 20;
/** After this many executions, every server must answer a correct client. */
const CHECK_EVERY = 10;

/** The process under attack. */
interface Running extends Started {
  readonly child: Deno.ChildProcess;
  /** Set if it has ended, which must not happen. */
  ended?: string;
  executions: number;
}

let running: Promise<Running> | undefined;

/** Whatever clients send, and however they disconnect, the servers continue and answer others. */
export const http1Target: Target = {
  name: "http1",
  property:
    "no client of HTTP/1.1 ends serve, serveStreaming or proxy, and others are answered",
  async run(random: Random): Promise<void> {
    const process = await (running ??= start());
    // All choices are made before the first connection, so that a seed replays
    // them.
    const attacks = Array.from(
      { length: CONNECTIONS },
      () => choose(random, process),
    );
    try {
      await Promise.all(attacks.map((attack) => perform(attack, process)));
      if (++process.executions % CHECK_EVERY === 0) await check(process);
    } catch (error) {
      if (process.ended === undefined) throw error;
    }
    assert(process.ended === undefined, `the process ended: ${process.ended}`);
  },
  async end(): Promise<void> {
    const process = await running;
    running = undefined;
    if (process === undefined) return;
    try {
      if (process.ended === undefined) await check(process);
    } finally {
      if (process.ended === undefined) process.child.kill("SIGKILL");
      await process.child.stdin.close().catch(() => {});
      await process.child.status;
    }
  },
};

async function start(): Promise<Running> {
  const script = new URL("./http1_servers.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", ...await stdFlags(), script.href],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaints = toText(child.stderr);
  const lines = new Lines(child.stdout);
  const line = await lines.next().catch(async (error) => {
    throw new Error(`the servers did not start: ${await complaints}`, {
      cause: error,
    });
  });
  const process: Running = { ...JSON.parse(line), child, executions: 0 };
  // Later output is ignored, but it must be read, because the pipe would fill
  // otherwise.
  lines.rest().catch(() => {});
  child.status.then(async ({ code }) => {
    process.ended = `exit code ${code}, ${(await complaints).slice(-2000)}`;
  });
  return process;
}

/** How a connection ends. */
const ENDINGS = ["close", "end", "reset", "wait"] as const;

/** One connection. */
interface Attack {
  readonly server: Listening;
  readonly pieces: readonly Uint8Array[];
  readonly ending: typeof ENDINGS[number];
  /** Whether its bytes are sent after the handshake, on a TLS port. */
  readonly inside: boolean;
}

function choose(random: Random, { servers }: Started): Attack {
  const server = random.pick(servers);
  const input = http1Input(random);
  // Where its bytes are cut; most are sent as a whole.
  const sent = random.chance(0.3)
    ? input.subarray(0, random.int(0, input.length))
    : input;
  const pieces = random.chance(0.5)
    ? [sent]
    : random.pieces(sent, random.pick([1, 40, 400])).slice(0, 300);
  const ending = random.pick(ENDINGS);
  return { server, pieces, ending, inside: server.tls && random.chance(0.7) };
}

async function perform(
  { server, pieces, ending, inside }: Attack,
  { caCert }: Started,
): Promise<void> {
  if (inside) await attackInside(server, caCert, pieces);
  else await attackOutside(server, pieces, ending);
}

/** On the socket itself, which is before the handshake on a TLS port. */
async function attackOutside(
  { port }: Listening,
  pieces: readonly Uint8Array[],
  ending: typeof ENDINGS[number],
): Promise<void> {
  const socket = connectSocket(port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  socket.on("error", () => {});
  socket.resume();
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  }
  // If the server refuses the bytes, its end of the connection is awaited;
  // others are ended here.
  if (ending === "wait" || ending === "end") {
    if (ending === "end") socket.end();
    await Promise.race([
      closed,
      new Promise((resolve) => setTimeout(resolve, READING)),
    ]);
  }
  finish(socket, ending);
  await closed;
}

function finish(socket: Socket, ending: typeof ENDINGS[number]): void {
  if (ending === "reset") socket.resetAndDestroy();
  else socket.destroy();
}

/** After a handshake that succeeds. */
async function attackInside(
  { port }: Listening,
  caCert: string,
  pieces: readonly Uint8Array[],
): Promise<void> {
  const conn = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [caCert],
    alpnProtocols: ["http/1.1"],
  });
  const reading = (async () => {
    const buffer = new Uint8Array(4096);
    while (await conn.read(buffer) !== null);
  })().catch(() => {});
  try {
    for (const piece of pieces) {
      for (let rest = piece; rest.length > 0;) {
        rest = rest.subarray(await conn.write(rest));
      }
    }
  } catch {
    // The server ended the connection first.
  }
  await Promise.race([
    reading,
    new Promise((resolve) => setTimeout(resolve, READING)),
  ]);
  try {
    conn.close();
  } catch {
    // A write that failed has closed it.
  }
  await reading;
}

/** Checks that every server answers a correct client. */
async function check({ servers, caCert }: Started): Promise<void> {
  await Promise.all(servers.map(async (server) => {
    const timer = Promise.withResolvers<never>();
    const id = setTimeout(
      () => timer.reject(new Error(`${server.kind} did not answer`)),
      PATIENCE,
    );
    try {
      const text = await Promise.race([ask(server, caCert), timer.promise]);
      assertMatch(text, /^here/);
    } finally {
      clearTimeout(id);
    }
  }));
}

async function ask(
  { kind, tls, port }: Listening,
  caCert: string,
): Promise<string> {
  const caCerts = [caCert];
  if (kind === "serve" || kind === "spdy proxy") {
    await using connection = await connect({
      hostname: "localhost",
      port,
      tls: tls && { caCerts },
    });
    return await (await connection.fetch("/")).text();
  }
  using client = Deno.createHttpClient({ caCerts });
  const scheme = tls ? "https" : "http";
  const response = await fetch(`${scheme}://localhost:${port}/`, { client });
  return await response.text();
}
