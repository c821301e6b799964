/**
 * Makes connections: dials or takes over a transport, and finds the version
 * both sides speak.
 *
 * @module
 */

import { Connection } from "../connection.ts";
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
import { checkTuning, type ConnectionTuning } from "./options.ts";
import type { AcceptedConn } from "./tls_listener.ts";

/** TLS settings of {@linkcode connect}. */
export interface TlsOptions {
  /** Certificates (PEM) to trust besides the usual ones. */
  readonly caCerts?: string[];
  /** Client certificate chain (PEM). */
  readonly cert?: string;
  /** Private key of the client certificate (PEM). */
  readonly key?: string;
  /** Takes a valid certificate for any host name; default false. */
  readonly unsafelyDisableHostnameVerification?: boolean;
  /** Protocols to offer, best first; default those of `getNpnProtocols()`. */
  readonly alpnProtocols?: string[];
}

/** Where and how {@linkcode connect} connects. */
export interface ConnectOptions extends ConnectionTuning {
  /** Host name or address; default `"127.0.0.1"`. */
  readonly hostname?: string;
  /** TCP port, 1..65535; needed unless `path` is given. */
  readonly port?: number;
  /** Path of a Unix socket, in place of `hostname` and `port`. */
  readonly path?: string;
  /** TLS with ALPN; default false. The version is then the one agreed on. */
  readonly tls?: boolean | TlsOptions;
  /** Version on a plain transport; default `PROTO_SPDY3_1`. */
  readonly version?: ProtocolVersion;
  /** Gives up connecting; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What {@linkcode accept} takes. */
export interface AcceptOptions extends ConnectionTuning {
  /** Version on a plain transport; default `PROTO_SPDY3_1`. */
  readonly version?: ProtocolVersion;
}

/**
 * Connects to a server over TCP, TLS or a Unix socket. With TLS the version is
 * the one agreed on by ALPN.
 *
 * Rejects with `UnsupportedVersionError` when the peer chose no SPDY version,
 * with `SpdyError` (`ERR_PROTO`) when the handshake failed, the transport's own
 * error as `cause`; with the transport's own error when there is nobody to
 * connect to.
 *
 * @example
 * ```ts
 * import { accept, connect, PROTO_SPDY3 } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * const accepted = listener.accept().then((conn) =>
 *   accept(conn, { version: PROTO_SPDY3 })
 * );
 *
 * const client = await connect({ port, version: PROTO_SPDY3 });
 * const server = await accepted;
 * assertEquals(client.version, server.version);
 * await Promise.all([client.close(), server.close()]);
 * ```
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
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
  return new Connection(conn, { ...options, side: CLIENT, version, origin });
}

/**
 * Takes over a connection that a listener gave. On TLS the handshake is run and
 * the version is the one agreed on; the listener's `alpnProtocols` should be
 * `getNpnProtocols()`. Deno 2.9 cannot turn Nagle's algorithm off on a TLS
 * listener's connections: of two small writes in a row the second may wait 40 ms.
 *
 * Rejects as {@linkcode connect} does; `conn` is closed then.
 *
 * @example
 * ```ts
 * import { accept, Connection } from "@spdy/spdy";
 *
 * async function serve(listener: Deno.TlsListener): Promise<void> {
 *   for await (const conn of listener) {
 *     accept(conn).then(answer, (error) => console.error(error.message));
 *   }
 * }
 *
 * async function answer(connection: Connection): Promise<void> {
 *   for await (const stream of connection) {
 *     await stream.reply([[":status", "204"]], { fin: true });
 *   }
 * }
 * ```
 */
export async function accept(
  conn: Deno.Conn,
  options: AcceptOptions = {},
): Promise<Connection> {
  return await takeOver(conn, options);
}

/** The same for connections of any listener of ours. */
export async function takeOver(
  conn: AcceptedConn,
  options: AcceptOptions,
): Promise<Connection> {
  const version = isTls(conn)
    ? await agreedVersion(conn, getNpnProtocols())
    : options.version ?? PROTO_SPDY3_1;
  return new Connection(conn, { ...options, side: SERVER, version });
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
 * A TLS connection whose handshake has not begun. Nagle's algorithm is off
 * where Deno 2.9 has a way to it: before `startTls`, which takes no client
 * certificate. With it on, a second small write waits 40 ms for the peer's
 * acknowledgement.
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

/** Runs the handshake; closes `conn` when it ends in no SPDY version. */
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
      ? `the peer agreed on no protocol by ALPN, of ${offered.join(", ")}`
      : `the peer agreed on "${chosen}", which is no SPDY version`,
    { initiator: "remote" },
  );
}

/** Settles as `dialing` does, or with the signal's reason; a late connection is closed. */
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
    throw new InvalidArgumentError("connect needs a port or a path");
  }
  return checkPort("port", port, 1);
}

/** What can agree on a protocol. */
type Shakeable = Pick<Deno.TlsConn, "handshake" | "close">;

function isTls(conn: AcceptedConn): conn is AcceptedConn & Shakeable {
  return conn.handshake !== undefined;
}

function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
