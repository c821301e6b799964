/**
 * Opens files below a directory and never outside of it, even if another process
 * replaces directories by symbolic links at the same time.
 *
 * A path can lead elsewhere between a check and `open`, so the open file itself is
 * checked: it must be a regular file below the directory. node:fs opens it, because
 * node:fs supports O_NONBLOCK: for a FIFO, `Deno.open` waits in the kernel for a
 * writer, and every other file operation of the process waits with it.
 *
 * @module
 */

import { constants, type Stats } from "node:fs";
import {
  type FileHandle,
  lstat,
  open,
  readlink,
  realpath,
  stat,
} from "node:fs/promises";

/** An open file below the directory; the caller closes it. */
export interface OpenFile {
  readonly kind: "file";
  readonly handle: FileHandle;
  /** Its path with all links resolved. */
  readonly path: string;
  /** Its size when it was opened, bytes. */
  readonly size: number;
  readonly mtime: Date;
}

/** The directory itself, or one below it. */
export interface FoundDirectory {
  readonly kind: "directory";
  /** Its path with all links resolved. */
  readonly path: string;
  /** Changes when entries are added or removed. */
  readonly stamp: string;
}

/** Windows has neither of the two flags, and no FIFOs in directories. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOFOLLOW ?? 0);
/** Separates the names in a resolved path. Outside of Windows, a backslash may be part of a name. */
const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";
/** Error codes of the system for a path that does not lead to a file. */
const MISSING: ReadonlySet<unknown> = new Set([
  "EINVAL",
  "EISDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "ENOENT",
  "ENOTDIR",
  "ENXIO",
]);
/**
 * How often the path is compared if the system does not tell where an open file is.
 * To deceive it, a directory must be replaced at the right moment twice in each
 * comparison.
 */
export const COMPARISONS = 8;

/**
 * Opens `path` below `root`, a path without symbolic links. Resolves to `undefined`
 * if there is no such file or directory, if it is a FIFO or a device, and if the path
 * leads out of `root`.
 *
 * Rejects with any other error of the system, such as missing permission or too many
 * open files.
 */
export async function openBelow(
  root: string,
  path: string,
): Promise<OpenFile | FoundDirectory | undefined> {
  try {
    const real = await realpath(`${root}/${path}`);
    if (!isBelow(root, real)) return undefined;
    const found = await stat(real);
    if (found.isDirectory()) {
      const stamp = `${found.dev} ${found.ino} ${found.mtimeMs}`;
      return { kind: "directory", path: real, stamp };
    }
    // Checked before `open` as well, because opening a device can affect it.
    return found.isFile() ? await openFile(root, real) : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether an error only says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && MISSING.has(error.code);
}

async function openFile(
  root: string,
  path: string,
): Promise<OpenFile | undefined> {
  const handle = await open(path, OPEN_FLAGS);
  try {
    const info = await handle.stat();
    if (info.isFile() && await isOpenBelow(root, path, handle, info)) {
      const { size, mtime } = info;
      return { kind: "file", handle, path, size, mtime };
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

/** Whether the open file is below `root`, no matter where `path` leads now. */
async function isOpenBelow(
  root: string,
  path: string,
  handle: FileHandle,
  info: Stats,
): Promise<boolean> {
  const told = await placeOf(handle);
  return told === undefined
    ? await isStill(root, path, info)
    : isBelow(root, told);
}

/**
 * The path of an open file, as Linux reports it; `undefined` on other systems, and
 * if Deno does not permit reading /proc, for which it needs --allow-all.
 */
export async function placeOf(
  handle: FileHandle,
): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`);
  } catch {
    return undefined;
  }
}

/** Whether `path`, which has no links in it, still leads to the file that `info` describes, which is then below `root`. */
async function isStill(
  root: string,
  path: string,
  info: Stats,
): Promise<boolean> {
  for (let round = 0; round < COMPARISONS; round++) {
    const { dev, ino } = await lstat(path);
    if (dev !== info.dev || ino !== info.ino) return false;
    if (await realpath(path) !== path) return false;
    // There is no directory between `root` and the file that could be replaced.
    if (path.lastIndexOf(SEPARATOR) <= root.length) return true;
  }
  return true;
}

function isBelow(root: string, path: string): boolean {
  return path === root ||
    path.startsWith(root.endsWith(SEPARATOR) ? root : root + SEPARATOR);
}
