/**
 * Runs the programs in a container that copying needs.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { collect } from "../../bytes.ts";
import { copyOptions } from "../../values.ts";
import { TARGET_NAMES, type TargetOptions } from "../dial.ts";
import { exec } from "../exec.ts";
import type { RemoteProcess } from "../process.ts";
import { CopyError } from "./error.ts";
import type { CopyOptions } from "./options.ts";

/** Most characters of standard error in an error message. */
const MAX_COMPLAINT = 4096;
/** Most bytes of a list of sums, enough for 600,000 files. */
const MAX_SUMS = 64 * 1024 * 1024;

/** The options that select the container. */
export function targetOf(options: CopyOptions): TargetOptions {
  return copyOptions<TargetOptions>(options, TARGET_NAMES);
}

/** Reads standard error; counts its lines and keeps its end. */
export class Complaint {
  #text = "";
  #lines = 0;
  readonly #ended: Promise<void>;

  constructor(process: RemoteProcess) {
    this.#ended = this.#read(process.stderr).catch(() => {});
  }

  /** Number of lines so far. */
  get lines(): number {
    return this.#lines;
  }

  /** The text, when standard error has ended. */
  async text(): Promise<string> {
    await this.#ended;
    return this.#text.trim();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#lines += countLines(chunk);
      this.#text = (this.#text + decoder.decode(chunk, { stream: true }))
        .slice(-MAX_COMPLAINT);
    }
  }
}

/** Number of line feeds. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    lines++;
  }
  return lines;
}

/**
 * Waits for the end of a program.
 *
 * Throws {@linkcode CopyError} with the text of its standard error if it failed.
 */
export async function checkEnd(
  program: string,
  process: RemoteProcess,
  complaint: Complaint,
): Promise<void> {
  let status;
  try {
    status = await process.status;
  } catch (cause) {
    const { message } = cause as Error;
    throw new CopyError(`${program} in the container: ${message}`, "", {
      cause,
    });
  }
  if (status.success) return;
  const text = await complaint.text();
  throw new CopyError(
    `${program} in the container ended with exit code ${
      status.code ?? "unknown"
    }: ${text.split(/\r?\n/).join("; ") || status.message}`,
  );
}

/** Whether a path in the container is a folder, or with `"exists"` whether there is anything. */
export async function isRemote(
  what: "folder" | "exists",
  target: TargetOptions,
  path: string,
): Promise<boolean> {
  await using process = await exec({
    ...target,
    command: ["test", what === "folder" ? "-d" : "-e", path],
    stdout: false,
  });
  await process.stderr.pipeTo(new WritableStream()).catch(() => {});
  return await process.status.then(
    ({ success }) => success,
    // The container has no such program; tar then reports what is wrong.
    () => false,
  );
}

/**
 * The SHA-256 sums of one file, or of every file in a folder of the container, by
 * relative path.
 */
export async function remoteSums(
  target: TargetOptions,
  path: string,
  dereference: boolean,
): Promise<ReadonlyMap<string, string>> {
  const start = path.startsWith("-") ? `./${path}` : path;
  await using process = await exec({
    ...target,
    command: [
      "find",
      ...(dereference ? ["-L"] : []),
      start,
      "-type",
      "f",
      "-exec",
      "sha256sum",
      "{}",
      "+",
    ],
  });
  const complaint = new Complaint(process);
  const list = await collect(
    process.stdout,
    MAX_SUMS,
    () => new CopyError(`the list of sums has more than ${MAX_SUMS} bytes`),
  );
  await checkEnd("find with sha256sum", process, complaint);
  const sums = new Map<string, string>();
  for (const line of new TextDecoder().decode(list).split("\n")) {
    // If a name contains a line feed or a backslash, it is escaped, and the line
    // begins with a backslash.
    const match = /^(\\?)([0-9a-f]{64}) [ *]([^]*)$/.exec(line);
    if (match === null) continue;
    const [, escaped, sum, name] = match;
    const full = escaped === "" ? name : name.replace(
      /\\(.)/g,
      (_, char) => char === "n" ? "\n" : char === "r" ? "\r" : char,
    );
    sums.set(full.slice(start.length).replace(/^\/+/, ""), sum);
  }
  return sums;
}

/** SHA-256 of a file on this machine. */
export async function localSum(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(65536);
  for (;;) {
    const count = await file.read(buffer);
    if (count === null) return hash.digest("hex");
    hash.update(buffer.subarray(0, count));
  }
}

/**
 * Compares the copied files with those in the container. `files` maps relative
 * paths to paths on this machine.
 *
 * Throws {@linkcode CopyError} for the first file that differs.
 */
export async function compareSums(
  target: TargetOptions,
  remote: string,
  files: ReadonlyMap<string, string>,
  dereference: boolean,
): Promise<void> {
  const sums = await remoteSums(target, remote, dereference);
  for (const [path, local] of files) {
    const sum = sums.get(path);
    if (sum === undefined) {
      throw new CopyError(
        "the container does not have this file, or could not compute its sum",
        path,
      );
    }
    if (sum !== await localSum(local)) {
      throw new CopyError(
        "its SHA-256 sum differs from that in the container",
        path,
      );
    }
  }
}

/** Path of a name in a folder of the container. */
export function joinRemote(folder: string, base: string): string {
  if (base === ".") return folder;
  return folder === "/" ? `/${base}` : `${folder}/${base}`;
}
