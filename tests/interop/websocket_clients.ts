/**
 * Clients that speak WebSockets only, against the example server: the Python
 * client, and the Node client in two versions.
 *
 * @module
 */

import { assertEquals } from "../deps.ts";
import { servePod } from "../../examples/kubernetes_server.ts";
import { installNodePackages } from "./peers.ts";
import { serveTarget } from "./pretend_pod.ts";
import { installPythonPackages } from "./python.ts";
import type { PreparedSuite, Suite } from "./report.ts";

const PYTHON_VERSION = "37.0.2";
const NODE_VERSIONS = {
  "client-node-1": "1.3.0",
  "client-node-2": "2.0.1",
};
/** Longest time of a client, ms. */
const DEADLINE = 240_000;
const decoder = new TextDecoder();

/** Clients that speak WebSockets only. */
export const webSocketClientSuites: readonly Suite[] = [
  ...webSocketClientsOf(),
];

/** The same with the cluster of a kubeconfig; it has a pod "web". */
export function webSocketClientsOf(
  kubeConfig?: () => Promise<string>,
): readonly Suite[] {
  return [
    {
      peer: "Python client",
      prepare: async () => await preparePython(await kubeConfig?.()),
    },
    ...Object.entries(NODE_VERSIONS).map(([name, version]): Suite => ({
      peer: "Node client",
      prepare: async () =>
        await prepareNode(name, version, await kubeConfig?.()),
    })),
  ];
}

/** Each scenario: its key in the output of a client, its name, and the expected value. */
const WANTED: [key: string, name: string, wanted: unknown][] = [
  ["outputs", "exec: outputs and exit code", ["out\n", "err\n", 3]],
  ["standard_input", "exec: standard input", [/hello\n$/, 4]],
  ["large", "exec: 8 MiB of stdout", [8 << 20, 0]],
  ["attach", "attach", ["this is web", "echo"]],
  ["forward", "port-forward", ["200", 1000, ""]],
];

async function preparePython(
  kubeConfig: string | undefined,
): Promise<PreparedSuite> {
  const folder = await installPythonPackages("kubernetes", [
    `kubernetes==${PYTHON_VERSION}`,
  ]);
  const program = new URL("python/kubernetes_client.py", import.meta.url);
  return await suiteOf(
    PYTHON_VERSION,
    (server, port) => [`${folder}/python`, program.pathname, server, port],
    [["pod", "read a pod", 0]],
    kubeConfig,
  );
}

async function prepareNode(
  name: string,
  version: string,
  kubeConfig: string | undefined,
): Promise<PreparedSuite> {
  const folder = await installNodePackages("client_node");
  const program = await runtimeFor(folder, name);
  return await suiteOf(
    version,
    (server, port) => [
      ...program,
      `${folder}/client.mjs`,
      name,
      server,
      port,
    ],
    [],
    kubeConfig,
  );
}

/** Node if it can load the package (version 2 needs Node 22.19), otherwise Deno. */
async function runtimeFor(
  folder: string,
  name: string,
): Promise<readonly string[]> {
  const { success } = await new Deno.Command("node", {
    args: ["--input-type=module", "--eval", `await import("${name}")`],
    cwd: folder,
    stdout: "null",
    stderr: "null",
  }).output();
  return success
    ? ["node"]
    : [Deno.execPath(), "run", "-A", "--node-modules-dir=manual"];
}

/** Runs the client once. Each scenario checks its part of the output. */
async function suiteOf(
  version: string,
  command: (server: string, port: string) => readonly string[],
  more: readonly [key: string, name: string, wanted: unknown][],
  kubeConfig: string | undefined,
): Promise<PreparedSuite> {
  await using server = servePod(0);
  await using target = serveTarget();
  const [program, ...args] = command(
    kubeConfig ?? `http://127.0.0.1:${server.addr.port}`,
    `${target.addr.port}`,
  );
  const { stdout, stderr } = await new Deno.Command(program, {
    args,
    signal: AbortSignal.timeout(DEADLINE),
  }).output();
  const line = decoder.decode(stdout).trim().split("\n").at(-1) ?? "";
  if (line === "") throw new Error(decoder.decode(stderr).slice(-500));
  const results: Record<string, unknown> = JSON.parse(line);
  return {
    version,
    scenarios: [...more, ...WANTED].map(([key, name, wanted]) => ({
      name,
      // deno-lint-ignore require-await
      run: async () => check(results[key], wanted),
    })),
    async [Symbol.asyncDispose]() {},
  };
}

function check(result: unknown, wanted: unknown): void {
  if (!Array.isArray(wanted) || !Array.isArray(result)) {
    assertEquals(result, wanted);
    return;
  }
  const seen = result.map((value, index) =>
    wanted[index] instanceof RegExp && wanted[index].test(value)
      ? wanted[index]
      : value
  );
  assertEquals(seen, wanted);
}
