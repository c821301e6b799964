/**
 * A cluster of one node: etcd, the API server, a kubelet and containerd, all on
 * the loopback interface. There is no scheduler and no controller: pods name
 * their node, and the pods of a deployment are made by hand.
 *
 * @module
 */

import {
  attach,
  type AttachOptions,
  exec,
  loadKubeConfig,
  portForward,
  type PortForwarder,
  type PortForwardOptions,
  type RemoteProcess,
} from "../../kubernetes/mod.ts";
import type { CommandOptions, Containers, Streams } from "./containers.ts";
import {
  type ApiObject,
  type ControlPlane,
  startControlPlane,
  until,
} from "./control_plane.ts";
import { makeCredentials, type User, USERS } from "./credentials.ts";
import { BOX_IMAGE } from "./images.ts";
import { type KubeConfigs, writeKubeConfigs } from "./kube_configs.ts";
import { Kubelet, NODE } from "./kubelet.ts";
import { KUBERNETES_VERSION, type KubernetesPrograms } from "./programs.ts";
import { Run } from "./runs.ts";
import { type Runtime, startRuntime } from "./runtime.ts";

const NAMESPACE = "default";
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** The properties of a pod that can be chosen. */
export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** Named ports of the container. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Names of further containers. */
  readonly others?: readonly string[];
  readonly name?: string;
}

/** A pod of the cluster, by its name. */
export interface ClusterPod {
  readonly name: string;
}

/** The cluster, started by {@linkcode startCluster}. */
export class Cluster implements Containers<ClusterPod>, AsyncDisposable {
  readonly #runtime: Runtime;
  #pods = 0;

  /** etcd and the API server. */
  readonly controlPlane: ControlPlane;
  /** The kubelet. */
  readonly kubelet: Kubelet;
  /** Files of all users. */
  readonly kubeConfigs: KubeConfigs;

  constructor(
    runtime: Runtime,
    controlPlane: ControlPlane,
    kubelet: Kubelet,
    kubeConfigs: KubeConfigs,
  ) {
    this.#runtime = runtime;
    this.controlPlane = controlPlane;
    this.kubelet = kubelet;
    this.kubeConfigs = kubeConfigs;
  }

  /** Processes whose descriptors are counted. */
  get processes(): Readonly<Record<string, number>> {
    return {
      "the API server": this.controlPlane.pid,
      "the kubelet": this.kubelet.pid,
      ...this.#runtime.processes,
    };
  }

  /** Starts a pod and waits until its container runs. */
  async runPod(
    command: readonly string[] = ["/bin/sleep", "100000"],
    streams: Streams = "",
    { labels, ports = {}, others = [], name }: PodOptions = {},
  ): Promise<ClusterPod> {
    const pod = { name: name ?? `pod-${this.#pods++}` };
    const container = (name: string): ApiObject => ({
      name,
      image: BOX_IMAGE,
      imagePullPolicy: "Never",
      command,
      stdin: streams.includes("i"),
      tty: streams.includes("t"),
      ports: name !== "main"
        ? []
        : Object.entries(ports).map(([name, containerPort]) => ({
          name,
          containerPort,
        })),
    });
    await this.controlPlane.create(PODS, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: pod.name, labels },
      spec: {
        nodeName: NODE,
        hostNetwork: true,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 1,
        containers: ["main", ...others].map(container),
      },
    });
    await until(`${pod.name} runs`, async () => {
      const { status } = await this.controlPlane.get(`${PODS}/${pod.name}`);
      if (status.phase === "Running") return true;
      throw new Error(`${status.phase}: ${status.message ?? "no reason"}`);
    });
    return pod;
  }

  /** Deletes a pod, without waiting for its end. */
  async deletePod({ name }: ClusterPod): Promise<void> {
    await this.controlPlane.delete(`${PODS}/${name}`, 1);
  }

  /** Waits until a deleted pod no longer exists. */
  async untilGone({ name }: ClusterPod): Promise<void> {
    await until(`${name} is gone`, async () => {
      const { items } = await this.controlPlane.get(PODS);
      return items.every((pod: ApiObject) => pod.metadata.name !== name);
    });
  }

  /** Runs a command in a pod, as the developer. */
  async exec(
    pod: ClusterPod,
    command: readonly string[],
    options: CommandOptions = {},
  ): Promise<RemoteProcess> {
    return await exec({ ...await this.#target(), pod, command, ...options });
  }

  /** Attaches to the container of a pod. */
  async attach(
    pod: ClusterPod,
    options: Omit<AttachOptions, "url" | "pod"> = {},
  ): Promise<RemoteProcess> {
    return await attach({ ...await this.#target(), pod, ...options });
  }

  /** Opens a session for connections to ports of a pod. */
  async portForward(
    pod: ClusterPod,
    options: Omit<PortForwardOptions, "url" | "pod"> = {},
  ): Promise<PortForwarder> {
    return await portForward({ ...await this.#target(), pod, ...options });
  }

  /** Stops the container of a pod without the kubelet. */
  async stop({ name }: ClusterPod): Promise<void> {
    const { status } = await this.controlPlane.get(`${PODS}/${name}`);
    const id: string = status.containerStatuses[0].containerID;
    await this.#runtime.ask("stop", id.replace("containerd://", ""), "1");
  }

  /** Ends everything, and reverts the changes of the run. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The kubelet ends first, because it would start again what is removed.
    await this.kubelet.kill();
    await this.controlPlane.kill();
    await this.#runtime[Symbol.asyncDispose]();
  }

  async #target(): Promise<Awaited<ReturnType<typeof targetOf>>> {
    return await targetOf(this.kubeConfigs.of("developer"));
  }
}

/** The options that `exec` and the other functions get from a kubeconfig. */
export async function targetOf(
  file: string,
): ReturnType<Awaited<ReturnType<typeof loadKubeConfig>>["target"]> {
  const config = await loadKubeConfig({ paths: [file] });
  return await config.target();
}

/** Starts everything. Throws `OptionalToolError` if the kernel forbids containers. */
export async function startCluster(
  programs: KubernetesPrograms,
  cri: string,
): Promise<Cluster> {
  const run = await Run.begin();
  let runtime: Runtime | undefined;
  let kubelet: Kubelet | undefined;
  try {
    const credentials = await makeCredentials(`${run.folder}/tls`);
    const [controlPlane] = await Promise.all([
      startControlPlane(run, programs.apiServer, credentials),
      startRuntime(cri, run).then((started) => runtime = started),
    ]);
    if (runtime === undefined) throw new Error("there is no runtime");
    const { url } = controlPlane;
    kubelet = new Kubelet(run, programs.kubelet);
    await kubelet.configure(url, credentials);
    await kubelet.start();
    await grantAccess(controlPlane);
    const configs = await writeKubeConfigs(run.folder, url, credentials);
    const cluster = new Cluster(runtime, controlPlane, kubelet, configs);
    await until("the node is ready", async () => {
      const { status } = await controlPlane.get(`/api/v1/nodes/${NODE}`);
      return status.conditions.some((each: ApiObject) =>
        each.type === "Ready" && each.status === "True"
      );
    });
    return cluster;
  } catch (error) {
    await kubelet?.kill();
    await run[Symbol.asyncDispose]();
    throw error;
  }
}

/** Its version. */
export { KUBERNETES_VERSION };

/** Makes the roles of all users, and the namespace. */
async function grantAccess(controlPlane: ControlPlane): Promise<void> {
  await until("there is a namespace", async () => {
    await controlPlane.get(`/api/v1/namespaces/${NAMESPACE}`);
    return true;
  });
  const subresources = ["pods/exec", "pods/attach", "pods/portforward"];
  for (const user of Object.keys(USERS) as User[]) {
    const verbs = USERS[user];
    if (verbs.length === 0) continue;
    const isDeveloper = user.startsWith("developer");
    await controlPlane.create(`${RBAC}/clusterroles`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: user },
      rules: [
        { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
        { apiGroups: [""], resources: subresources, verbs },
        ...(isDeveloper
          ? [
            {
              apiGroups: ["", "apps"],
              resources: ["pods", "services", "deployments"],
              verbs: ["get", "list", "watch"],
            },
          ]
          : []),
      ],
    });
    await controlPlane.create(`${RBAC}/clusterrolebindings`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: user },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: user,
      },
      subjects: [{
        kind: "User",
        name: user,
        apiGroup: "rbac.authorization.k8s.io",
      }],
    });
  }
}
