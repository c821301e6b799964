/**
 * Writes files from a container to this machine, inside one folder only.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { CopyError } from "./error.ts";
import { staysInside } from "./paths.ts";

/** Most links that a path leads through; Linux has the same limit. */
const MOST_HOPS = 40;

/** Mode and time of a file or folder. */
export interface Attributes {
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** The destination of a copy: a folder, or a single file. */
export class LocalFolder {
  readonly #root: string;
  readonly #preserve: boolean;
  /** The user's path, if it is written as a folder and does not exist. */
  readonly #missingFolder: string | undefined;
  /** Folders that are known to be real folders and not links. */
  readonly #folders = new Set<string>();
  readonly #attributes: [path: string, attributes: Attributes][] = [];
  readonly #links: [parts: readonly string[], target: string][] = [];

  /**
   * Opens the destination for `name` at the user's path: inside it if it is a
   * folder, otherwise the path is the new name. A path that ends with a slash names
   * a folder: no file is created under it.
   */
  static async open(
    path: string,
    name: string,
    preserve: boolean,
  ): Promise<LocalFolder> {
    const info = await ifFound(Deno.stat(path));
    if (info === undefined) {
      const parent = await Deno.realPath(dirname(resolve(path)));
      return new LocalFolder(
        join(parent, basename(resolve(path))),
        preserve,
        /[\\/]$/.test(path) ? path : undefined,
      );
    }
    const real = await Deno.realPath(path);
    const isInside = info.isDirectory && name !== ".";
    return new LocalFolder(isInside ? join(real, name) : real, preserve);
  }

  private constructor(root: string, preserve: boolean, missingFolder?: string) {
    this.#root = root;
    this.#preserve = preserve;
    this.#missingFolder = missingFolder;
  }

  /** Path of a file or folder in the destination. */
  pathOf(parts: readonly string[]): string {
    return join(this.#root, ...parts);
  }

  /** Creates a folder and its parents. Its attributes are set at the end. */
  async addFolder(
    parts: readonly string[],
    attributes: Attributes,
  ): Promise<void> {
    await this.#ensureFolder(parts);
    this.#attributes.push([this.pathOf(parts), attributes]);
  }

  /**
   * Writes a file. It gets its name when it is complete; until then, an existing
   * file is not changed.
   */
  async addFile(
    parts: readonly string[],
    attributes: Attributes,
    body: () => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    const path = await this.#prepare(parts);
    // A name of its own, because the system may not permit a longer one than `path` has.
    const unfinished = join(
      dirname(path),
      `.${crypto.randomUUID().slice(0, 8)}.part`,
    );
    try {
      {
        using file = await Deno.open(unfinished, {
          write: true,
          createNew: true,
          mode: this.#preserve ? 0o600 : 0o666,
        });
        for (;;) {
          const chunk = await body();
          if (chunk === undefined) break;
          for (let at = 0; at < chunk.length;) {
            at += await file.write(chunk.subarray(at));
          }
        }
      }
      await this.#setAttributes(unfinished, attributes);
      await Deno.rename(unfinished, path);
    } catch (error) {
      // If it cannot be removed either, the first error is the reason.
      await Deno.remove(unfinished).catch(() => {});
      throw error;
    }
  }

  /** Creates another name for a written file. */
  async addHardLink(
    parts: readonly string[],
    existing: readonly string[],
  ): Promise<void> {
    const path = await this.#prepare(parts);
    await ifFound(Deno.remove(path));
    const from = this.pathOf(existing);
    await Deno.link(from, path).catch(() => Deno.copyFile(from, path));
  }

  /**
   * Records a symbolic link; returns false if it would lead outside.
   *
   * Rule: links are created last, so that nothing is written through one
   * (CVE-2019-1002101, CVE-2019-11246, CVE-2019-11251).
   */
  addLink(parts: readonly string[], target: string): boolean {
    if (!staysInside(parts, target)) return false;
    this.#links.push([parts, target]);
    return true;
  }

  /** Creates the links, and sets the attributes of folders. */
  async finish(): Promise<void> {
    const planned = new Map(
      this.#links.map(([parts, target]) => [this.pathOf(parts), target]),
    );
    for (const [parts, target] of this.#links) {
      const path = await this.#prepare(parts);
      await ifFound(Deno.remove(path));
      await createLink(target, path, planned);
    }
    // Inner folders first, because a change inside a folder changes its time.
    for (const [path, attributes] of this.#attributes.reverse()) {
      // A later entry of the same name may have replaced the folder.
      const info = await ifFound(Deno.lstat(path));
      if (info?.isDirectory) await this.#setAttributes(path, attributes);
    }
  }

  /** Creates the parent folders, and checks that there is no folder of this name. */
  async #prepare(parts: readonly string[]): Promise<string> {
    if (parts.length === 0 && this.#missingFolder !== undefined) {
      throw new CopyError("there is no such folder", this.#missingFolder, {
        initiator: "local",
      });
    }
    if (parts.length > 0) await this.#ensureFolder(parts.slice(0, -1));
    const path = this.pathOf(parts);
    const info = await ifFound(Deno.lstat(path));
    if (info?.isDirectory) {
      throw new CopyError("there is a folder of this name already", path);
    }
    return path;
  }

  async #ensureFolder(parts: readonly string[]): Promise<void> {
    for (let depth = 0; depth <= parts.length; depth++) {
      const path = this.pathOf(parts.slice(0, depth));
      if (this.#folders.has(path)) continue;
      const info = await ifFound(Deno.lstat(path));
      if (info === undefined) {
        await Deno.mkdir(path);
      } else if (info.isSymlink) {
        throw new CopyError(
          "this is a symbolic link, and nothing is written through links",
          path,
          { initiator: "local" },
        );
      } else if (!info.isDirectory) {
        throw new CopyError("there is a file where a folder is needed", path, {
          initiator: "local",
        });
      }
      this.#folders.add(path);
    }
  }

  async #setAttributes(
    path: string,
    { mode, mtime }: Attributes,
  ): Promise<void> {
    if (!this.#preserve) return;
    const time = new Date(mtime * 1000);
    if (!Number.isNaN(time.getTime())) await Deno.utime(path, time, time);
    // Rule: a container cannot create setuid files on this machine.
    if (Deno.build.os !== "windows") await Deno.chmod(path, mode & 0o777);
  }
}

/**
 * Creates a symbolic link. Windows has two kinds of them, and no `/` in their targets.
 * Without the kind, Deno looks for the target below the working directory.
 *
 * @param planned the targets of all links of this copy, some of which do not exist yet
 */
async function createLink(
  target: string,
  path: string,
  planned: ReadonlyMap<string, string>,
): Promise<void> {
  if (Deno.build.os !== "windows") return await Deno.symlink(target, path);
  const real = withoutLinks(resolve(dirname(path), target), planned);
  const info = real === undefined ? undefined : await ifFound(Deno.stat(real));
  const type = info?.isDirectory ? "dir" : "file";
  await Deno.symlink(target.replaceAll("/", "\\"), path, { type });
}

/** Where a path leads through planned links; `undefined` if they are too many or a circle. */
function withoutLinks(
  path: string,
  planned: ReadonlyMap<string, string>,
): string | undefined {
  let place = path;
  for (let hops = 0; hops <= MOST_HOPS; hops++) {
    const link = linkIn(place, planned);
    if (link === undefined) return place;
    const target = planned.get(link) ?? "";
    place = resolve(dirname(link), target, `.${place.slice(link.length)}`);
  }
  return undefined;
}

/** The innermost part of a path that is a planned link. */
function linkIn(
  path: string,
  planned: ReadonlyMap<string, string>,
): string | undefined {
  for (let part = path;; part = dirname(part)) {
    if (planned.has(part)) return part;
    if (part === dirname(part)) return undefined;
  }
}

/** Resolves to `undefined` if there is no such file. */
async function ifFound<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
