/**
 * Opens files below a directory, and nothing outside of it, while somebody else
 * moves links about in it.
 *
 * A path that was looked at may lead elsewhere when it is opened, so what was
 * opened is looked at: it is an ordinary file, and it stands below the
 * directory. node:fs opens, because it takes O_NONBLOCK: `Deno.open` waits in
 * the kernel for a writer of a FIFO, and holds up every other file operation of
 * the process meanwhile.
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

/** An open file below the directory; close it. */
export interface OpenFile {
  readonly kind: "file";
  readonly handle: FileHandle;
  /** Its path with all links resolved. */
  readonly path: string;
  /** Bytes when it was opened. */
  readonly size: number;
  readonly mtime: Date;
}

/** A directory below the directory, or that itself. */
export interface FoundDirectory {
  readonly kind: "directory";
  /** Its path with all links resolved. */
  readonly path: string;
  /** Changes when entries come and go. */
  readonly stamp: string;
}

/** Windows has neither flag, and no FIFO to be found in a directory. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOFOLLOW ?? 0);
/** Between the names of a resolved path. Elsewhere than on Windows a name may have a backslash in it. */
const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";
/** What the system says of a path that names nothing. */
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
 * How often a place is compared where the system does not tell it. Whoever
 * swaps a directory for a link must hit the right moment twice each time.
 */
export const COMPARISONS = 8;

/**
 * Opens what `path` names below `root`, whose links are resolved. `undefined`
 * when there is no file and no directory of that name, a FIFO or a device
 * stands there, or the path leads out of `root`.
 *
 * Throws what the system throws for other reasons: no permission, no room for
 * another open file.
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
    // Also looked at before: opening a device may do something to it.
    return found.isFile() ? await openFile(root, real) : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether an error only says that there is nothing of that name. */
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
    if (info.isFile() && await standsBelow(root, path, handle, info)) {
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

/** Whether the file that was opened is below `root`, whatever `path` leads to by now. */
async function standsBelow(
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
 * Where an open file stands, as Linux tells it; `undefined` where the system
 * does not tell, or Deno does not let us ask (it wants --allow-all for /proc).
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

/** Whether `path`, which has no links in it, leads to what `info` describes: that is then below `root`. */
async function isStill(
  root: string,
  path: string,
  info: Stats,
): Promise<boolean> {
  for (let round = 0; round < COMPARISONS; round++) {
    const { dev, ino } = await lstat(path);
    if (dev !== info.dev || ino !== info.ino) return false;
    if (await realpath(path) !== path) return false;
    // No directory in between that could be swapped for a link.
    if (path.lastIndexOf("/") <= root.length) return true;
  }
  return true;
}

function isBelow(root: string, path: string): boolean {
  return path === root ||
    path.startsWith(root.endsWith(SEPARATOR) ? root : root + SEPARATOR);
}
