/**
 * Transports: a `Deno.Conn`, which is read and written directly, or any pair of web
 * streams, behind one small interface.
 *
 * @module
 */

import { nextPlace } from "./placement.ts";
import type { ProxyHead } from "./proxy_protocol.ts";

/**
 * A pair of byte streams: a `WebSocketStream`'s, a node Duplex made web by
 * `Duplex.toWeb`, one end of an in-memory pipe.
 *
 * @category Connection
 */
export interface ByteStreams {
  /** What the peer sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the peer. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * The part of a `Deno.Conn` (TCP, TLS, Unix) that a `Connection` uses.
 *
 * @category Connection
 */
export interface ByteConn {
  /** Reads into `buffer`; resolves to the number of bytes, `null` at the end of input. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `data`; resolves to the number of bytes taken. */
  write(data: Uint8Array): Promise<number>;
  /** Ends this side's direction. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once. */
  close(): void;
  /** Turns Nagle's algorithm off (`true`), where there is one. */
  setNoDelay?(noDelay: boolean): void;
  /** The process does not end while a read waits; the default. */
  ref?(): void;
  /** A read that waits does not keep the process alive. */
  unref?(): void;
  /** The address of the peer, where there is one. */
  readonly remoteAddr?: Deno.Addr;
  /** The address of this side, where there is one. */
  readonly localAddr?: Deno.Addr;
  /** What a load balancer told by the PROXY protocol, where it did. */
  readonly proxyHead?: ProxyHead;
}

/**
 * A transport of a `Connection`. Of a `Deno.Conn`, `read` and `write` are used, which
 * are several times faster than its web streams.
 *
 * @category Connection
 */
export type Transport = ByteConn | ByteStreams;

/** A transport as the I/O loops use it. */
export interface Wire {
  /**
   * The next bytes, valid until the next call; `null` at the end of input.
   * `much`: more than a little is to be expected.
   */
  receive(much?: boolean): Promise<Uint8Array | null>;
  /** Gives back memory that was of use while much came. */
  release?(): void;
  /** Whether a read that waits keeps the process alive; `undefined` where the transport has no say in it. */
  setReferenced?: (referenced: boolean) => void;
  /** Sends some of the bytes and resolves to how many; they may change afterwards. */
  send(data: Uint8Array): Promise<number>;
  /** Ends this side's direction; the peer reads the end of input. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once; pending calls settle. */
  close(): void;
}

const SMALLEST_READ = 16 * 1024;
/** Two full send buffers of a peer like this one. With reads of 512 KiB bulk takes a tenth longer. */
const LARGEST_READ = 1024 * 1024;
/** So many small reads in a row, and the buffer shrinks to a quarter. */
const SMALL_READS = 64;
/** A buffer beyond this size is for bulk, which is over when little comes. */
const LARGE_BUFFER = 64 * 1024;
/** A read of little that comes into a large buffer counts as so many. */
const AFTER_BULK = 16;

/** Puts a transport behind {@linkcode Wire}. */
export function openWire(transport: Transport): Wire {
  return isConn(transport)
    ? new ConnWire(transport)
    : new StreamsWire(transport);
}

/** Whether the transport has `read` and `write` of its own. */
export function isConn(transport: Transport): transport is ByteConn {
  return "read" in transport && typeof transport.read === "function" &&
    "write" in transport && typeof transport.write === "function";
}

class ConnWire implements Wire {
  readonly setReferenced: Wire["setReferenced"];
  readonly #conn: ByteConn;
  readonly #small = new Uint8Array(SMALLEST_READ);
  #buffer = this.#small;
  /** Size of the last read. */
  #last = 0;
  #place = 0;
  #smallReads = 0;
  #closed = false;

  constructor(conn: ByteConn) {
    this.#conn = conn;
    // Frames that are ready together are already written together, so Nagle's
    // algorithm would only add delay.
    conn.setNoDelay?.(true);
    if (conn.ref !== undefined && conn.unref !== undefined) {
      this.setReferenced = (referenced) =>
        referenced ? conn.ref?.() : conn.unref?.();
    }
  }

  /**
   * A read that waits keeps its memory, and nothing takes it back: a large
   * buffer waits only while a stream is open and the last read brought much.
   */
  async receive(much = true): Promise<Uint8Array | null> {
    const isBulk = much && this.#last >= SMALLEST_READ;
    let target = isBulk ? this.#buffer : this.#small;
    if (target.length > SMALLEST_READ) {
      this.#place = nextPlace(this.#place);
      target = target.subarray(this.#place);
    }
    const size = await this.#conn.read(target);
    if (size === null) return null;
    this.#last = size;
    // A full small read asks for the large buffer, where there is one.
    const hasLarger = target === this.#small && this.#buffer !== this.#small;
    if (!hasLarger || size < target.length) this.#fit(size, target.length);
    return target.subarray(0, size);
  }

  release(): void {
    this.#buffer = this.#small;
    this.#smallReads = 0;
  }

  send(data: Uint8Array): Promise<number> {
    return this.#conn.write(data);
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  /** Full reads ask for a larger buffer; an idle connection keeps a small one. */
  #fit(size: number, room: number): void {
    const length = this.#buffer.length;
    if (size === room) {
      this.#smallReads = 0;
      if (length < LARGEST_READ) {
        this.#buffer = new Uint8Array(Math.min(length * 4, LARGEST_READ));
      }
    } else if (size < length / 4 && length > SMALLEST_READ) {
      const isAfterBulk = length > LARGE_BUFFER && size < SMALLEST_READ;
      this.#smallReads += isAfterBulk ? AFTER_BULK : 1;
      if (this.#smallReads < SMALL_READS) return;
      this.#smallReads = 0;
      this.#buffer = new Uint8Array(Math.max(length / 4, SMALLEST_READ));
    }
  }
}

/** What a web stream gets at once, bytes. */
const LARGEST_PIECE = 64 * 1024;

class StreamsWire implements Wire {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(streams: ByteStreams) {
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter();
    // Failures come back out of read() and write(); these two repeat them.
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch(() => {});
  }

  async receive(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      if (value.length > 0) return value;
    }
  }

  async send(data: Uint8Array): Promise<number> {
    // A copy, since the other end may keep what it gets. One piece at a time, to
    // distinguish a slow stream from one that has stopped.
    const copy = data.slice(0, LARGEST_PIECE);
    await this.#writer.ready;
    await this.#writer.write(copy);
    return copy.length;
  }

  async closeWrite(): Promise<void> {
    await this.#writer.close();
  }

  close(): void {
    this.#reader.cancel().catch(() => {});
    this.#writer.abort().catch(() => {});
  }
}
