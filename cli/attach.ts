/**
 * `spdy attach`: the process that a container was started with.
 *
 * @module
 */

import { attach as attachToPod } from "../kubernetes/exec.ts";
import { type Command, UsageError } from "./command.ts";
import { passThrough } from "./exec.ts";
import { defineCommand } from "./help.ts";
import { readOptions } from "./options.ts";
import { inContainer, POD_OPTIONS, podTarget } from "./pod.ts";

const OPTIONS = [
  { name: "stdin", short: "i", help: "pass standard input on" },
  {
    name: "tty",
    short: "t",
    help: "the process has a terminal; give it this one's size",
  },
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
    const { stdin, tty } = flags;
    const target = await podTarget(values, lists, positionals[0]);
    await using process = await inContainer(
      target,
      (target) => attachToPod({ ...target, stdin, tty, stderr: !tty }),
    );
    return await passThrough(process, stdin, tty);
  },
});
