/**
 * Faults while a command runs: of a container, a pod, and containerd itself. The
 * client gets a result or an error, and never waits forever.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import type { Scenario } from "../interop/report.ts";
import type { Containers, Way } from "./containers.ts";
import type { Pod, Runtime } from "./runtime.ts";
import { CONTAINERD_WAYS, readUntil, runScript } from "./transports.ts";

/** The scenarios with faults. The last ones kill containerd and start it again. */
export function faultScenarios(runtime: Runtime, pod: Pod): Scenario[] {
  return [
    ...stopScenarios(runtime, CONTAINERD_WAYS),
    ...CONTAINERD_WAYS.map((way): Scenario => ({
      name: `exec over ${way.transport}: containerd is killed`,
      run: () => killDuringExec(runtime, pod, way),
    })),
    {
      name: "port-forward: containerd is killed",
      run: () => killDuringForward(runtime, pod),
    },
  ];
}

/** A container that is stopped during a command. */
export function stopScenarios<Pod>(
  containers: Containers<Pod>,
  ways: readonly Way[],
): Scenario[] {
  return ways.map((way): Scenario => ({
    name: `exec over ${way.transport}: the container is stopped`,
    run: () => stopContainer(containers, way),
  }));
}

async function stopContainer<Pod>(
  containers: Containers<Pod>,
  way: Way,
): Promise<string> {
  const pod = await containers.runPod();
  const script = "echo started; sleep 1000";
  await using process = await runScript(containers, pod, script, way);
  const reader = process.stdout.getReader();
  await readUntil(reader, "started");
  await containers.stop(pod);
  const { done } = await waitFor("the end of stdout", reader.read());
  assert(done);
  const { code } = await waitFor("the status", process.status);
  assertEquals(code, 137);
  return `code ${code}`;
}

async function killDuringExec(
  runtime: Runtime,
  pod: Pod,
  way: Way,
): Promise<string> {
  await using process = await runScript(
    runtime,
    pod,
    "echo started; sleep 1000",
    { ...way, stdin: true },
  );
  const reader = process.stdout.getReader();
  await readUntil(reader, "started");
  await runtime.kill();
  const failures = [
    await assertRejects(() => waitFor("stdout", reader.read()), Error),
    await assertRejects(() => waitFor("the status", process.status), Error),
  ];
  await runtime.start();
  await runsAgain(runtime, pod, way);
  return failures.map(nameOf).join(", ");
}

async function killDuringForward(runtime: Runtime, pod: Pod): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using forwarder = await runtime.portForward(pod);
  const { readable } = await forwarder.connect(listener.addr.port);
  using _accepted = await listener.accept();
  await runtime.kill();
  const failure = await assertRejects(
    () => waitFor("the forwarded connection", new Response(readable).text()),
    Error,
  );
  await assertRejects(() => forwarder.connect(listener.addr.port));
  await runtime.start();
  return nameOf(failure);
}

async function runsAgain(runtime: Runtime, pod: Pod, way: Way): Promise<void> {
  await using process = await runScript(runtime, pod, "exit 4", way);
  assertEquals((await process.output()).code, 4);
}

/** The kind of a failure. A wait that timed out is none of them. */
export function nameOf(failure: Error): string {
  assert(!failure.message.startsWith("waited "), failure.message);
  return failure.name;
}
