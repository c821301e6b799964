/**
 * Runs this module's client, its command line, and other clients against a real
 * cluster: etcd, kube-apiserver and kubelet of one release, with containerd and
 * runc. It prints one table. An argument is a pattern that selects scenarios:
 *
 *     deno task cluster port-forward
 *
 * It needs root, Go, and Debian's packages containerd, runc, busybox-static and
 * etcd-server. The first run builds the programs. If the kernel forbids
 * containers, the table says SKIPPED with the reason, and this is no failure.
 *
 * @module
 */

import { goProgram, OptionalToolError, requireTool } from "../interop/peers.ts";
import {
  type PreparedSuite,
  runSuites,
  type Suite,
} from "../interop/report.ts";
import { webSocketClientsOf } from "../interop/websocket_clients.ts";
import { accessScenarios } from "./access_scenarios.ts";
import { attachScenarios } from "./attach_scenarios.ts";
import { bulkScenarios } from "./bulk_scenarios.ts";
import { type Cluster, KUBERNETES_VERSION, startCluster } from "./cluster.ts";
import { clusterFaults } from "./cluster_faults.ts";
import { commandLineScenarios } from "./command_line_scenarios.ts";
import { execScenarios } from "./exec_scenarios.ts";
import { stopScenarios } from "./fault_scenarios.ts";
import { forwardScenarios } from "./forward_scenarios.ts";
import { kubectlSuites } from "./kubectl_scenarios.ts";
import { kubernetesPrograms } from "./programs.ts";
import { CLUSTER_WAYS } from "./transports.ts";

let starting: Promise<Cluster> | undefined;
let ending: Promise<void> | undefined;

const suite: Suite = {
  peer: "cluster",
  async prepare(): Promise<PreparedSuite> {
    if (Deno.build.os !== "linux") {
      throw new OptionalToolError("SKIPPED: containers need Linux");
    }
    if (Deno.uid() !== 0) {
      throw new OptionalToolError("SKIPPED: starting containers needs root");
    }
    for (const tool of ["containerd", "runc", "etcd"]) {
      await requireTool(tool, ["--version"]);
    }
    await requireTool("busybox", ["--help"]);
    const cri = await goProgram("cri");
    const programs = await kubernetesPrograms();
    starting ??= startCluster(programs, cri);
    const cluster = await starting;
    const pod = await cluster.runPod();
    await runWeb(cluster);
    return {
      version: KUBERNETES_VERSION,
      scenarios: [
        ...execScenarios(cluster, pod, CLUSTER_WAYS),
        ...bulkScenarios(cluster, pod, CLUSTER_WAYS, {
          spdy: 20,
          websocket: 20,
        }),
        ...attachScenarios(cluster, CLUSTER_WAYS),
        ...forwardScenarios(cluster, pod, ["spdy", "websocket"]),
        ...stopScenarios(cluster, CLUSTER_WAYS),
        ...accessScenarios(cluster, pod),
        ...clusterFaults(cluster, pod, CLUSTER_WAYS),
        ...commandLineScenarios(cluster, pod),
      ],
      [Symbol.asyncDispose]: async () => {},
    };
  },
};

/** The pod that the other clients use: it answers each line of its input with two. */
async function runWeb(cluster: Cluster): Promise<void> {
  const script = 'while read line; do echo "this is web"; echo "$line"; done';
  await cluster.runPod(["/bin/sh", "-c", script], "-i", { name: "web" });
}

/** The cluster that the first suite has started. */
async function started(): Promise<Cluster> {
  if (starting === undefined) {
    throw new OptionalToolError("SKIPPED: there is no cluster");
  }
  return await starting;
}

/** Ends the cluster once, even if a signal and the end of the suite both ask for it. */
function end(): Promise<void> {
  ending ??= endCluster();
  return ending;
}

async function endCluster(): Promise<void> {
  // A cluster that does not start has removed itself.
  const cluster = await starting?.catch(() => undefined);
  await cluster?.[Symbol.asyncDispose]();
}

// The shims and their containers are not children of this process, so they
// would continue to run after it.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => void end().finally(() => Deno.exit(1)));
}
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  console.error("cluster: nobody handled this rejection:", event.reason);
  void end().finally(() => Deno.exit(1));
});
const passed = await runSuites(
  [
    suite,
    ...kubectlSuites(started),
    ...webSocketClientsOf(async () =>
      (await started()).kubeConfigs.of("developer")
    ),
  ],
  { scenario: Deno.args[0] },
  "cluster",
);
await end();
Deno.exit(passed ? 0 : 1);
