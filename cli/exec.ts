/**
 * `spdy exec`: a command in a pod.
 *
 * @module
 */

import { exec as execInPod } from "../kubernetes/exec.ts";
import type { RemoteProcess } from "../kubernetes/process.ts";
import type { ExitStatus } from "../kubernetes/status.ts";
import { within } from "../connection/clock.ts";
import { type Command, EXIT_FAILURE, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import { readOptions } from "./options.ts";
import { inContainer, POD_OPTIONS, podTarget } from "./pod.ts";
import { RawTerminal } from "./raw_terminal.ts";
import { payloadError, payloadOut, printError, show } from "./terminal.ts";

const OPTIONS = [
  { name: "stdin", short: "i", help: "pass standard input on" },
  {
    name: "tty",
    short: "t",
    help: "give the command a terminal, of this one's size",
  },
  ...POD_OPTIONS,
] as const;

/** `spdy exec POD -- COMMAND...` */
export const exec: Command = defineCommand({
  name: "exec",
  summary: "run a command in a Kubernetes pod",
  usage: "[OPTION...] POD -- COMMAND [ARGUMENT...]",
  about:
    `Runs a command in a pod and ends with its exit code. POD is the name of a pod, or
TYPE/NAME, such as deploy/web, for one of its pods.`,
  options: OPTIONS,
  notes:
    `Permissions: --allow-net for the server, --allow-read and --allow-env for the
kubeconfig and the files named, --allow-run for credential plugins, and for stty with
-t, without which full-screen programs may look wrong.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, flags, positionals, rest } = readOptions(
      args,
      OPTIONS,
      true,
    );
    const command = [...rest];
    if (positionals.length !== 1 || command.length === 0) {
      throw new UsageError("exec needs POD -- COMMAND");
    }
    const { stdin } = flags;
    const tty = asksForTerminal(flags);
    const target = await podTarget(values, lists, positionals[0]);
    await using process = await inContainer(
      target,
      (target) => execInPod({ ...target, command, stdin, tty, stderr: !tty }),
    );
    return await passThrough(process, stdin, tty);
  },
});

/**
 * Whether to ask for a terminal. As kubectl does, not for input that is none: the
 * end of a pipe would not end a command that reads from a terminal.
 */
export function asksForTerminal(
  { stdin, tty }: { readonly stdin: boolean; readonly tty: boolean },
): boolean {
  if (!tty || !stdin || Deno.stdin.isTerminal()) return tty;
  printError(
    show`warning: standard input is not a terminal: -t is left out`,
  );
  return false;
}

/** Joins a process to this one's input and outputs; resolves to the exit code. */
export async function passThrough(
  process: RemoteProcess,
  stdin: boolean,
  tty: boolean,
): Promise<number> {
  const input = stdin ? sendInput(process) : undefined;
  const { code, message, success } = await showOutput(process, tty);
  if (input !== undefined && !tty) await warnIfCut(input);
  if (code === undefined) printError(show`${message}`);
  return exitCodeOf(code, success);
}

/** Shows what the process writes, to its end. */
async function showOutput(
  process: RemoteProcess,
  tty: boolean,
): Promise<ExitStatus> {
  using _terminal = tty && Deno.stdin.isTerminal()
    ? await RawTerminal.open(process)
    : undefined;
  const outputs = [process.stdout.pipeTo(payloadOut())];
  if (!tty) outputs.push(process.stderr.pipeTo(payloadError()));
  await Promise.all(outputs);
  return await process.status;
}

/** How much of standard input was sent. */
interface SentInput {
  /** Bytes that the connection took. */
  sent: number;
  /** There was more, which the connection did not take. */
  isCut: boolean;
  /** Resolves at the end of input, or when the connection takes no more. */
  ended: Promise<void>;
}

/** How long a command that has ended is given to show that there is more input, ms. */
const INPUT_GRACE = 500;

/** A command that ends before its input is not always meant to: whoever sent the input has to know. */
async function warnIfCut(input: SentInput): Promise<void> {
  // A terminal has more input only when a key is pressed.
  if (!Deno.stdin.isTerminal()) await within(INPUT_GRACE, input.ended);
  if (!input.isCut) return;
  printError(
    show`warning: the command ended before its standard input: ${input.sent} bytes were sent, and the rest was dropped`,
  );
}

/** Sends standard input, as long as the process takes it. */
function sendInput(process: RemoteProcess): SentInput {
  const writer = process.stdin.getWriter();
  const send = async (): Promise<void> => {
    for await (const chunk of Deno.stdin.readable) {
      input.isCut = true;
      await writer.write(chunk);
      input.sent += chunk.length;
      input.isCut = false;
    }
    await writer.close();
  };
  const input: SentInput = { sent: 0, isCut: false, ended: Promise.resolve() };
  input.ended = send().catch(() => {});
  return input;
}

/**
 * What to end with for a command that ended with `code`. A process has 8 bits
 * for it here, a container of Windows 32: none of its failures may become 0.
 */
export function exitCodeOf(code: number | undefined, success: boolean): number {
  if (code === undefined) return EXIT_FAILURE;
  const own = Deno.build.os === "windows" ? code : code & 0xff;
  return success ? own : own || EXIT_FAILURE;
}
