/**
 * Opens a client's byte connection: directly, through a proxy, or with the
 * caller's own function; with or without TLS.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import type { Names } from "../../values.ts";
import { closeQuietly, toByteConn, writeAll } from "./byte_conn.ts";
import {
  checkTls,
  connectWithCertificate,
  copyTls,
  type HostPort,
  startTls,
  type TlsClientConn,
  type TlsOptions,
} from "./client_tls.ts";
import {
  checkProxyProtocol,
  encodeProxyHead,
  type ProxyProtocolOptions,
} from "./proxy_protocol.ts";
import {
  proxyOfEnvironment,
  type ProxyOptions,
  type ProxySettings,
  readProxy,
} from "./proxy_settings.ts";
import type { ByteConn, Transport } from "./transport.ts";

/**
 * The server to which `dial` connects.
 *
 * @category Connection
 */
export interface DialTarget {
  /** Host name or address, without brackets. */
  readonly hostname: string;
  /** TCP port, 1..65535. */
  readonly port: number;
  /** Aborts connecting. */
  readonly signal?: AbortSignal;
}

/**
 * How to reach a server: options of `connect`, `Client` and `connectUpgrade`.
 *
 * @category Connection
 */
export interface DialOptions {
  /**
   * A proxy to connect through: HTTP with CONNECT, or SOCKS 5. Without this option,
   * TLS connections use the proxy in the environment variable `HTTPS_PROXY` (or else
   * `ALL_PROXY`), unless `NO_PROXY` lists the host. The variables are only read if
   * the program has the permission; there is no prompt. `false`: no proxy.
   */
  readonly proxy?: ProxyOptions | false;
  /**
   * Opens the connection to the server, or to the proxy if there is one; default
   * TCP. TLS is opened on its result. Cannot be combined with `path`.
   */
  readonly dial?: (target: DialTarget) => Promise<Transport>;
  /**
   * Sends a head of the PROXY protocol first, before TLS, for servers that expect
   * one: `{}` sends the addresses of the connection itself. Default: none.
   */
  readonly proxyProtocol?: ProxyProtocolOptions;
}

/** The names of `DialOptions`, for the checks of options that extend it. */
export const DIAL_NAMES: Names<DialOptions> = {
  proxy: true,
  dial: true,
  proxyProtocol: true,
};

/** All options for connecting. */
export interface DialPlan extends DialOptions {
  readonly path?: string;
  readonly tls?: TlsOptions;
}

/**
 * Checks the options before connecting.
 *
 * Throws `InvalidArgumentError` for options that contradict each other or are out
 * of their range, and `TypeError` as `Deno.connectTls` does.
 */
export function checkDial(
  { proxy, dial, path, proxyProtocol, tls }: DialPlan,
): void {
  if (proxy !== undefined && proxy !== false) readProxy(proxy);
  if (dial !== undefined && typeof dial !== "function") {
    throw new InvalidArgumentError("dial is not a function");
  }
  if (path !== undefined && (dial !== undefined || proxy)) {
    throw new InvalidArgumentError(
      `the options path and ${
        dial === undefined ? "proxy" : "dial"
      } exclude each other: a Unix socket is reached directly`,
    );
  }
  if (tls !== undefined) checkTls(tls);
  if (proxyProtocol !== undefined) checkProxyProtocol(proxyProtocol);
}

/** Opens a connection without TLS. */
export async function dialPlain(
  target: HostPort,
  options: DialPlan,
  signal: AbortSignal | undefined,
): Promise<ByteConn> {
  const { path, proxy } = options;
  const conn = path !== undefined
    ? await abortable(Deno.connect({ transport: "unix", path }), signal)
    : await reach(
      target,
      proxy ? readProxy(proxy) : undefined,
      options,
      signal,
    );
  return await abortable(introduced(conn, options), signal);
}

/**
 * Opens a TLS connection without waiting for the handshake. Turns off Nagle's
 * algorithm if Deno 2.9 permits it: before `startTls`, which accepts no client
 * certificate. With Nagle's algorithm, a second small write waits 40 ms for the
 * peer's acknowledgement.
 */
export async function dialTls(
  target: HostPort,
  options: DialPlan & { readonly tls: TlsOptions },
  signal: AbortSignal | undefined,
): Promise<TlsClientConn> {
  const { dial, proxy, proxyProtocol } = options;
  const tls = copyTls(options.tls);
  const settings = proxy === undefined
    ? dial === undefined ? proxyOfEnvironment(target) : undefined
    : proxy === false
    ? undefined
    : readProxy(proxy);
  const { cert, key } = tls;
  const isDirect = dial === undefined && settings === undefined &&
    proxyProtocol === undefined;
  if (isDirect && cert !== undefined && key !== undefined) {
    return await abortable(
      connectWithCertificate(target, { ...tls, cert, key }),
      signal,
    );
  }
  const conn = await reach(target, settings, options, signal);
  return await abortable(
    introduced(conn, options).then((ready) =>
      startTls(ready, target.hostname, tls)
    ),
    signal,
  );
}

/** The connection, after sending the PROXY head of the options. */
async function introduced(
  conn: ByteConn,
  { proxyProtocol }: DialPlan,
): Promise<ByteConn> {
  if (proxyProtocol === undefined) return conn;
  const { localAddr, remoteAddr } = conn;
  try {
    await writeAll(conn, encodeProxyHead(proxyProtocol, localAddr, remoteAddr));
  } catch (error) {
    closeQuietly(conn);
    throw error;
  }
  return conn;
}

/** Opens a connection that leads to `target`. */
async function reach(
  target: HostPort,
  proxy: ProxySettings | undefined,
  { dial, tls }: DialPlan,
  signal: AbortSignal | undefined,
): Promise<ByteConn> {
  const open = async (
    { hostname, port }: HostPort,
    signal: AbortSignal | undefined,
  ): Promise<ByteConn> =>
    dial === undefined
      ? await abortable(Deno.connect({ hostname, port, signal }), signal)
      : await abortable(dialled(dial({ hostname, port, signal })), signal);
  if (proxy === undefined) return await open(target, signal);
  const { openTunnel } = await import("./proxy_tunnel.ts");
  return await openTunnel(proxy, target, open, tls, signal);
}

/** The result of the caller's function; checked, because programs without types also call this. */
async function dialled(dialling: Promise<Transport>): Promise<ByteConn> {
  const transport = await dialling;
  if (
    typeof transport !== "object" || transport === null ||
    !("read" in transport || "readable" in transport)
  ) {
    throw new InvalidArgumentError(
      "dial returned neither a connection nor a pair of byte streams",
    );
  }
  return toByteConn(transport);
}

/**
 * Settles as `dialing` does. If the signal aborts first, rejects with its reason,
 * and closes the connection when it exists.
 */
export async function abortable<Conn extends { close(): void }>(
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
  if (signal.aborted) abort();
  try {
    const conn = await Promise.race([dialing, aborted.promise]);
    // It may have aborted after the connection existed: `abort` closes it.
    signal.throwIfAborted();
    return conn;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
