/**
 * Records what a run starts and changes on this machine, so that all of it is
 * reverted: by the run itself at its end, or by the next run if this one was
 * killed.
 *
 * @module
 */

import { cacheFolder } from "../interop/peers.ts";
import { restoreSettings, type Settings } from "./kernel_settings.ts";
import {
  endProcessesOf,
  killProcess,
  removeCgroups,
  unmountBelow,
} from "./leftovers.ts";

/**
 * The folders in which shims have their sockets, whatever the configuration is,
 * the deepest first.
 */
const SHIM_FOLDERS = ["/run/containerd/s", "/run/containerd"];

/** A process. Another process may have the same id later, but not the same start time. */
export interface ProcessId {
  readonly pid: number;
  /** The start time as the kernel counts it, in ticks since the machine was started. */
  readonly startTime: string;
}

/** The record of a run. */
export interface RunRecord {
  /** The process that reverts everything, if it is still running. */
  readonly runner: ProcessId;
  /** The folder for everything, with the socket of containerd in it. */
  readonly folder: string;
  /** Cgroup of all containers. */
  readonly cgroup: string;
  /** Folders outside that this run creates; they are removed when they are empty. */
  readonly outside: readonly string[];
  /** Programs that were started. */
  readonly processes: readonly ProcessId[];
  /** Previous settings of the kernel. */
  readonly settings: Settings;
}

/** One run: its folder, its cgroup, and what it must revert. */
export class Run implements AsyncDisposable {
  readonly #records: string;
  readonly #file: string;
  #record: RunRecord;

  private constructor(records: string, file: string, record: RunRecord) {
    this.#records = records;
    this.#file = file;
    this.#record = record;
  }

  /** Reverts what killed runs have left, and begins a new one. */
  static async begin(
    records: string = `${cacheFolder()}/spdy-cluster/runs`,
  ): Promise<Run> {
    await Deno.mkdir(records, { recursive: true });
    await undoDeadRuns(records);
    // Not below TMPDIR, because the path of a socket may have at most 107
    // bytes.
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "spdy-" });
    const name = folder.split("/").at(-1) ?? "";
    const run = new Run(records, `${records}/${name}.json`, {
      runner: await identify(Deno.pid),
      folder,
      cgroup: name,
      outside: [],
      processes: [],
      settings: {},
    });
    await run.rememberFolders(SHIM_FOLDERS);
    return run;
  }

  /** Folder of everything. */
  get folder(): string {
    return this.#record.folder;
  }

  /** Cgroup of all containers. */
  get cgroup(): string {
    return this.#record.cgroup;
  }

  /** Starts a program. Its log is a file in the folder. */
  async start(
    program: string,
    args: readonly string[],
  ): Promise<Deno.ChildProcess> {
    const log = this.logOf(program);
    // The program writes its log itself, so it cannot block on a pipe that
    // nobody reads.
    const process = new Deno.Command("sh", {
      args: ["-c", 'log="$1"; shift; exec "$@" 2>>"$log"', "sh", log, program]
        .concat(args),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const processes = [
      ...this.#record.processes,
      await identify(process.pid),
    ];
    this.#record = { ...this.#record, processes };
    await this.#write();
    return process;
  }

  /** File of a program's log. */
  logOf(program: string): string {
    return `${this.folder}/${program.split("/").at(-1)}.log`;
  }

  /** Records settings of the kernel; must be called before they change. */
  async remember(settings: Settings): Promise<void> {
    // If another run has changed a setting, its record has the previous value.
    const others = await recordsIn(this.#records);
    const before = others.map(({ record }) => record.settings);
    this.#record = {
      ...this.#record,
      settings: Object.assign({}, settings, ...before),
    };
    await this.#write();
  }

  /** Records folders outside that do not exist yet, but will. */
  async rememberFolders(folders: readonly string[]): Promise<void> {
    const missing = new Set(await missingOf(folders));
    // If another run has created a folder, it did not exist before that run.
    for (const { record } of await recordsIn(this.#records)) {
      for (const each of record.outside) missing.add(each);
    }
    // In the given order, the deepest first.
    const outside = new Set([
      ...this.#record.outside,
      ...folders.filter((each) => missing.has(each)),
    ]);
    this.#record = { ...this.#record, outside: [...outside] };
    await this.#write();
  }

  /** Reverts everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await undo(this.#record, this.#file, this.#records);
  }

  /** Written at once, because another run may need all of it. */
  async #write(): Promise<void> {
    const next = `${this.#file}.next`;
    await Deno.writeTextFile(next, JSON.stringify(this.#record, null, 2));
    await Deno.rename(next, this.#file);
  }
}

/** A record, and its file. */
interface StoredRecord {
  readonly file: string;
  readonly record: RunRecord;
}

async function recordsIn(records: string): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for await (const { name } of Deno.readDir(records)) {
    if (!name.endsWith(".json")) continue;
    const file = `${records}/${name}`;
    const text = await Deno.readTextFile(file).catch(() => undefined);
    // Another run may have removed its record.
    if (text !== undefined) found.push({ file, record: JSON.parse(text) });
  }
  return found;
}

/** Reverts what was left by runs whose process has ended. */
async function undoDeadRuns(records: string): Promise<void> {
  for (const { file, record } of await recordsIn(records)) {
    if (!await isAlive(record.runner)) await undo(record, file, records);
  }
}

async function undo(
  { folder, cgroup, processes, settings, outside }: RunRecord,
  file: string,
  records: string,
): Promise<void> {
  for (const each of processes) {
    if (await isAlive(each)) killProcess(each.pid);
  }
  // Shims are found by the socket, containers by the cgroup.
  await endProcessesOf(socketIn(folder), cgroup);
  await unmountBelow(folder);
  await removeCgroups(cgroup);
  for (const each of outside) await removeLeftover(each, folder);
  await Deno.remove(folder, { recursive: true }).catch(unlessMissing);
  await Deno.remove(file).catch(unlessMissing);
  // While another run needs the settings, they are left to that run.
  const others = await recordsIn(records);
  const isLast = others.every(({ record }) =>
    Object.keys(record.settings).length === 0
  );
  if (isLast) await restoreSettings(settings);
}

/**
 * Removes a folder that a run has created outside of its own, with the links into
 * its own folder and the sockets. A folder that contains anything else is in use
 * elsewhere, and stays.
 */
async function removeLeftover(path: string, folder: string): Promise<void> {
  try {
    for await (
      const { name, isSymlink, isFile, isDirectory } of Deno.readDir(path)
    ) {
      const entry = `${path}/${name}`;
      const isOurs = isSymlink
        ? (await Deno.readLink(entry)).startsWith(`${folder}/`)
        : !isFile && !isDirectory;
      if (isOurs) await Deno.remove(entry);
    }
    await Deno.remove(path);
  } catch {
    // The folder stays.
  }
}

/** Kills a program of the run, and waits for its end. */
export async function killStarted(
  process: Deno.ChildProcess | undefined,
): Promise<void> {
  if (process === undefined) return;
  killProcess(process.pid);
  await process.status;
}

/** The path of the socket of containerd. */
export function socketIn(folder: string): string {
  return `${folder}/containerd.sock`;
}

/** The process of this id; its `startTime` is `""` if there is none. */
export async function identify(pid: number): Promise<ProcessId> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  // The name of the program may contain spaces and brackets, so fields count
  // from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie counts as ended.
  return { pid, startTime: fields[0] === "Z" ? "" : fields[19] ?? "" };
}

async function isAlive({ pid, startTime }: ProcessId): Promise<boolean> {
  return startTime !== "" && (await identify(pid)).startTime === startTime;
}

async function missingOf(paths: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const path of paths) {
    const entry = await Deno.stat(path).catch(() => undefined);
    if (entry === undefined) missing.push(path);
  }
  return missing;
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
