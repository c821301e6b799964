/**
 * Copies from a container to this machine.
 *
 * @module
 */

import { checkWhole } from "../../numbers.ts";
import type { Names } from "../../values.ts";
import { copyTarget } from "../dial.ts";
import { ArchiveSource } from "./archive_source.ts";
import { CopyError } from "./error.ts";
import { LocalFolder } from "./local_folder.ts";
import {
  COPY_NAMES,
  type CopyOptions,
  type CopyResult,
  leadsOutside,
  NO_FILE,
  Tally,
} from "./options.ts";
import { componentsBelow, splitRemote } from "./paths.ts";
import { compareSums, joinRemote, targetOf } from "./run.ts";
import { type TarHeader, TYPE } from "./tar/header.ts";
import { TarReader } from "./tar/read.ts";

/** The options of `copyFrom`. */
export interface CopyFromOptions extends CopyOptions {
  /**
   * How often to continue if the archive ends early; default 3. It continues at the
   * same byte (this needs `sh` and `tail` in the container), and then compares
   * SHA-256 sums, as with `verify`, because the files may have changed.
   */
  readonly retries?: number;
}

const COPY_FROM_NAMES: Names<CopyFromOptions> = {
  ...COPY_NAMES,
  retries: true,
};

/**
 * Copies a file or folder from a container, as `kubectl cp` does. It uses `tar` in
 * the container. If `local` is a folder, the copy is created in it, otherwise under
 * that name. A `local` that ends with a slash names a folder: a file is copied into
 * it, and not created under its name.
 *
 * Nothing is written outside the destination: a name that leads out of it ends the
 * copy. Symbolic links are created last, and only if they lead to a place inside.
 * Nothing is written through an existing link. A file gets its name when it is
 * complete. Needs `--allow-read` and `--allow-write` for the destination.
 *
 * Rejects with {@linkcode CopyError} if tar fails, if the archive ends early and
 * `retries` are used up, and if the archive is invalid; with the errors of `exec`,
 * and with Deno's own errors for files.
 *
 * @example
 * ```ts
 * import { copyFrom, loadKubeConfig } from "@spdy/spdy/kubernetes";
 *
 * async function fetchLogs(pod: string): Promise<void> {
 *   const config = await loadKubeConfig();
 *   const { files, bytes, skipped } = await copyFrom({
 *     ...await config.target(),
 *     pod: { name: pod, namespace: config.namespace },
 *     remote: "/var/log/app",
 *     local: "logs",
 *   });
 *   console.log(`${files} files, ${bytes} bytes`, skipped);
 * }
 * ```
 */
export async function copyFrom(options: CopyFromOptions): Promise<CopyResult> {
  const own = copyTarget("copyFrom", options, COPY_FROM_NAMES);
  const { remote, preserve = true, dereference = false, retries = 3 } = own;
  checkWhole("retries", retries, 0, 1000);
  const path = splitRemote(remote);
  const target = targetOf(own);
  const folder = await LocalFolder.open(own.local, path.base, preserve);
  const tally = new Tally(own.onProgress);
  const extraction = new Extraction(remote, path.base, folder, tally);
  await using source = new ArchiveSource({
    target,
    path,
    dereference,
    retries,
  });
  await extraction.run(new TarReader(source));
  await source.end();
  await folder.finish();
  if (own.verify || source.isResumed) {
    const place = joinRemote(path.folder, path.base);
    await compareSums(target, place, extraction.written, dereference);
  }
  return tally.result();
}

/** Extracts an archive. */
class Extraction {
  /** The path in the container, as the caller wrote it. */
  readonly #remote: string;
  readonly #base: string;
  readonly #folder: LocalFolder;
  readonly #tally: Tally;

  /** Path on this machine of each written file, by its path in the archive. */
  readonly written = new Map<string, string>();

  constructor(
    remote: string,
    base: string,
    folder: LocalFolder,
    tally: Tally,
  ) {
    this.#remote = remote;
    this.#base = base;
    this.#folder = folder;
    this.#tally = tally;
  }

  async run(reader: TarReader): Promise<void> {
    for (;;) {
      const header = await reader.next();
      if (header === undefined) return;
      const parts = componentsBelow(header.name, this.#base);
      await this.#add(parts, header, reader);
    }
  }

  async #add(
    parts: readonly string[],
    header: TarHeader,
    reader: TarReader,
  ): Promise<void> {
    const path = parts.join("/");
    const tally = this.#tally;
    switch (header.type) {
      case TYPE.folder:
        await this.#folder.addFolder(parts, header);
        tally.folders++;
        return;
      case TYPE.file:
      case TYPE.contiguousFile: {
        let done = 0;
        await this.#folder.addFile(parts, header, async () => {
          const chunk = await reader.readBody();
          if (chunk === undefined) return undefined;
          done += chunk.length;
          tally.advance(path, chunk.length, done, header.size);
          return chunk;
        });
        this.written.set(path, this.#folder.pathOf(parts));
        tally.files++;
        return;
      }
      case TYPE.hardLink: {
        const existing = componentsBelow(header.link, this.#base);
        // Rule: a hard link must lead to a file of the same archive, never to one
        // that existed before.
        if (!this.written.has(existing.join("/"))) {
          throw new CopyError(
            `the container's tar sent a hard link to ${
              JSON.stringify(header.link)
            }, which it had not sent before`,
            path,
          );
        }
        await this.#folder.addHardLink(parts, existing);
        this.written.set(path, this.#folder.pathOf(parts));
        tally.files++;
        return;
      }
      case TYPE.symlink:
        if (this.#folder.addLink(parts, header.link)) tally.links++;
        else tally.skip(path, leadsOutside(header.link), this.#remote);
        return;
      default:
        tally.skip(path, NO_FILE, this.#remote);
    }
  }
}
