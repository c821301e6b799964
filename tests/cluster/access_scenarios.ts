/**
 * Access control: every way in which a user can authenticate, and the verbs that
 * exec and the other requests need.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../deps.ts";
import {
  exec,
  portForward,
  StreamingRefusedError,
} from "../../kubernetes/mod.ts";
import type { Scenario } from "../interop/report.ts";
import { type Cluster, type ClusterPod, targetOf } from "./cluster.ts";
import type { Holder } from "./kube_configs.ts";

type Asked = "auto" | "spdy" | "websocket";

/** The ways to authenticate, and their names in the table. */
const PROOFS: readonly (readonly [Holder, string])[] = [
  ["developer", "a token"],
  ["developer-certificate", "a client certificate"],
  ["plugin", "a credential plugin"],
  ["impersonator", "impersonation"],
];

/** What a user gets: the transport that is used in the end, or the verb that is missing. */
const VERBS: readonly (readonly [Holder, Asked, string])[] = [
  ["get-only", "auto", "websocket"],
  ["get-only", "websocket", "websocket"],
  ["get-only", "spdy", "create"],
  ["create-only", "auto", "spdy"],
  ["create-only", "websocket", "get"],
  ["create-only", "spdy", "spdy"],
  ["nobody", "auto", "create"],
];

/** The scenarios of access control. */
export function accessScenarios(
  cluster: Cluster,
  pod: ClusterPod,
): Scenario[] {
  const run = async (
    holder: Holder,
    transport: Asked,
  ): Promise<string> => {
    const target = await targetOf(cluster.kubeConfigs.of(holder));
    const options = { ...target, pod, transport };
    await using process = await exec({
      ...options,
      command: ["sh", "-c", "echo out; exit 3"],
    });
    const { code, stdout } = await process.output();
    assertEquals([code, new TextDecoder().decode(stdout)], [3, "out\n"]);
    await using forwarder = await portForward(options);
    assertEquals(forwarder.transport, process.transport);
    return process.transport;
  };
  const refused = async (
    holder: Holder,
    transport: Asked,
    verb: string,
  ): Promise<string> => {
    const error = await assertRejects(
      () => run(holder, transport),
      StreamingRefusedError,
    );
    assertEquals(error.status, 403);
    const wanted = `User "${holder}" cannot ${verb} resource "pods/exec"`;
    assert(
      error.message.replaceAll('\\"', '"').includes(wanted),
      error.message,
    );
    return `403, needs ${verb}`;
  };
  return [
    ...PROOFS.map(([holder, name]): Scenario => ({
      name: `exec and port-forward with ${name}`,
      run: () => run(holder, "auto"),
    })),
    ...VERBS.map(([holder, transport, wanted]): Scenario => ({
      name: `verbs: ${holder} over ${transport}`,
      async run() {
        if (wanted === "get" || wanted === "create") {
          return await refused(holder, transport, wanted);
        }
        assertEquals(await run(holder, transport), wanted);
        return wanted;
      },
    })),
    {
      name: "exec: refusals name what is missing",
      async run() {
        const target = await targetOf(cluster.kubeConfigs.of("developer"));
        const command = ["true"];
        const cases: [number, string, Parameters<typeof exec>[0]][] = [
          [404, 'pods "none" not found', { ...target, pod: { name: "none" } }],
          [400, "container none is not valid", {
            ...target,
            pod: { ...pod, container: "none" },
          }],
          [401, "Unauthorized", {
            ...target,
            pod,
            headers: { authorization: "Bearer none" },
          }],
        ];
        for (const [status, words, options] of cases) {
          const error = await assertRejects(
            () => exec({ ...options, command }),
            StreamingRefusedError,
          );
          assertEquals(error.status, status);
          const text = error.message.replaceAll('\\"', '"');
          assert(text.includes(words), text);
        }
      },
    },
  ];
}
