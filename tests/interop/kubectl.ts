/**
 * kubectl against the example server, with its WebSockets switched on and off.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../deps.ts";
import { servePod } from "../../examples/kubernetes_server.ts";
import { Random } from "../helpers/random.ts";
import { digest } from "./pattern.ts";
import { goProgram, play, type Played, requireTool } from "./peers.ts";
import { serveTarget } from "./pretend_pod.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";

const MIB = 1 << 20;
const decoder = new TextDecoder();

/** kubectl against the example's pretend pod. */
export const kubectlSuite: Suite = { peer: "kubectl", prepare };

/** Runs kubectl in a folder of its own, against one server. */
class Kubectl {
  readonly #server: string;
  readonly #env: Record<string, string>;

  constructor(port: number, home: string, webSockets: boolean) {
    this.#server = `--server=http://127.0.0.1:${port}`;
    this.#env = {
      HOME: home,
      KUBECONFIG: "/dev/null",
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: `${webSockets}`,
      KUBECTL_PORT_FORWARD_WEBSOCKETS: `${webSockets}`,
    };
  }

  run(args: string[], stdin?: string): Promise<Played> {
    return play("kubectl", [this.#server, ...args], {
      stdin,
      env: this.#env,
      timeout: 60_000,
    });
  }

  async spawn(args: string[]): Promise<Deno.ChildProcess> {
    return new Deno.Command(await goProgram("kubectl"), {
      args: [this.#server, ...args],
      env: this.#env,
      stdout: "piped",
      stderr: "null",
    }).spawn();
  }

  /** Runs it in a terminal of 100 x 30 characters; the output as the terminal shows it. */
  async runInTerminal(args: string[]): Promise<{ code: number; text: string }> {
    const program = await goProgram("kubectl");
    const words = [program, this.#server, ...args].map((word) => `'${word}'`);
    const { code, stdout } = await new Deno.Command("script", {
      args: [
        "--quiet",
        "--return",
        "--command",
        `stty columns 100 rows 30; ${words.join(" ")}`,
        "/dev/null",
      ],
      env: this.#env,
      stdin: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    return { code, text: decoder.decode(stdout) };
  }
}

async function prepare(): Promise<PreparedSuite> {
  const home = await Deno.makeTempDir();
  const server = servePod(0);
  const target = serveTarget();
  const { stdout } = await play("kubectl", [
    "version",
    "--client",
    "--output=json",
  ], { env: { HOME: home } });
  const version = await moduleVersion() ??
    JSON.parse(stdout).clientVersion.gitVersion;
  const scenarios = [true, false].flatMap((webSockets) => {
    const kubectl = new Kubectl(server.addr.port, home, webSockets);
    const suffix = webSockets ? "WebSockets on" : "WebSockets off";
    return [
      ["exec: outputs and exit code", () => execWithExit(kubectl)],
      ["exec -i: 8 MiB through a pipe", () => execInput(kubectl)],
      ["exec -it in a terminal", () => execInTerminal(kubectl)],
      ["attach -i", () => attach(kubectl)],
      ["cp of a directory, both ways", () => copy(kubectl, home)],
      [
        "port-forward, 50 requests",
        () => portForward(kubectl, target.addr.port),
      ],
    ].map(([name, run]) => ({ name: `${name}; ${suffix}`, run }) as Scenario);
  });
  return {
    version,
    scenarios,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await target.shutdown();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** kubectl itself says "v0.0.0" unless its release build stamps it. */
async function moduleVersion(): Promise<string | undefined> {
  const { stdout } = await new Deno.Command("go", {
    args: ["version", "-m", await goProgram("kubectl")],
  }).output();
  return /k8s\.io\/kubectl\s+(\S+)/.exec(decoder.decode(stdout))?.[1];
}

async function execWithExit(kubectl: Kubectl): Promise<void> {
  const command = "echo out; echo err >&2; exit 7";
  const { code, stdout, stderr } = await kubectl.run([
    "exec",
    "web",
    "--",
    "sh",
    "-c",
    command,
  ]);
  assertEquals({ code, stdout }, { code: 7, stdout: "out\n" });
  assertMatch(stderr, /^err\n/);
}

async function execInput(kubectl: Kubectl): Promise<void> {
  const text = "0123456789abcdef".repeat(MIB / 2);
  const { code, stdout } = await kubectl.run(
    ["exec", "-i", "web", "--", "cat"],
    text,
  );
  assertEquals(code, 0);
  assertEquals(stdout === text, true, `${stdout.length} bytes came back`);
}

async function execInTerminal(kubectl: Kubectl): Promise<void> {
  await requireTool("script", ["--version"]);
  // The size travels on a stream of its own; the command may start before it.
  const command = "sleep 0.5; stty size; tty; exit 3";
  const { code, text } = await kubectl.runInTerminal(
    ["exec", "-it", "web", "--", "sh", "-c", command],
  );
  assertEquals(code, 3);
  assertMatch(text, /30 100\r\n\/dev\/pts\/\d+\r\n/);
}

async function attach(kubectl: Kubectl): Promise<void> {
  const { code, stdout } = await kubectl.run(
    ["attach", "-i", "web"],
    "hello\n",
  );
  assertEquals({ code, stdout }, { code: 0, stdout: "this is web\nhello\n" });
}

async function copy(kubectl: Kubectl, home: string): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: home });
  const random = new Random(5);
  await Deno.mkdir(`${folder}/from/deep`, { recursive: true });
  await Deno.writeFile(`${folder}/from/deep/large`, random.bytes(5 * MIB));
  await Deno.writeTextFile(`${folder}/from/small`, "small\n");
  for (
    const [from, to] of [
      [`${folder}/from`, `web:${folder}/there`],
      [`web:${folder}/there`, `${folder}/back`],
    ]
  ) {
    const { code, stderr } = await kubectl.run(["cp", from, to]);
    assertEquals(code, 0, stderr);
  }
  for (const file of ["deep/large", "small"]) {
    assertEquals(
      await fileDigest(`${folder}/back/${file}`),
      await fileDigest(`${folder}/from/${file}`),
    );
  }
}

async function fileDigest(path: string): Promise<string> {
  return await digest((await Deno.open(path)).readable);
}

async function portForward(kubectl: Kubectl, port: number): Promise<void> {
  const process = await kubectl.spawn(["port-forward", "web", `0:${port}`]);
  try {
    const local = await forwardedPort(process.stdout);
    await Promise.all(Array.from({ length: 50 }, async () => {
      const response = await fetch(`http://127.0.0.1:${local}/${MIB}`);
      const sum = await digest(response.body ?? []);
      assertEquals(sum, `${MIB} ${response.headers.get("digest")}`);
    }));
  } finally {
    process.kill();
    await process.status;
  }
}

/** The local port kubectl tells; its output is read on, or it would die of a broken pipe. */
function forwardedPort(output: ReadableStream<Uint8Array>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let text = "";
  output.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(chunk) {
        text += chunk;
        const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(text);
        if (found !== null) resolve(Number(found[1]));
      },
      close() {
        reject(new Error(`kubectl port-forward ended: ${text}`));
      },
    }),
  ).catch(reject);
  return promise;
}
