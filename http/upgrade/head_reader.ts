/**
 * Reads heads and bodies from a connection, and then returns it.
 *
 * @module
 */

import { readPart, ResumedConn } from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { HeadScanner, isHead } from "./head.ts";
import { RequestRefusal } from "./refusal.ts";

const LF = 0x0a;
/** Size of the buffer unless a head needs more, bytes. */
const SMALL = 4096;

/** Reads from a connection through a buffer that grows for long heads. */
export class HeadReader {
  readonly #conn: ByteConn;
  #buffer: Uint8Array;
  #start = 0;
  #end = 0;

  /** `first` are bytes that were already read. */
  constructor(conn: ByteConn, first?: Uint8Array) {
    this.#conn = conn;
    this.#buffer = first ?? new Uint8Array(SMALL);
    this.#end = first?.length ?? 0;
  }

  /**
   * Reads a head of at most `limit` bytes with its empty line; `undefined` if the
   * input ends before the head does.
   *
   * Throws {@linkcode RequestRefusal} for a head that is too long or contains an
   * invalid byte.
   */
  async readHead(limit: number): Promise<Uint8Array | undefined> {
    const scanner = new HeadScanner();
    for (;;) {
      const seen = this.#buffer.subarray(this.#start, this.#end);
      const length = scanWithin(scanner, seen, limit);
      if (length !== undefined) {
        const head = seen.slice(0, length);
        this.#take(length);
        return head;
      }
      if (!await this.#fill()) return undefined;
    }
  }

  /** Reads at least one and at most `limit` bytes; `undefined` at the end of input. */
  async read(limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#start === this.#end && !await this.#fill()) return undefined;
    const size = Math.min(limit, this.#end - this.#start);
    const bytes = new Uint8Array(
      this.#buffer.subarray(this.#start, this.#start + size),
    );
    this.#take(size);
    return bytes;
  }

  /**
   * Reads a line of at most `limit` bytes, without its CR LF; `undefined` if the
   * input ends before the line does.
   *
   * Throws `HttpMessageError` for a line that is too long or does not end with CR
   * LF.
   */
  async readLine(limit: number): Promise<string | undefined> {
    for (let looked = 0;;) {
      const seen = this.#buffer.subarray(this.#start, this.#end);
      const end = seen.indexOf(LF, looked);
      if ((end < 0 ? seen.length : end) > limit + 1) {
        throw new HttpMessageError("a line of the request's body is too long");
      }
      if (end >= 0) {
        const text = String.fromCharCode(...seen.subarray(0, end));
        this.#take(end + 1);
        if (/^[\t\x20-\xff]*\r$/.test(text)) return text.slice(0, -1);
        throw new HttpMessageError(
          "a line of the request's body does not end with CR LF",
        );
      }
      looked = seen.length;
      if (!await this.#fill()) return undefined;
    }
  }

  /** Returns the connection. Bytes that were read and not used are read first. */
  detach(): ByteConn {
    const rest = this.#buffer.slice(this.#start, this.#end);
    return new ResumedConn(this.#conn, rest);
  }

  #take(size: number): void {
    this.#start += size;
    if (this.#start < this.#end) return;
    this.#start = this.#end = 0;
    // After a long head, an idle connection needs only a small buffer.
    if (this.#buffer.length !== SMALL) this.#buffer = new Uint8Array(SMALL);
  }

  async #fill(): Promise<boolean> {
    if (this.#end === this.#buffer.length) this.#grow();
    const size = await readPart(
      this.#conn,
      this.#buffer.subarray(this.#end),
    );
    if (size === null) return false;
    this.#end += size;
    return true;
  }

  /** Makes room for more bytes: moves the unused ones to the front, or doubles the buffer. */
  #grow(): void {
    const used = this.#buffer.subarray(this.#start, this.#end);
    const size = Math.max(SMALL, 2 * used.length);
    const buffer = new Uint8Array(size);
    buffer.set(used);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = used.length;
  }
}

/** Scans the bytes of a head so far; see {@linkcode HeadScanner.scan}. */
function scanWithin(
  scanner: HeadScanner,
  seen: Uint8Array,
  limit: number,
): number | undefined {
  try {
    const length = scanner.scan(seen);
    if ((length ?? seen.length) <= limit) return length;
    throw new RequestRefusal(431, `the head is longer than ${limit} bytes`);
  } catch (error) {
    // The answer follows, and the rest of the head is not read.
    if (error instanceof RequestRefusal) error.isForHead = isHead(seen);
    throw error;
  }
}
