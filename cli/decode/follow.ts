/**
 * `--follow`: writes the payload of a connection or stream.
 *
 * @module
 */

import type { CapturedPayload } from "../../capture/mod.ts";
import { UsageError } from "../command.ts";
import { fileOut, payloadIsShown, payloadOut } from "../terminal.ts";

/** The connection or stream of `--follow`. */
export interface Followed {
  readonly connection: string;
  /** Stream id; `undefined` for all streams. */
  readonly stream: string | undefined;
}

/** Parses `N` or `N.STREAM`. */
export function readFollowed(text: string): Followed {
  const [, connection, stream] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (connection === undefined) {
    throw new UsageError(
      `--follow ${text}: it must be the number of a connection, or CONNECTION.STREAM`,
    );
  }
  return { connection, stream };
}

/** Writes payloads to standard output or a file. */
export class PayloadWriter {
  readonly #file: string | undefined;
  #pieces: Uint8Array[] = [];
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Bytes that the capture lacks. */
  missing = 0;
  /** Bytes that were written. */
  written = 0;

  /** Creates a writer; `file` is a name, `-` or `undefined` for standard output. */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Adds a payload, which `flush` writes. */
  add({ bytes, missing }: CapturedPayload): void {
    this.missing += missing;
    if (bytes.length > 0) this.#pieces.push(bytes.slice());
  }

  /** Writes the added payloads. */
  async flush(): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces) {
      if (
        this.#file === undefined && piece.includes(0) && payloadIsShown()
      ) {
        throw new Error(
          "the payload is not text: use -o FILE, or -o - to write it to the terminal",
        );
      }
      this.#writer ??= await this.#open();
      await this.#writer.write(piece);
      this.written += piece.length;
    }
  }

  /** Closes the file. */
  async close(): Promise<void> {
    // Creates the file even if there is nothing to write.
    if (this.#file !== undefined) this.#writer ??= await this.#open();
    if (this.#writer === undefined) return;
    if (this.#isStandardOutput()) this.#writer.releaseLock();
    else await this.#writer.close();
  }

  #isStandardOutput(): boolean {
    return this.#file === undefined || this.#file === "-";
  }

  async #open(): Promise<WritableStreamDefaultWriter<Uint8Array>> {
    if (this.#isStandardOutput()) return payloadOut().getWriter();
    return (await fileOut(this.#file!)).getWriter();
  }
}
