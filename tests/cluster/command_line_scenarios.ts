/**
 * The command line, as a user of kubectl uses it: with nothing but a kubeconfig.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "../deps.ts";
import { command, run, runOnTerminal, start } from "../cli/process.ts";
import { withFolder } from "../helpers/folder.ts";
import { Lines } from "../helpers/lines.ts";
import type { Scenario } from "../interop/report.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { echo } from "./cluster_faults.ts";
import { EchoTarget } from "./forward_scenarios.ts";

const encoder = new TextEncoder();
const MIB = 1 << 20;

/** The scenarios of the command line. */
export function commandLineScenarios(
  cluster: Cluster,
  pod: ClusterPod,
): Scenario[] {
  const env = { KUBECONFIG: cluster.kubeConfigs.of("developer") };
  return [
    {
      name: "spdy exec: outputs and exit code",
      async run() {
        const { code, stdout, stderr } = await run(
          [
            "exec",
            pod.name,
            "--",
            "sh",
            "-c",
            "echo out; echo err >&2; exit 7",
          ],
          { env },
        );
        assertEquals([code, stdout, stderr], [7, "out\n", "err\n"]);
      },
    },
    {
      name: "spdy exec -i: 8 MiB of input",
      async run() {
        const { code, stdout } = await run(
          ["exec", "-i", pod.name, "--", "sh", "-c", "wc -c; true"],
          { env, input: new Uint8Array(8 * MIB) },
        );
        assertEquals([code, stdout], [0, `${8 * MIB}\n`]);
      },
    },
    {
      name: "spdy exec -it in a terminal",
      async run() {
        const text = await runOnTerminal([
          "exec",
          "--kubeconfig",
          env.KUBECONFIG,
          "-it",
          pod.name,
          "--",
          "sh",
          "-c",
          "tty",
        ]);
        assertMatch(text, /\/dev\/pts\/\d+\r\n/);
      },
    },
    {
      name: "spdy attach -i",
      run: () => attachTo("web", env),
    },
    {
      name: "spdy port-forward: svc/ by the name of a port",
      async run() {
        await using target = new EchoTarget();
        await exposed(cluster, target.port);
        const [program, ...args] = [
          "--kubeconfig",
          env.KUBECONFIG,
          "svc/exposed",
          ":http",
        ];
        await using forwarded = await start(["port-forward", program, ...args]);
        const port = Number(new URL(forwarded.url).port);
        assertEquals(await echo(port, "hello"), "hello");
      },
    },
    {
      name: "spdy cp: a folder, both ways, with checksums",
      run: () => copyFolder(env, pod),
    },
    {
      name: "spdy exec: several containers, one is chosen",
      async run() {
        const { name } = await cluster.runPod(undefined, "", {
          others: ["second"],
        });
        const first = await run(["exec", name, "--", "true"], { env });
        assertEquals(
          [first.code, first.stderr],
          [0, 'Defaulted container "main" out of: main, second\n'],
        );
        const second = await run(
          ["exec", name, "-c", "second", "--", "sh", "-c", "exit 5"],
          { env },
        );
        assertEquals([second.code, second.stderr], [5, ""]);
      },
    },
    {
      name: "spdy exec: a refusal is reported in one line",
      async run() {
        const cases: [string[], RegExp][] = [
          [["none", "--", "true"], /^spdy: .*pods "none" not found/],
          [
            [pod.name, "--", "/no/such"],
            /^spdy: .*\/no\/such.*no such file/,
          ],
          [
            [pod.name, "-c", "none", "--", "true"],
            /^spdy: .*container none is not valid/,
          ],
        ];
        for (const [args, wanted] of cases) {
          const { code, stderr } = await run(["exec", ...args], { env });
          assertMatch(stderr, wanted);
          assertEquals(stderr.trim().split("\n").length, 1, stderr);
          assert(code !== 0);
        }
        const nobody = await run(["exec", pod.name, "--", "true"], {
          env: { KUBECONFIG: cluster.kubeConfigs.of("nobody") },
        });
        assertMatch(nobody.stderr, /User "nobody" cannot/);
        assertEquals(nobody.stderr.trim().split("\n").length, 1);
      },
    },
  ];
}

/**
 * Keeps its input open until the answer has arrived, because containerd 1.6 ends
 * an attach together with its input, and a later answer of the process is lost.
 */
async function attachTo(
  pod: string,
  env: Record<string, string>,
): Promise<void> {
  const [program, ...args] = command(["attach", "-i", pod]);
  const process = new Deno.Command(program, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(encoder.encode("a line\n"));
  const lines = new Lines(process.stdout);
  assertEquals(await lines.next(), "this is web");
  assertEquals(await lines.next(), "a line");
  process.kill("SIGINT");
  await lines.rest();
  await process.status;
  await writer.close().catch(() => {});
}

/** A pod with a named port, and a service in front of it that names the port by another name. */
async function exposed(cluster: Cluster, port: number): Promise<void> {
  const labels = { app: "exposed" };
  await cluster.runPod(undefined, "", { labels, ports: { internal: port } });
  await cluster.controlPlane.create("/api/v1/namespaces/default/services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "exposed" },
    spec: {
      selector: labels,
      ports: [{ name: "http", port: 80, targetPort: "internal" }],
    },
  });
}

async function copyFolder(
  env: Record<string, string>,
  pod: ClusterPod,
): Promise<void> {
  const files = { "from/small": "small\n", "from/deep/empty": "" };
  await withFolder(files, async (folder) => {
    const large = Uint8Array.from(
      { length: 3 * MIB },
      (_, index) => (index * 7919) >>> 5,
    );
    await Deno.writeFile(`${folder}/from/deep/large`, large);
    await Deno.symlink("small", `${folder}/from/link`);
    const remote = `${pod.name}:/tmp/copied`;
    for (
      const [from, to] of [
        [`${folder}/from`, remote],
        [remote, `${folder}/back`],
      ]
    ) {
      const { code, stderr } = await run(["cp", "--verify", from, to], { env });
      assertEquals([code, stderr], [0, ""]);
    }
    assertEquals(await Deno.readFile(`${folder}/back/deep/large`), large);
    assertEquals(await Deno.readTextFile(`${folder}/back/small`), "small\n");
    assertEquals(await Deno.readLink(`${folder}/back/link`), "small");
  });
}
