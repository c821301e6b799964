/**
 * Copies from this machine to a container.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { handled } from "../../connection/deferred.ts";
import { copyTarget, type TargetOptions } from "../dial.ts";
import { exec } from "../exec.ts";
import { CopyError } from "./error.ts";
import {
  COPY_NAMES,
  type CopyOptions,
  type CopyResult,
  leadsOutside,
  NO_FILE,
  nothingCopied,
  Tally,
} from "./options.ts";
import { splitRemote, staysInside } from "./paths.ts";
import {
  checkEnd,
  compareSums,
  Complaint,
  countLines,
  isRemote,
  joinRemote,
  targetOf,
} from "./run.ts";
import {
  BLOCK,
  encodeHeader,
  padded,
  type TarHeader,
  TYPE,
} from "./tar/header.ts";

/** Bytes of one read from a file. */
const READ_SIZE = 65536;
/**
 * Archives are padded to a multiple of this size, bytes, because some tars read
 * nothing shorter.
 */
const RECORD = 20 * BLOCK;

/** The options of `copyTo`. */
export type CopyToOptions = CopyOptions;

/**
 * Copies a file or folder to a container, as `kubectl cp` does. It uses `tar` in
 * the container. If `remote` is a folder, the copy is created in it, otherwise
 * under that name. If `local` ends with `/.`, the content of the folder is copied
 * without the folder.
 *
 * tar prints the name of each entry (`-v`), and it is an error if fewer names arrive
 * than entries were sent: some container runtimes truncate the input of tar, which
 * then ends with exit code 0. Symbolic links that lead out of
 * the folder are skipped. If `local` itself is a symbolic link, this is an error,
 * unless `dereference` is set or `local` ends with a slash or `/.`. Needs
 * `--allow-read` for the source.
 *
 * A `remote` that ends with a slash names a folder: a file is copied into it, and not
 * created under its name. A file in the container is not replaced by a folder.
 *
 * Rejects with {@linkcode CopyError} if tar fails or did not receive everything,
 * and if a file changes while it is read; with the errors of `exec`, and with
 * Deno's own errors for files.
 *
 * @example
 * ```ts
 * import { copyTo, loadKubeConfig } from "@spdy/spdy/kubernetes";
 *
 * async function deploy(pod: string): Promise<void> {
 *   const config = await loadKubeConfig();
 *   await copyTo({
 *     ...await config.target(),
 *     pod: { name: pod, namespace: config.namespace },
 *     local: "dist",
 *     remote: "/srv/www",
 *     verify: true,
 *   });
 * }
 * ```
 */
export async function copyTo(options: CopyToOptions): Promise<CopyResult> {
  const own = copyTarget("copyTo", options, COPY_NAMES);
  const { local, remote, preserve = true, dereference = false } = own;
  const target = targetOf(own);
  // Checked before the container is contacted.
  const info = await (dereference ? Deno.stat(local) : Deno.lstat(local));
  if (info.isSymlink) {
    throw nothingCopied(leadsOutside(await Deno.readLink(local)), local);
  }
  if (!info.isFile && !info.isDirectory) throw nothingCopied(NO_FILE, local);
  const isContent = /(^|[\\/])\.[\\/]?$/.test(local);
  // A link with a slash at its end is the folder to which it leads.
  const source = /[\\/]\.?[\\/]?$/.test(local)
    ? await Deno.realPath(local)
    : resolve(local);
  const isFolder = await isRemote("folder", target, remote);
  if (!isFolder) await checkFree(target, remote, info.isDirectory);
  const place = isFolder
    ? {
      folder: remote.replace(/(.)\/+$/, "$1"),
      base: isContent ? "." : basename(resolve(local)),
    }
    : splitRemote(remote);
  const tally = new Tally(own.onProgress);
  const packing = new Packing(place.base, dereference, tally);
  await using process = await exec({
    ...target,
    command: [
      "tar",
      preserve ? "-xvpf" : "-xvmf",
      "-",
      // Does not keep the owner, who is another user in the container.
      "-o",
      "-C",
      place.folder,
    ],
    stdin: true,
  });
  const complaint = new Complaint(process);
  const named = handled(countNames(process.stdout));
  const sent = await send(process.stdin, packing.archive(source));
  // The message of tar explains why it stopped reading.
  if (sent.failure instanceof CopyError || sent.isLocal) {
    await process.close();
    throw sent.failure;
  }
  await checkEnd("tar", process, complaint);
  const names = await named;
  await complaint.text();
  if (sent.failure !== undefined) {
    throw new CopyError(
      `tar in the container ended before it had read all ${packing.bytes} bytes`,
      "",
      { cause: sent.failure },
    );
  }
  const taken = names + complaint.lines;
  if (taken < tally.entries) {
    throw new CopyError(
      `tar in the container reported ${taken} of ${tally.entries} entries: its input was truncated on the way`,
    );
  }
  if (own.verify) {
    const path = joinRemote(place.folder, place.base);
    await compareSums(target, path, packing.sent, dereference);
  }
  return tally.result();
}

/**
 * Rejects if tar would create a file where `remote` names a folder, or a folder where
 * there is a file.
 */
async function checkFree(
  target: TargetOptions,
  remote: string,
  isFolder: boolean,
): Promise<void> {
  if (!isFolder && remote.endsWith("/")) {
    throw new CopyError("there is no such folder in the container", remote);
  }
  const path = remote.replace(/(.)\/+$/, "$1");
  if (isFolder && await isRemote("exists", target, path)) {
    throw new CopyError("there is a file where a folder is needed", remote);
  }
}

/** What happened to the input of tar. */
interface Sent {
  readonly failure?: unknown;
  /** The error occurred on this machine: a file cannot be read. */
  readonly isLocal: boolean;
}

async function send(
  writable: WritableStream<Uint8Array>,
  archive: AsyncIterable<Uint8Array>,
): Promise<Sent> {
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  let isWriting = false;
  try {
    for await (const chunk of archive) {
      isWriting = true;
      await writer.write(chunk);
      isWriting = false;
    }
    isWriting = true;
    await writer.close();
    return { isLocal: false };
  } catch (failure) {
    return { failure, isLocal: !isWriting };
  }
}

/** Counts the lines that tar prints, one for each name. */
async function countNames(stdout: ReadableStream<Uint8Array>): Promise<number> {
  let lines = 0;
  for await (const chunk of stdout) lines += countLines(chunk);
  return lines;
}

/** Creates an archive. */
class Packing {
  readonly #base: string;
  readonly #dereference: boolean;
  readonly #tally: Tally;

  /** Path on this machine of each file, by its relative path. */
  readonly sent = new Map<string, string>();
  /** Size of the archive so far, bytes. */
  bytes = 0;

  constructor(base: string, dereference: boolean, tally: Tally) {
    this.#base = base;
    this.#dereference = dereference;
    this.#tally = tally;
  }

  async *archive(local: string): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#entry(local, [], [])) {
      this.bytes += chunk.length;
      yield chunk;
    }
    const end = new Uint8Array(
      RECORD - (this.bytes + 2 * BLOCK) % RECORD + 2 * BLOCK,
    );
    this.bytes += end.length;
    yield end;
  }

  /**
   * Archives a file or folder with its content. `above` are the real paths of the
   * enclosing folders.
   */
  async *#entry(
    local: string,
    parts: readonly string[],
    above: readonly string[],
  ): AsyncGenerator<Uint8Array> {
    const path = parts.join("/");
    const info =
      await (this.#dereference ? Deno.stat(local) : Deno.lstat(local));
    if (info.isSymlink) {
      const link = await Deno.readLink(local);
      if (!staysInside(parts, link)) {
        this.#tally.skip(path, leadsOutside(link), local);
        return;
      }
      yield* this.#header(parts, info, { type: TYPE.symlink, link });
      this.#tally.links++;
      return;
    }
    if (info.isFile) {
      yield* this.#file(local, parts);
      this.sent.set(path, local);
      this.#tally.files++;
      return;
    }
    if (!info.isDirectory) {
      this.#tally.skip(path, NO_FILE, local);
      return;
    }
    const real = this.#dereference ? await Deno.realPath(local) : local;
    if (above.includes(real)) {
      this.#tally.skip(
        path,
        "it is a symbolic link to an enclosing folder",
        local,
      );
      return;
    }
    // The attributes of "." itself are not changed.
    if (this.#base !== "." || parts.length > 0) {
      yield* this.#header(parts, info, { type: TYPE.folder });
      this.#tally.folders++;
    }
    const names: string[] = [];
    for await (const { name } of Deno.readDir(local)) names.push(name);
    for (const name of names.sort()) {
      yield* this.#entry(join(local, name), [...parts, name], [...above, real]);
    }
  }

  async *#file(
    local: string,
    parts: readonly string[],
  ): AsyncGenerator<Uint8Array> {
    const path = parts.join("/");
    using file = await Deno.open(local);
    const info = await file.stat();
    const { size } = info;
    yield* this.#header(parts, info, { type: TYPE.file, size });
    for (let done = 0; done < size;) {
      const buffer = new Uint8Array(Math.min(READ_SIZE, size - done));
      const count = await file.read(buffer);
      if (count === null) {
        throw new CopyError("it became shorter while it was copied", local, {
          initiator: "local",
        });
      }
      done += count;
      yield buffer.subarray(0, count);
      this.#tally.advance(path, count, done, size);
    }
    const after = await file.stat();
    if (
      after.size !== size || after.mtime?.getTime() !== info.mtime?.getTime()
    ) {
      throw new CopyError("it was changed while it was copied", local, {
        initiator: "local",
      });
    }
    if (padded(size) > size) yield new Uint8Array(padded(size) - size);
  }

  *#header(
    parts: readonly string[],
    info: Deno.FileInfo,
    header: Pick<TarHeader, "type"> & Partial<TarHeader>,
  ): Generator<Uint8Array> {
    const isFolder = header.type === TYPE.folder;
    yield* encodeHeader({
      name: [this.#base, ...parts].join("/") + (isFolder ? "/" : ""),
      size: 0,
      mode: (info.mode ?? (isFolder ? 0o755 : 0o644)) & 0o777,
      mtime: (info.mtime?.getTime() ?? 0) / 1000,
      link: "",
      ...header,
    });
  }
}
