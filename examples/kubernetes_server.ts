/**
 * A pretend pod that real kubectl takes for one: `exec`, `attach`,
 * `port-forward` and `cp` work, with child processes of this machine as the
 * container. Anyone who can reach it can run commands: keep it on the loopback
 * interface.
 *
 *     deno run -A examples/kubernetes_server.ts
 *     kubectl --server=http://127.0.0.1:8001 exec -it web -- sh
 *
 * @module
 */

import {
  RemoteCommandError,
  type ServedConnection,
  type ServedProcess,
  serveStreaming,
  type StreamingServer,
} from "../kubernetes/mod.ts";
import { answerRest } from "./kubernetes_rest.ts";
import { runInTerminal } from "./terminal.ts";

/** Serves the pretend pod; port 0 is a free one. */
export function servePod(port: number): StreamingServer {
  return serveStreaming({
    port,
    exec: runCommand,
    attach: attachToMain,
    portForward: connectToPort,
    fetch: answerRest,
  });
}

/** exec: a child process of this machine. */
async function runCommand(process: ServedProcess): Promise<number> {
  if (process.call.tty) return await runInTerminal(process);
  const [command, ...args] = process.call.command;
  return await runChild(process, command, args);
}

/**
 * attach: what a container was started with. This one's main process tells who
 * it is and repeats its input; it is started anew for each client that attaches.
 */
async function attachToMain(process: ServedProcess): Promise<number> {
  return await runChild(process, "sh", ["-c", "echo this is web; exec cat"]);
}

/** port-forward: a port of this machine. */
async function connectToPort(
  { port, readable, writable }: ServedConnection,
): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  // Either side may stop sending first; the end of the port's own output ends it all.
  readable.pipeTo(conn.writable).catch(() => {});
  await conn.readable.pipeTo(writable);
}

async function runChild(
  { stdin, stdout, stderr, signal }: ServedProcess,
  command: string,
  args: string[],
): Promise<number> {
  const child = startChild(command, args, signal);
  // A process need not read its input to the end.
  stdin.pipeTo(child.stdin).catch(() => {});
  await Promise.all([child.stdout.pipeTo(stdout), child.stderr.pipeTo(stderr)]);
  return (await child.status).code;
}

function startChild(
  command: string,
  args: string[],
  signal: AbortSignal,
): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).spawn();
  } catch (error) {
    throw new RemoteCommandError(`${command} cannot be run: ${error}`);
  }
}

if (import.meta.main) {
  await using server = servePod(8001);
  console.log(
    `kubectl --server=http://127.0.0.1:${server.addr.port} exec -it web -- sh`,
  );
  await server.finished;
}
