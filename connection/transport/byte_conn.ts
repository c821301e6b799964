/**
 * Small tools for byte connections: reading bytes again, wrapping web streams,
 * writing everything, copying, closing.
 *
 * @module
 */

import { closedBy } from "../end_errors.ts";
import { pause } from "../time/clock.ts";
import type { ProxyHead } from "./proxy_protocol.ts";
import {
  type ByteConn,
  checkCount,
  isConn,
  NOTHING_MOVED,
  openWire,
  type Transport,
  type Wire,
} from "./transport.ts";

/** Wraps web streams as a connection; a connection is returned unchanged. */
export function toByteConn(transport: Transport): ByteConn {
  return isConn(transport) ? transport : new WireConn(openWire(transport));
}

/** A {@linkcode Wire} with the reads of a connection. */
class WireConn implements ByteConn {
  readonly #wire: Wire;
  /** Bytes that were received and did not fit into the reader's buffer. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const received = await this.#wire.receive();
      if (received === null) return null;
      this.#rest = received;
    }
    const part = this.#rest.subarray(0, into.length);
    this.#rest = this.#rest.subarray(part.length);
    into.set(part);
    return part.length;
  }

  write(data: Uint8Array): Promise<number> {
    return this.#wire.send(data);
  }

  async closeWrite(): Promise<void> {
    await this.#wire.closeWrite();
  }

  close(): void {
    this.#wire.close();
  }
}

/** A connection of which some bytes were already read. */
export class ResumedConn implements ByteConn {
  readonly #conn: ByteConn;
  #first: Uint8Array;
  #reading: Promise<Uint8Array | null> | undefined;

  /** Reads return `first`, then the result of `reading`, and then the bytes of the connection. */
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

  get proxyHead(): ProxyHead | undefined {
    return this.#conn.proxyHead;
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

  /**
   * Missing if the connection does not have it: whoever uses a connection then keeps the
   * process alive in another way.
   */
  get ref(): (() => void) | undefined {
    const conn = this.#conn;
    return conn.ref && (() => conn.ref?.());
  }

  /** The same as for {@linkcode ref}. */
  get unref(): (() => void) | undefined {
    const conn = this.#conn;
    return conn.unref && (() => conn.unref?.());
  }
}

/** Whether a call moved at least one byte, of at most `most`. */
function hasMoved(size: number, most: number): boolean {
  return Number.isInteger(size) && size > 0 && size <= most;
}

/**
 * For a call that moved no byte: waits, so that a loop which repeats it does not stop the
 * process. Rejects if `conn` was closed meanwhile: a transport that still reports 0 would
 * be called for ever, and the process would not end.
 */
async function movedNothing(
  conn: object,
  call: "read" | "write",
  size: number,
  most: number,
): Promise<void> {
  checkCount(call, size, most);
  if (!closed.has(conn)) await pause(NOTHING_MOVED);
  if (closed.has(conn)) throw closedBy("local", "the transport was closed");
}

/**
 * Reads at least one byte into `buffer`, which must have room; resolves to the number of
 * bytes, `null` at the end of input. Rejects if the transport reports another value.
 */
export async function readPart(
  conn: Pick<ByteConn, "read">,
  buffer: Uint8Array,
): Promise<number | null> {
  for (;;) {
    const size = await conn.read(buffer);
    if (size === null || hasMoved(size, buffer.length)) return size;
    await movedNothing(conn, "read", size, buffer.length);
  }
}

/**
 * Writes at least one byte of `data`, which must have one; resolves to the number of
 * bytes. Rejects if the transport reports another value.
 */
export async function writePart(
  conn: Pick<ByteConn, "write">,
  data: Uint8Array,
): Promise<number> {
  for (;;) {
    const size = await conn.write(data);
    if (hasMoved(size, data.length)) return size;
    await movedNothing(conn, "write", size, data.length);
  }
}

/** Writes all of `data`. */
export async function writeAll(
  conn: ByteConn,
  data: Uint8Array,
): Promise<void> {
  for (let rest = data; rest.length > 0;) {
    const size = await conn.write(rest);
    if (hasMoved(size, rest.length)) rest = rest.subarray(size);
    else await movedNothing(conn, "write", size, rest.length);
  }
}

/** Size of the buffer while few bytes arrive; an idle connection has two of them. */
const SMALL_CARRY = 1024;
/** Size of the buffer while many bytes arrive. */
const LARGE_CARRY = 64 * 1024;

/** Passes bytes on to `give` until the input ends. */
export async function carry(
  from: ByteConn,
  give: (data: Uint8Array) => Promise<void>,
): Promise<void> {
  let buffer = new Uint8Array(SMALL_CARRY);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) return;
    if (!hasMoved(size, buffer.length)) {
      await movedNothing(from, "read", size, buffer.length);
      continue;
    }
    await give(buffer.subarray(0, size));
    // A full read makes the next one larger, and any other makes it smaller, so an
    // idle connection needs little memory.
    const next = size === buffer.length
      ? Math.min(4 * buffer.length, LARGE_CARRY)
      : Math.max(SMALL_CARRY, buffer.length / 4);
    if (next !== buffer.length) buffer = new Uint8Array(next);
  }
}

/** Connections that were closed with {@linkcode closeQuietly}. */
const closed = new WeakSet<object>();

/** Closes a connection, if there is one; it may already be closed. */
export function closeQuietly(conn: { close(): void } | undefined): void {
  if (conn === undefined) return;
  closed.add(conn);
  try {
    conn.close();
  } catch {
    // The peer or the caller closed it earlier.
  }
}

/**
 * Closes a transport that is not used, as far as that is possible: a listener of the
 * application may give anything. Never throws.
 */
export function discardTransport(transport: Transport): void {
  ignoring(() => closeQuietly(transport as ByteConn));
  // The streams of a connection end with it, and reading the fields creates them.
  ignoring(() => isConn(transport) || transport.readable.cancel());
  ignoring(() => isConn(transport) || transport.writable.abort());
}

/** Does something whose failure does not matter. */
async function ignoring(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch {
    // There was nothing to close, or nothing that can be closed.
  }
}
