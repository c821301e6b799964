/**
 * TLS for clients, on a new TCP connection or on any open transport.
 *
 * Deno has two functions. `startTls` takes a TCP connection and verifies the server
 * with any name, but takes no client certificate. `connectTls` takes a client
 * certificate, but opens the TCP connection itself. If neither is suitable, as for
 * TLS inside TLS or a client certificate behind a proxy, the bytes pass through a
 * TCP connection on loopback (`tls_hop.ts`).
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { checkNames, copyOptions, type Names } from "../../values.ts";
import { checkTexts } from "../option_kinds.ts";
import { closeQuietly } from "./byte_conn.ts";
import { openHop } from "./tls_hop.ts";
import type { ByteConn, Transport } from "./transport.ts";

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
  /**
   * Name to send to the server (SNI, RFC 6066 3) and to verify its certificate
   * with; default: the host name of the connection.
   */
  readonly serverName?: string;
}

const TLS_NAMES: Names<TlsOptions> = {
  caCerts: true,
  cert: true,
  key: true,
  unsafelyDisableHostnameVerification: true,
  alpnProtocols: true,
  serverName: true,
};

/** A client's TLS connection. */
export interface TlsClientConn extends ByteConn {
  /** Resolves when the handshake is complete. */
  handshake(): Promise<Deno.TlsHandshakeInfo>;
}

/** The server to which a TCP connection leads. */
export interface HostPort {
  readonly hostname: string;
  readonly port: number;
}

/**
 * The key from which `Deno.connectTls` takes the name to send and verify, instead
 * of `hostname`.
 */
const SERVER_NAME = Symbol.for("unstableServerName");

/**
 * Throws `TypeError`, as `Deno.connectTls` does, for contradictory settings, and
 * `InvalidArgumentError` for an unknown setting, for a server name that is not a
 * string, and for certificates or protocols that are not a list of strings.
 *
 * @param what How messages name the settings.
 */
export function checkTls(tls: TlsOptions, what = "tls"): void {
  checkNames(what, tls, TLS_NAMES);
  const { cert, key, serverName, caCerts, alpnProtocols } = tls;
  if (caCerts !== undefined) checkTexts(`${what}.caCerts`, caCerts);
  if (alpnProtocols !== undefined) {
    checkTexts(`${what}.alpnProtocols`, alpnProtocols);
  }
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined
      ? ["key", "cert"]
      : ["cert", "key"];
    throw new TypeError(
      `If \`${what}.${given}\` is specified, \`${what}.${missing}\` must be specified as well`,
    );
  }
  if (
    serverName !== undefined &&
    (typeof serverName !== "string" || serverName === "")
  ) {
    throw new InvalidArgumentError(
      `${what}.serverName is not a host name or an IP address`,
    );
  }
}

/** A copy of checked settings, which may be an object of a class. */
export function copyTls(tls: TlsOptions): TlsOptions {
  return copyOptions(tls, TLS_NAMES);
}

/**
 * Opens a TCP connection and TLS on it, with the client certificate of `tls`. Does
 * not wait for the handshake. Deno 2.9 cannot turn off Nagle's algorithm here.
 */
export async function connectWithCertificate(
  target: HostPort,
  tls: TlsOptions & { readonly cert: string; readonly key: string },
): Promise<Deno.TlsConn> {
  const { serverName, ...rest } = tls;
  if (serverName === undefined || serverName === target.hostname) {
    return await Deno.connectTls({ ...rest, ...target });
  }
  let wasRead = false;
  const conn = await Deno.connectTls({
    ...rest,
    ...target,
    // A getter shows whether this version of Deno reads the key. If it did not, the
    // certificate would be verified with the wrong name.
    get [SERVER_NAME]() {
      wasRead = true;
      return serverName;
    },
  });
  if (wasRead) return conn;
  closeQuietly(conn);
  throw new Deno.errors.NotSupported(
    "this version of Deno cannot verify a server under another name when the client has a certificate: leave out tls.serverName or tls.cert",
  );
}

/**
 * Opens TLS on an open transport, to a server named `hostname` or `tls.serverName`.
 * Does not wait for the handshake. The transport then belongs to the result; it is
 * closed if this rejects.
 */
export async function startTls(
  transport: Transport,
  hostname: string,
  tls: TlsOptions,
): Promise<TlsClientConn> {
  const { cert, key, serverName = hostname, ...rest } = copyTls(tls);
  const start = (conn: Deno.TcpConn): Promise<Deno.TlsConn> =>
    Deno.startTls(conn, { ...rest, hostname: serverName });
  if (cert !== undefined && key !== undefined) {
    return await openHop(
      transport,
      (address) =>
        connectWithCertificate(address, { ...rest, cert, key, serverName }),
    );
  }
  if (isTcp(transport)) {
    transport.setNoDelay(true);
    try {
      return await start(transport);
    } catch (error) {
      // The connection only looks like one of Deno's.
      if (!isUnknownResource(error)) {
        closeQuietly(transport);
        throw error;
      }
    }
  }
  return await openHop(transport, async (address) => {
    const conn = await Deno.connect(address);
    conn.setNoDelay(true);
    return await start(conn);
  });
}

/** Whether this may be one of Deno's TCP connections. */
function isTcp(transport: Transport): transport is Deno.TcpConn {
  return "setKeepAlive" in transport && "setNoDelay" in transport;
}

function isUnknownResource(error: unknown): boolean {
  return error instanceof TypeError ||
    error instanceof Deno.errors.BadResource;
}
