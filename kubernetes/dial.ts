/**
 * The client's way in: a TCP or TLS connection, and the HTTP/1.1 upgrade on it.
 *
 * @module
 */

import { RawConnection } from "../connection.ts";
import type { TlsOptions } from "../connection/client_tls.ts";
import {
  connectUpgrade,
  UpgradeRefusedError,
} from "../http/upgrade/connect_upgrade.ts";
import { TimeLimit } from "../connection/time_limit.ts";
import { DIAL_NAMES, type DialOptions } from "../connection/dial.ts";
import type { KeepAliveOptions } from "../connection/keepalive.ts";
import { checkTuning } from "../connection/options.ts";
import type { ByteConn } from "../connection/transport.ts";
import { InvalidArgumentError } from "../errors.ts";
import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import type { NameValue } from "../frame/types.ts";
import { checkTimeout } from "../numbers.ts";
import { checkNames, type Names } from "../values.ts";
import { CLIENT } from "../session/constants.ts";
import { StreamingRefusedError } from "./errors.ts";
import { CLIENT_PROFILE } from "./profile.ts";
import { PROTOCOL_HEADER } from "./protocol.ts";

/** A pod on an API server. */
export interface PodReference {
  /** Name of the pod. */
  readonly name: string;
  /** Its namespace; default `"default"`. */
  readonly namespace?: string;
  /** The container in it; needed when there are several. */
  readonly container?: string;
}

/** Where to, and as whom: what `exec`, `attach` and `portForward` have in common. */
export interface TargetOptions extends DialOptions {
  /**
   * With `pod`: the API server, such as `https://10.0.0.1:6443`. Without: the
   * full URL of the resource, such as the streaming URL a container runtime
   * hands out (CRI); it is used as it is.
   */
  readonly url: string | URL;
  /** The pod, when `url` is an API server. */
  readonly pod?: PodReference;
  /**
   * Headers of the upgrade, such as `authorization`. A name given several times
   * as pairs leaves as several lines, as `impersonate-group` has to.
   */
  readonly headers?: HeadersInit;
  /** For `https:` URLs. */
  readonly tls?: TlsOptions;
  /** Gives up, before the connection stands and afterwards. */
  readonly signal?: AbortSignal;
  /** Longest wait for the connection and the streams on it, ms; 0: never; default 30000. */
  readonly timeout?: number;
  /**
   * SPDY PINGs against proxies that drop idle connections; default none. Not
   * with a server that closes as soon as it has finished, which may lose the
   * end of its output: see `docs/kubernetes.md`.
   */
  readonly keepAlive?: KeepAliveOptions;
  /**
   * Received bytes that may wait to be read, over all streams; then reading
   * stops, and the sender with it. Default 4194304, and 67108864 while another
   * stream is read that has nothing to give.
   */
  readonly maxBufferedBytes?: number;
}

/** The names of `TargetOptions`, for the checks of options that extend it. */
export const TARGET_NAMES: Names<TargetOptions> = {
  ...DIAL_NAMES,
  url: true,
  pod: true,
  headers: true,
  tls: true,
  signal: true,
  timeout: true,
  keepAlive: true,
  maxBufferedBytes: true,
};

const POD_NAMES: Names<PodReference> = {
  name: true,
  namespace: true,
  container: true,
};

/**
 * Throws `InvalidArgumentError` for an option that the function `what` does not
 * have. Called before anything is opened.
 */
export function checkTargetNames<Options extends TargetOptions>(
  what: string,
  options: Options,
  names: Names<Options>,
): void {
  checkNames(what, options, names);
  if (options.pod !== undefined) checkNames("pod", options.pod, POD_NAMES);
}

/** The URL of a pod's `subresource` with its query, or the one given. */
export function targetUrl(
  { url, pod }: TargetOptions,
  subresource: "exec" | "attach" | "portforward",
  query: readonly NameValue[],
): URL {
  const target = new URL(url);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new InvalidArgumentError(
      `the URL's scheme is ${target.protocol}, not http: or https:`,
    );
  }
  if (pod === undefined) return target;
  const path = ["api", "v1", "namespaces", pod.namespace ?? "default", "pods"];
  target.pathname = [
    target.pathname.replace(/\/+$/, ""),
    ...[...path, pod.name, subresource].map(encodeURIComponent),
  ].join("/");
  for (const [name, value] of query) target.searchParams.append(name, value);
  if (pod.container !== undefined && subresource !== "portforward") {
    target.searchParams.append("container", pod.container);
  }
  return target;
}

/**
 * Runs `work` within the options' timeout and signal, once it has checked them. What it is given ends with
 * it: it must not be handed to anything that lives on.
 */
export async function withinTimeout<T>(
  { signal, timeout = 30_000, keepAlive, maxBufferedBytes }: TargetOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  checkTimeout("timeout", timeout);
  checkTuning({ keepAlive, maxBufferedBytes });
  const limit = new TimeLimit(timeout, signal);
  try {
    return await work(limit.signal);
  } finally {
    limit.end();
  }
}

/**
 * The headers of a request, line by line: `Headers` would join those of one name
 * with commas, and the API server takes "a, b" for one group.
 *
 * Throws `TypeError` for what are no headers.
 */
export function headerLines(headers: HeadersInit | undefined): NameValue[] {
  const checked = [...new Headers(headers)];
  return Array.isArray(headers)
    ? headers.map(([name, value]) => [name, value])
    : checked;
}

/** Waits for `work` unless the signal aborts first; then rejects with its reason. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Connects and upgrades to SPDY/3.1; resolves to the sub-protocol as well, `null`
 * when the server names none.
 *
 * Throws `StreamingRefusedError` for any answer but a 101.
 */
export async function upgradeToSpdy(
  url: URL,
  options: TargetOptions,
  protocols: readonly string[],
  signal: AbortSignal,
): Promise<{ connection: RawConnection; protocol: string | null }> {
  const { headers, tls, proxy, dial, proxyProtocol, timeout } = options;
  const { keepAlive, maxBufferedBytes } = options;
  try {
    const { connection, response } = await connectUpgrade(url, {
      ...CLIENT_PROFILE,
      keepAlive,
      maxBufferedBytes,
      maxUnreadBytes: maxBufferedBytes,
      method: "POST",
      headers: [
        ...headerLines(headers),
        // A line for each: kubelets before 1.19 do not split at commas.
        ...protocols.map((name): NameValue => [PROTOCOL_HEADER, name]),
      ],
      tls,
      proxy,
      dial,
      proxyProtocol,
      timeout,
      signal,
    });
    return { connection, protocol: response.headers.get(PROTOCOL_HEADER) };
  } catch (error) {
    if (!(error instanceof UpgradeRefusedError)) throw error;
    const { response } = error;
    throw new StreamingRefusedError(response.status, await response.text(), {
      cause: error,
    });
  }
}

/** A SPDY/3.1 session with the Kubernetes profile, on bytes that need no upgrade. */
export function startSpdy(
  conn: ByteConn,
  { keepAlive, maxBufferedBytes }: TargetOptions,
): RawConnection {
  return new RawConnection(conn, {
    ...CLIENT_PROFILE,
    keepAlive,
    maxBufferedBytes,
    maxUnreadBytes: maxBufferedBytes,
    side: CLIENT,
    version: PROTO_SPDY3_1,
  });
}
