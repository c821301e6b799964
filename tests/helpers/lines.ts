/**
 * Reads the output of a program line by line.
 *
 * @module
 */

import { TextLineStream } from "../deps.ts";

/** The lines of a program's output. */
export class Lines implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #read: string[] = [];

  /** Starts to read the output. */
  constructor(output: ReadableStream<Uint8Array>) {
    this.#reader = output.pipeThrough(
      new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
    ).pipeThrough(new TextLineStream() as ReadableWritablePair<string, string>)
      .getReader();
  }

  /** All lines that were read, each with its line break. */
  get text(): string {
    return this.#read.map((line) => `${line}\n`).join("");
  }

  /** The next line; throws if the program has ended. */
  async next(): Promise<string> {
    const { done, value } = await this.#reader.read();
    if (done) {
      throw new Error(`the program has ended; it printed:\n${this.text}`);
    }
    this.#read.push(value);
    return value;
  }

  /** Reads up to the first line that matches; throws if the program ends before that. */
  async find(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(await this.next());
      if (found !== null) return found;
    }
  }

  /** Reads to the end. */
  async rest(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.#read.push(value);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}
