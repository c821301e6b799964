/**
 * Runs this module's client against a real containerd with runc, over every
 * transport that containerd supports, and prints a table. An argument is a
 * pattern that selects scenarios:
 *
 *     deno task containerd attach
 *
 * It needs root, and Debian's packages containerd, runc and busybox-static. If
 * the kernel (or a container around this one) forbids containers, the table says
 * SKIPPED with the reason. This is no failure, even if CI is set.
 *
 * @module
 */

import { goProgram, OptionalToolError, requireTool } from "../interop/peers.ts";
import {
  type PreparedSuite,
  runSuites,
  type Suite,
} from "../interop/report.ts";
import { attachScenarios } from "./attach_scenarios.ts";
import { bulkScenarios } from "./bulk_scenarios.ts";
import { execScenarios, runtimeExecScenarios } from "./exec_scenarios.ts";
import { faultScenarios } from "./fault_scenarios.ts";
import { forwardScenarios } from "./forward_scenarios.ts";
import { Run } from "./runs.ts";
import { type Runtime, startRuntime } from "./runtime.ts";
import { CONTAINERD_WAYS } from "./transports.ts";

let starting: Promise<Runtime> | undefined;
let ending: Promise<void> | undefined;

const suite: Suite = {
  peer: "containerd",
  async prepare(): Promise<PreparedSuite> {
    if (Deno.build.os !== "linux") {
      throw new OptionalToolError("SKIPPED: containers need Linux");
    }
    if (Deno.uid() !== 0) {
      throw new OptionalToolError("SKIPPED: starting containers needs root");
    }
    await requireTool("containerd", ["--version"]);
    await requireTool("ctr", ["--version"]);
    await requireTool("runc", ["--version"]);
    await requireTool("busybox", ["--help"]);
    const cri = await goProgram("cri");
    starting = Run.begin().then((run) => startRuntime(cri, run));
    const runtime = await starting;
    try {
      const pod = await runtime.runPod();
      return {
        version: await runtime.version(),
        scenarios: [
          ...execScenarios(runtime, pod, CONTAINERD_WAYS),
          ...runtimeExecScenarios(runtime, pod),
          ...bulkScenarios(runtime, pod, CONTAINERD_WAYS, {
            // One of the scenarios shows that a stall ends.
            spdy: 50,
            websocket: 25,
          }),
          ...attachScenarios(runtime, CONTAINERD_WAYS),
          ...forwardScenarios(runtime, pod, ["spdy"]),
          ...faultScenarios(runtime, pod),
        ],
        [Symbol.asyncDispose]: end,
      };
    } catch (error) {
      await end();
      throw error;
    }
  },
};

/** Ends the runtime once, even if a signal and the end of the suite both ask for it. */
function end(): Promise<void> {
  ending ??= endRuntime();
  return ending;
}

async function endRuntime(): Promise<void> {
  // A runtime that does not start has removed itself.
  const runtime = await starting?.catch(() => undefined);
  await runtime?.[Symbol.asyncDispose]();
}

// The shims and their containers are not children of this process, so they
// would continue to run after it.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => void end().finally(() => Deno.exit(1)));
}
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  console.error("containerd: nobody handled this rejection:", event.reason);
  void end().finally(() => Deno.exit(1));
});
const passed = await runSuites(
  [suite],
  { scenario: Deno.args[0] },
  "containerd",
);
Deno.exit(passed ? 0 : 1);
