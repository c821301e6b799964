/**
 * Faults behind and in front of a command and a forwarded port: of the kubelet,
 * the API server, and the pod of a deployment.
 *
 * @module
 */

import { assert, assertEquals } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import { type ForwardEvent, forwardPorts } from "../../kubernetes/mod.ts";
import type { Scenario } from "../interop/report.ts";
import { type Cluster, type ClusterPod, targetOf } from "./cluster.ts";
import type { Way } from "./containers.ts";
import { nameOf } from "./fault_scenarios.ts";
import { EchoTarget } from "./forward_scenarios.ts";
import { readUntil, runScript } from "./transports.ts";

const APP = { app: "replaced" };

/** The process that is killed and started again. */
interface Part {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** The scenarios with faults. */
export function clusterFaults(
  cluster: Cluster,
  pod: ClusterPod,
  ways: readonly Way[],
): Scenario[] {
  const parts: readonly (readonly [string, Part])[] = [
    ["the kubelet", cluster.kubelet],
    ["the API server", cluster.controlPlane],
  ];
  return [
    {
      name: "forwardPorts: the pod behind deploy/ is replaced",
      run: () => replacePod(cluster),
    },
    ...parts.flatMap(([name, part]) => [
      ...ways.map((way): Scenario => ({
        name: `exec over ${way.transport}: ${name} is killed`,
        run: () => killDuringExec(cluster, pod, part, way),
      })),
      ...ways.map(({ transport }): Scenario => ({
        name: `forwardPorts over ${transport}: ${name} is killed`,
        run: () => killDuringForward(cluster, pod, part, transport),
      })),
    ]),
  ];
}

async function killDuringExec(
  cluster: Cluster,
  pod: ClusterPod,
  part: Part,
  way: Way,
): Promise<string> {
  await using process = await runScript(
    cluster,
    pod,
    "echo started; sleep 1000",
    { ...way, stdin: true },
  );
  const reader = process.stdout.getReader();
  await readUntil(reader, "started");
  await part.kill();
  let endings: string[];
  try {
    endings = await Promise.all([
      endOf(waitFor("stdout", reader.read())),
      endOf(waitFor("the status", process.status)),
    ]);
  } finally {
    await part.start();
  }
  await waitFor("a command that runs again", runsAgain(cluster, pod, way));
  // Over a WebSocket, the API server reports success when its kubelet has died.
  const isHabit = part === cluster.kubelet && way.transport === "websocket";
  const expected = isHabit ? "done, code 0" : `${BROKEN}, ${BROKEN}`;
  assertEquals(endings.join(", "), expected);
  return endings.join(", ");
}

/** How a command ends if its connection breaks. */
const BROKEN = "ConnectionClosedError";

async function endOf(
  ending: Promise<{ done: boolean } | { code: number | undefined }>,
): Promise<string> {
  try {
    const result = await ending;
    return "done" in result ? "done" : `code ${result.code}`;
  } catch (error) {
    return nameOf(error instanceof Error ? error : new Error(`${error}`));
  }
}

async function runsAgain(
  cluster: Cluster,
  pod: ClusterPod,
  way: Way,
): Promise<void> {
  for (;;) {
    try {
      await using process = await runScript(cluster, pod, "exit 4", way);
      assertEquals((await process.output()).code, 4);
      return;
    } catch (error) {
      // The kubelet does not listen yet.
      assert(
        error instanceof Error && error.name !== "AssertionError",
        error?.toString(),
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function killDuringForward(
  cluster: Cluster,
  { name }: ClusterPod,
  part: Part,
  transport: Way["transport"],
): Promise<string> {
  await using target = new EchoTarget();
  const events = new Events();
  await using ports = await forwardPorts({
    target: () => targetOf(cluster.kubeConfigs.of("developer")),
    resource: name,
    ports: [`0:${target.port}`],
    addresses: ["127.0.0.1"],
    transport,
    keepAlive: { interval: 1000, timeout: 1000 },
    onEvent: events.add,
  });
  const [{ port }] = ports.addresses;
  assertEquals(await echo(port, "before"), "before");
  await part.kill();
  try {
    await waitFor("the loss of the session", events.until("lost"));
  } finally {
    await part.start();
  }
  await waitFor("another session", events.until("connected", 2));
  assertEquals(await echo(port, "after"), "after");
  return events.types.join(", ");
}

async function replacePod(cluster: Cluster): Promise<string> {
  await using target = new EchoTarget();
  const ports = { echo: target.port };
  const first = await cluster.runPod(undefined, "", { labels: APP, ports });
  await cluster.controlPlane.create(
    "/apis/apps/v1/namespaces/default/deployments",
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "replaced" },
      spec: {
        selector: { matchLabels: APP },
        template: {
          metadata: { labels: APP },
          spec: { containers: [{ name: "main", image: "none" }] },
        },
      },
    },
  );
  const events = new Events();
  await using forwarded = await forwardPorts({
    target: () => targetOf(cluster.kubeConfigs.of("developer")),
    resource: "deploy/replaced",
    ports: ["0:echo"],
    addresses: ["127.0.0.1"],
    onEvent: events.add,
  });
  const [{ port }] = forwarded.addresses;
  assertEquals(await echo(port, "before"), "before");
  await cluster.deletePod(first);
  await waitFor("the end of the pod", events.until("leaving"));
  // Both use the same port of the host, so they run one after the other.
  await waitFor("the pod is gone", cluster.untilGone(first));
  const second = await cluster.runPod(undefined, "", { labels: APP, ports });
  await waitFor("the next pod", events.until("connected", 2));
  assertEquals(await echo(port, "after"), "after");
  assertEquals(events.pods, [first.name, second.name]);
  return events.types.join(", ");
}

/** Records events, and waits for them. */
class Events {
  readonly #all: ForwardEvent[] = [];
  #next = Promise.withResolvers<void>();

  readonly add = (event: ForwardEvent): void => {
    this.#all.push(event);
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  };

  /** The types of all events. */
  get types(): string[] {
    return this.#all.map(({ type }) => type);
  }

  /** The pods to which there was a session. */
  get pods(): string[] {
    return this.#all.flatMap((event) =>
      event.type === "connected" ? [event.pod] : []
    );
  }

  /** Waits until there were this many events of a type. */
  async until(type: ForwardEvent["type"], count = 1): Promise<void> {
    while (this.types.filter((each) => each === type).length < count) {
      await this.#next.promise;
    }
  }
}

/** Sends a text to a local port; resolves to everything that is sent back. */
export async function echo(port: number, text: string): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const writer = conn.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await conn.closeWrite();
  return await new Response(conn.readable).text();
}
