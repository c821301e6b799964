/**
 * Runs a command in a pod, like `kubectl exec -i`.
 *
 *     deno run -A examples/kubernetes_exec.ts SERVER POD [-i] -- COMMAND...
 *     deno run -A examples/kubernetes_exec.ts http://127.0.0.1:8001 web -- ls -l
 *
 * For a real cluster: TOKEN holds a bearer token, CA_FILE names the cluster's
 * certificate authority, NAMESPACE the namespace.
 *
 * @module
 */

import { exec, RemoteCommandError } from "../kubernetes/mod.ts";

/** The command, and the pod in which it runs. */
export interface Run {
  readonly server: string;
  readonly pod: string;
  readonly command: readonly string[];
  /** Passes standard input on. */
  readonly input: boolean;
}

/** Runs it with this process's own input and outputs; resolves to the exit code. */
export async function runInPod(run: Run): Promise<number> {
  const token = Deno.env.get("TOKEN");
  const caFile = Deno.env.get("CA_FILE");
  await using process = await exec({
    url: run.server,
    pod: { name: run.pod, namespace: Deno.env.get("NAMESPACE") },
    command: run.command,
    stdin: run.input,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    tls: caFile === undefined
      ? {}
      : { caCerts: [await Deno.readTextFile(caFile)] },
  });
  if (run.input) {
    // The process may end before its input, which is not an error.
    Deno.stdin.readable.pipeTo(process.stdin).catch(() => {});
  }
  await Promise.all([
    process.stdout.pipeTo(Deno.stdout.writable, { preventClose: true }),
    process.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
  ]);
  const { code, message } = await process.status;
  if (code === undefined) console.error(message);
  return code ?? 1;
}

/** Reads the arguments; `undefined` if some are missing. */
export function parseArguments(args: readonly string[]): Run | undefined {
  const end = args.indexOf("--");
  const [server, pod, flag] = args.slice(0, Math.max(0, end));
  const command = args.slice(end + 1);
  if (server === undefined || pod === undefined || command.length === 0) {
    return undefined;
  }
  return { server, pod, command, input: flag === "-i" };
}

if (import.meta.main) {
  const run = parseArguments(Deno.args);
  if (run === undefined) {
    console.error("usage: kubernetes_exec.ts SERVER POD [-i] -- COMMAND...");
    Deno.exit(2);
  }
  try {
    Deno.exit(await runInPod(run));
  } catch (error) {
    if (!(error instanceof RemoteCommandError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
