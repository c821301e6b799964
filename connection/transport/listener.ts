/**
 * The interfaces of listeners and accepted connections that a server needs.
 *
 * @module
 */

import type { ByteConn, Transport } from "./transport.ts";

/** The part of an accepted connection that a server uses. */
export interface AcceptedConn extends ByteConn {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
  /** On TLS: resolves when the handshake is complete. */
  handshake?(): Promise<Deno.TlsHandshakeInfo>;
  ref(): void;
  unref(): void;
}

/** The part of a listener that a server uses. */
export interface AcceptingListener {
  readonly addr: Deno.Addr;
  accept(): Promise<AcceptedConn>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** A TLS listener that can change its certificate. */
export interface CertificateListener {
  /** Throws the errors of `Deno.listenTls`; the listener then keeps its certificate. */
  setCertificate(
    certificate: { readonly cert: string; readonly key: string },
  ): void;
}

/** Any listener, including one of the application. */
export interface TransportListener {
  readonly addr: Deno.Addr;
  accept(): Promise<Transport>;
  close(): void;
  ref?(): void;
  unref?(): void;
}
