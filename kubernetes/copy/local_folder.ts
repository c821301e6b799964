/**
 * Writes what a container sends to this machine, inside one folder only.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { CopyError } from "./error.ts";
import { staysInside } from "./paths.ts";

/** Mode and time of something. */
export interface Attributes {
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** The place that a copy goes to: a folder, or a single file. */
export class LocalFolder {
  readonly #root: string;
  readonly #preserve: boolean;
  /** Folders that are known to be folders and no links. */
  readonly #folders = new Set<string>();
  readonly #attributes: [path: string, attributes: Attributes][] = [];
  readonly #links: [parts: readonly string[], target: string][] = [];

  /**
   * Finds the place for `name` at the path that the user gave: in it when it is a
   * folder, else it is the new name itself.
   */
  static async open(
    path: string,
    name: string,
    preserve: boolean,
  ): Promise<LocalFolder> {
    const info = await ifFound(Deno.stat(path));
    if (info === undefined) {
      const parent = await Deno.realPath(dirname(resolve(path)));
      return new LocalFolder(join(parent, basename(resolve(path))), preserve);
    }
    const real = await Deno.realPath(path);
    const isInside = info.isDirectory && name !== ".";
    return new LocalFolder(isInside ? join(real, name) : real, preserve);
  }

  private constructor(root: string, preserve: boolean) {
    this.#root = root;
    this.#preserve = preserve;
  }

  /** Path of something below. */
  pathOf(parts: readonly string[]): string {
    return join(this.#root, ...parts);
  }

  /** Makes a folder with those above it. Its attributes are set at the end. */
  async addFolder(
    parts: readonly string[],
    attributes: Attributes,
  ): Promise<void> {
    await this.#ensureFolder(parts);
    this.#attributes.push([this.pathOf(parts), attributes]);
  }

  /**
   * Writes a file. It gets its name when it is complete: one that is there already
   * stays as it is until then.
   */
  async addFile(
    parts: readonly string[],
    attributes: Attributes,
    body: () => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    const path = await this.#prepare(parts);
    const unfinished = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
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
      await ifFound(Deno.remove(unfinished));
      throw error;
    }
  }

  /** Gives a file that was written another name. */
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
   * Remembers a symbolic link; false when it would lead outside.
   *
   * Rule: links are made last, so that nothing is written through one
   * (CVE-2019-1002101, CVE-2019-11246, CVE-2019-11251).
   */
  addLink(parts: readonly string[], target: string): boolean {
    if (!staysInside(parts, target)) return false;
    this.#links.push([parts, target]);
    return true;
  }

  /** Makes the links, and sets the attributes of folders. */
  async finish(): Promise<void> {
    for (const [parts, target] of this.#links) {
      const path = await this.#prepare(parts);
      await ifFound(Deno.remove(path));
      await Deno.symlink(target, path);
    }
    // Inner ones first: a change inside changes the time of the folder.
    for (const [path, attributes] of this.#attributes.reverse()) {
      // A later entry of the same name may have replaced the folder.
      const info = await ifFound(Deno.lstat(path));
      if (info?.isDirectory) await this.#setAttributes(path, attributes);
    }
  }

  /** Makes the folders above, and checks that no folder has this name. */
  async #prepare(parts: readonly string[]): Promise<string> {
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
          "this is a symbolic link, through which nothing is written",
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
    // Rule: a container does not get to make setuid files here.
    if (Deno.build.os !== "windows") await Deno.chmod(path, mode & 0o777);
  }
}

/** `undefined` when there is no such file. */
async function ifFound<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
