/**
 * kubectl of several releases, for comparison with this module's command line.
 *
 * @module
 */

import { assertEquals } from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";
import {
  execInTerminal,
  execWithExit,
  fetchKubectl,
  Kubectl,
  portForward,
  RELEASES,
} from "../interop/kubectl.ts";
import { serveTarget } from "../interop/pretend_pod.ts";
import type { Scenario, Suite } from "../interop/report.ts";
import type { Cluster } from "./cluster.ts";

/** Releases of kubectl; the cluster has a pod "web". */
export function kubectlSuites(
  cluster: () => Promise<Cluster>,
): readonly Suite[] {
  return RELEASES.map(([minor, version]): Suite => ({
    peer: `kubectl 1.${minor}`,
    async prepare() {
      const { kubeConfigs } = await cluster();
      const home = await Deno.makeTempDir();
      const target = serveTarget();
      const kubectl = new Kubectl(
        await fetchKubectl(minor, version),
        `--kubeconfig=${kubeConfigs.of("developer")}`,
        home,
        undefined,
      );
      return {
        version: `1.${minor}`,
        scenarios: [
          {
            name: "exec: outputs and exit code",
            run: () => execWithExit(kubectl),
          },
          { name: "exec -i: 1 MiB of input", run: () => execInput(kubectl) },
          {
            name: "exec -it in a terminal",
            run: () => execInTerminal(kubectl),
          },
          { name: "cp of a file, both ways", run: () => copy(kubectl) },
          {
            name: "port-forward, 50 requests",
            run: () => portForward(kubectl, target.addr.port),
          },
        ] satisfies Scenario[],
        async [Symbol.asyncDispose]() {
          await target.shutdown();
          await Deno.remove(home, { recursive: true });
        },
      };
    },
  }));
}

/** The command continues after its input, because containerd would truncate the input otherwise. */
async function execInput(kubectl: Kubectl): Promise<void> {
  const text = "0123456789abcdef".repeat(1 << 16);
  const { code, stdout } = await kubectl.run(
    ["exec", "-i", "web", "--", "sh", "-c", "wc -c; true"],
    text,
  );
  assertEquals([code, stdout.trim()], [0, `${text.length}`]);
}

async function copy(kubectl: Kubectl): Promise<void> {
  await withFolder({ here: "a file\n" }, async (folder) => {
    for (
      const [from, to] of [
        [`${folder}/here`, "web:/tmp/there"],
        ["web:/tmp/there", `${folder}/back`],
      ]
    ) {
      const { code, stderr } = await kubectl.run(["cp", from, to]);
      assertEquals(code, 0, stderr);
    }
    assertEquals(await Deno.readTextFile(`${folder}/back`), "a file\n");
  });
}
