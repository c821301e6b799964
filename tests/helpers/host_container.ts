/**
 * A simulated container whose programs are those of this machine.
 *
 * @module
 */

import {
  type ServedProcess,
  serveStreaming,
  type StreamingServer,
} from "../../kubernetes/mod.ts";

/** What a test does instead of running a program; `undefined`: the program runs. */
export type Intercept = (
  process: ServedProcess,
) => Promise<number | void> | undefined;

/** Runs each command as a program of this machine, in `folder`. */
export function serveHost(
  folder: string,
  intercept: Intercept = () => undefined,
): StreamingServer {
  return serveStreaming({
    exec: (process) => intercept(process) ?? runOnHost(process, folder),
  });
}

/** Runs a command; its standard output can be cut off after some bytes. */
export async function runOnHost(
  { call, stdin, stdout, stderr, signal }: ServedProcess,
  folder: string,
  cutAfter: number = Infinity,
): Promise<number> {
  const [program, ...args] = call.command;
  const child = new Deno.Command(program, {
    args,
    cwd: folder,
    env: { LC_ALL: "C" },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  const input = call.stdin
    ? stdin.pipeTo(child.stdin).catch(() => {})
    : Promise.resolve();
  if (!call.stdin && stdin !== undefined) await child.stdin.close();
  let left = cutAfter;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (part.length > 0) controller.enqueue(part);
    },
  });
  await Promise.all([
    call.stdout
      ? child.stdout.pipeThrough(cut).pipeTo(stdout)
      : child.stdout.cancel(),
    call.stderr ? child.stderr.pipeTo(stderr) : child.stderr.cancel(),
  ]);
  const { code } = await child.status;
  await input;
  return left === 0 ? 0 : code;
}
