/**
 * The body of an HTTP/1.1 request, read on demand.
 *
 * @module
 */

import { HttpMessageError } from "../message/message_error.ts";
import type { Framing } from "./framing.ts";
import type { HeadReader } from "./head_reader.ts";

/** Most bytes of a chunk. */
const PIECE = 64 * 1024;
/** Longest line of a chunk's size with its extensions, and longest trailers, bytes. */
const MAX_LINE = 4096;

/** Reads the body of one request. */
export class RequestBody {
  readonly #reader: HeadReader;
  readonly #chunked: boolean;
  /** Bytes left of the body, or of the chunk under way. */
  #left: number;
  #inChunks = false;
  #ended: boolean;
  /** Whether the rest is skipped, so that the application gets none of it. */
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

  /** Whether all of it was read, so that the next request may follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * The next bytes; `undefined` behind the last ones. Rejects with
   * `HttpMessageError` when the connection ends first, the chunks are none, or
   * the rest of the body was dropped.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#skipped ? Promise.reject(dropped()) : this.#inTurn();
  }

  /** From now on every `read` fails, unless all was read before. */
  drop(): void {
    this.#skipped = !this.#ended;
  }

  #inTurn(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const reading = this.#reading.catch(() => {}).then(() => this.#next());
    this.#reading = reading;
    return reading;
  }

  /** Drops the body, and reads on to its end if that is at most `limit` bytes away; whether it was. */
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
    // After a fault there is no telling where the next request begins.
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

  /** RFC 9112 7.1: the size in hexadecimal digits, extensions that nobody knows, CR LF. */
  async #readChunkHead(): Promise<void> {
    if (this.#inChunks && await this.#readLine() !== "") {
      throw new HttpMessageError("a chunk is longer than it says");
    }
    this.#inChunks = true;
    const match = /^([0-9a-f]{1,13})[ \t]*(?:;|$)/i.exec(
      await this.#readLine(),
    );
    if (match === null) throw new HttpMessageError("a chunk has no size");
    this.#left = parseInt(match[1], 16);
    if (this.#left > 0) return;
    // RFC 9112 7.1.2: trailers, which are dropped, and an empty line.
    for (let size = 0; size <= MAX_LINE;) {
      const line = await this.#readLine();
      if (line === "") {
        this.#ended = true;
        return;
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
  return new HttpMessageError("the connection ended before the request did");
}

function dropped(): HttpMessageError {
  return new HttpMessageError(
    "the rest of the request's body was dropped: nobody read it when the response had left",
    { initiator: "local" },
  );
}
