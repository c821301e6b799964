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
import { checkPort, checkTimeout } from "../numbers.ts";
import { CLIENT, SERVER } from "../session/constants.ts";
import { getNpnProtocols, npnGetVersion } from "../session/npn.ts";
import { checkNames, copyOptions, type Names, show } from "../values.ts";
import { checkSignal } from "./abort_signal.ts";
import { checkText } from "./option_kinds.ts";
import {
  checkClientTuning,
  type ConnectionOptions,
  type ConnectionTuning,
  TUNING_NAMES,
  tuningOf,
} from "./options.ts";
import { startIdleTimeout } from "./time/clock.ts";
import { TimeLimit } from "./time/time_limit.ts";
import { unlessAborted } from "./time/unless_aborted.ts";
import { closeQuietly } from "./transport/byte_conn.ts";
import {
  copyTls,
  type HostPort,
  type TlsOptions,
} from "./transport/client_tls.ts";
import {
  checkDial,
  DIAL_NAMES,
  type DialOptions,
  dialPlain,
  dialTls,
} from "./transport/dial.ts";
import { withBrackets, withoutBrackets } from "./transport/host_name.ts";
import type { AcceptedConn } from "./transport/tls_listener.ts";
import type { ByteConn } from "./transport/transport.ts";

/**
 * Where to connect, and how.
 *
 * @category Connection
 */
export interface ConnectOptions extends ConnectionTuning, DialOptions {
  /** Host name or address; default `"127.0.0.1"`. */
  readonly hostname?: string;
  /** TCP port, 1..65535; required unless `path` is set. */
  readonly port?: number;
  /** Ignored, so that a `Deno.NetAddr` or `Deno.UnixAddr` can be passed unchanged. */
  readonly transport?: Deno.NetAddr["transport"] | "unix";
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
  /** Longest wait for a TLS handshake, ms; 0: no limit; default 10000. */
  readonly handshakeTimeout?: number;
}

const ACCEPT_NAMES: Names<AcceptOptions> = {
  ...TUNING_NAMES,
  version: true,
  handshakeTimeout: true,
};

const CONNECT_NAMES: Names<ConnectOptions> = {
  ...TUNING_NAMES,
  ...DIAL_NAMES,
  version: true,
  transport: true,
  hostname: true,
  port: true,
  path: true,
  tls: true,
  signal: true,
};

/** Longest TLS handshake of a client, ms. */
const CLIENT_HANDSHAKE_TIMEOUT = 30_000;
/** Longest TLS handshake of a server, ms; default of `handshakeTimeout`. */
export const HANDSHAKE_TIMEOUT: number = 10_000;

/** A transport, and the options for a connection on it. */
export interface Agreed<Conn> {
  readonly conn: Conn;
  readonly options: ConnectionOptions;
}

/** Connects, and determines the version. `what` is the name of the function that the caller called. */
export async function dialPeer(
  what: string,
  given: ConnectOptions,
): Promise<Agreed<ByteConn>> {
  checkNames(what, given, CONNECT_NAMES);
  const options = copyOptions(given, CONNECT_NAMES);
  const { path } = options;
  const signal = checkSignal(options.signal);
  signal?.throwIfAborted();
  checkClientTuning(options, options.version);
  const tls = options.tls === true ? {} : options.tls || undefined;
  const plan = { ...options, tls };
  checkDial(plan);
  if (tls !== undefined && path !== undefined) {
    throw new InvalidArgumentError(
      "the options tls and path exclude each other: connect with TLS needs hostname and port",
    );
  }
  if (path !== undefined) checkText("path", path);
  if (options.hostname !== undefined) checkText("hostname", options.hostname);
  const target = targetOf(what, options);
  // Before dialing: an error after it would leave the new connection open.
  const origin = options.origin ?? originOf(options);
  const { conn, version } = tls === undefined
    ? {
      conn: await dialPlain(target, plan, signal),
      version: options.version ?? PROTO_SPDY3_1,
    }
    : await connectTls(target, options, tls, signal);
  if (signal?.aborted) {
    closeQuietly(conn);
    throw signal.reason;
  }
  return {
    conn,
    options: { ...tuningOf(options), side: CLIENT, version, origin },
  };
}

/**
 * Returns the result of `work`. If it throws, for example for invalid options, closes
 * `conn`: the caller has given it away, and its peer would wait.
 */
export function orClose<T>(conn: { close(): void }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    closeQuietly(conn);
    throw error;
  }
}

/**
 * Determines the version of an accepted connection. Closes `conn` if it rejects. `what`
 * is the name of the function that the caller called.
 */
export async function agreeWithClient(
  what: string,
  conn: AcceptedConn,
  options: AcceptOptions,
): Promise<Agreed<AcceptedConn>> {
  const timeout = orClose(conn, () => {
    checkNames(what, options, ACCEPT_NAMES);
    const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
    checkTimeout("handshakeTimeout", handshakeTimeout);
    return handshakeTimeout;
  });
  const version = isTls(conn)
    ? await agreedWithin(
      new TimeLimit(
        timeout,
        undefined,
        "the client did not complete the TLS handshake",
        // Whether to keep the process alive is decided by `conn`.
        startIdleTimeout,
      ),
      conn,
      getNpnProtocols(),
    )
    : options.version ?? PROTO_SPDY3_1;
  return { conn, options: { ...tuningOf(options), side: SERVER, version } };
}

/**
 * Connects to a server over TCP, TLS or a Unix socket, like `connect` but without
 * HTTP.
 *
 * Rejects with `InvalidArgumentError` for invalid options, with
 * `UnsupportedVersionError` if ALPN selected no SPDY version, with `SpdyError`
 * (`ERR_PROTO`) if the TLS handshake failed, with `ConnectionClosedError` if it takes
 * longer than 30 s, with `ProxyError` if a proxy does not open the tunnel, with the
 * reason of `signal` if that aborts, and with Deno's own error if the server cannot be
 * reached.
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
  const agreed = await dialPeer("connectRaw", options);
  return orClose(
    agreed.conn,
    () => new RawConnection(agreed.conn, agreed.options),
  );
}

/**
 * Takes over a connection that a listener accepted, like `accept` but without HTTP. On
 * TLS, it waits for the handshake, at most `handshakeTimeout` ms.
 *
 * Rejects with `InvalidArgumentError` for invalid options, with
 * `UnsupportedVersionError` if ALPN selected no SPDY version, with `SpdyError`
 * (`ERR_PROTO`) if the TLS handshake failed, and with `ConnectionClosedError` if it takes
 * longer; `conn` is then closed.
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
  const agreed = await agreeWithClient("acceptRaw", conn, options);
  return orClose(conn, () => new RawConnection(agreed.conn, agreed.options));
}

async function connectTls(
  target: HostPort,
  options: ConnectOptions,
  tls: TlsOptions,
  outer: AbortSignal | undefined,
): Promise<{ conn: ByteConn; version: ProtocolVersion }> {
  const { alpnProtocols = getNpnProtocols() } = tls;
  const conn = await dialTls(
    target,
    { ...options, tls: { ...copyTls(tls), alpnProtocols } },
    outer,
  );
  // Without a limit, a server that accepts connections and then stays silent would
  // stop a client for good: all its requests to that origin wait for the handshake.
  const limit = new TimeLimit(
    CLIENT_HANDSHAKE_TIMEOUT,
    outer,
    `${target.hostname}:${target.port} did not complete the TLS handshake`,
  );
  return { conn, version: await agreedWithin(limit, conn, alpnProtocols) };
}

/** The same as `agreedVersion`, but only until the limit, which it ends. */
async function agreedWithin(
  limit: TimeLimit,
  conn: Shakeable,
  offered: readonly string[],
): Promise<ProtocolVersion> {
  const { signal } = limit;
  try {
    // Not every pending handshake ends when the connection is closed.
    return await unlessAborted(agreedVersion(conn, offered), signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    closeQuietly(conn);
    throw signal.reason;
  } finally {
    limit.end();
  }
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

function originOf(
  { hostname = "127.0.0.1", port, tls }: ConnectOptions,
): string {
  if (port === undefined) return "http://localhost";
  const bare = withoutBrackets(hostname);
  // A URL has no zone, such as that of fe80::1%eth0, which only this machine knows.
  const host = bare.includes(":")
    ? withBrackets(bare.replace(/%.*$/, ""))
    : bare;
  const url = `${tls ? "https" : "http"}://${host}:${port}`;
  // Some of these characters would make it the path or the user's name of the URL.
  if (/[/\\?#@]/.test(host) || !URL.canParse(url)) {
    throw new InvalidArgumentError(
      `hostname ${
        show(hostname)
      } is not a host name that a URL can have: set the option origin, such as "http://example.org"`,
    );
  }
  return new URL(url).origin;
}

function targetOf(
  what: string,
  { hostname = "127.0.0.1", path, port }: ConnectOptions,
): HostPort {
  if (path !== undefined) return { hostname, port: 0 };
  if (port === undefined) {
    throw new InvalidArgumentError(`${what} needs the option port or path`);
  }
  return {
    hostname: withoutBrackets(hostname),
    port: checkPort("port", port, 1),
  };
}

/** A connection with a TLS handshake. */
type Shakeable = Pick<Deno.TlsConn, "handshake" | "close">;

function isTls(conn: AcceptedConn): conn is AcceptedConn & Shakeable {
  return conn.handshake !== undefined;
}
