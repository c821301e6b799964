/**
 * Connects a client to an API server, kubelet or container runtime: a TCP or TLS
 * connection, and the HTTP/1.1 upgrade on it.
 *
 * @module
 */

import { RawConnection } from "../connection.ts";
import { checkText } from "../connection/option_kinds.ts";
import { checkTuning } from "../connection/options.ts";
import type { KeepAliveOptions } from "../connection/time/keepalive.ts";
import { TimeLimit } from "../connection/time/time_limit.ts";
import type { TlsOptions } from "../connection/transport/client_tls.ts";
import { DIAL_NAMES, type DialOptions } from "../connection/transport/dial.ts";
import type { ByteConn } from "../connection/transport/transport.ts";
import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import type { NameValue } from "../frame/types.ts";
import { connectUpgrade } from "../http/upgrade/connect_upgrade.ts";
import { headerLines, rereadable } from "../http/upgrade/header_lines.ts";
import { readHttpUrl } from "../http/upgrade/http_url.ts";
import { UpgradeRefusedError } from "../http/upgrade/upgrade_result.ts";
import { checkTimeout } from "../numbers.ts";
import { CLIENT } from "../session/constants.ts";
import { checkNames, copyOptions, type Names } from "../values.ts";
import { noteAnswer } from "./credentials.ts";
import { StreamingRefusedError } from "./errors.ts";
import { CLIENT_PROFILE } from "./profile.ts";
import { PROTOCOL_HEADER } from "./protocol.ts";

/** A pod on an API server. */
export interface PodReference {
  /** Name of the pod. */
  readonly name: string;
  /** Its namespace; default `"default"`. */
  readonly namespace?: string;
  /** The container in it; required if the pod has several. */
  readonly container?: string;
}

/** The server and the credentials: options of `exec`, `attach` and `portForward`. */
export interface TargetOptions extends DialOptions {
  /**
   * With `pod`: the URL of the API server, such as `https://10.0.0.1:6443`.
   * Without `pod`: the full URL of the resource, such as the streaming URL that a
   * container runtime returns (CRI). It is used unchanged.
   */
  readonly url: string | URL;
  /** The pod, when `url` is an API server. */
  readonly pod?: PodReference;
  /**
   * Headers of the upgrade request, such as `authorization`. If a list of pairs
   * contains a name several times, each pair is sent as a separate line, which
   * `impersonate-group` requires.
   */
  readonly headers?: HeadersInit;
  /** TLS settings for `https:` URLs. */
  readonly tls?: TlsOptions;
  /** Cancels connecting; later, closes the connection. */
  readonly signal?: AbortSignal;
  /** Longest wait for the connection and its streams, ms; 0: no limit; default 30000. */
  readonly timeout?: number;
  /**
   * Sends pings (SPDY PINGs, or those of a WebSocket that carries exec or attach), for
   * proxies that drop idle connections; default none. Do not use it with a server that
   * closes as soon as it has finished: the end of the output can then be lost. See
   * `docs/kubernetes.md`.
   */
  readonly keepAlive?: KeepAliveOptions;
  /**
   * Most received bytes that wait to be read, over all streams. Above this, nothing
   * more is read from the socket, so that TCP stops the sender. Default 4194304, but
   * 67108864 while the application waits for a stream that has no bytes.
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
 * A copy of the options of the function `what`, made before anything is opened. Their
 * headers can be read again, because several requests may send them: those of a WebSocket,
 * of the SPDY upgrade after it, and of each session.
 *
 * Throws `InvalidArgumentError` for an unknown option, and for a pod whose names are not
 * strings.
 */
export function copyTarget<Options extends TargetOptions>(
  what: string,
  options: Options,
  names: Names<Options>,
): Options {
  checkNames(what, options, names);
  const own = copyOptions(options, names);
  if (own.pod !== undefined) checkPod(own.pod);
  return { ...own, headers: rereadable(own.headers) };
}

function checkPod(pod: PodReference): void {
  checkNames("pod", pod, POD_NAMES);
  const { name, namespace, container } = pod;
  checkText("pod.name", name);
  if (namespace !== undefined) checkText("pod.namespace", namespace);
  if (container !== undefined) checkText("pod.container", container);
}

/** The URL of a pod's `subresource` with its query; without a pod, `url` itself. */
export function targetUrl(
  { url, pod }: TargetOptions,
  subresource: "exec" | "attach" | "portforward",
  query: readonly NameValue[],
): URL {
  const target = readHttpUrl(url);
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
 * Checks the options, then runs `work` within their timeout and signal. The signal
 * that `work` gets has no effect after `work` has ended: do not keep it. `what` is the
 * beginning of the message if the time is over.
 */
export async function withinTimeout<T>(
  { signal, timeout = 30_000, keepAlive, maxBufferedBytes }: TargetOptions,
  work: (signal: AbortSignal) => Promise<T>,
  what?: string,
): Promise<T> {
  signal?.throwIfAborted();
  checkTimeout("timeout", timeout);
  checkTuning({ keepAlive, maxBufferedBytes });
  const limit = new TimeLimit(timeout, signal, what);
  try {
    return await work(limit.signal);
  } finally {
    limit.end();
  }
}

/**
 * Connects and upgrades to SPDY/3.1. The result has the sub-protocol that the server
 * chose, `null` if it named none.
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
        // One line for each name, because kubelets before 1.19 do not split a line
        // at commas.
        ...protocols.map((name): NameValue => [PROTOCOL_HEADER, name]),
      ],
      tls,
      proxy,
      dial,
      proxyProtocol,
      timeout,
      signal,
    });
    noteAnswer(options, response.status);
    return { connection, protocol: response.headers.get(PROTOCOL_HEADER) };
  } catch (error) {
    if (!(error instanceof UpgradeRefusedError)) throw error;
    const { response } = error;
    noteAnswer(options, response.status);
    throw new StreamingRefusedError(response.status, await response.text(), {
      cause: error,
    });
  }
}

/** Starts a SPDY/3.1 session with the Kubernetes profile on a connection that needs no upgrade. */
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
