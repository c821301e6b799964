/**
 * Transports: a `Deno.Conn`, which is read and written directly, or any pair of web
 * streams, behind one small interface.
 *
 * @module
 */

import { beginWait, endWait, returnLarge, takeLarge } from "./large_buffers.ts";
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
  /** The head of the PROXY protocol, if a load balancer has sent one. */
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
   * The next bytes, valid until the next call or {@linkcode Wire.release}; `null` at
   * the end of input. `expectsBulk` says whether bulk may follow; without it: yes.
   */
  receive(expectsBulk?: () => boolean): Promise<Uint8Array | null>;
  /** The bytes that were received last are not needed any more. */
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

/** Bytes of the buffer in which a connection usually waits. */
const SMALL_READ = 4096;
/** A read of so many bytes is one of bulk: more of it is to be expected. */
const BULK = 8 * 1024;
const SMALLEST_LARGE_READ = 64 * 1024;
/** Two full send buffers of a peer like this one. With reads of 512 KiB bulk takes a tenth longer. */
const LARGEST_READ = 1024 * 1024;

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
  readonly #small = new Uint8Array(SMALL_READ);
  /** Memory of the last read, if it was a large one. */
  #large: Uint8Array<ArrayBuffer> | undefined;
  /** Room that the last read had, bytes. */
  #room = SMALL_READ;
  /** Bytes that it brought. */
  #last = 0;
  #place = 0;
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
   * A read that waits keeps its memory, and nothing takes it back. So a large buffer
   * is used where the last read was full, so that more bytes are there already, or
   * while a stream can receive and the last read brought bulk: waiting in a small one then
   * takes a tenth of the rate, for a second system call each time.
   */
  async receive(expectsBulk?: () => boolean): Promise<Uint8Array | null> {
    this.release();
    const isFull = this.#last === this.#room;
    const isBulk = this.#last >= BULK && (expectsBulk?.() ?? true);
    if (isFull) {
      const more = Math.max(this.#room * 4, SMALLEST_LARGE_READ);
      this.#room = Math.min(more, LARGEST_READ);
    } else if (!isBulk) {
      this.#room = SMALL_READ;
    }
    if (this.#room === SMALL_READ) return await this.#read(this.#small);
    const room = this.#room;
    if (beginWait(room)) {
      try {
        return await this.#readLarge(room);
      } finally {
        endWait(room);
      }
    }
    // Too many connections wait in large buffers.
    this.#room = isFull ? SMALLEST_LARGE_READ : SMALL_READ;
    return await (isFull
      ? this.#readLarge(SMALLEST_LARGE_READ)
      : this.#read(this.#small));
  }

  async #readLarge(room: number): Promise<Uint8Array | null> {
    this.#place = nextPlace(this.#place);
    const memory = takeLarge(room);
    const data = await this.#read(
      memory.subarray(this.#place, this.#place + room),
    );
    // After a failure the memory is not used again: the operation may still have it.
    this.#large = memory;
    return data;
  }

  async #read(target: Uint8Array): Promise<Uint8Array | null> {
    const size = await this.#conn.read(target);
    this.#last = size ?? 0;
    return size === null ? null : target.subarray(0, size);
  }

  release(): void {
    if (this.#large === undefined) return;
    returnLarge(this.#large);
    this.#large = undefined;
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
