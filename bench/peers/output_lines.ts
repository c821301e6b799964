/**
 * Reads the output of a peer line by line.
 *
 * @module
 */

import { TextLineStream } from "../deps.ts";

/** The lines of a peer's output. */
export class OutputLines {
  readonly #peer: string;
  readonly #reader: ReadableStreamDefaultReader<string>;

  /** Starts to read the output of `peer`, a name for errors. */
  constructor(peer: string, output: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#peer = peer;
    this.#reader = output.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream() as ReadableWritablePair<string, string>)
      .getReader();
  }

  /** The next line; throws if the peer has ended. */
  async next(): Promise<string> {
    const { value, done } = await this.#reader.read();
    if (done) throw new Error(`${this.#peer} ended early`);
    return value;
  }

  /** Reads no more. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}
