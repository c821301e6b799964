/**
 * The archive that tar writes in a container. If it ends early, tar is started
 * again, and the bytes that had arrived are skipped.
 *
 * @module
 */

import { pause } from "../../connection/time/clock.ts";
import type { TargetOptions } from "../dial.ts";
import { exec } from "../exec.ts";
import type { RemoteProcess } from "../process.ts";
import { CopyError } from "./error.ts";
import type { RemotePath } from "./paths.ts";
import { checkEnd, Complaint } from "./run.ts";
import type { ByteSource } from "./tar/read.ts";

/** Wait before the first retry, ms; each further wait is twice as long. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;

/** The files to archive, and the container. */
export interface ArchiveOptions {
  readonly target: TargetOptions;
  readonly path: RemotePath;
  readonly dereference: boolean;
  readonly retries: number;
}

interface Running {
  readonly process: RemoteProcess;
  readonly complaint: Complaint;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
}

/** The bytes of an archive that tar creates in a container. */
export class ArchiveSource implements ByteSource, AsyncDisposable {
  readonly #options: ArchiveOptions;
  #running: Running | undefined;
  #offset = 0;
  #retries = 0;

  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  /** Whether tar was started again; the files may have changed since its first start. */
  get isResumed(): boolean {
    return this.#retries > 0 && this.#offset > 0;
  }

  /**
   * Reads the next bytes. Called only while the archive is not complete, so the end
   * of input is an error.
   */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      let failure: unknown;
      try {
        this.#running ??= await this.#start();
        const { done, value } = await this.#running.reader.read();
        if (!done) {
          this.#offset += value.length;
          return value;
        }
      } catch (error) {
        failure = error;
      }
      if (this.#running === undefined && this.#offset === 0) throw failure;
      await this.#mayRetry(failure);
    }
  }

  /** Waits until tar has ended, after the archive is complete. */
  async end(): Promise<void> {
    if (this.#running === undefined) return;
    const { process, reader, complaint } = this.#running;
    try {
      while (!(await reader.read()).done);
      await checkEnd("tar", process, complaint);
    } catch (error) {
      if (error instanceof CopyError) throw error;
      // Only padding follows the end of an archive, but the result of tar is
      // unknown.
      throw this.#brokenOff(error);
    }
  }

  /** Closes the connection to tar. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.process.close();
  }

  async #start(): Promise<Running> {
    const { target, path, dereference } = this.#options;
    const options = dereference ? ["-c", "-h"] : ["-c"];
    const { folder, base } = path;
    const command = this.#offset === 0
      ? ["tar", ...options, "-f", "-", "-C", folder, "--", base]
      : [
        "sh",
        "-c",
        `tar ${options.join(" ")} -f - -C "$1" -- "$2" | tail -c "+$3"`,
        "sh",
        folder,
        base,
        `${this.#offset + 1}`,
      ];
    const process = await exec({ ...target, command });
    return {
      process,
      complaint: new Complaint(process),
      reader: process.stdout.getReader(),
    };
  }

  /** Returns if tar may be started again; throws otherwise. */
  async #mayRetry(failure: unknown): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    const { target, retries } = this.#options;
    // If tar itself failed, it would fail again.
    if (failure === undefined && running !== undefined) {
      await checkEnd("tar", running.process, running.complaint);
    }
    await running?.process.close();
    target.signal?.throwIfAborted();
    if (this.#retries >= retries) throw this.#brokenOff(failure);
    await pause(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#retries));
    this.#retries++;
  }

  #brokenOff(failure: unknown): CopyError {
    const reason = failure instanceof Error
      ? failure.message
      : "the output of tar ended before the archive was complete";
    const tries = this.#retries === 0
      ? ""
      : ` (after ${this.#retries} retries)`;
    return new CopyError(
      `the archive ended early, after ${this.#offset} bytes${tries}: ${reason}`,
      "",
      { cause: failure },
    );
  }
}
