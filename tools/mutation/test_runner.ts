/**
 * Runs test files in a copy of the project, with a bound on time and memory.
 *
 * @module
 */

import { stdSource } from "../std.ts";

/** Most memory of a run, bytes: a mutant that fills the memory is noticed. */
const MAX_MEMORY = 1_500_000_000;
/** Time between two looks at the memory, ms. */
const LOOK_EVERY = 200;
/** Bytes in a page, as `/proc` counts memory on Linux. */
const PAGE = 4096;

const root = new URL("../../", import.meta.url);

/** Longest wait for the last output of a process that has ended, ms: its own children may hold the pipe. */
const LAST_OUTPUT = 2000;

/** Most characters of an unfinished line that are kept. */
const LONGEST_LINE = 10_000;

/** How a run of tests ended. */
export interface TestRun {
  readonly outcome: "passed" | "failed" | "late" | "large";
  /** Its time, ms. */
  readonly time: number;
  /** The file that failed or was still running, if the output names it. */
  readonly file: string | undefined;
  /** The test that failed, if the output names it. */
  readonly name: string | undefined;
}

/** Finds in the output of `deno test` which test failed, or which file was running. */
export class TestOutput {
  /** The file that ran last. A failed test names the place that registered it, which may be another file. */
  file: string | undefined;
  /** The test that failed. */
  name: string | undefined;
  #inFailures = false;

  /** Reads one line. */
  line(text: string): void {
    const running = /^running \d+ tests? from \.\/(.+)$/.exec(text);
    if (running !== null) this.file = running[1];
    else if (text === " FAILURES ") this.#inFailures = true;
    if (!this.#inFailures || this.name !== undefined) return;
    const failed = /^(.+) => \.\/.+:\d+:\d+$/.exec(text);
    const uncaught = /^\.\/(.+) \(uncaught error\)$/.exec(text);
    if (failed !== null) this.name = failed[1];
    else if (uncaught !== null) [this.name, this.file] = uncaught;
  }
}

/** A copy of the project's files, so that mutants do not touch the project itself. */
export class ProjectCopy {
  readonly folder: string;
  readonly #flags: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    folder: string,
    flags: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.folder = folder;
    this.#flags = flags;
    this.#env = env;
  }

  /** Copies all files that git tracks or would track. */
  static async make(): Promise<ProjectCopy> {
    const folder = await Deno.makeTempDir({ prefix: "mutants" });
    const list = await new Deno.Command("git", {
      args: ["ls-files", "-co", "--exclude-standard"],
      cwd: root,
    }).output();
    for (const name of new TextDecoder().decode(list.stdout).split("\n")) {
      if (name === "") continue;
      const path = `${folder}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.copyFile(new URL(name, root), path).catch(() => {});
    }
    const env = { SPDY_STD: await stdSource(), NO_COLOR: "1" };
    const flags = await flagsIn(folder, env);
    return new ProjectCopy(folder, flags, env);
  }

  /** Runs test files in the order given; stops at the first failure. */
  async test(
    files: readonly string[],
    longest: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<TestRun> {
    const begin = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        ...this.#flags,
        "-A",
        "--no-check",
        "--quiet",
        "--fail-fast",
        ...files,
      ],
      cwd: this.folder,
      env: { ...this.#env, ...env },
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = new TestOutput();
    const reading = readLines(child.stdout, (line) => output.line(line));
    let outcome: TestRun["outcome"] | undefined;
    const end = (reason: "late" | "large"): void => {
      outcome ??= reason;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => end("late"), longest);
    const looking = setInterval(() => {
      if (memoryOf(child.pid) > MAX_MEMORY) end("large");
    }, LOOK_EVERY);
    const { success } = await child.status;
    clearTimeout(timer);
    clearInterval(looking);
    outcome ??= success ? "passed" : "failed";
    const time = performance.now() - begin;
    const waiting = setTimeout(() => reading.cancel(), LAST_OUTPUT);
    await reading.ended;
    clearTimeout(waiting);
    return { outcome, time, file: output.file, name: output.name };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Calls `onLine` for each line, until the stream ends or `cancel` is called. */
function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): { readonly ended: Promise<void>; cancel(): void } {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split(
        "\n",
      );
      // A line without end must not fill the memory, as it would in a `TextLineStream`.
      rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
      lines.forEach(onLine);
    }
    if (rest !== "") onLine(rest);
  };
  return {
    ended: read().catch(() => {}),
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

/** Resident memory of a process, bytes; 0 if the system does not report it. */
function memoryOf(pid: number): number {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/statm`);
    return Number(text.split(" ")[1]) * PAGE;
  } catch {
    return 0;
  }
}

/** The flags that make `deno` find the standard library from the copy. */
async function flagsIn(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<string[]> {
  const script = `import { stdFlags } from "file://${folder}/tools/std.ts";
    console.log(JSON.stringify(await stdFlags()));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    cwd: folder,
    env: { ...env },
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
