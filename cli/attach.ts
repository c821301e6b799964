/**
 * `spdy attach`: the process that a container was started with.
 *
 * @module
 */

import { attach as attachToPod } from "../kubernetes/exec.ts";
import { readArguments } from "./arguments.ts";
import { type Command, UsageError } from "./command.ts";
import { passThrough } from "./exec.ts";
import {
  inContainer,
  POD_ALIASES,
  POD_HELP,
  POD_LISTS,
  POD_VALUES,
  podTarget,
} from "./pod.ts";

/** `spdy attach POD` */
export const attach: Command = {
  name: "attach",
  summary: "attach to the process that a Kubernetes pod runs",
  help: `Usage: spdy attach [OPTION...] POD

Shows what the process of a container prints from now on, and ends with its exit
code. The process continues when this command is ended. POD is the name of a pod,
or TYPE/NAME, such as deploy/web, for one of its pods.

  -i, --stdin            pass standard input on
  -t, --tty              the process has a terminal; give it this one's size
${POD_HELP}
      --help             this text

Permissions: --allow-net for the server, --allow-read and --allow-env for the
kubeconfig and the files named, --allow-run for credential plugins.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, flags, positionals } = readArguments(args, {
      values: POD_VALUES,
      lists: POD_LISTS,
      flags: ["stdin", "tty"],
      aliases: { i: "stdin", t: "tty", ...POD_ALIASES },
    });
    if (positionals.length !== 1) throw new UsageError("attach needs POD");
    const { stdin, tty } = flags;
    const target = await podTarget(values, lists, positionals[0]);
    await using process = await inContainer(
      target,
      (target) => attachToPod({ ...target, stdin, tty, stderr: !tty }),
    );
    return await passThrough(process, stdin, tty);
  },
};
