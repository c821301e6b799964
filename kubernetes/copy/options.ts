/**
 * What copying in both directions takes and gives.
 *
 * @module
 */

import { TARGET_NAMES, type TargetOptions } from "../dial.ts";
import type { Names } from "../../values.ts";

/** How far a copy is. */
export interface CopyProgress {
  /** The file that is copied now, below the folder that was named; `""` for that itself. */
  readonly path: string;
  /** Bytes of this file that were copied. */
  readonly done: number;
  /** Bytes that this file has. */
  readonly size: number;
  /** Bytes of all files that were copied. */
  readonly bytes: number;
}

/** Something that was left out. */
export interface SkippedEntry {
  /** Its place below the folder that was named. */
  readonly path: string;
  /** Why it was left out. */
  readonly reason: string;
}

/** What was copied. */
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

/** What `copyTo` and `copyFrom` have in common. */
export interface CopyOptions extends TargetOptions {
  /** File or folder on this machine. */
  readonly local: string;
  /** File or folder in the container; a relative path starts at its working directory. */
  readonly remote: string;
  /** Keep permission bits and times; default true. Owners and setuid bits are never kept. */
  readonly preserve?: boolean;
  /** Compare SHA-256 sums afterwards; needs `find` and `sha256sum` in the container. Default false. */
  readonly verify?: boolean;
  /** Copy what symbolic links lead to, instead of the links; default false. */
  readonly dereference?: boolean;
  /** Called as bytes are copied. */
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

/** Counts what is copied. */
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

  /** Number of everything. */
  get entries(): number {
    return this.files + this.folders + this.links;
  }

  /** So many more bytes of a file were copied. */
  advance(path: string, count: number, done: number, size: number): void {
    this.#bytes += count;
    this.#onProgress?.({ path, done, size, bytes: this.#bytes });
  }

  /** Something was left out. */
  skip(path: string, reason: string): void {
    this.#skipped.push({ path, reason });
  }

  /** The counts. */
  result(): CopyResult {
    const { files, folders, links } = this;
    const bytes = this.#bytes;
    return { files, folders, links, bytes, skipped: this.#skipped };
  }
}
