/**
 * A TCP connection on loopback in front of a transport, for functions of Deno that
 * accept only TCP connections or addresses.
 *
 * It needs two file descriptors, 0.1 ms for each round trip, and permission for
 * 127.0.0.1. The listener exists only until the connection is made; other
 * connections to it are closed.
 *
 * @module
 */

import { startIdleTimer, stopTimer, type Timer } from "../time/clock.ts";
import { acceptNext } from "./accept_loop.ts";
import {
  carry,
  closeQuietly,
  toByteConn,
  writeAll,
  writePart,
} from "./byte_conn.ts";
import type { ByteConn, Transport } from "./transport.ts";

const LOOPBACK = "127.0.0.1";
/** Longest time for each of the last writes after `close`, ms. */
const LINGER = 10_000;

/** The near end: the result of Deno's function. */
interface NearEnd extends ByteConn {
  handshake(): Promise<Deno.TlsHandshakeInfo>;
  readonly localAddr: Deno.Addr;
  ref?(): void;
  unref?(): void;
}

/**
 * Opens a hop in front of `transport`. `connect` connects to the address that it
 * gets. If this rejects, the transport is closed.
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

/** Accepts the connection that belongs to `near`. */
async function otherEnd(
  listener: Deno.TcpListener,
  near: NearEnd,
): Promise<Deno.TcpConn> {
  const { port } = near.localAddr as Deno.NetAddr;
  for (;;) {
    const conn = await acceptNext(listener);
    const from = conn.remoteAddr as Deno.NetAddr;
    if (from.hostname === LOOPBACK && from.port === port) return conn;
    // The connection of another process on this machine, which can use the same port at
    // another address, such as 127.0.0.2.
    closeQuietly(conn);
  }
}

/** A TLS connection through the hop. */
export class TlsHop implements ByteConn {
  readonly #near: NearEnd;
  readonly #far: Deno.TcpConn;
  readonly #outer: ByteConn;
  readonly #handshake: Promise<Deno.TlsHandshakeInfo>;
  #isShaking = true;
  #closed = false;
  /** Everything that the application wrote was passed on to the peer. */
  #allSent = false;
  /** Whether a write to the peer is in progress, and the timer that ends it after `close`. */
  #giving = false;
  #linger: Timer | undefined;

  constructor(near: NearEnd, far: Deno.TcpConn, outer: ByteConn) {
    this.#near = near;
    this.#far = far;
    this.#outer = outer;
    far.setNoDelay(true);
    outer.setNoDelay?.(true);
    // Also if it fails, because the peer still gets the reason.
    const settled = (): void => {
      this.#isShaking = false;
    };
    this.#handshake = near.handshake();
    this.#handshake.then(settled, settled);
    const ended = Promise.allSettled([this.#carryOut(), this.#carryIn()]);
    ended.then(() => this.#end());
  }

  /** The address of the transport's peer, if there is one. */
  get remoteAddr(): Deno.Addr | undefined {
    return this.#outer.remoteAddr;
  }

  /** The address of the transport's own side, if there is one. */
  get localAddr(): Deno.Addr | undefined {
    return this.#outer.localAddr;
  }

  async handshake(): Promise<Deno.TlsHandshakeInfo> {
    return await this.#handshake;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#shaken(this.#near.read(into));
  }

  write(data: Uint8Array): Promise<number> {
    return this.#shaken(this.#near.write(data));
  }

  /** When a read or a write has succeeded, the handshake is complete. */
  #shaken<T>(call: Promise<T>): Promise<T> {
    if (!this.#isShaking) return call;
    return call.then((result) => {
      this.#isShaking = false;
      return result;
    });
  }

  async closeWrite(): Promise<void> {
    await this.#near.closeWrite();
  }

  /**
   * Ends the connection: at once during the handshake; otherwise when all written bytes
   * were sent, whether or not the peer also closes. A peer that accepts none for 10 s
   * loses the rest.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // `closeWrite` waits for the handshake, and a silent peer never completes it.
    if (this.#isShaking || this.#allSent) {
      this.#end();
      return;
    }
    if (this.#giving) this.#lingerOn();
    // Before Deno 2.9, `close` alone keeps the socket open until the peer has also
    // closed.
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

  /** Copies from the application to the peer. */
  async #carryOut(): Promise<void> {
    try {
      await carry(this.#far, (data) => this.#giveOut(data));
      this.#allSent = true;
      if (this.#closed) this.#end();
      else await this.#outer.closeWrite();
    } catch {
      this.#end();
    }
  }

  /** Writes to the peer. After the close, no write may take longer than `LINGER`. */
  async #giveOut(data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0;) {
      this.#giving = true;
      if (this.#closed) this.#lingerOn();
      try {
        rest = rest.subarray(await writePart(this.#outer, rest));
      } finally {
        this.#giving = false;
        stopTimer(this.#linger);
      }
    }
  }

  #lingerOn(): void {
    this.#linger = startIdleTimer(() => this.#end(), LINGER);
  }

  /** Copies from the peer to the application. */
  async #carryIn(): Promise<void> {
    try {
      await carry(this.#outer, (data) => this.#giveNear(data));
    } catch {
      // The transport failed; the application notices that at its own end.
      closeQuietly(this.#far);
      return;
    }
    await this.#far.closeWrite().catch(() => {});
  }

  /**
   * Writes to the application's end. When the application has closed it, nothing is
   * read there any more, but its last bytes may still have to be sent.
   */
  async #giveNear(data: Uint8Array): Promise<void> {
    await writeAll(this.#far, data).catch(() => {});
  }

  #end(): void {
    if (this.#closed) closeQuietly(this.#near);
    closeQuietly(this.#far);
    closeQuietly(this.#outer);
  }
}
