/**
 * `spdy cp`: copies files from and to a pod.
 *
 * @module
 */

import { copyFrom } from "../kubernetes/copy/from.ts";
import type { CopyResult } from "../kubernetes/copy/options.ts";
import { copyTo } from "../kubernetes/copy/to.ts";
import type { TargetOptions } from "../kubernetes/dial.ts";
import { type Command, EXIT_OK, readWhole, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import { readOptions } from "./options.ts";
import { inContainer, openCluster, POD_OPTIONS } from "./pod.ts";
import { Progress } from "./progress.ts";
import { printError, show } from "./terminal.ts";

const OPTIONS = [
  {
    name: "preserve",
    onByDefault: true,
    help: "do not keep permission bits and times",
  },
  {
    name: "dereference",
    short: "L",
    help: "copy what symbolic links lead to",
  },
  { name: "verify", help: "compare SHA-256 sums afterwards" },
  {
    name: "retries",
    value: "N",
    help:
      "from a pod: how often to continue a copy that was cut off, and then compare SHA-256 sums; default 3",
  },
  { name: "silent", help: "no progress bar" },
  ...POD_OPTIONS,
] as const;

/** `spdy cp SOURCE DESTINATION` */
export const cp: Command = defineCommand({
  name: "cp",
  summary: "copy files from and to a Kubernetes pod",
  usage: "[OPTION...] SOURCE DESTINATION",
  about:
    `Copies a file or folder. One of SOURCE and DESTINATION is in a pod, written as
[NAMESPACE/]POD:PATH; the other is a local path. The container needs tar.
If the destination is a folder, the copy goes into it. A local SOURCE that ends
with /. copies the contents of a folder. Begin a local path that contains a
colon with ./ or /.`,
  options: OPTIONS,
  notes:
    `Symbolic links that lead out of the copied folder, and devices, are left out with a
warning. Permissions: --allow-net for the server, --allow-read and --allow-write for
the files, --allow-env for the kubeconfig, --allow-run for credential plugins.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, flags, positionals } = readOptions(args, OPTIONS);
    if (positionals.length !== 2) {
      throw new UsageError("cp needs SOURCE and DESTINATION");
    }
    const [source, destination] = positionals.map(readPlace);
    const place = source.pod === undefined ? destination : source;
    if ((source.pod === undefined) === (destination.pod === undefined)) {
      throw new UsageError(
        "one of SOURCE and DESTINATION must be POD:PATH, and the other a local path",
      );
    }
    const retries = values.retries === undefined
      ? undefined
      : readRetries(values.retries);
    const { target, namespace } = await openCluster(values, lists);
    const progress = new Progress(!flags.silent);
    const { preserve, dereference, verify } = flags;
    const options = {
      preserve,
      dereference,
      verify,
      onProgress: follow(progress),
    };
    const pod = {
      name: place.pod ?? "",
      namespace: place.namespace ?? namespace,
      container: values.container || undefined,
    };
    const copy = (target: TargetOptions): Promise<CopyResult> =>
      source.pod === undefined
        ? copyTo({
          ...target,
          ...options,
          local: source.path,
          remote: destination.path,
        })
        : copyFrom({
          ...target,
          ...options,
          retries,
          local: destination.path,
          remote: source.path,
        });
    try {
      const result = await inContainer({ ...await target(), pod }, copy);
      progress.clear();
      for (const { path, reason } of result.skipped) {
        printError(show`left out: ${path}: ${reason}`);
      }
    } finally {
      progress.clear();
    }
    return EXIT_OK;
  },
});

/** A path, and its pod if it is in one. */
interface Place {
  readonly namespace?: string;
  readonly pod?: string;
  readonly path: string;
}

/** Reads `PATH`, `POD:PATH` and `NAMESPACE/POD:PATH`. */
export function readPlace(text: string): Place {
  const colon = text.indexOf(":");
  const isDrive = Deno.build.os === "windows" && /^[a-z]:/i.test(text);
  if (colon < 0 || /^[./]/.test(text) || isDrive) {
    if (text === "") throw new UsageError("a path is empty");
    return { path: text };
  }
  const parts = text.slice(0, colon).split("/");
  const path = text.slice(colon + 1);
  if (parts.length > 2 || parts.includes("") || path === "") {
    throw new UsageError(
      `"${text}": write it as POD:PATH or NAMESPACE/POD:PATH`,
    );
  }
  const [pod, namespace] = parts.reverse();
  return { namespace, pod, path };
}

function readRetries(text: string): number {
  const retries = readWhole(text);
  if (retries >= 0 && retries <= 1000) return retries;
  throw new UsageError(`--retries ${text}: it must be a number from 0 to 1000`);
}

function follow(
  progress: Progress,
): (
  state: { path: string; done: number; size: number; bytes: number },
) => void {
  let path: string | undefined;
  let bytes = 0;
  return (state) => {
    if (state.path !== path) progress.expect(state.size);
    path = state.path;
    progress.advance(state.bytes - bytes);
    bytes = state.bytes;
  };
}
