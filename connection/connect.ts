/**
 * Creates connections: connects or takes over a transport, and determines the
 * protocol version.
 *
 * @module
 */

import { RawConnection } from "../connection.ts";
import {
  ERR_PROTO,
  InvalidArgumentError,
  SpdyError,
  UnsupportedVersionError,
} from "../errors.ts";
import { PROTO_SPDY3_1, type ProtocolVersion } from "../frame/constants.ts";
import { checkPort } from "../numbers.ts";
import { CLIENT, SERVER } from "../session/constants.ts";
import { getNpnProtocols, npnGetVersion } from "../session/npn.ts";
import {
  checkTuning,
  type ConnectionOptions,
  type ConnectionTuning,
} from "./options.ts";
import type { AcceptedConn } from "./tls_listener.ts";

/**
 * TLS settings of `connect`.
 *
 * @category Connection
 */
export interface TlsOptions {
  /** Certificates (PEM) to trust in addition to the default ones. */
  readonly caCerts?: string[];
  /** Client certificate chain (PEM). */
  readonly cert?: string;
  /** Private key of the client certificate (PEM). */
  readonly key?: string;
  /** Accept a valid certificate for any host name; default false. */
  readonly unsafelyDisableHostnameVerification?: boolean;
  /** Protocols to offer, best first; default those of `getNpnProtocols()`. */
  readonly alpnProtocols?: string[];
}

/**
 * Where and how `connect` connects.
 *
 * @category Connection
 */
export interface ConnectOptions extends ConnectionTuning {
  /** Host name or address; default `"127.0.0.1"`. */
  readonly hostname?: string;
  /** TCP port, 1..65535; needed unless `path` is given. */
  readonly port?: number;
  /** Path of a Unix socket, instead of `hostname` and `port`. */
  readonly path?: string;
  /** Use TLS; default false. ALPN then selects the version. */
  readonly tls?: boolean | TlsOptions;
  /** Version on a plain transport; default `PROTO_SPDY3_1`. */
  readonly version?: ProtocolVersion;
  /** Aborts connecting; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * The options of `accept`.
 *
 * @category Connection
 */
export interface AcceptOptions extends ConnectionTuning {
  /** Version on a plain transport; default `PROTO_SPDY3_1`. */
  readonly version?: ProtocolVersion;
}

/** A transport, and the options for a connection on it. */
export interface Agreed<Conn> {
  readonly conn: Conn;
  readonly options: ConnectionOptions;
}

/** Connects, and determines the version. */
export async function dialPeer(
  options: ConnectOptions,
): Promise<Agreed<Deno.Conn>> {
  const { signal, tls } = options;
  signal?.throwIfAborted();
  checkTuning(options, options.version);
  const { conn, version } = tls
    ? await connectTls(options, tls === true ? {} : tls)
    : {
      conn: await connectPlain(options),
      version: options.version ?? PROTO_SPDY3_1,
    };
  if (signal?.aborted) {
    conn.close();
    throw signal.reason;
  }
  const origin = options.origin ?? originOf(options);
  return { conn, options: { ...options, side: CLIENT, version, origin } };
}

/** Determines the version of an accepted connection. */
export async function agreeWithClient(
  conn: AcceptedConn,
  options: AcceptOptions,
): Promise<Agreed<AcceptedConn>> {
  const version = isTls(conn)
    ? await agreedVersion(conn, getNpnProtocols())
    : options.version ?? PROTO_SPDY3_1;
  return { conn, options: { ...options, side: SERVER, version } };
}

/**
 * Connects to a server over TCP, TLS or a Unix socket, like `connect` but without
 * HTTP.
 *
 * Rejects with `UnsupportedVersionError` when the peer chose no SPDY version, with
 * `SpdyError` (`ERR_PROTO`) when the TLS handshake failed, and with Deno's own error
 * when the server cannot be reached.
 *
 * @example
 * ```ts
 * import { connectRaw } from "@spdy/spdy/connection";
 *
 * async function ask(port: number): Promise<string> {
 *   await using connection = await connectRaw({ port });
 *   const stream = await connection.openStream([["service", "time"]]);
 *   return await new Response(stream.readable).text();
 * }
 * ```
 *
 * @category Connection
 */
export async function connectRaw(
  options: ConnectOptions,
): Promise<RawConnection> {
  const agreed = await dialPeer(options);
  return new RawConnection(agreed.conn, agreed.options);
}

/**
 * Takes over a connection that a listener accepted, like `accept` but without HTTP.
 * Rejects as {@linkcode connectRaw} does, after closing `conn`.
 *
 * @example
 * ```ts
 * import { acceptRaw } from "@spdy/spdy/connection";
 *
 * async function answer(conn: Deno.Conn): Promise<void> {
 *   await using connection = await acceptRaw(conn);
 *   for await (const stream of connection) {
 *     await stream.reply([["answered", "yes"]], { fin: true });
 *   }
 * }
 * ```
 *
 * @category Connection
 */
export async function acceptRaw(
  conn: Deno.Conn,
  options: AcceptOptions = {},
): Promise<RawConnection> {
  const agreed = await agreeWithClient(conn, options);
  return new RawConnection(agreed.conn, agreed.options);
}

async function connectPlain(options: ConnectOptions): Promise<Deno.Conn> {
  const { hostname, path, signal } = options;
  if (path !== undefined) {
    return await abortable(Deno.connect({ transport: "unix", path }), signal);
  }
  const port = portOf(options);
  return await abortable(Deno.connect({ hostname, port, signal }), signal);
}

async function connectTls(
  options: ConnectOptions,
  tls: TlsOptions,
): Promise<{ conn: Deno.TlsConn; version: ProtocolVersion }> {
  const { hostname, signal } = options;
  const { alpnProtocols = getNpnProtocols() } = tls;
  const target = { hostname, port: portOf(options) };
  const conn = await dialTls(target, { ...tls, alpnProtocols }, signal);
  const abort = (): void => closeQuietly(conn);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return { conn, version: await agreedVersion(conn, alpnProtocols) };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * Opens a TLS connection without starting the handshake. Turns Nagle's algorithm
 * off where Deno 2.9 allows it: before `startTls`, which accepts no client
 * certificate. With Nagle's algorithm a second small write waits 40 ms for the
 * peer's acknowledgement.
 */
export async function dialTls(
  target: { readonly hostname?: string; readonly port: number },
  tls: TlsOptions,
  signal: AbortSignal | undefined,
): Promise<Deno.TlsConn> {
  const { cert, key, ...rest } = tls;
  if (cert !== undefined && key !== undefined) {
    return await abortable(
      Deno.connectTls({ ...rest, ...target, cert, key }),
      signal,
    );
  }
  const tcp = await abortable(Deno.connect({ ...target, signal }), signal);
  tcp.setNoDelay(true);
  const { hostname } = target;
  return await abortable(Deno.startTls(tcp, { ...rest, hostname }), signal);
}

/** Runs the handshake; closes `conn` unless it selects a SPDY version. */
async function agreedVersion(
  conn: Shakeable,
  offered: readonly string[],
): Promise<ProtocolVersion> {
  let chosen: string | null;
  try {
    chosen = (await conn.handshake()).alpnProtocol;
  } catch (error) {
    closeQuietly(conn);
    const message = error instanceof Error ? error.message : String(error);
    throw new SpdyError(
      `the TLS handshake failed: ${message} (ALPN: ${offered.join(", ")})`,
      ERR_PROTO,
      { cause: error, initiator: "remote" },
    );
  }
  const version = chosen === null ? 0 : npnGetVersion(chosen);
  if (version !== 0) return version;
  closeQuietly(conn);
  throw new UnsupportedVersionError(
    chosen === null
      ? `the peer agreed on no protocol by ALPN; this side offered ${
        offered.join(", ")
      }`
      : `the peer agreed on "${chosen}" by ALPN, which is not a SPDY version`,
    { initiator: "remote" },
  );
}

/** Settles as `dialing` does, or rejects with the signal's reason and closes the connection once it exists. */
export async function abortable<Conn extends Deno.Conn>(
  dialing: Promise<Conn>,
  signal: AbortSignal | undefined,
): Promise<Conn> {
  if (signal === undefined) return await dialing;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    aborted.reject(signal.reason);
    dialing.then(closeQuietly, () => {});
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([dialing, aborted.promise]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function originOf(
  { hostname = "127.0.0.1", port, tls }: ConnectOptions,
): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return port === undefined
    ? "http://localhost"
    : new URL(`${tls ? "https" : "http"}://${host}:${port}`).origin;
}

function portOf({ port }: ConnectOptions): number {
  if (port === undefined) {
    throw new InvalidArgumentError("connect needs the option port or path");
  }
  return checkPort("port", port, 1);
}

/** A connection with a TLS handshake. */
type Shakeable = Pick<Deno.TlsConn, "handshake" | "close">;

function isTls(conn: AcceptedConn): conn is AcceptedConn & Shakeable {
  return conn.handshake !== undefined;
}

function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // It was closed already.
  }
}
