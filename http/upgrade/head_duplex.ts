/**
 * Lets node:http read the head of a message from a connection that then speaks
 * another protocol. node:http parses the head, limits its length and creates the
 * errors; the bytes after the head are read from the connection itself.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import {
  closeQuietly,
  readPart,
  ResumedConn,
  writeAll,
} from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";

/** Bytes of one read while a head is read. */
const READ_SIZE = 4096;

/** A node Duplex over a connection, until {@linkcode HeadDuplex.detach}. */
export class HeadDuplex extends Duplex {
  readonly #conn: ByteConn;
  #reading: Promise<Uint8Array | null> | undefined;
  #detached = false;

  constructor(conn: ByteConn) {
    super();
    this.#conn = conn;
  }

  /**
   * Returns the connection. `head` contains the bytes that node:http read after the
   * head; these, and then those of a pending read, are read first.
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

async function read(conn: ByteConn): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(READ_SIZE);
  const size = await readPart(conn, buffer);
  return size === null ? null : buffer.subarray(0, size);
}
