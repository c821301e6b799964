/**
 * Ends and removes what a killed runtime leaves behind. Each process is found by
 * a name that only this run has, and ended by its id.
 *
 * @module
 */

import { delay } from "../deps.ts";

const CGROUPS = "/sys/fs/cgroup";
/** Longest wait for processes that have been killed, ms. */
const END_TIMEOUT = 10_000;

/** Ends the shims that were started for the socket, and all processes in the cgroup. */
export async function endProcessesOf(
  socket: string,
  cgroup: string,
): Promise<void> {
  const end = Date.now() + END_TIMEOUT;
  for (;;) {
    const processes = [
      ...await shimsOf(socket),
      ...await processesIn(cgroup),
    ];
    if (processes.length === 0) return;
    if (Date.now() > end) {
      throw new Error(`these processes do not end: ${processes.join(", ")}`);
    }
    for (const pid of processes) killProcess(pid);
    await delay(100);
  }
}

/** Unmounts everything below a folder, the deepest first. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await Deno.readTextFile("/proc/self/mountinfo"))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
  for (const path of mounts) {
    await new Deno.Command("umount", { args: ["--lazy", path] }).output();
  }
}

/** Removes a cgroup and those below it, in every hierarchy. */
export async function removeCgroups(cgroup: string): Promise<void> {
  const folders = await cgroupFolders(cgroup);
  // The deepest first, because the kernel only removes a cgroup without
  // children.
  for (const folder of folders.reverse()) await Deno.remove(folder);
}

/** The processes of the commands in a container's cgroup, and their children. */
async function processesIn(cgroup: string): Promise<number[]> {
  const pids = new Set<number>();
  for (const folder of await cgroupFolders(cgroup)) {
    const text = await Deno.readTextFile(`${folder}/cgroup.procs`)
      .catch(() => "");
    for (const line of text.split("\n")) {
      if (line !== "") pids.add(Number(line));
    }
  }
  return [...pids];
}

/** The folders of a cgroup, parents before children. */
async function cgroupFolders(cgroup: string): Promise<string[]> {
  const hierarchies = [CGROUPS, ...await childrenOf(CGROUPS)];
  const found: string[] = [];
  const add = async (folder: string): Promise<void> => {
    found.push(folder);
    for (const child of await childrenOf(folder)) await add(child);
  };
  for (const hierarchy of hierarchies) {
    const folder = `${hierarchy}/${cgroup}`;
    const entry = await Deno.stat(folder).catch(() => undefined);
    if (entry?.isDirectory) await add(folder);
  }
  return found;
}

async function childrenOf(folder: string): Promise<string[]> {
  const children: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) children.push(`${folder}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return children;
}

async function shimsOf(socket: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`)
      .catch(() => "");
    const words = line.split("\0");
    if (
      words[0].endsWith("containerd-shim-runc-v2") && words.includes(socket)
    ) {
      found.push(Number(name));
    }
  }
  return found;
}

/** Kills a process, if it is still there. */
export function killProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
