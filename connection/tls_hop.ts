/**
 * A TCP connection on loopback in front of a transport, for functions of Deno
 * that only take TCP connections, or only addresses.
 *
 * It costs two descriptors and 0.1 ms a round trip, and needs permission for
 * 127.0.0.1. The listener exists only until the one connection is made; other
 * connections to it are closed.
 *
 * @module
 */

import { acceptNext } from "./accept_loop.ts";
import { carry, closeQuietly, toByteConn, writeAll } from "./byte_conn.ts";
import { startIdleTimer, stopTimer, type Timer } from "./clock.ts";
import type { ByteConn, Transport } from "./transport.ts";

const LOOPBACK = "127.0.0.1";
/** How long each of the last writes may take after `close`, ms. */
const LINGER = 10_000;

/** The near end: what a function of Deno made of the TCP connection. */
interface NearEnd extends ByteConn {
  handshake(): Promise<Deno.TlsHandshakeInfo>;
  readonly localAddr: Deno.Addr;
  ref?(): void;
  unref?(): void;
}

/**
 * Opens a hop in front of `transport`. `connect` makes the connection to the
 * address that it is given. When this rejects, the transport is closed.
 */
export async function openHop(
  transport: Transport,
  connect: (
    address: { readonly hostname: string; readonly port: number },
  ) => Promise<NearEnd>,
): Promise<TlsHop> {
  const outer = toByteConn(transport);
  // No `using`: other runtimes load this file as well, and Node 20 cannot read it.
  let listener: Deno.TcpListener | undefined;
  let near: NearEnd | undefined;
  try {
    listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    near = await connect({ hostname: LOOPBACK, port });
    return new TlsHop(near, await otherEnd(listener, near), outer);
  } catch (error) {
    closeQuietly(near);
    closeQuietly(outer);
    throw error;
  } finally {
    closeQuietly(listener);
  }
}

/** Accepts the connection whose near end is `near`. */
async function otherEnd(
  listener: Deno.TcpListener,
  near: NearEnd,
): Promise<Deno.TcpConn> {
  const { port } = near.localAddr as Deno.NetAddr;
  for (;;) {
    const conn = await acceptNext(listener);
    if ((conn.remoteAddr as Deno.NetAddr).port === port) return conn;
    // Another process of this machine.
    closeQuietly(conn);
  }
}

/** A TLS connection through the hop. */
export class TlsHop implements ByteConn {
  readonly #near: NearEnd;
  readonly #far: Deno.TcpConn;
  readonly #outer: ByteConn;
  #closed = false;
  /** Whether a write to the peer is in progress, and the timer that ends it after `close`. */
  #giving = false;
  #linger: Timer | undefined;

  constructor(near: NearEnd, far: Deno.TcpConn, outer: ByteConn) {
    this.#near = near;
    this.#far = far;
    this.#outer = outer;
    far.setNoDelay(true);
    outer.setNoDelay?.(true);
    const ended = Promise.allSettled([this.#carryOut(), this.#carryIn()]);
    ended.then(() => this.#end());
  }

  /** The address of the transport's peer, where there is one. */
  get remoteAddr(): Deno.Addr | undefined {
    return this.#outer.remoteAddr;
  }

  /** The address of the transport's side, where there is one. */
  get localAddr(): Deno.Addr | undefined {
    return this.#outer.localAddr;
  }

  async handshake(): Promise<Deno.TlsHandshakeInfo> {
    return await this.#near.handshake();
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#near.read(into);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#near.write(data);
  }

  async closeWrite(): Promise<void> {
    await this.#near.closeWrite();
  }

  /** Ends the connection when the bytes that were written have left; a peer that takes none for 10 s gets no more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#giving) this.#lingerOn();
    // Before Deno 2.9, `close` alone keeps the socket open until the peer has closed, too.
    this.#near.closeWrite().catch(() => {})
      .then(() => closeQuietly(this.#near));
  }

  ref(): void {
    this.#near.ref?.();
    for (const conn of this.#sockets()) conn.ref?.();
  }

  unref(): void {
    this.#near.unref?.();
    for (const conn of this.#sockets()) conn.unref?.();
  }

  #sockets(): Partial<Pick<Deno.Conn, "ref" | "unref">>[] {
    return [this.#far, this.#outer as Partial<Deno.Conn>];
  }

  /** From the application to the peer. */
  async #carryOut(): Promise<void> {
    try {
      await carry(this.#far, (data) => this.#giveOut(data));
      if (this.#closed) this.#end();
      else await this.#outer.closeWrite();
    } catch {
      this.#end();
    }
  }

  /** Writes to the peer; after the close no write may take longer than `LINGER`. */
  async #giveOut(data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0;) {
      this.#giving = true;
      if (this.#closed) this.#lingerOn();
      try {
        rest = rest.subarray(await this.#outer.write(rest));
      } finally {
        this.#giving = false;
        stopTimer(this.#linger);
      }
    }
  }

  #lingerOn(): void {
    this.#linger = startIdleTimer(() => this.#end(), LINGER);
  }

  /** From the peer to the application. */
  async #carryIn(): Promise<void> {
    try {
      await carry(this.#outer, (data) => this.#giveNear(data));
    } catch {
      // The transport failed, and the application learns it from its own end.
      closeQuietly(this.#far);
      return;
    }
    await this.#far.closeWrite().catch(() => {});
  }

  /** When the application has closed its end, nothing reads this any more, but the last bytes may still have to be sent. */
  async #giveNear(data: Uint8Array): Promise<void> {
    await writeAll(this.#far, data).catch(() => {});
  }

  #end(): void {
    stopTimer(this.#linger);
    if (this.#closed) closeQuietly(this.#near);
    closeQuietly(this.#far);
    closeQuietly(this.#outer);
  }
}
