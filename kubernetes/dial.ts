/**
 * The client's way in: a TCP or TLS connection, and the HTTP/1.1 upgrade on it.
 *
 * @module
 */

import { closeQuietly } from "../connection/http/byte_conn.ts";
import {
  requestUpgrade,
  type UpgradeAnswer,
} from "../connection/http/upgrade_request.ts";
import type { KeepAliveOptions } from "../connection/keepalive.ts";
import type { ByteConn } from "../connection/transport.ts";
import { InvalidArgumentError } from "../errors.ts";
import type { NameValue } from "../frame/types.ts";
import { UpgradeRefusedError } from "./errors.ts";

/** TLS material of a client. */
export interface KubernetesTls {
  /** Certificates (PEM) to trust besides the usual ones, such as the cluster's own authority. */
  readonly caCerts?: string[];
  /** Client certificate chain (PEM). */
  readonly cert?: string;
  /** Private key of the client certificate (PEM). */
  readonly key?: string;
}

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
export interface TargetOptions {
  /**
   * With `pod`: the API server, such as `https://10.0.0.1:6443`. Without: the
   * full URL of the resource, such as the streaming URL a container runtime
   * hands out (CRI); it is used as it is.
   */
  readonly url: string | URL;
  /** The pod, when `url` is an API server. */
  readonly pod?: PodReference;
  /** Headers of the upgrade, such as `authorization`. */
  readonly headers?: HeadersInit;
  /** For `https:` URLs. */
  readonly tls?: KubernetesTls;
  /** Gives up, before the connection stands and afterwards. */
  readonly signal?: AbortSignal;
  /** Longest wait for the connection and the streams on it, ms; default 30000. */
  readonly timeout?: number;
  /**
   * SPDY PINGs against proxies that drop idle connections; default none. Not
   * with a server that closes as soon as it has finished, which may lose the
   * end of its output: see `docs/kubernetes.md`.
   */
  readonly keepAlive?: KeepAliveOptions;
  /** Received bytes that may wait to be read, over all streams; default 4194304. */
  readonly maxBufferedBytes?: number;
}

/** What an upgrade asks for. */
export interface Upgrade {
  readonly method: "GET" | "POST";
  readonly protocol: "SPDY/3.1" | "websocket";
  readonly headers: readonly NameValue[];
}

const MAX_HEAD = 16 * 1024;
const MAX_BODY = 64 * 1024;

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
 * Runs `work` within the options' timeout and signal. What it is given ends with
 * it: it must not be handed to anything that lives on.
 */
export async function withinTimeout<T>(
  { signal, timeout = 30_000 }: TargetOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => {
    const message = `the server did not answer within ${timeout} ms`;
    controller.abort(new DOMException(message, "TimeoutError"));
  }, timeout);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
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
 * Connects and upgrades.
 *
 * Throws `UpgradeRefusedError` for any answer but a 101.
 */
export async function upgrade(
  url: URL,
  options: TargetOptions,
  { method, protocol, headers }: Upgrade,
  signal: AbortSignal,
): Promise<{ conn: ByteConn; headers: Headers }> {
  const conn = await dial(url, options.tls ?? {}, signal);
  const answer = await requestUpgrade(conn, {
    url,
    method,
    headers: [
      ...new Headers(options.headers),
      ["connection", "Upgrade"],
      ["upgrade", protocol],
      ...headers,
    ],
    maxHead: MAX_HEAD,
    maxBody: MAX_BODY,
    signal,
  });
  if (answer.conn === undefined) throw refusal(answer);
  return { conn: answer.conn, headers: answer.headers };
}

function refusal({ status, body }: UpgradeAnswer): UpgradeRefusedError {
  return new UpgradeRefusedError(status, new TextDecoder().decode(body));
}

async function dial(
  url: URL,
  tls: KubernetesTls,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  // An IPv6 address stands in brackets in a URL, and without them here.
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const dialing: Promise<Deno.TcpConn | Deno.TlsConn> = secure
    ? Deno.connectTls({
      hostname,
      port,
      caCerts: tls.caCerts,
      // An upgrade needs HTTP/1.1: an API server prefers HTTP/2 when it may.
      alpnProtocols: ["http/1.1"],
      ...(tls.cert !== undefined && tls.key !== undefined
        ? { cert: tls.cert, key: tls.key }
        : {}),
    })
    : Deno.connect({ hostname, port });
  try {
    const conn = await unlessAborted(dialing, signal);
    // Otherwise a certificate that is not trusted shows only at the first write.
    if ("handshake" in conn) await unlessAborted(conn.handshake(), signal);
    else conn.setNoDelay(true);
    return conn;
  } catch (error) {
    dialing.then(closeQuietly, () => {});
    throw error;
  }
}
