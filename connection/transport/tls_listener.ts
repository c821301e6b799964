/**
 * A TLS listener whose connections can be ended at any time.
 *
 * Deno 2.9 cannot end a server's TLS connection during its handshake: `close`
 * releases the resource, but a task that waits for the client keeps the socket.
 * Clients that connect and send nothing can therefore hold file descriptors as long
 * as they like; `close`, `closeWrite`, cancelled streams and aborted reads do not
 * help.
 *
 * A plain TCP socket can be closed. Here a TCP listener accepts the connections,
 * and each one is carried to a TLS listener on loopback in the same process. When
 * the outer socket and the near end of the inner one are closed, the handshake
 * reads the end of input, and its task ends. A connection that has sent nothing
 * needs one socket, and any other needs three. Carrying costs 0.1 ms for each round
 * trip, and a third of the speed of bulk on loopback (840 instead of 1,250 MB/s).
 *
 * @module
 */

import { returnSmall, takeSmall } from "../buffers/shared_buffers.ts";
import { startTimer, stopTimer, type Timer } from "../time/clock.ts";
import { acceptNext } from "./accept_loop.ts";
import {
  carry,
  closeQuietly,
  readPart,
  writeAll,
  writePart,
} from "./byte_conn.ts";
import type { AcceptedConn, AcceptingListener } from "./listener.ts";
import type { ProxyHead } from "./proxy_protocol.ts";
import { turnOffDelay } from "./transport.ts";

export type { AcceptedConn, AcceptingListener };

/** A certificate chain and its private key, PEM. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** Where and how to listen. */
export interface TlsListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly reusePort?: boolean;
  readonly tcpBacklog?: number;
  readonly cert: string;
  readonly key: string;
  readonly alpnProtocols: string[];
  /** Reads something from each TCP connection before TLS begins on it. */
  readonly beforeTls?: (listener: Deno.TcpListener) => AcceptingListener;
}

const LOOPBACK = "127.0.0.1";
/** Longest time without progress for the last bytes of a closed connection, ms. */
const LINGER = 10_000;

/**
 * Listens with TLS. Without permission for {@linkcode LOOPBACK}, this is Deno's own
 * listener, whose pending handshakes cannot be ended.
 *
 * Throws the errors of `Deno.listenTls`.
 */
export function listenTls(options: TlsListenOptions): AcceptingListener {
  const { beforeTls = (listener: AcceptingListener) => listener } = options;
  const inner = listenInside(options);
  if (inner === undefined) {
    if (options.beforeTls === undefined) return Deno.listenTls(options);
    throw new Deno.errors.NotCapable(
      "the PROXY protocol on a TLS listener needs permission for 127.0.0.1",
    );
  }
  const { hostname, port, reusePort, tcpBacklog } = options;
  try {
    return new TlsListener(
      beforeTls(Deno.listen({ hostname, port, reusePort, tcpBacklog })),
      options,
      inner,
    );
  } catch (error) {
    inner.close();
    throw error;
  }
}

function listenInside(
  { cert, key, alpnProtocols }: TlsListenOptions,
): Deno.TlsListener | undefined {
  const permission = { name: "net", host: LOOPBACK } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") {
    return undefined;
  }
  try {
    return listenLoopback({ cert, key, alpnProtocols });
  } catch {
    // There is no loopback, or the certificate is invalid: then listenTls reports it.
    return undefined;
  }
}

function listenLoopback(
  { cert, key, alpnProtocols }: Pick<
    TlsListenOptions,
    "cert" | "key" | "alpnProtocols"
  >,
): Deno.TlsListener {
  const inner = Deno.listenTls({
    hostname: LOOPBACK,
    port: 0,
    cert,
    key,
    alpnProtocols,
  });
  // The outer listener decides whether the process stays alive.
  inner.unref();
  return inner;
}

/** Accepts TCP connections and returns them as TLS connections. */
class TlsListener implements AcceptingListener {
  readonly addr: Deno.Addr;
  readonly #outer: AcceptingListener;
  readonly #options: TlsListenOptions;
  #passage: Passage;
  #closed = false;

  constructor(
    outer: AcceptingListener,
    options: TlsListenOptions,
    inner: Deno.TlsListener,
  ) {
    this.addr = outer.addr;
    this.#outer = outer;
    this.#options = options;
    this.#passage = new Passage(inner);
  }

  async accept(): Promise<AcceptedConn> {
    const conn = await this.#outer.accept();
    return new CarriedConn(conn, () => this.#passage);
  }

  setCertificate(certificate: CertificateAndKey): void {
    // If it is already closed, another inner listener would never be closed.
    if (this.#closed) return;
    const inner = listenLoopback({ ...this.#options, ...certificate });
    this.#passage.retire();
    this.#passage = new Passage(inner);
  }

  close(): void {
    this.#closed = true;
    this.#passage.close();
    this.#outer.close();
  }

  ref(): void {
    this.#outer.ref();
  }

  unref(): void {
    this.#outer.unref();
  }
}

/** Both ends of a connection inside the process. */
interface Ends {
  readonly near: Deno.TcpConn;
  readonly far: Deno.TlsConn;
}

/** Connects to the inner TLS listener, and finds the accepted end of each connection. */
class Passage {
  readonly #listener: Deno.TlsListener;
  /** Callers that wait for the accepted end, by the port of the connecting end. */
  readonly #waiting = new Map<number, (far: Deno.TlsConn | Error) => void>();
  /** Accepted ends for which no caller waits yet, by the same port. */
  readonly #early = new Map<number, Deno.TlsConn>();
  #expected = 0;
  #retired = false;
  #accepting = false;

  constructor(listener: Deno.TlsListener) {
    this.#listener = listener;
  }

  async connect(): Promise<Ends> {
    const { port } = this.#listener.addr as Deno.NetAddr;
    this.#expected++;
    let near: Deno.TcpConn | undefined;
    try {
      near = await Deno.connect({ hostname: LOOPBACK, port });
      near.setNoDelay(true);
      return { near, far: await this.#farEnd(near) };
    } catch (error) {
      closeQuietly(near);
      throw error;
    } finally {
      if (--this.#expected === 0) {
        this.#dropStrangers();
        if (this.#retired) this.close();
      }
    }
  }

  /** Closes the listener when the connections in progress are complete. */
  retire(): void {
    this.#retired = true;
    if (this.#expected === 0) this.close();
  }

  close(): void {
    closeQuietly(this.#listener);
  }

  async #farEnd(near: Deno.TcpConn): Promise<Deno.TlsConn> {
    const { port } = near.localAddr as Deno.NetAddr;
    const early = this.#early.get(port);
    if (early !== undefined) {
      this.#early.delete(port);
      return early;
    }
    const found = new Promise<Deno.TlsConn | Error>((resolve) => {
      this.#waiting.set(port, resolve);
    });
    this.#accept();
    const far = await found;
    if (far instanceof Error) throw far;
    return far;
  }

  async #accept(): Promise<void> {
    if (this.#accepting) return;
    this.#accepting = true;
    try {
      while (this.#waiting.size > 0) {
        const far = await acceptNext(this.#listener);
        const { hostname, port } = far.remoteAddr as Deno.NetAddr;
        // Another process can use the same port at another address of this machine,
        // such as 127.0.0.2.
        if (hostname !== LOOPBACK) {
          closeQuietly(far);
          continue;
        }
        const found = this.#waiting.get(port);
        this.#waiting.delete(port);
        if (found === undefined) this.#early.set(port, far);
        else found(far);
      }
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      for (const found of this.#waiting.values()) found(reason);
      this.#waiting.clear();
    } finally {
      this.#accepting = false;
    }
  }

  /** Closes connections of other processes on this machine, which can connect as well. */
  #dropStrangers(): void {
    for (const far of this.#early.values()) closeQuietly(far);
    this.#early.clear();
  }
}

/** The TLS end inside the process, with the loops that copy bytes between it and the client. */
class CarriedConn implements AcceptedConn {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
  readonly proxyHead: ProxyHead | undefined;
  readonly #outer: AcceptedConn;
  #near: Deno.TcpConn | undefined;
  #far: Deno.TlsConn | undefined;
  readonly #opening: Promise<Deno.TlsConn>;
  #handshake: Promise<Deno.TlsHandshakeInfo> | undefined;
  /** The handshake succeeded, or failed with an alert that the client should get. */
  #handshakeSettled = false;
  /** Everything that TLS wrote was passed on to the client, or can no longer be. */
  #allSent = false;
  #closed = false;
  #referenced = true;
  /** A write to the client is pending. */
  #writing = false;
  /** Ends that write some time after the connection was closed. */
  #linger: Timer | undefined;

  constructor(outer: AcceptedConn, passage: () => Passage) {
    this.#outer = outer;
    this.remoteAddr = outer.remoteAddr;
    this.localAddr = outer.localAddr;
    this.proxyHead = outer.proxyHead;
    // With Nagle's algorithm, a second small write waits 40 ms for the client's
    // acknowledgement.
    turnOffDelay(outer);
    this.#opening = this.#open(passage);
    this.#opening.catch(() => this.#end());
  }

  async handshake(): Promise<Deno.TlsHandshakeInfo> {
    const far = this.#far ?? await this.#opening;
    return await (this.#handshake ?? far.handshake());
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#far?.read(into) ??
      this.#opening.then((far) => far.read(into));
  }

  write(data: Uint8Array): Promise<number> {
    return this.#far?.write(data) ??
      this.#opening.then((far) => far.write(data));
  }

  async closeWrite(): Promise<void> {
    await (this.#far ?? await this.#opening).closeWrite();
  }

  /**
   * Ends the connection: at once while the handshake is pending; otherwise when the
   * client has received the written bytes, or stops reading them. After a failed
   * handshake these are the alert that says why.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#far);
    if (!this.#handshakeSettled || this.#allSent) this.#end();
    else if (this.#writing) this.#startLinger();
  }

  ref(): void {
    this.#referenced = true;
    for (const conn of this.#sockets()) conn.ref();
  }

  unref(): void {
    this.#referenced = false;
    for (const conn of this.#sockets()) conn.unref();
  }

  *#sockets(): Iterable<Pick<Deno.Conn, "ref" | "unref">> {
    if (!this.#closed) yield this.#outer;
    if (this.#near !== undefined) yield this.#near;
    if (this.#far !== undefined && !this.#closed) yield this.#far;
  }

  async #open(passage: () => Passage): Promise<Deno.TlsConn> {
    // A client that sends nothing needs no more than its socket.
    const first = takeSmall();
    const size = await readPart(this.#outer, first);
    if (size === null) {
      throw new Deno.errors.UnexpectedEof(
        "the client closed the connection before it sent anything",
      );
    }
    const { near, far } = await passage().connect();
    this.#near = near;
    this.#far = far;
    if (this.#closed) {
      closeQuietly(far);
      throw new Deno.errors.BadResource("the connection was closed");
    }
    if (!this.#referenced) this.unref();
    this.#handshake = far.handshake();
    const settled = (): void => {
      this.#handshakeSettled = true;
    };
    this.#handshake.then(settled, settled);
    this.#carryBothWays(near, first, size);
    return far;
  }

  async #carryBothWays(
    near: Deno.TcpConn,
    first: Uint8Array<ArrayBuffer>,
    size: number,
  ): Promise<void> {
    const up = this.#copyFromClient(near, first, size);
    const down = this.#copyToClient(near);
    // Both loops end when the client has ended. A failed write to the client does not
    // end the other loop: bytes that the client sent before may still be arriving.
    await Promise.allSettled([up, down]);
    this.#end();
  }

  async #copyFromClient(
    near: Deno.TcpConn,
    first: Uint8Array<ArrayBuffer>,
    size: number,
  ): Promise<void> {
    try {
      await writeAll(near, first.subarray(0, size));
      returnSmall(first);
      await carry(this.#outer, (data) => writeAll(near, data));
      await near.closeWrite();
    } catch {
      this.#end();
    }
  }

  async #copyToClient(near: Deno.TcpConn): Promise<void> {
    try {
      await carry(near, (data) => this.#writeToClient(data));
      await this.#outer.closeWrite();
    } finally {
      this.#allSent = true;
      // A client that sends nothing and does not close must not keep the sockets.
      if (this.#closed) this.#end();
    }
  }

  /** Writes to the client. After the connection was closed, a write has a time limit. */
  async #writeToClient(data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0;) {
      this.#writing = true;
      if (this.#closed) this.#startLinger();
      try {
        rest = rest.subarray(await writePart(this.#outer, rest));
      } finally {
        this.#writing = false;
        stopTimer(this.#linger);
      }
    }
  }

  #startLinger(): void {
    this.#linger = startTimer(() => this.#end(), LINGER);
  }

  #end(): void {
    closeQuietly(this.#outer);
    closeQuietly(this.#near);
  }
}
