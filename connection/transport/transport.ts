/**
 * Transports behind one small interface: a `Deno.Conn`, which is read and written
 * directly, or any pair of web streams.
 *
 * @module
 */

import { nextPlace } from "../buffers/placement.ts";
import {
  beginWait,
  endWait,
  returnLarge,
  returnSmall,
  SMALL,
  takeLarge,
  takeSmall,
} from "../buffers/shared_buffers.ts";
import { closedBy } from "../end_errors.ts";
import type { ProxyHead } from "./proxy_protocol.ts";

/**
 * A pair of byte streams: for example those of a `WebSocketStream`, of a node
 * Duplex (`Duplex.toWeb`), or one end of an in-memory pipe.
 *
 * @category Connection
 */
export interface ByteStreams {
  /** Bytes from the peer. A chunk that is not a `Uint8Array` ends the connection with an error. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Bytes to the peer. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * The part of a `Deno.Conn` (TCP, TLS, Unix) that a `Connection` uses.
 *
 * @category Connection
 */
export interface ByteConn {
  /**
   * Reads into `buffer`; resolves to the number of bytes, `null` at the end of input. The
   * transport must not write to `buffer` after this has resolved. Another value than that
   * ends the connection with an error.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes some of `data`; resolves to the number of bytes taken. The caller reuses the
   * memory of `data` for other bytes once this has resolved, so the transport must not
   * read it after that; a transport that keeps bytes copies them first. A number that is
   * not from 0 to `data.length` ends the connection with an error.
   */
  write(data: Uint8Array): Promise<number>;
  /** Ends this side's direction. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once. */
  close(): void;
  /** Turns off Nagle's algorithm (`true`), if the transport has it. */
  setNoDelay?(noDelay: boolean): void;
  /** Lets a pending read keep the process alive, which is the default. */
  ref?(): void;
  /** Lets a pending read not keep the process alive. */
  unref?(): void;
  /** The address of the peer, if there is one. */
  readonly remoteAddr?: Deno.Addr;
  /** The address of this side, if there is one. */
  readonly localAddr?: Deno.Addr;
  /** The head of the PROXY protocol, if a load balancer has sent one. */
  readonly proxyHead?: ProxyHead;
}

/**
 * A transport of a `Connection`. For a `Deno.Conn`, its `read` and `write` are
 * used, which are several times faster than its web streams.
 *
 * @category Connection
 */
export type Transport = ByteConn | ByteStreams;

/** A transport for the I/O loops. */
export interface Wire {
  /**
   * The next bytes, valid until the next call or {@linkcode Wire.release}; `null`
   * at the end of input. `expectsBulk` says whether bulk may follow; if missing, it
   * may.
   */
  receive(expectsBulk?: () => boolean): Promise<Uint8Array | null>;
  /** Releases the bytes that were received last. */
  release?(): void;
  /**
   * Sets whether a pending read keeps the process alive; `undefined` if the
   * transport cannot do that.
   */
  setReferenced?: (referenced: boolean) => void;
  /** Sends some of the bytes and resolves to their number; they may change afterwards. */
  send(data: Uint8Array): Promise<number>;
  /** Ends this side's direction; the peer reads the end of input. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once; pending calls settle. */
  close(): void;
  /**
   * Whether {@linkcode close} loses no bytes when the peer has ended its direction, so
   * that {@linkcode closeWrite} need not come first.
   */
  readonly closesInOrder?: boolean;
}

/**
 * Size of the buffer in which an idle connection waits, bytes: enough for a packet, so
 * that the packets of a slow link do not need two reads each.
 */
const IDLE_READ = 1536;
/** After a read of more bytes, the connection does not count as idle. */
const MOST_IDLE = 512;
/** A read of this size is part of bulk, and more is expected, bytes. */
const BULK = 8 * 1024;
const SMALLEST_LARGE_READ = 64 * 1024;
/**
 * Two full send buffers of a peer like this one, bytes. With reads of 512 KiB, bulk
 * takes a tenth longer.
 */
const LARGEST_READ = 1024 * 1024;

/**
 * Throws unless `size`, the number of bytes that a call of a transport reports, is from 0
 * to `most`. The transport is then at fault: it does not do what {@linkcode ByteConn}
 * requires.
 */
export function checkCount(
  call: "read" | "write",
  size: unknown,
  most: number,
): void {
  const isCount = Number.isInteger(size) && (size as number) >= 0 &&
    (size as number) <= most;
  if (isCount) return;
  throw closedBy(
    "local",
    `${call}() of the transport resolved to ${
      String(size)
    }: it must resolve to the number of bytes, 0 to ${most}${
      call === "read" ? ", or to null at the end of input" : ""
    }`,
  );
}

/**
 * Pause after a call of the transport that has moved no byte, ms. Without it, a transport
 * that reports this at once, each time, would stop the whole process.
 */
export const NOTHING_MOVED: number = 1;

/**
 * Turns off Nagle's algorithm, if the transport has it. A system may refuse that for a
 * socket that its peer has reset already; the next read reports the reset.
 */
export function turnOffDelay(conn: Pick<ByteConn, "setNoDelay">): void {
  try {
    conn.setNoDelay?.(true);
  } catch {
    // An exception here would lose the connection: nobody has it yet, and could close it.
  }
}

/** Wraps a transport as a {@linkcode Wire}. */
export function openWire(transport: Transport): Wire {
  return isConn(transport)
    ? new ConnWire(transport)
    : new StreamsWire(transport);
}

/** Whether the transport has its own `read` and `write`. */
export function isConn(transport: Transport): transport is ByteConn {
  return "read" in transport && typeof transport.read === "function" &&
    "write" in transport && typeof transport.write === "function";
}

class ConnWire implements Wire {
  readonly setReferenced: Wire["setReferenced"];
  readonly #conn: ByteConn;
  readonly #idle = new Uint8Array(IDLE_READ);
  /** Where the last read puts its bytes. */
  #target: Uint8Array<ArrayBuffer> = this.#idle;
  /** Memory of the read that is pending, if it is a large one. */
  #waiting: Uint8Array<ArrayBuffer> | undefined;
  /** What {@linkcode beginWait} has counted for it, bytes. */
  #counted = 0;
  /** Memory of the last read, if it was a small one. */
  #small: Uint8Array<ArrayBuffer> | undefined;
  /** Memory of the last read, if it was a large one. */
  #large: Uint8Array<ArrayBuffer> | undefined;
  /** Size of the last read's buffer, bytes. */
  #room = IDLE_READ;
  /** Number of bytes of the last read. */
  #last = 0;
  #place = 0;
  #closed = false;

  constructor(conn: ByteConn) {
    this.#conn = conn;
    // Frames that are ready together are already written together, so Nagle's
    // algorithm would only add delay.
    turnOffDelay(conn);
    if (conn.ref !== undefined && conn.unref !== undefined) {
      this.setReferenced = (referenced) =>
        referenced ? conn.ref?.() : conn.unref?.();
    }
  }

  /**
   * A pending read keeps its memory, which cannot be taken back. A large buffer is
   * therefore used only if the last read was full, so that more bytes are
   * available, or if a stream can receive and the last read was part of bulk.
   * Waiting in a small buffer would then cost a tenth of the rate, because each
   * time needs a second system call.
   */
  receive(expectsBulk?: () => boolean): Promise<Uint8Array | null> {
    this.release();
    const isFull = this.#last === this.#room;
    const isBulk = this.#last >= BULK && (expectsBulk?.() ?? true);
    if (isFull) {
      const more = Math.max(this.#room * 4, SMALLEST_LARGE_READ);
      this.#room = Math.min(more, LARGEST_READ);
    } else if (!isBulk) {
      this.#room = this.#last > MOST_IDLE ? SMALL : IDLE_READ;
    }
    const room = this.#room;
    if (room <= SMALL) return this.#readSmall(room);
    if (beginWait(room)) {
      this.#counted = room;
      return this.#readLarge(room);
    }
    // Too many connections wait in large buffers.
    this.#room = isFull ? SMALLEST_LARGE_READ : IDLE_READ;
    return isFull
      ? this.#readLarge(SMALLEST_LARGE_READ)
      : this.#readSmall(IDLE_READ);
  }

  #readSmall(room: number): Promise<Uint8Array | null> {
    return this.#read(room === IDLE_READ ? this.#idle : takeSmall());
  }

  #readLarge(room: number): Promise<Uint8Array | null> {
    const place = this.#place = nextPlace(this.#place);
    this.#waiting = takeLarge(room);
    return this.#read(this.#waiting.subarray(place, place + room));
  }

  /** Not an async function: an idle connection waits here, and an async function that waits takes 400 bytes. */
  #read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
    this.#target = target;
    try {
      // In JavaScript, `read` may return the number itself. A promise is not wrapped.
      return Promise.resolve(this.#conn.read(target)).then(
        this.#received,
        this.#failed,
      );
    } catch (error) {
      return this.#failed(error);
    }
  }

  readonly #received = (size: number | null): Uint8Array | null => {
    const large = this.#endWait();
    // Other bytes than those that were read may be another connection's.
    if (size !== null) checkCount("read", size, this.#target.length);
    this.#last = size ?? 0;
    // After a failure or the end of input the memory is not reused: a transport may
    // report either one because it was closed, while its operation is still pending.
    // The operation would write into the memory of another connection.
    if (size === null) return null;
    const target = this.#target;
    if (large !== undefined) this.#large = large;
    else if (target.length === SMALL) this.#small = target;
    return target.subarray(0, size);
  };

  readonly #failed = (error: unknown): never => {
    this.#endWait();
    throw error;
  };

  /** The read has ended: returns its memory if that is large. */
  #endWait(): Uint8Array<ArrayBuffer> | undefined {
    endWait(this.#counted);
    this.#counted = 0;
    const large = this.#waiting;
    this.#waiting = undefined;
    return large;
  }

  release(): void {
    // A reference would keep up to 1 MiB while this side only sends, or does not read.
    this.#target = this.#idle;
    if (this.#small !== undefined) returnSmall(this.#small);
    this.#small = undefined;
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

  /**
   * After `close`, the kernel still sends what a socket has taken. TLS has to tell the peer
   * first, and an object around a socket may still have bytes that it has to send. Deno
   * does not make the class of its TCP connections accessible, so its name is compared.
   */
  get closesInOrder(): boolean {
    return this.#conn.constructor?.name === "TcpConn";
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}

/** Most bytes of one write to a web stream. */
const LARGEST_PIECE = 64 * 1024;

class StreamsWire implements Wire {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(streams: ByteStreams) {
    this.#reader = streams.readable.getReader();
    try {
      this.#writer = streams.writable.getWriter();
    } catch (error) {
      // The caller still has the other stream, and can close it only without a lock.
      this.#reader.releaseLock();
      throw error;
    }
    // read() and write() report failures; these promises only repeat them.
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch(() => {});
  }

  async receive(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      // In JavaScript, it may be anything; an ArrayBuffer has no `length`.
      const chunk: unknown = value;
      if (!(chunk instanceof Uint8Array)) {
        throw closedBy(
          "local",
          `the readable of the transport delivered ${
            Object.prototype.toString.call(chunk)
          }: it must deliver Uint8Array chunks`,
        );
      }
      if (value.length > 0) return value;
    }
  }

  async send(data: Uint8Array): Promise<number> {
    // A copy, because the other end may keep what it gets. One piece at a time, to
    // distinguish a slow stream from one that has stopped.
    const copy = data.slice(0, LARGEST_PIECE);
    // `ready` is not awaited: nothing is queued here, and a stream whose high-water mark
    // is 0 is never ready, although it takes every write.
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
