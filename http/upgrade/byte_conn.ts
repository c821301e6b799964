/**
 * Connections that something was read from, and what else is missing from them.
 *
 * @module
 */

import type { ByteConn } from "../../connection/transport.ts";

/** A connection some of whose bytes were read already. */
export class ResumedConn implements ByteConn {
  readonly #conn: ByteConn;
  #first: Uint8Array;
  #reading: Promise<Uint8Array | null> | undefined;

  /** First comes `first`, then what `reading` brings, then the connection. */
  constructor(
    conn: ByteConn,
    first: Uint8Array,
    reading?: Promise<Uint8Array | null>,
  ) {
    this.#conn = conn;
    this.#first = first;
    this.#reading = reading;
  }

  get remoteAddr(): Deno.Addr | undefined {
    return this.#conn.remoteAddr;
  }

  get localAddr(): Deno.Addr | undefined {
    return this.#conn.localAddr;
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

  setNoDelay(noDelay: boolean): void {
    this.#conn.setNoDelay?.(noDelay);
  }
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
