/**
 * A listener behind a load balancer: each connection begins with a PROXY head,
 * which is read before the connection is accepted.
 *
 * @module
 */

import { ERR_PROTO, InvalidArgumentError, SpdyError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { show } from "../../values.ts";
import { AcceptQueue } from "../accept_queue.ts";
import { ConnectionClosedError } from "../errors.ts";
import { checkTexts } from "../option_kinds.ts";
import { startIdleTimeout, stopTimer } from "../time/clock.ts";
import { Pauses } from "../time/pauses.ts";
import { acceptAll, hasLeft } from "./accept_loop.ts";
import {
  closeQuietly,
  discardTransport,
  readPart,
  ResumedConn,
  toByteConn,
} from "./byte_conn.ts";
import { AddressRanges } from "./ip_address.ts";
import type {
  AcceptedConn,
  AcceptingListener,
  TransportListener,
} from "./listener.ts";
import {
  MAX_PROXY_HEAD,
  type ProxyHead,
  readProxyHead,
} from "./proxy_protocol.ts";
import type { ByteConn, Transport } from "./transport.ts";

/** How a server treats PROXY heads. */
export interface ProxyPolicy {
  /** Whether each connection must begin with a head, or may. */
  readonly proxyProtocol: "required" | "optional";
  /** Addresses and ranges of the balancers; default: anyone may send a head. */
  readonly trusted?: readonly string[];
  /** Longest wait for a whole head, ms; 0: no limit. */
  readonly timeout: number;
  /** Called with the error of each connection that was refused or could not be accepted. */
  readonly error: (error: unknown, conn: Partial<AcceptedConn>) => void;
}

/**
 * Most connections with an incomplete head; further ones are refused. Each needs a
 * file descriptor until its timeout.
 */
const MOST_PENDING = 4096;

/**
 * Checks the options `proxyProtocol` and `trusted`; returns the mode, or
 * `undefined` if it is off.
 *
 * Throws `InvalidArgumentError` for other values.
 */
export function checkProxyPolicy(
  mode: unknown,
  trusted: readonly string[] | undefined,
): "required" | "optional" | undefined {
  if (trusted !== undefined) {
    checkTexts("trusted", trusted);
    new AddressRanges("trusted", trusted);
  }
  if (mode === "required" || mode === "optional") return mode;
  if (mode === undefined || mode === false) {
    if (trusted === undefined) return undefined;
    throw new InvalidArgumentError(
      "trusted lists the senders of PROXY heads, so it needs the option proxyProtocol",
    );
  }
  throw new InvalidArgumentError(
    `proxyProtocol ${show(mode)} must be "required", "optional" or false`,
  );
}

/** Returns connections whose PROXY head was read. */
export class ProxyProtocolListener implements AcceptingListener {
  readonly addr: Deno.Addr;
  readonly #listener: TransportListener;
  readonly #policy: ProxyPolicy;
  readonly #trusted: AddressRanges | undefined;
  readonly #ready = new AcceptQueue<AcceptedConn>();
  readonly #pending = new Set<PossibleConn>();
  readonly #pauses = new Pauses();
  #referenced = true;
  #closed = false;

  /** Throws `InvalidArgumentError` for an invalid policy. */
  constructor(listener: TransportListener, policy: ProxyPolicy) {
    checkTimeout("handshakeTimeout", policy.timeout);
    this.addr = listener.addr;
    this.#listener = listener;
    this.#policy = policy;
    this.#trusted = policy.trusted === undefined
      ? undefined
      : new AddressRanges("trusted", policy.trusted);
    acceptAll(listener, {
      take: (transport) => void this.#take(transport),
      error: (error) => policy.error(error, {}),
      // A listener of the application may reject with any error when it is closed.
      ended: () => this.#closed,
      pauses: this.#pauses,
    }).then(() => this.#end());
  }

  async accept(): Promise<AcceptedConn> {
    const { done, value } = await this.#ready.next();
    if (!done) return value;
    throw new Deno.errors.BadResource("Listener has been closed");
  }

  close(): void {
    this.#closed = true;
    this.#listener.close();
    this.#end();
  }

  ref(): void {
    this.#referenced = true;
    this.#listener.ref?.();
    this.#pauses.ref();
    for (const conn of this.#pending) conn.ref?.();
  }

  unref(): void {
    this.#referenced = false;
    this.#listener.unref?.();
    this.#pauses.unref();
    for (const conn of this.#pending) conn.unref?.();
  }

  #end(): void {
    for (const conn of this.#pending) closeQuietly(conn);
    for (const conn of this.#ready.takeAll()) closeQuietly(conn);
    this.#ready.end(undefined);
  }

  /** Reads the head of a connection; never rejects. */
  async #take(transport: Transport): Promise<void> {
    // An accept may have ended together with the listener.
    if (this.#closed) return discardTransport(transport);
    let conn: PossibleConn;
    try {
      // A transport of the application may lack some of these members.
      conn = toByteConn(transport) as PossibleConn;
    } catch (error) {
      discardTransport(transport);
      this.#policy.error(error, {});
      return;
    }
    this.#pending.add(conn);
    if (!this.#referenced) conn.unref?.();
    try {
      const ready = await this.#admit(conn);
      if (ready !== undefined) this.#ready.push(ready);
      else closeQuietly(conn);
    } catch (error) {
      closeQuietly(conn);
      this.#policy.error(error, conn);
    } finally {
      this.#pending.delete(conn);
    }
  }

  /** The connection after its head; `undefined` if the peer disconnected without sending a byte. */
  async #admit(conn: PossibleConn): Promise<AcceptedConn | undefined> {
    if (typeof conn.handshake === "function") {
      throw new InvalidArgumentError(
        "the PROXY head comes before TLS: proxyProtocol needs a listener without TLS, or serve with cert and key",
      );
    }
    const { proxyProtocol } = this.#policy;
    if (!this.#isTrusted(conn.remoteAddr)) {
      if (proxyProtocol === "optional") {
        return new HeadedConn(conn, undefined, new Uint8Array(0));
      }
      throw new SpdyError(
        `${
          describe(conn.remoteAddr)
        } may not send a PROXY head: it is not in trusted`,
        ERR_PROTO,
        { initiator: "remote" },
      );
    }
    if (this.#pending.size > MOST_PENDING) {
      throw new ConnectionClosedError(
        `${MOST_PENDING} connections wait for their PROXY head; one more was refused`,
        { initiator: "local", unprocessed: true },
      );
    }
    let late = false;
    const { timeout } = this.#policy;
    const timer = startIdleTimeout(() => {
      late = true;
      closeQuietly(conn);
    }, timeout);
    try {
      return await readHead(conn, proxyProtocol === "optional");
    } catch (error) {
      if (!late) throw error;
      throw new ConnectionClosedError(
        `${
          describe(conn.remoteAddr)
        } did not send a whole PROXY head within ${timeout} ms (handshakeTimeout)`,
        { initiator: "remote", cause: error },
      );
    } finally {
      stopTimer(timer);
    }
  }

  /** A Unix socket is protected by its file permissions. */
  #isTrusted(addr: Deno.Addr | undefined): boolean {
    if (this.#trusted === undefined || addr?.transport === "unix") return true;
    return addr !== undefined && "hostname" in addr &&
      this.#trusted.contains(addr.hostname);
  }
}

/** Reads a head and not one byte more; each read requests only bytes that are certainly missing. */
async function readHead(
  conn: PossibleConn,
  isOptional: boolean,
): Promise<AcceptedConn | undefined> {
  let data = new Uint8Array(0);
  for (;;) {
    const result = readProxyHead(data);
    if (result === "none") {
      if (isOptional) return new HeadedConn(conn, undefined, data);
      throw new SpdyError(
        `${
          describe(conn.remoteAddr)
        } did not begin with a PROXY head, which proxyProtocol "required" expects of every client`,
        ERR_PROTO,
        { initiator: "remote" },
      );
    }
    if ("head" in result) {
      return new HeadedConn(conn, result.head, data.subarray(result.length));
    }
    // The length is checked against MAX_PROXY_HEAD, and memory is used as bytes arrive.
    const chunk = new Uint8Array(Math.min(result.missing, MAX_PROXY_HEAD));
    const size = await readSome(conn, chunk);
    if (size === null) {
      // A balancer's health check may connect without sending anything.
      if (data.length === 0) return undefined;
      if (isOptional) return new HeadedConn(conn, undefined, data);
      throw new ConnectionClosedError(
        `${
          describe(conn.remoteAddr)
        } closed the connection in the middle of its PROXY head`,
        { initiator: "remote" },
      );
    }
    const joined = new Uint8Array(data.length + size);
    joined.set(data);
    joined.set(chunk.subarray(0, size), data.length);
    data = joined;
  }
}

/**
 * Reads from the connection; `null` if the client has closed or reset it.
 */
async function readSome(
  conn: PossibleConn,
  into: Uint8Array,
): Promise<number | null> {
  try {
    return await readPart(conn, into);
  } catch (error) {
    if (hasLeft(error)) return null;
    throw error;
  }
}

function describe(addr: Deno.Addr | undefined): string {
  return addr !== undefined && "hostname" in addr ? addr.hostname : "the peer";
}

/** A connection of any listener, which may lack some members. */
type PossibleConn = ByteConn & Partial<AcceptedConn>;

const NOTHING = (): void => {};

/** A connection after its head, with the addresses of the head. */
class HeadedConn extends ResumedConn implements AcceptedConn {
  readonly #conn: PossibleConn;
  readonly #head: ProxyHead | undefined;

  constructor(
    conn: PossibleConn,
    head: ProxyHead | undefined,
    rest: Uint8Array,
  ) {
    super(conn, rest);
    this.#conn = conn;
    this.#head = head;
  }

  override get proxyHead(): ProxyHead | undefined {
    return this.#head;
  }

  // A transport without addresses has none here either; a listener of Deno's always has them.
  override get remoteAddr(): Deno.Addr {
    return (this.#head?.source ?? this.#conn.remoteAddr) as Deno.Addr;
  }

  override get localAddr(): Deno.Addr {
    return (this.#head?.destination ?? this.#conn.localAddr) as Deno.Addr;
  }

  override get ref(): () => void {
    return super.ref ?? NOTHING;
  }

  override get unref(): () => void {
    return super.unref ?? NOTHING;
  }
}
