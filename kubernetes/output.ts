/**
 * Collects the whole output of a process.
 *
 * @module
 */

import { collect } from "../bytes.ts";
import { checkWhole } from "../numbers.ts";
import { checkNames } from "../values.ts";
import { RemoteCommandError } from "./errors.ts";
import type { ExitStatus } from "./status.ts";

/** Options of `RemoteProcess.output`. */
export interface OutputOptions {
  /** Most bytes of each output, 0 to 2^32-1; default 67108864 (64 MiB). */
  readonly maxBytes?: number;
}

/** The end of a process and all that it wrote, like `Deno.CommandOutput`. */
export interface CommandOutput {
  /** Exit code; `undefined` if the sub-protocol does not carry one. */
  readonly code: number | undefined;
  /** Whether the process ended without a failure. */
  readonly success: boolean;
  /** All of standard output; empty if it was not asked for. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** All of standard error; empty if it was not asked for, and with a terminal. */
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** The outputs to read; `undefined` for one that was not requested. */
export interface Outputs {
  readonly stdout: ReadableStream<Uint8Array> | undefined;
  readonly stderr: ReadableStream<Uint8Array> | undefined;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** A process whose output is collected. */
export interface Collected {
  readonly status: Promise<ExitStatus>;
  close(): Promise<void>;
}

/** Reads both outputs to their ends, and waits for the status. */
export async function collectOutput(
  process: Collected,
  { stdout, stderr }: Outputs,
  options: OutputOptions,
): Promise<CommandOutput> {
  checkNames("output", options, { maxBytes: true });
  const { maxBytes = DEFAULT_MAX_BYTES } = options;
  checkWhole("maxBytes", maxBytes, 0, 0xffffffff);
  try {
    const [out, err] = await Promise.all([
      readAll("stdout", stdout, maxBytes),
      readAll("stderr", stderr, maxBytes),
    ]);
    const { code, success } = await process.status;
    return { code, success, stdout: out, stderr: err };
  } catch (error) {
    await process.close();
    throw error;
  }
}

async function readAll(
  name: string,
  readable: ReadableStream<Uint8Array> | undefined,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (readable === undefined) return new Uint8Array(0);
  return await collect(
    readable,
    maxBytes,
    () =>
      new RemoteCommandError(
        `${name} has more than the ${maxBytes} bytes that maxBytes allows`,
        { initiator: "local" },
      ),
  );
}
