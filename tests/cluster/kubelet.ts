/**
 * The kubelet, which runs the pods of the API server on this machine.
 *
 * @module
 */

import type { Credentials } from "./credentials.ts";
import { freePort } from "./control_plane.ts";
import { readSettings } from "./kernel_settings.ts";
import { killStarted, type Run, socketIn } from "./runs.ts";

/** The name of the node. */
export const NODE = "localhost";

/** Folders that a kubelet creates whatever its configuration is, the deepest first. */
const FOLDERS = [
  "/var/lib/kubelet/device-plugins",
  "/var/lib/kubelet/pod-resources",
  "/var/lib/kubelet",
  "/var/log/containers",
  "/usr/libexec/kubernetes",
];

/** A kubelet. */
export class Kubelet {
  readonly #run: Run;
  readonly #program: string;
  #process: Deno.ChildProcess | undefined;

  constructor(run: Run, program: string) {
    this.#run = run;
    this.#program = program;
  }

  /** Its process. */
  get pid(): number {
    if (this.#process === undefined) throw new Error("no kubelet runs");
    return this.#process.pid;
  }

  /** Writes its files. `url` is that of the API server. */
  async configure(url: string, { file }: Credentials): Promise<void> {
    const { folder, cgroup } = this.#run;
    // Settings of the whole machine that the kubelet changes when it starts.
    await this.#run.remember(await readSettings());
    await this.#run.rememberFolders(FOLDERS);
    await Deno.mkdir(`${folder}/kubelet`);
    await writeJson(`${folder}/kubelet/config`, {
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      address: "127.0.0.1",
      port: freePort(),
      readOnlyPort: 0,
      healthzBindAddress: "127.0.0.1",
      healthzPort: freePort(),
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: false },
        x509: { clientCAFile: file("ca.pem") },
      },
      authorization: { mode: "AlwaysAllow" },
      containerRuntimeEndpoint: `unix://${socketIn(folder)}`,
      cgroupDriver: "cgroupfs",
      cgroupRoot: `/${cgroup}`,
      cgroupsPerQOS: false,
      enforceNodeAllocatable: [],
      failSwapOn: false,
      failCgroupV1: false,
      podLogsDir: `${folder}/kubelet/logs`,
      volumePluginDir: `${folder}/kubelet/plugins`,
      tlsCertFile: file("server.pem"),
      tlsPrivateKeyFile: file("server.key"),
      makeIPTablesUtilChains: false,
      nodeStatusUpdateFrequency: "2s",
      evictionHard: {
        "memory.available": "10Mi",
        "nodefs.available": "1%",
        "imagefs.available": "1%",
      },
      imageGCHighThresholdPercent: 100,
    });
    await writeJson(`${folder}/kubelet/kubeconfig`, {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{
        name: "cluster",
        cluster: { server: url, "certificate-authority": file("ca.pem") },
      }],
      users: [{
        name: "node",
        user: {
          "client-certificate": file("node.pem"),
          "client-key": file("node.key"),
        },
      }],
      contexts: [{
        name: "node",
        context: { cluster: "cluster", user: "node" },
      }],
      "current-context": "node",
    });
  }

  /** Starts it. */
  async start(): Promise<void> {
    const folder = `${this.#run.folder}/kubelet`;
    this.#process = await this.#run.start(this.#program, [
      `--config=${folder}/config`,
      `--kubeconfig=${folder}/kubeconfig`,
      `--root-dir=${folder}/root`,
      `--cert-dir=${folder}/pki`,
      `--hostname-override=${NODE}`,
    ]);
  }

  /** Kills it, whatever it is doing. The containers continue to run. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await killStarted(process);
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2));
}
