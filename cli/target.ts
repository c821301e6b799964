/**
 * Parses URLs of the command line, and connects to them.
 *
 * @module
 */

import type { ConnectionTuning } from "../connection/options.ts";
import type { DialOptions } from "../connection/transport/dial.ts";
import { withoutBrackets } from "../connection/transport/host_name.ts";
import { PROTO_SPDY3_1, type ProtocolVersion } from "../frame/constants.ts";
import { versionTraits } from "../frame/version.ts";
import { connect } from "../http/connect.ts";
import type { Connection } from "../http/connection.ts";
import { connectUpgrade } from "../http/upgrade/connect_upgrade.ts";
import { npnGetVersion } from "../session/npn.ts";
import { reasonOf, UsageError } from "./command.ts";

/** The transport below SPDY. */
export type Carrier = "tcp" | "tls" | "upgrade" | "upgrade-tls";

/** The server and the resource of a URL. */
export interface Target {
  /** How to connect. */
  readonly carrier: Carrier;
  readonly hostname: string;
  readonly port: number;
  /** The same for all URLs that share a connection. */
  readonly origin: string;
  /** The URL for the HTTP layer. */
  readonly url: string;
  /** The URL as the user typed it, without a password. */
  readonly typed: string;
  /** `NAME:PASSWORD` of the URL, decoded; sent as basic authentication. */
  readonly credentials?: string;
}

/** The schemes of the transports, with their default ports. */
const SCHEMES: Readonly<
  Record<string, readonly [carrier: Carrier, http: string, port: number]>
> = {
  "spdy:": ["tcp", "http:", 80],
  "spdys:": ["tls", "https:", 443],
  "https:": ["tls", "https:", 443],
  "spdy+upgrade:": ["upgrade", "http:", 80],
  "spdys+upgrade:": ["upgrade-tls", "https:", 443],
};

/**
 * Parses a URL. Throws {@linkcode UsageError} if it is not a SPDY URL; the error also
 * names the schemes in `others`, which the caller accepts itself.
 */
export function readTarget(
  text: string,
  others: readonly string[] = [],
): Target {
  if (!URL.canParse(text)) {
    throw new UsageError(`"${text}" is not a URL; try spdy://host:port/path`);
  }
  const url = new URL(text);
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    const known = [...others, ...Object.keys(SCHEMES)]
      .map((name) => `${name}//`).join(", ");
    throw new UsageError(
      `"${text}": ${url.protocol}// is not supported; use ${known}`,
    );
  }
  const [carrier, httpScheme, defaultPort] = scheme;
  // An unknown scheme has no default port and an opaque path, so it is parsed as
  // HTTP.
  const http = URL.parse(text.replace(/^[^:]+:/, httpScheme));
  if (http === null) throw new UsageError(`"${text}" is not a valid URL`);
  const port = Number(http.port || defaultPort);
  const credentials = http.username || http.password
    ? `${decoded(http.username)}:${decoded(http.password)}`
    : undefined;
  http.username = "";
  http.password = "";
  return {
    carrier,
    credentials,
    hostname: withoutBrackets(http.hostname),
    port,
    origin: `${url.protocol}//${http.hostname}:${port}`,
    url: http.href,
    typed: credentials === undefined
      ? text
      : http.href.replace(/^[^:]+:/, url.protocol),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The target of a `location` in the response of `target`: over the same transport,
 * with TLS if its scheme is https.
 */
export function targetBehind(target: Target, location: string): Target {
  const url = URL.parse(location, target.url);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error(
      `the redirect to ${
        JSON.stringify(location)
      } is not an http: or https: URL`,
    );
  }
  const isUpgrade = target.carrier.startsWith("upgrade");
  const isTls = url.protocol === "https:";
  const scheme = `spdy${isTls ? "s" : ""}${isUpgrade ? "+upgrade" : ""}`;
  return readTarget(url.href.replace(/^https?/, scheme));
}

/** Parses `--version`. */
export function readVersion(text: string | undefined): ProtocolVersion {
  if (text === undefined) return PROTO_SPDY3_1;
  const version = npnGetVersion(`spdy/${text}`);
  if (version === 0) {
    throw new UsageError(`--version ${text}: it must be 2, 3 or 3.1`);
  }
  return version;
}

/** The name of a version in `get`'s output. */
export function versionName(version: ProtocolVersion): string {
  return versionTraits(version).name;
}

/** A target could not be reached; `cause` has the reason. */
export class UnreachableError extends Error {
  /** Creates the error; the message contains the target as the user typed it. */
  constructor({ origin }: Target, cause: unknown) {
    super(`${origin}: ${reasonOf(cause)}`, { cause });
    this.name = "UnreachableError";
  }
}

/** How to connect to a target. */
export interface OpenOptions
  extends Pick<ConnectionTuning, "flowControl" | "onFrame"> {
  /**
   * The version; over TLS, the only one that is offered. `undefined`: the best
   * version that both sides support.
   */
  readonly version: string | undefined;
  /** Additional certificates (PEM) to trust. */
  readonly caCerts?: string[];
  /** Opens the TCP connection; default `Deno.connect` to the target's host and port. */
  readonly dial?: DialOptions["dial"];
  readonly signal?: AbortSignal;
}

/**
 * Closes a connection, and waits for its end until `signal` aborts, because a peer
 * that continues to send or does not read can delay the end.
 */
export async function closeBefore(
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<void> {
  const closed = connection.close();
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal?.addEventListener("abort", onAbort);
  try {
    await Promise.race([closed, promise]);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Connects to a target; the error contains its URL. */
export async function openTarget(
  target: Target,
  options: OpenOptions,
): Promise<Connection> {
  const { hostname, port, carrier, url } = target;
  const { caCerts, dial, flowControl, onFrame, signal } = options;
  const tuning = { dial, flowControl, onFrame, signal };
  const version = readVersion(options.version);
  const protocol = options.version === undefined
    ? undefined
    : `spdy/${options.version}`;
  try {
    if (carrier === "tcp") {
      return await connect({ hostname, port, version, ...tuning });
    }
    if (carrier === "tls") {
      const alpnProtocols = protocol === undefined ? undefined : [protocol];
      return await connect({
        hostname,
        port,
        tls: { caCerts, alpnProtocols },
        ...tuning,
      });
    }
    const protocols = protocol === undefined
      ? undefined
      : [protocol.toUpperCase()];
    const { connection } = await connectUpgrade(url, {
      protocols,
      tls: { caCerts },
      ...tuning,
    });
    return connection;
  } catch (error) {
    throw new UnreachableError(target, error);
  }
}
