/**
 * Faults with real peers: one dies, one disconnects early, one reads slowly; and
 * many execs one after the other.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
} from "../deps.ts";
import { ConnectionClosedError } from "../../mod.ts";
import { exec, type TargetOptions } from "../../kubernetes/mod.ts";
import { digest, patternDigest, patternStream } from "./pattern.ts";
import { goProgram, Peer, playJson } from "./peers.ts";
import { servePretendPod } from "./pretend_pod.ts";
import type { PreparedSuite, Suite } from "./report.ts";

const MIB = 1 << 20;
const BODY = 64 * MIB;
/** Bytes that both ends of an exec may hold: 4 MiB unread, and reads and writes under way. */
const HELD_BY_THE_ENDS = 8 * MIB;

/** Faults with Go peers at the other end. */
export const faultSuite: Suite = { peer: "faults, Go peers", prepare };

async function prepare(): Promise<PreparedSuite> {
  const peer = await Peer.start("kubeserver");
  const target: TargetOptions = {
    url: `http://${peer.address}`,
    pod: { name: "pod" },
  };
  return {
    version: peer.hello.version,
    scenarios: [
      { name: "the server is killed in mid-transfer", run: killedServer },
      { name: "the client is killed in mid-transfer", run: killedClient },
      {
        name: "a process ends while its stdin is being sent",
        run: () => earlyExit(peer.address),
      },
      {
        name: "64 MiB for a slow reader, ours",
        run: () => slowReader(peer.port),
      },
      { name: "64 MiB for a slow reader, client-go", run: slowClient },
      { name: "500 execs one after the other", run: () => manyExecs(target) },
    ],
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

async function killedServer(): Promise<void> {
  await using peer = await Peer.start("kubeserver");
  await using process = await exec({
    url: `http://${peer.address}`,
    pod: { name: "pod" },
    command: ["produce", `${1024 * MIB}`],
    stderr: false,
  });
  let size = 0;
  // A truncated output must be an error.
  await assertRejects(async () => {
    for await (const chunk of process.stdout) {
      if (size === 0) await peer.kill();
      size += chunk.length;
    }
  }, ConnectionClosedError);
  await assertRejects(() => process.status, ConnectionClosedError);
}

async function killedClient(): Promise<void> {
  const gone = Promise.withResolvers<void>();
  await using server = servePretendPod({
    async exec({ stdout, signal }) {
      signal.addEventListener("abort", () => gone.resolve());
      await patternStream(1024 * MIB).pipeTo(stdout);
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}/exec/x?command=a&output=1`;
  const client = new Deno.Command(await goProgram("kubeclient"), {
    args: ["exec", "-url", url, "-stderr=false", "-read-delay=10ms"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => client.kill("SIGKILL"), 500);
  await client.status;
  clearTimeout(timer);
  await gone.promise;
}

async function earlyExit(address: string): Promise<string> {
  const command = ["sh", "-c", "echo done; exit 5"];
  const query = command.map((word) => `command=${encodeURIComponent(word)}`);
  const runtimeUrl = `http://${address}/cri/exec?${
    query.join("&")
  }&stdin=1&stdout=1`;
  let whole = 0;
  for (let i = 0; i < 40; i++) {
    const direct = i % 2 === 0;
    const target: TargetOptions = direct
      ? { url: await (await fetch(runtimeUrl)).text() }
      : { url: `http://${address}`, pod: { name: "pod" } };
    const result = await runWithUnreadInput(target, command);
    if (result === "done\n 5") {
      whole++;
      continue;
    }
    // An API server's proxy drops what it has not passed on when one side
    // breaks off (apimachinery 0.37). This loss is allowed if it is reported;
    // client-go reports success in this case.
    assertEquals(result, "lost");
    assert(!direct, "lost although no proxy was in between");
  }
  return `${whole} of 40 whole, ${40 - whole} reported as broken`;
}

/** Output and exit code of a process that ends while 64 MiB of stdin are being sent. */
async function runWithUnreadInput(
  target: TargetOptions,
  command: string[],
): Promise<string> {
  await using process = await exec({
    ...target,
    command,
    stdin: true,
    stderr: false,
  });
  // The rest of stdin cannot be delivered, and the write fails.
  const sent = patternStream(BODY).pipeTo(process.stdin).catch(() => {});
  try {
    const stdout = await new Response(process.stdout).text();
    return `${stdout} ${(await process.status).code}`;
  } catch (error) {
    assertInstanceOf(error, ConnectionClosedError);
    return "lost";
  } finally {
    await sent;
  }
}

async function slowReader(port: number): Promise<string> {
  await using relay = new CountingRelay(port);
  await using process = await exec({
    url: `http://127.0.0.1:${relay.port}`,
    pod: { name: "pod" },
    command: ["produce", `${BODY}`],
    stderr: false,
    // The relay carries one connection.
    transport: "spdy",
  });
  await pause(1500);
  const underway = relay.toClient;
  assertLess(underway, await maxUnderway());
  assertEquals(await digest(process.stdout), await patternDigest(BODY));
  assertEquals((await process.status).code, 0);
  return `${(underway / MIB).toFixed(1)} MiB under way to a reader that waits`;
}

async function slowClient(): Promise<string> {
  let written = 0;
  let highest = 0;
  await using server = servePretendPod({
    async exec({ stdout }) {
      const counted = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          written += chunk.length;
          controller.enqueue(chunk);
        },
      });
      await patternStream(BODY).pipeThrough(counted).pipeTo(stdout);
    },
  });
  await using relay = new CountingRelay(server.addr.port);
  const timer = setInterval(() => {
    highest = Math.max(highest, written - relay.toClient);
  }, 10);
  const url = `http://127.0.0.1:${relay.port}/exec/x?output=1`;
  const { stdout } = await playJson<{ stdout: Record<string, unknown> }>(
    "kubeclient",
    ["exec", "-url", url, "-stderr=false", "-read-delay=1ms"],
  );
  clearInterval(timer);
  assertEquals(`${stdout.size} ${stdout.sha256}`, await patternDigest(BODY));
  assertLess(highest, await maxUnderway());
  return `at most ${(highest / MIB).toFixed(1)} MiB held for it`;
}

async function manyExecs(target: TargetOptions): Promise<string> {
  const run = async (): Promise<void> => {
    const process = await exec({ ...target, command: ["sh", "-c", "exit 3"] });
    await Promise.all([digest(process.stdout), digest(process.stderr)]);
    assertEquals((await process.status).code, 3);
    await process.close();
  };
  for (let i = 0; i < 50; i++) await run();
  const files = openFiles();
  const memory = await memoryInUse();
  for (let i = 0; i < 500; i++) await run();
  const grown = await memoryInUse() - memory;
  assert(openFiles() <= files, `${openFiles() - files} file descriptors more`);
  assertLess(grown, 4 * MIB);
  const sign = grown < 0 ? "" : "+";
  return `memory in use ${sign}${(grown / MIB).toFixed(1)} MiB, descriptors +0`;
}

/**
 * Most bytes that may be under way to a reader that does not read: what the ends
 * hold, and the socket buffers in between, which a kernel may let grow to 32 MiB
 * each when the machine is busy.
 */
async function maxUnderway(): Promise<number> {
  const largest = async (name: string): Promise<number> => {
    const text = await Deno.readTextFile(`/proc/sys/net/ipv4/${name}`);
    return Number(text.trim().split(/\s+/).at(-1));
  };
  const bound = HELD_BY_THE_ENDS + await largest("tcp_rmem") +
    await largest("tcp_wmem");
  // Otherwise the whole body could be under way, and the scenario would show
  // nothing.
  assertLess(bound, BODY);
  return bound;
}

/** Passes one connection on, no faster than the client takes the bytes, and counts them. */
class CountingRelay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #passing: Promise<void>;
  readonly #conns: Deno.Conn[] = [];
  /** Bytes passed to the client. */
  toClient = 0;

  constructor(port: number) {
    this.#passing = this.#pass(port);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    // Closed here and not by the ends, because a scenario that fails leaves
    // them open, and waiting for them would hide its failure behind the
    // timeout.
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch {
        // It was closed together with its streams.
      }
    }
    await this.#passing;
  }

  async #pass(port: number): Promise<void> {
    const client = await this.#listener.accept();
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#conns.push(client, server);
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.toClient += chunk.length;
        controller.enqueue(chunk);
      },
    });
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      server.readable.pipeThrough(counter).pipeTo(client.writable),
    ]);
  }
}

/** Bytes in use after a collection, so that memory which can be collected is no leak. */
async function memoryInUse(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("run with --v8-flags=--expose-gc");
  // Both ends of the last connections still have to close.
  for (let count = 0; count < 5; count++) {
    await pause(20);
    gc();
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
