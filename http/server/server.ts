/**
 * The server behind `serve`: accepts connections, serves them, and shuts down.
 *
 * @module
 */

import { checkSignal } from "../../connection/abort_signal.ts";
import { LazyPromise } from "../../connection/deferred.ts";
import { customizeInspect } from "../../connection/stream/inspect.ts";
import { within } from "../../connection/time/clock.ts";
import { Pauses } from "../../connection/time/pauses.ts";
import { acceptAll } from "../../connection/transport/accept_loop.ts";
import {
  closeQuietly,
  discardTransport,
} from "../../connection/transport/byte_conn.ts";
import type { CertificateListener } from "../../connection/transport/listener.ts";
import {
  isConn,
  type Transport,
} from "../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import { checkTransport } from "./check_options.ts";
import { ConnectionCount } from "./connection_count.ts";
import { tellConnectionError } from "./connection_error.ts";
import type {
  ConnectionErrorInfo,
  ConnectionListener,
  ServeOptions,
  ShutdownOptions,
  SpdyServer,
} from "./serve_options.ts";
import {
  type AnyHandler,
  checkShutdown,
  type ConnectionHost,
  connectionHost,
  ServedConnection,
  untilDeadline,
} from "./served_connection.ts";

/**
 * Longest wait for the last accept after the listener was closed, ms; a caller's
 * listener may never end it.
 */
const LAST_ACCEPT = 1000;

export class Server implements SpdyServer {
  readonly addr: Deno.Addr;
  readonly connections: Iterable<Connection>;
  readonly #listener: ConnectionListener;
  readonly #signal: AbortSignal | undefined;
  readonly #host: ConnectionHost;
  readonly #count: ConnectionCount;
  readonly #served = new Set<ServedConnection>();
  readonly #pauses = new Pauses();
  readonly #accepting: Promise<void>;
  readonly #finished = new LazyPromise<void>();
  #ending = false;
  /** All connections were ended. */
  #isOver = false;
  #referenced = true;

  static {
    customizeInspect(Server.prototype, (server) => ({
      addr: server.addr,
      state: server.#ending ? "closing" : "open",
      connections: [...server.connections],
    }));
  }

  constructor(
    listener: ConnectionListener,
    options: ServeOptions,
    handler: AnyHandler,
  ) {
    this.#listener = listener;
    this.addr = listener.addr;
    this.#signal = checkSignal(options.signal);
    this.#host = connectionHost(options, handler);
    this.#count = new ConnectionCount(options);
    this.connections = { [Symbol.iterator]: () => this.#live() };
    this.#accepting = acceptAll(listener, {
      take: (transport) => this.#take(transport),
      error: (error) => this.#tell(error),
      ended: () => this.#ending,
      pauses: this.#pauses,
    });
    this.#signal?.addEventListener("abort", this.#abort, { once: true });
    if (this.#signal?.aborted) this.#abort();
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  // Functions that can be passed on without the server, as those of `Deno.serve`.

  readonly shutdown = async (options: ShutdownOptions = {}): Promise<void> => {
    checkShutdown(options);
    if (!this.#ending) {
      this.#stopAccepting();
      const all = [...this.#served];
      for (const served of all) served.goaway();
      // A connection that does not speak SPDY yet has no open request.
      const speaking = all.filter(({ live }) => live !== undefined);
      Promise.all(speaking.map(({ finished }) => finished)).then(this.#abort);
    }
    await untilDeadline(this.finished, options, this.#abort);
  };

  readonly setCertificate = (
    certificate: { readonly cert: string; readonly key: string },
  ): void => {
    const listener: Partial<CertificateListener> = this.#listener as object;
    if (typeof listener.setCertificate !== "function") {
      throw new InvalidArgumentError(
        "the certificate cannot be changed: this server does not use TLS, or its handshakeTimeout is 0, or permission for 127.0.0.1 is missing",
      );
    }
    listener.setCertificate(certificate);
  };

  readonly ref = (): void => {
    this.#referenced = true;
    this.#listener.ref?.();
    this.#pauses.ref();
    for (const served of this.#served) served.ref();
  };

  readonly unref = (): void => {
    this.#referenced = false;
    this.#listener.unref?.();
    this.#pauses.unref();
    for (const served of this.#served) served.unref();
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #stopAccepting(): void {
    this.#ending = true;
    closeQuietly(this.#listener);
  }

  /**
   * Ends all open connections. The server has ended when the listener's socket is
   * closed as well.
   */
  readonly #abort = (): void => {
    if (!this.#ending) this.#stopAccepting();
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#isOver = true;
    for (const served of this.#served) served.abort();
    // The system frees the port when the pending accept has ended.
    within(LAST_ACCEPT, this.#accepting).then(() => this.#finished.resolve());
  };

  #take(transport: Transport): void {
    // An accept may have ended together with the server.
    if (this.#isOver) return discardTransport(transport);
    let remove = (): void => {};
    let served: ServedConnection;
    try {
      checkTransport(transport, this.#host.options.upgrade);
      remove = this.#count.add(addressesOf(transport)?.remoteAddr);
      served = new ServedConnection(transport, this.#host);
    } catch (error) {
      // A bound was reached, or the transport cannot be used.
      remove();
      discardTransport(transport);
      this.#tell(error, addressesOf(transport));
      return;
    }
    this.#served.add(served);
    if (!this.#referenced) served.unref();
    if (this.#ending) served.goaway();
    served.finished.then(() => {
      this.#served.delete(served);
      remove();
    });
  }

  /** Reports a connection that could not be accepted. */
  #tell(error: unknown, addresses?: Partial<Addresses>): void {
    tellConnectionError(this.#host.options, error, {
      remoteAddr: addresses?.remoteAddr,
      localAddr: addresses?.localAddr,
      tls: undefined,
      connection: undefined,
    });
  }

  *#live(): Generator<Connection, undefined> {
    for (const { live } of this.#served) if (live !== undefined) yield live;
  }
}

type Addresses = Pick<ConnectionErrorInfo, "remoteAddr" | "localAddr">;

function addressesOf(transport: Transport): Partial<Addresses> | undefined {
  return isObject(transport) && isConn(transport) ? transport : undefined;
}

/** In JavaScript, a listener may return anything. */
function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
