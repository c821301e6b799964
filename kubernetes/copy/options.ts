/**
 * Options and results of copying, for both directions.
 *
 * @module
 */

import { CopyError } from "./error.ts";
import { TARGET_NAMES, type TargetOptions } from "../dial.ts";
import type { Names } from "../../values.ts";

/** The progress of a copy. */
export interface CopyProgress {
  /** The current file, relative to the copied folder; `""` for the copied file itself. */
  readonly path: string;
  /** Bytes of this file that were copied so far. */
  readonly done: number;
  /** Size of this file, bytes. */
  readonly size: number;
  /** Bytes of all files that were copied so far. */
  readonly bytes: number;
}

/** A file or folder that was not copied. */
export interface SkippedEntry {
  /** Its path, relative to the copied folder. */
  readonly path: string;
  /** Why it was not copied. */
  readonly reason: string;
}

/** The result of a copy. */
export interface CopyResult {
  /** Number of files, hard links included. */
  readonly files: number;
  /** Number of folders. */
  readonly folders: number;
  /** Number of symbolic links. */
  readonly links: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Devices and sockets, and symbolic links that lead out of the copied folder. */
  readonly skipped: readonly SkippedEntry[];
}

/** Options of both `copyTo` and `copyFrom`. */
export interface CopyOptions extends TargetOptions {
  /** File or folder on this machine. */
  readonly local: string;
  /** File or folder in the container; a relative path starts at its working directory. */
  readonly remote: string;
  /** Keep permission bits and times; default true. Owners and setuid bits are never kept. */
  readonly preserve?: boolean;
  /**
   * Compare SHA-256 sums afterwards; needs `find` and `sha256sum` in the container.
   * Default false.
   */
  readonly verify?: boolean;
  /** Copy the targets of symbolic links instead of the links; default false. */
  readonly dereference?: boolean;
  /** Called while bytes are copied. */
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** The names of `CopyOptions`, for the checks of options. */
export const COPY_NAMES: Names<CopyOptions> = {
  ...TARGET_NAMES,
  local: true,
  remote: true,
  preserve: true,
  verify: true,
  dereference: true,
  onProgress: true,
};

/** Why a symbolic link is not copied. */
export function leadsOutside(link: string): string {
  return `a symbolic link to ${
    JSON.stringify(link)
  }, which is or may be outside`;
}

/** Why something else is not copied. */
export const NO_FILE = "it is neither a file nor a folder nor a link";

/** The error for a source that is itself not copied. */
export function nothingCopied(reason: string, source: string): CopyError {
  const advice = reason === NO_FILE
    ? ""
    : "; with the option dereference, what it points to is copied";
  return new CopyError(`nothing was copied: ${reason}${advice}`, source, {
    initiator: "local",
  });
}

/** Counts copied files and bytes. */
export class Tally {
  readonly #onProgress: CopyOptions["onProgress"];
  readonly #skipped: SkippedEntry[] = [];
  #bytes = 0;
  files = 0;
  folders = 0;
  links = 0;

  constructor(onProgress: CopyOptions["onProgress"]) {
    this.#onProgress = onProgress;
  }

  /** Number of files, folders and links. */
  get entries(): number {
    return this.files + this.folders + this.links;
  }

  /** Counts `count` more bytes of a file. */
  advance(path: string, count: number, done: number, size: number): void {
    this.#bytes += count;
    this.#onProgress?.({ path, done, size, bytes: this.#bytes });
  }

  /**
   * Records a file or folder in the source that is not copied. Throws
   * {@linkcode CopyError} if it is `source` itself, whose path is `""`: a copy of
   * nothing is no success.
   */
  skip(path: string, reason: string, source: string): void {
    if (path !== "") this.#skipped.push({ path, reason });
    else throw nothingCopied(reason, source);
  }

  /** The counts. */
  result(): CopyResult {
    const { files, folders, links } = this;
    const bytes = this.#bytes;
    return { files, folders, links, bytes, skipped: this.#skipped };
  }
}
