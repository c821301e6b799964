/**
 * `spdy attach`: attaches to the process with which a container was started.
 *
 * @module
 */

import {
  defaultContainer,
  findPod,
  readResource,
} from "../kubernetes/api/resource.ts";
import { at, listAt, textAt } from "../kubernetes/api/value.ts";
import type { TargetOptions } from "../kubernetes/dial.ts";
import { StreamingRefusedError } from "../kubernetes/errors.ts";
import { attach as attachToPod } from "../kubernetes/exec.ts";
import { type Command, UsageError } from "./command.ts";
import { asksForTerminal, type PassOptions, passThrough } from "./exec.ts";
import { defineCommand } from "./help.ts";
import { readOptions } from "./options.ts";
import { inContainer, POD_OPTIONS, podTarget, QUIET_OPTION } from "./pod.ts";
import { printError, show } from "./terminal.ts";

const OPTIONS = [
  { name: "stdin", short: "i", help: "pass standard input on" },
  {
    name: "tty",
    short: "t",
    help: "with -i: the process has a terminal; give it this one's size",
  },
  QUIET_OPTION,
  ...POD_OPTIONS,
] as const;

/** `spdy attach POD` */
export const attach: Command = defineCommand({
  name: "attach",
  summary: "attach to the process that a Kubernetes pod runs",
  usage: "[OPTION...] POD",
  about:
    `Shows what the process of a container prints from now on, and ends with its exit
code. The process continues when this command is ended. POD is the name of a pod,
or TYPE/NAME, such as deploy/web, for one of its pods.`,
  options: OPTIONS,
  notes:
    `Permissions: --allow-net for the server, --allow-read and --allow-env for the
kubeconfig and the files named, --allow-run for credential plugins, and for stty with
-t, without which full-screen programs may look wrong.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, flags, positionals } = readOptions(args, OPTIONS);
    if (positionals.length !== 1) throw new UsageError("attach needs POD");
    const { stdin, quiet } = flags;
    const target = await podTarget(values, lists, positionals[0]);
    const tty = await usesTerminal(target, flags);
    await using process = await inContainer(
      target,
      (target) => attachToPod({ ...target, stdin, tty, stderr: !tty }),
      quiet,
    );
    return await passThrough(process, { stdin, tty, quiet, redraw: true });
  },
});

/**
 * Whether to make the local terminal raw. A process that has no terminal must not get
 * each key, because it could not interpret Ctrl-C. As in kubectl, `-i` is enough if the
 * process has a terminal, because that echoes each key.
 */
async function usesTerminal(
  target: TargetOptions,
  flags: PassOptions,
): Promise<boolean> {
  if (!flags.stdin || !Deno.stdin.isTerminal()) return asksForTerminal(flags);
  const container = await containerOf(target);
  if (container === undefined) return flags.tty;
  const tty = at(container, "tty") === true;
  if (flags.tty && !tty && !flags.quiet) {
    printError(
      show`warning: the process of container "${
        textAt(container, "name")
      }" has no terminal: -t is ignored`,
    );
  }
  return tty;
}

/** The container's part of the pod's object; `undefined` if it cannot be determined. */
async function containerOf(target: TargetOptions): Promise<unknown> {
  const { pod } = target;
  if (pod === undefined) return undefined;
  try {
    const resource = readResource(pod.name, pod.namespace ?? "default");
    const found = await findPod(target, resource);
    const name = pod.container ?? defaultContainer(found.pod).name;
    return listAt(found.pod, "spec", "containers")
      .find((each) => textAt(each, "name") === name);
  } catch (error) {
    // A user who may attach to a pod may not be permitted to read its object.
    if (error instanceof StreamingRefusedError) return undefined;
    throw error;
  }
}
