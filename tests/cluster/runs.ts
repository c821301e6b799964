/**
 * What a run starts and changes on this machine, written down, so that all of it
 * is undone: by the run itself at its end, or, when it was killed, by the next one.
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

/** Where shims have their sockets, whatever the configuration: the deepest first. */
const SHIM_FOLDERS = ["/run/containerd/s", "/run/containerd"];

/** A process. Its id may be that of another one later, the time of its start not. */
export interface ProcessId {
  readonly pid: number;
  /** As the kernel counts it, in ticks since the machine was started. */
  readonly startTime: string;
}

/** What is written down of a run. */
export interface RunRecord {
  /** The process that undoes everything, if it lives so long. */
  readonly runner: ProcessId;
  /** Folder of everything, with the socket of containerd in it. */
  readonly folder: string;
  /** Cgroup of all containers. */
  readonly cgroup: string;
  /** Folders outside that this run made; removed when they are empty. */
  readonly outside: readonly string[];
  /** Programs that were started. */
  readonly processes: readonly ProcessId[];
  /** Settings of the kernel, as they were. */
  readonly settings: Settings;
}

/** One run: its folder, its cgroup, and what it has to undo. */
export class Run implements AsyncDisposable {
  readonly #records: string;
  readonly #file: string;
  #record: RunRecord;

  private constructor(records: string, file: string, record: RunRecord) {
    this.#records = records;
    this.#file = file;
    this.#record = record;
  }

  /** Undoes what runs have left that were killed, and begins another one. */
  static async begin(
    records: string = `${cacheFolder()}/spdy-cluster/runs`,
  ): Promise<Run> {
    await Deno.mkdir(records, { recursive: true });
    await undoDeadRuns(records);
    // Not below TMPDIR: the path of a socket has at most 107 bytes.
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

  /** Starts a program, whose log goes to a file of the folder. */
  async start(
    program: string,
    args: readonly string[],
  ): Promise<Deno.ChildProcess> {
    const log = this.logOf(program);
    // The program writes its log itself: no pipe stops it when nobody reads.
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

  /** Writes down settings of the kernel, to be called before they change. */
  async remember(settings: Settings): Promise<void> {
    // What another run has changed was different before that run.
    const others = await recordsIn(this.#records);
    const before = others.map(({ record }) => record.settings);
    this.#record = {
      ...this.#record,
      settings: Object.assign({}, settings, ...before),
    };
    await this.#write();
  }

  /** Writes down folders outside that do not exist, but will. */
  async rememberFolders(folders: readonly string[]): Promise<void> {
    const missing = new Set(await missingOf(folders));
    // What another run has made was not there before that run.
    for (const { record } of await recordsIn(this.#records)) {
      for (const each of record.outside) missing.add(each);
    }
    // In the order that is given, the deepest first.
    const outside = new Set([
      ...this.#record.outside,
      ...folders.filter((each) => missing.has(each)),
    ]);
    this.#record = { ...this.#record, outside: [...outside] };
    await this.#write();
  }

  /** Undoes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await undo(this.#record, this.#file, this.#records);
  }

  /** Never half: whoever reads it may have to undo all of it. */
  async #write(): Promise<void> {
    const next = `${this.#file}.next`;
    await Deno.writeTextFile(next, JSON.stringify(this.#record, null, 2));
    await Deno.rename(next, this.#file);
  }
}

/** A record, and the file that it is in. */
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
    // Another run may have removed its own.
    if (text !== undefined) found.push({ file, record: JSON.parse(text) });
  }
  return found;
}

/** Undoes what was left by runs whose process has ended. */
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
  // Shims know the socket, containers are in the cgroup.
  await endProcessesOf(socketIn(folder), cgroup);
  await unmountBelow(folder);
  await removeCgroups(cgroup);
  for (const each of outside) await removeLeftover(each, folder);
  await Deno.remove(folder, { recursive: true }).catch(unlessMissing);
  await Deno.remove(file).catch(unlessMissing);
  // As long as another run needs them, the settings are left to that one.
  const others = await recordsIn(records);
  const isLast = others.every(({ record }) =>
    Object.keys(record.settings).length === 0
  );
  if (isLast) await restoreSettings(settings);
}

/**
 * Removes a folder that a run has made outside of its own, with the links into
 * that one and the sockets in it. One with anything else belongs to somebody else
 * as well.
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
    // It stays.
  }
}

/** Kills a program that was started, and waits for its end. */
export async function killStarted(
  process: Deno.ChildProcess | undefined,
): Promise<void> {
  if (process === undefined) return;
  killProcess(process.pid);
  await process.status;
}

/** Where the socket of containerd is. */
export function socketIn(folder: string): string {
  return `${folder}/containerd.sock`;
}

/** The process of this id; its `startTime` is `""` if there is none. */
export async function identify(pid: number): Promise<ProcessId> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  // The name of the program may contain blanks and brackets: count after the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie has ended.
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
