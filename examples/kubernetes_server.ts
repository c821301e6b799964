/**
 * A server that kubectl uses like an API server with one pod: `exec`, `attach`,
 * `port-forward` and `cp` work. Child processes on this machine act as the container.
 * Anyone who can reach it can run commands, so let it listen on loopback only.
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

/** Starts the server; port 0 means any free port. */
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
 * attach: the main process of the container. Here it prints a greeting and repeats its
 * input. A new one is started for each client that attaches.
 */
async function attachToMain(process: ServedProcess): Promise<number> {
  return await runChild(process, "sh", ["-c", "echo this is web; exec cat"]);
}

/** port-forward: a port of this machine. */
async function connectToPort(
  { port, readable, writable }: ServedConnection,
): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  // Either side may stop sending first. The connection ends with the output of the port.
  readable.pipeTo(conn.writable).catch(() => {});
  await conn.readable.pipeTo(writable);
}

async function runChild(
  { stdin, stdout, stderr, signal }: ServedProcess,
  command: string,
  args: string[],
): Promise<number> {
  const child = startChild(command, args, signal);
  // A process may end before it has read all of its input.
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
