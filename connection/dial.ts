/**
 * Opens a client's byte connection: directly, through an HTTP proxy, or by the
 * caller's own function; with TLS or without.
 *
 * @module
 */

import type { Names } from "../values.ts";
import { InvalidArgumentError } from "../errors.ts";
import { closeQuietly, toByteConn, writeAll } from "./byte_conn.ts";
import {
  checkTls,
  connectWithCertificate,
  startTls,
  type Target,
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
import { openTunnel } from "./proxy_tunnel.ts";
import type { ByteConn, Transport } from "./transport.ts";

/**
 * Where `dial` connects to.
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
 * The way to a server: what `connect`, `Client` and `connectUpgrade` have in common.
 *
 * @category Connection
 */
export interface DialOptions {
  /**
   * An HTTP proxy to connect through, with CONNECT. Without this option, TLS
   * connections use the proxy of the environment variable `HTTPS_PROXY` (or else
   * `ALL_PROXY`) unless `NO_PROXY` lists the host, where the program has
   * permission to read them; nothing prompts for it. `false`: no proxy.
   */
  readonly proxy?: ProxyOptions | false;
  /**
   * Makes the connection to the server, or to the proxy if there is one;
   * default TCP. TLS is opened on what it returns. Not with `path`.
   */
  readonly dial?: (target: DialTarget) => Promise<Transport>;
  /**
   * Sends a head of the PROXY protocol first, before TLS, for servers that read
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

/** Everything that decides how to connect. */
export interface DialPlan extends DialOptions {
  readonly path?: string;
  readonly tls?: TlsOptions;
}

/**
 * Checks the options before anything is connected.
 *
 * Throws `InvalidArgumentError` for options that contradict each other or are
 * out of their range, and `TypeError` as `Deno.connectTls`.
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
  target: Target,
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
 * Opens a TLS connection without waiting for the handshake. Turns Nagle's
 * algorithm off where Deno 2.9 allows it: before `startTls`, which accepts no
 * client certificate. With Nagle's algorithm a second small write waits 40 ms for
 * the peer's acknowledgement.
 */
export async function dialTls(
  target: Target,
  options: DialPlan & { readonly tls: TlsOptions },
  signal: AbortSignal | undefined,
): Promise<TlsClientConn> {
  const { dial, proxy, proxyProtocol, tls } = options;
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

/** The connection, once it has sent the PROXY head that the options ask for. */
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

/** A connection whose bytes reach `target`. */
async function reach(
  target: Target,
  proxy: ProxySettings | undefined,
  { dial, tls }: DialPlan,
  signal: AbortSignal | undefined,
): Promise<ByteConn> {
  const open = async (
    { hostname, port }: Target,
    signal: AbortSignal | undefined,
  ): Promise<ByteConn> =>
    dial === undefined
      ? await abortable(Deno.connect({ hostname, port, signal }), signal)
      : await abortable(dialled(dial({ hostname, port, signal })), signal);
  return proxy === undefined
    ? await open(target, signal)
    : await openTunnel(proxy, target, open, tls, signal);
}

/** What the caller's function made; checked, as programs without types call this as well. */
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

/** Settles as `dialing` does, or rejects with the signal's reason and closes the connection once it exists. */
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
    return await Promise.race([dialing, aborted.promise]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
