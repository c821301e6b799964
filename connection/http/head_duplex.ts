/**
 * Lets node:http read the head of a message from a connection that goes on as
 * something else. node:http parses, bounds and words the errors; the bytes
 * after the head travel on the connection itself, without node in between.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { Buffer } from "node:buffer";
import type { ByteConn } from "../transport.ts";

/** Bytes asked for at a time while a head is read. */
const READ_SIZE = 4096;

/** A node Duplex over a connection, until {@linkcode HeadDuplex.detach}. */
export class HeadDuplex extends Duplex {
  readonly #conn: ByteConn;
  #reading: Promise<Uint8Array | null> | undefined;
  #detached = false;

  /** `first` are bytes that were read already. */
  constructor(conn: ByteConn, first?: Uint8Array) {
    super();
    this.#conn = conn;
    if (first !== undefined) this.push(Buffer.from(first));
  }

  /**
   * Takes the connection back. `head` is what node:http read beyond the head;
   * that, then what a read under way brings, comes first.
   */
  detach(head: Uint8Array): ByteConn {
    this.#detached = true;
    return new ResumedConn(this.#conn, head, this.#reading);
  }

  override _read(): void {
    if (this.#detached || this.#reading !== undefined) return;
    const reading = read(this.#conn);
    this.#reading = reading;
    reading.then((data) => {
      if (this.#detached) return;
      this.#reading = undefined;
      this.push(data === null ? null : Buffer.from(data));
    }, (error) => {
      if (!this.#detached) this.destroy(error);
    });
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    writeAll(this.#conn, chunk).then(() => done(), done);
  }

  override _destroy(
    error: Error | null,
    done: (error?: Error | null) => void,
  ): void {
    if (!this.#detached) {
      this.#detached = true;
      closeQuietly(this.#conn);
    }
    done(error);
  }
}

/** A connection some of whose bytes were read already. */
class ResumedConn implements ByteConn {
  readonly #conn: ByteConn;
  #first: Uint8Array;
  #reading: Promise<Uint8Array | null> | undefined;

  constructor(
    conn: ByteConn,
    first: Uint8Array,
    reading: Promise<Uint8Array | null> | undefined,
  ) {
    this.#conn = conn;
    this.#first = first;
    this.#reading = reading;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#first.length === 0 && this.#reading !== undefined) {
      const data = await this.#reading;
      this.#reading = undefined;
      if (data === null) return null;
      this.#first = data;
    }
    if (this.#first.length === 0) return await this.#conn.read(into);
    const part = this.#first.subarray(0, into.length);
    this.#first = this.#first.subarray(part.length);
    into.set(part);
    return part.length;
  }

  write(data: Uint8Array): Promise<number> {
    return this.#conn.write(data);
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  close(): void {
    this.#conn.close();
  }
}

/** A connection with bytes put back in front of it. */
export function withFirst(conn: ByteConn, first: Uint8Array): ByteConn {
  return new ResumedConn(conn, first, undefined);
}

/** Writes all of `data`. */
export async function writeAll(
  conn: ByteConn,
  data: Uint8Array,
): Promise<void> {
  for (let rest = data; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Closed by the peer's or the caller's doing.
  }
}

async function read(conn: ByteConn): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(READ_SIZE);
  const size = await conn.read(buffer);
  return size === null ? null : buffer.subarray(0, size);
}
