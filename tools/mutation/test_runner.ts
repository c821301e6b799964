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

/** How a run of tests ended. */
export interface TestRun {
  readonly outcome: "passed" | "failed" | "late" | "large";
  /** Its time, ms. */
  readonly time: number;
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
      stdout: "null",
      stderr: "null",
    }).spawn();
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
    return { outcome, time: performance.now() - begin };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Resident memory of a process, bytes; 0 where the system does not tell. */
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
