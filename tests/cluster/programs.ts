/**
 * kube-apiserver and kubelet, built once from their modules, because no registry
 * offers them ready-made.
 *
 * @module
 */

import { cacheFolder, requireTool } from "../interop/peers.ts";

/** The release that `go/go.mod` requires. */
export const KUBERNETES_VERSION = "1.34.1";

const SOURCES = new URL("go/", import.meta.url);
const NAMES = ["kube-apiserver", "kubelet"] as const;
/** Longest build from cold caches, ms. */
const BUILD_TIMEOUT = 30 * 60_000;

/** The folder of the programs. */
export interface KubernetesPrograms {
  readonly apiServer: string;
  readonly kubelet: string;
}

/** Builds the programs unless an earlier run has; from cold caches this takes about 15 minutes on two cores. */
export async function kubernetesPrograms(): Promise<KubernetesPrograms> {
  const folder = `${cacheFolder()}/spdy-cluster/v${KUBERNETES_VERSION}`;
  const [apiServer, kubelet] = NAMES.map((name) => `${folder}/${name}`);
  if (!await exists(apiServer) || !await exists(kubelet)) await build(folder);
  return { apiServer, kubelet };
}

async function build(folder: string): Promise<void> {
  await requireTool("go", ["version"]);
  console.error(
    `building kube-apiserver and kubelet ${KUBERNETES_VERSION}, once: about 15 minutes`,
  );
  const [major, minor] = KUBERNETES_VERSION.split(".");
  const version = "k8s.io/component-base/version";
  const stamps = {
    gitVersion: `v${KUBERNETES_VERSION}`,
    gitMajor: major,
    gitMinor: minor,
  };
  const flags = Object.entries(stamps)
    .map(([name, value]) => `-X ${version}.${name}=${value}`);
  // Built next to the others first, so that an interrupted build leaves no
  // incomplete program.
  const scratch = `${folder}.building`;
  await Deno.mkdir(scratch, { recursive: true });
  const output = await new Deno.Command("go", {
    args: [
      "build",
      "-trimpath",
      "-buildvcs=false",
      "-mod=readonly",
      `-ldflags=-s -w ${flags.join(" ")}`,
      "-o",
      `${scratch}/`,
      ...NAMES.map((name) => `k8s.io/kubernetes/cmd/${name}`),
    ],
    cwd: SOURCES,
    env: { CGO_ENABLED: "0" },
    stderr: "piped",
    signal: AbortSignal.timeout(BUILD_TIMEOUT),
  }).output();
  if (!output.success) {
    const text = new TextDecoder().decode(output.stderr);
    throw new Error(`go build failed:\n${text.slice(-2000)}`);
  }
  await Deno.mkdir(folder, { recursive: true });
  for (const name of NAMES) {
    await Deno.rename(`${scratch}/${name}`, `${folder}/${name}`);
  }
  await Deno.remove(scratch);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
