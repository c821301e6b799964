/**
 * client-go's SPDY executors and port forwarder against our server.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { patternDigest } from "./pattern.ts";
import { playJson } from "./peers.ts";
import { servePretendPod, serveTarget } from "./pretend_pod.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";

const RUNS = 50;
const MIB = 1 << 20;

/** client-go against our server. */
export const kubernetesServerSuite: Suite = { peer: "client-go", prepare };

interface Output {
  readonly size: number;
  readonly sha256: string;
  readonly text?: string;
}

interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Output;
  readonly stderr: Output;
}

async function prepare(): Promise<PreparedSuite> {
  const { version } = await playJson<{ version: string }>("kubeclient", [
    "version",
  ]);
  const server = servePretendPod();
  const target = serveTarget();
  const base =
    `http://127.0.0.1:${server.addr.port}/api/v1/namespaces/default/pods/pod`;
  const exec = (
    command: string[],
    streams: string,
    ...args: string[]
  ): Promise<ExecResult> => {
    const query = new URLSearchParams([
      ...command.map((word) => ["command", word]),
      ...streams.split(" ").map((name) => [name, "true"]),
    ]);
    return playJson("kubeclient", [
      "exec",
      "-url",
      `${base}/exec?${query}`,
      ...args,
    ]);
  };
  const forward = (transport: string): Scenario => ({
    name: `port-forward, 50 requests, ${transport}`,
    run: async () => {
      const port = `${target.addr.port}`;
      await playJson("kubeclient", [
        "portforward",
        "-url",
        `${base}/portforward`,
        "-port",
        port,
        "-transport",
        transport,
      ]);
    },
  });
  const scenarios: Scenario[] = [
    {
      name: "exec: outputs and exit code",
      run: async () => {
        const command = ["sh", "-c", "echo out; echo err >&2; exit 42"];
        const result = await exec(command, "stdout stderr");
        assertEquals(result.exitCode, 42);
        assertEquals(result.stdout.text, "out\n");
        assertEquals(result.stderr.text, "err\n");
      },
    },
    {
      name: "exec: stdout of 64 MiB, 50 times",
      run: async () => {
        const wanted = await patternDigest(64 * MIB);
        for (let i = 0; i < RUNS; i++) {
          const { stdout, exitCode } = await exec(
            ["produce", `${64 * MIB}`],
            "stdout stderr",
          );
          assertEquals(`${stdout.size} ${stdout.sha256}`, wanted);
          assertEquals(exitCode, 0);
        }
        return `${RUNS} of ${RUNS} whole`;
      },
    },
    {
      name: "exec: stdin of 16 MiB, 50 times",
      run: async () => {
        const wanted = await patternDigest(16 * MIB);
        for (let i = 0; i < RUNS; i++) {
          const { stdout } = await exec(
            ["consume"],
            "stdin stdout stderr",
            "-stdin",
            `${16 * MIB}`,
          );
          assertEquals(stdout.text, wanted);
        }
        return `${RUNS} of ${RUNS} whole`;
      },
    },
    {
      name: "exec: stdin to a process and back, 16 MiB",
      run: async () => {
        const { stdout } = await exec(
          ["cat"],
          "stdin stdout stderr",
          "-stdin",
          `${16 * MIB}`,
        );
        assertEquals(
          `${stdout.size} ${stdout.sha256}`,
          await patternDigest(16 * MIB),
        );
      },
    },
    {
      name: "exec: a process that leaves its stdin unread",
      run: async () => {
        const result = await exec(
          ["sh", "-c", "echo done; exit 5"],
          "stdin stdout stderr",
          "-stdin",
          `${64 * MIB}`,
        );
        assertEquals(result.exitCode, 5);
        assertEquals(result.stdout.text, "done\n");
      },
    },
    {
      name: "exec with a terminal: sizes",
      run: async () => {
        const { stdout } = await exec(
          ["sizes", "2"],
          "stdin stdout tty",
          "-tty",
          "-input",
          "x",
          "-sizes",
          "80x24,100x30",
        );
        assertEquals(stdout.text, "80x24\n100x30\n");
      },
    },
    {
      name: "exec: every sub-protocol",
      run: async () => {
        const run = (protocol: string): Promise<ExecResult> =>
          exec(
            ["sh", "-c", "echo out; exit 3"],
            "stdout stderr",
            "-protocols",
            protocol,
          );
        assertEquals((await run("v4.channel.k8s.io")).exitCode, 3);
        for (const protocol of ["v3.channel.k8s.io", "v2.channel.k8s.io"]) {
          await assertRejects(() => run(protocol), Error, "exit status 3");
        }
        // v1 ends when the outputs have ended, whatever is on the error stream.
        const first = await run("channel.k8s.io").catch((error) => error);
        if (!(first instanceof Error)) assertEquals(first.stdout.text, "out\n");
      },
    },
    {
      name: "exec: failure of the runtime",
      run: async () => {
        await assertRejects(
          () => exec(["fail", "no such thing"], "stdout stderr"),
          Error,
          "no such thing",
        );
      },
    },
    { name: "exec over TLS", run: execOverTls },
    {
      name: "exec: 500 one after the other",
      run: async () => {
        await exec(["sh", "-c", "exit 0"], "stdout stderr", "-repeat", "500");
      },
    },
    {
      name: "attach",
      run: async () => {
        const result = await playJson<ExecResult>("kubeclient", [
          "exec",
          "-url",
          `${base}/attach?stdin=true&stdout=true&stderr=true`,
          "-input",
          "hello",
        ]);
        assertEquals(result.stdout.text, "attached\nhello");
      },
    },
    forward("spdy"),
    forward("websocket"),
    forward("fallback"),
  ];
  return {
    version,
    scenarios,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await target.shutdown();
    },
  };
}

async function execOverTls(): Promise<void> {
  const { cert, key, caCert } = await makeCertificate();
  const file = await Deno.makeTempFile();
  await using server = servePretendPod({ cert, key });
  try {
    await Deno.writeTextFile(file, caCert);
    const query = new URLSearchParams([
      ["command", "produce"],
      ["command", `${64 * MIB}`],
      ["stdout", "true"],
    ]);
    const { stdout } = await playJson<ExecResult>("kubeclient", [
      "exec",
      "-url",
      `https://localhost:${server.addr.port}/api/v1/namespaces/default/pods/pod/exec?${query}`,
      "-stderr=false",
      "-ca",
      file,
    ]);
    assertEquals(
      `${stdout.size} ${stdout.sha256}`,
      await patternDigest(64 * MIB),
    );
  } finally {
    await Deno.remove(file);
  }
}
