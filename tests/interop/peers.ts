/**
 * The programs at the other end: the Go programs of `go/`. They are built once
 * into a cache folder, started, controlled by lines of JSON, and stopped.
 *
 * @module
 */

import { Lines } from "../helpers/lines.ts";

/** A tool that is not installed: the scenarios are skipped, or fail in CI. */
export class MissingToolError extends Error {
  override readonly name = "MissingToolError";
}

/** A tool that few machines have: the scenarios are skipped, in CI as well. */
export class OptionalToolError extends MissingToolError {}

const SOURCES = new URL("go/", import.meta.url);
const encoder = new TextEncoder();

/** Whether a run without some tool has failed, which is so in CI. */
export function toolsAreRequired(): boolean {
  const value = Deno.env.get("CI");
  return value !== undefined && value !== "" && value !== "0" &&
    value !== "false";
}

/**
 * Throws {@linkcode MissingToolError} if the tool does not run; resolves to its
 * first line of output.
 */
export async function requireTool(
  command: string,
  args: string[],
): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, stderr: "null" }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new MissingToolError(`${command} is not on this machine`);
    }
    throw error;
  }
  if (!output.success) {
    throw new MissingToolError(
      `${command} ${args.join(" ")} ended with ${output.code}`,
    );
  }
  return new TextDecoder().decode(output.stdout).split("\n", 1)[0];
}

let built: Promise<string> | undefined;

/**
 * Builds the Go programs and resolves to their folder. From the second time on,
 * Go's own cache makes this fast. With cold caches, it downloads 324 MB and
 * compiles for three minutes of processor time.
 */
export function buildGoPrograms(): Promise<string> {
  built ??= build();
  // After a failure, such as one of a download, the next call builds again.
  built.catch(() => built = undefined);
  return built;
}

async function build(): Promise<string> {
  await requireTool("go", ["version"]);
  const folder = `${cacheFolder()}/spdy-interop`;
  await Deno.mkdir(folder, { recursive: true });
  const output = await new Deno.Command("go", {
    args: ["build", "-trimpath", "-ldflags=-s -w", "-o", folder, "./..."],
    cwd: SOURCES,
    stderr: "piped",
  }).output();
  if (!output.success) {
    throw new Error(
      `go build failed:\n${new TextDecoder().decode(output.stderr)}`,
    );
  }
  return folder;
}

/** The folder in which programs are built and installed once. */
export function cacheFolder(): string {
  const home = Deno.env.get("HOME");
  return Deno.env.get("XDG_CACHE_HOME") ??
    (home === undefined ? "/tmp" : `${home}/.cache`);
}

const installed = new Map<string, Promise<string>>();

/** Installs the npm packages of a folder here, and resolves to their folder. */
export function installNodePackages(
  source: "node" | "client_node" = "node",
): Promise<string> {
  const known = installed.get(source) ?? install(source);
  installed.set(source, known);
  known.catch(() => installed.delete(source));
  return known;
}

async function install(source: string): Promise<string> {
  await requireTool("node", ["--version"]);
  await requireTool("npm", ["--version"]);
  const folder = `${cacheFolder()}/spdy-interop/${source}`;
  await Deno.mkdir(folder, { recursive: true });
  for await (
    const { name } of Deno.readDir(new URL(`${source}/`, import.meta.url))
  ) {
    await Deno.copyFile(
      new URL(`${source}/${name}`, import.meta.url),
      `${folder}/${name}`,
    );
  }
  const output = await new Deno.Command("npm", {
    args: ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"],
    cwd: folder,
    stderr: "piped",
    signal: AbortSignal.timeout(300_000),
  }).output();
  if (!output.success) {
    throw new Error(
      `npm ci failed:\n${new TextDecoder().decode(output.stderr)}`,
    );
  }
  return folder;
}

/** Path of one of the built programs. */
export async function goProgram(name: string): Promise<string> {
  return `${await buildGoPrograms()}/${name}`;
}

/** Longest time in which a program starts, ms. */
const START_TIMEOUT = 100_000;

/** A program that runs until it is disposed of. */
export class Peer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  /** The first line of its output. */
  readonly hello: Readonly<Record<string, string>>;

  private constructor(
    process: Deno.ChildProcess,
    hello: Record<string, string>,
  ) {
    this.#process = process;
    this.hello = hello;
  }

  /** Starts one of the Go programs. */
  static async start(name: string, args: string[] = []): Promise<Peer> {
    return await Peer.run(await goProgram(name), args);
  }

  /** Starts a program and waits for its first line, a JSON object. */
  static async run(command: string, args: string[]): Promise<Peer> {
    const process = new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    // Cancelling after the first line closes our end of the pipe; the programs print nothing more.
    await using lines = new Lines(process.stdout);
    return new Peer(process, JSON.parse(await firstLine(process, lines)));
  }

  /** Its address, `host:port`. */
  get address(): string {
    return this.hello.address;
  }

  /** Its port on the loopback interface. */
  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  /** Kills it, whatever it is doing. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  /** Ends its standard input, with which it ends itself, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stdin.close().catch(() => {});
    await this.#process.status;
  }
}

/**
 * The first line that a program prints, with its address. A program that does not
 * start in time is killed, which ends its output.
 */
export async function firstLine(
  process: Deno.ChildProcess,
  lines: Lines,
): Promise<string> {
  const late = setTimeout(() => process.kill("SIGKILL"), START_TIMEOUT);
  try {
    return await lines.next();
  } finally {
    clearTimeout(late);
  }
}

/** The output of a program that runs one scenario, and how it ended. */
export interface Played {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@linkcode play}. */
export interface PlayOptions {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  /** Milliseconds until it is killed; default 150,000. */
  readonly timeout?: number;
}

/** Runs a built program to its end. */
export async function play(
  name: string,
  args: string[],
  options: PlayOptions = {},
): Promise<Played> {
  return await playProgram(await goProgram(name), args, options);
}

/** Runs a program to its end. */
export async function playProgram(
  program: string,
  args: string[],
  { stdin, env, timeout = 150_000 }: PlayOptions = {},
): Promise<Played> {
  const process = new Deno.Command(program, {
    args,
    env,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(timeout),
  }).spawn();
  if (stdin !== undefined) {
    const writer = process.stdin.getWriter();
    await writer.write(encoder.encode(stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Runs a built program that prints one JSON object; throws the text in its `error`. */
export async function playJson<T>(name: string, args: string[]): Promise<T> {
  const { code, stdout, stderr } = await play(name, args);
  if (stdout === "") throw new Error(`${name} ended with ${code}: ${stderr}`);
  const result = JSON.parse(stdout);
  if (code !== 0) throw new Error(`${name}: ${result.error}`);
  return result;
}
