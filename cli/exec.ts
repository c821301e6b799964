/**
 * `spdy exec`: runs a command in a pod.
 *
 * @module
 */

import { within } from "../connection/time/clock.ts";
import { exec as execInPod } from "../kubernetes/exec.ts";
import type { RemoteProcess } from "../kubernetes/process.ts";
import type { ExitStatus } from "../kubernetes/status.ts";
import { type Command, EXIT_FAILURE, reasonOf, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import { readOptions } from "./options.ts";
import { inContainer, POD_OPTIONS, podTarget, QUIET_OPTION } from "./pod.ts";
import { RawTerminal } from "./raw_terminal.ts";
import { payloadError, payloadOut, printError, show } from "./terminal.ts";

const OPTIONS = [
  { name: "stdin", short: "i", help: "pass standard input on" },
  {
    name: "tty",
    short: "t",
    help: "with -i: give the command a terminal, of this one's size",
  },
  QUIET_OPTION,
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
    const { stdin, quiet } = flags;
    const tty = asksForTerminal(flags);
    const target = await podTarget(values, lists, positionals[0]);
    await using process = await inContainer(
      target,
      (target) => execInPod({ ...target, command, stdin, tty, stderr: !tty }),
      quiet,
    );
    return await passThrough(process, { stdin, tty, quiet });
  },
});

/** How this process is connected to the one in the pod. */
export interface PassOptions {
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Prints no warnings. */
  readonly quiet: boolean;
  /** With a terminal: the process has run before, and has to draw its screen again. */
  readonly redraw?: boolean;
}

/**
 * Whether to request a terminal. As in kubectl, this needs `-i`: without it, no key
 * reaches the command, not even Ctrl-C. And it needs a terminal on standard input: the
 * end of a pipe would not end a command that reads from a terminal.
 */
export function asksForTerminal({ stdin, tty, quiet }: PassOptions): boolean {
  if (!tty || stdin && Deno.stdin.isTerminal()) return tty;
  if (quiet) return false;
  const reason = stdin
    ? "standard input is not a terminal"
    : "a terminal needs -i";
  printError(show`warning: ${reason}: -t is ignored`);
  return false;
}

/** Connects a process to this process's input and outputs; resolves to the exit code. */
export async function passThrough(
  process: RemoteProcess,
  { stdin, tty, quiet, redraw = false }: PassOptions,
): Promise<number> {
  const input = stdin ? sendInput(process) : undefined;
  const { code, message, success } = await showOutput(process, tty, redraw);
  if (input !== undefined && !tty && !quiet) await warnIfCut(input);
  if (code === undefined) printError(show`${message}`);
  return exitCodeOf(code, success);
}

/** Writes the output of the process until it ends. */
async function showOutput(
  process: RemoteProcess,
  tty: boolean,
  redraw: boolean,
): Promise<ExitStatus> {
  using _terminal = tty && Deno.stdin.isTerminal()
    ? await RawTerminal.open(process, redraw)
    : undefined;
  const outputs = [process.stdout.pipeTo(payloadOut())];
  if (!tty) outputs.push(process.stderr.pipeTo(payloadError()));
  await Promise.all(outputs);
  return await process.status;
}

/** The part of standard input that was sent. */
interface SentInput {
  /** Bytes that were sent. */
  sent: number;
  /** Whether there was more input that could not be sent. */
  isCut: boolean;
  /** Resolves at the end of input, or when no more can be sent. */
  ended: Promise<void>;
}

/** After a command has ended, longest wait for more input, ms. */
const INPUT_GRACE = 500;

/** Warns if a command ended before its input, which is not always intended. */
async function warnIfCut(input: SentInput): Promise<void> {
  // A terminal has more input only when a key is pressed.
  if (!Deno.stdin.isTerminal()) await within(INPUT_GRACE, input.ended);
  if (!input.isCut) return;
  printError(
    show`warning: the command ended before its standard input: ${input.sent} bytes were sent, and the rest was dropped`,
  );
}

/**
 * Sends standard input until the process ends. If reading fails, the input of the
 * process is ended, because the process would otherwise wait for more forever.
 */
function sendInput(process: RemoteProcess): SentInput {
  const writer = process.stdin.getWriter();
  const send = async (): Promise<void> => {
    for await (const chunk of readableInput()) {
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

/** Standard input. If reading it fails, this is reported, and the input ends. */
async function* readableInput(): AsyncGenerator<Uint8Array> {
  const reader = Deno.stdin.readable.getReader();
  const failed = (error: unknown): { value: undefined } => {
    printError(show`spdy: cannot read standard input: ${reasonOf(error)}`);
    return { value: undefined };
  };
  try {
    for (;;) {
      const { value } = await reader.read().catch(failed);
      if (value === undefined) return;
      yield value;
    }
  } finally {
    // Tells the program that writes to a pipe that nobody reads it any more.
    await reader.cancel().catch(() => {});
  }
}

/**
 * The exit code of this process for a command that ended with `code`. This process
 * has 8 bits for it, and a Windows container has 32: a failure must never become 0.
 */
export function exitCodeOf(code: number | undefined, success: boolean): number {
  if (code === undefined) return EXIT_FAILURE;
  const own = Deno.build.os === "windows" ? code : code & 0xff;
  return success ? own : own || EXIT_FAILURE;
}
