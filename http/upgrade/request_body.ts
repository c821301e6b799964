/**
 * The body of an HTTP/1.1 request, read on demand.
 *
 * @module
 */

import { HttpMessageError } from "../message/message_error.ts";
import type { Framing } from "./framing.ts";
import { splitHeader } from "./head.ts";
import type { HeadReader } from "./head_reader.ts";

/** Most bytes of a chunk. */
const PIECE = 64 * 1024;
/** Longest line with the size of a chunk and its extensions, and longest trailers, bytes. */
const MAX_LINE = 4096;

/** Reads the body of one request. */
export class RequestBody {
  readonly #reader: HeadReader;
  readonly #chunked: boolean;
  /** Bytes left of the body, or of the current chunk. */
  #left: number;
  #inChunks = false;
  #ended: boolean;
  /** Whether the rest of the body is skipped and the application gets none of it. */
  #skipped = false;
  #failure: unknown;
  #reading: Promise<Uint8Array<ArrayBuffer> | undefined> = Promise.resolve(
    undefined,
  );

  constructor(reader: HeadReader, framing: Framing) {
    this.#reader = reader;
    this.#chunked = framing === "chunked";
    this.#left = framing === "chunked" ? 0 : framing;
    this.#ended = framing === 0;
  }

  /** Whether the complete body was read, so that the next request can be read. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The next bytes; `undefined` at the end of the body. Rejects with
   * `HttpMessageError` if the connection ends first, the chunks are malformed, or
   * the rest of the body was dropped.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#skipped ? Promise.reject(dropped()) : this.#inTurn();
  }

  /** Lets every later `read` fail, unless the body was read completely. */
  drop(): void {
    this.#skipped = !this.#ended;
  }

  #inTurn(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const reading = this.#reading.catch(() => {}).then(() => this.#next());
    this.#reading = reading;
    return reading;
  }

  /**
   * Drops the body and reads to its end, if at most `limit` bytes are left;
   * resolves to whether it did.
   */
  async skip(limit: number): Promise<boolean> {
    this.drop();
    for (let left = limit; left >= 0;) {
      const bytes = await this.#inTurn();
      if (bytes === undefined) return true;
      left -= bytes.length;
    }
    return false;
  }

  async #next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    // After an error, the start of the next request is unknown.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (!this.#ended && this.#left === 0 && this.#chunked) {
        await this.#readChunkHead();
      }
      if (this.#ended) return undefined;
      const bytes = await this.#reader.read(Math.min(PIECE, this.#left));
      if (bytes === undefined) throw cut();
      this.#left -= bytes.length;
      if (this.#left === 0 && !this.#chunked) this.#ended = true;
      return bytes;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /**
   * Reads the size of a chunk in hexadecimal digits, its extensions, which are
   * ignored, and CR LF (RFC 9112 7.1).
   */
  async #readChunkHead(): Promise<void> {
    if (this.#inChunks && await this.#readLine() !== "") {
      throw new HttpMessageError(
        "a chunk of the request's body is longer than its size",
      );
    }
    this.#inChunks = true;
    const match = /^([0-9a-f]{1,13})[ \t]*(?:;|$)/i.exec(
      await this.#readLine(),
    );
    if (match === null) {
      throw new HttpMessageError(
        "a chunk of the request's body has no valid size",
      );
    }
    this.#left = parseInt(match[1], 16);
    if (this.#left > 0) return;
    // Reads and drops trailers and an empty line (RFC 9112 7.1.2).
    for (let size = 0; size <= MAX_LINE;) {
      const line = await this.#readLine();
      if (line === "") {
        this.#ended = true;
        return;
      }
      // A reader that does not expect trailers would take this line for a request.
      if (splitHeader(line) === undefined) {
        throw new HttpMessageError(
          "the request's trailers have a line that is not a header",
        );
      }
      size += line.length + 2;
    }
    throw new HttpMessageError("the trailers of the request are too long");
  }

  async #readLine(): Promise<string> {
    const line = await this.#reader.readLine(MAX_LINE);
    if (line === undefined) throw cut();
    return line;
  }
}

function cut(): HttpMessageError {
  return new HttpMessageError(
    "the connection ended before the request was complete",
  );
}

function dropped(): HttpMessageError {
  return new HttpMessageError(
    "the rest of the request's body was dropped, because the handler did not read it before its response was sent",
    { initiator: "local" },
  );
}
