/**
 * Local ports that lead to ports of a pod, and continue to do so when the pod is
 * replaced or the connection breaks.
 *
 * @module
 */

import { ConnectionClosedError } from "../../connection/errors.ts";
import { abortablePause } from "../../connection/time/abortable_pause.ts";
import { endOfTurn, now } from "../../connection/time/clock.ts";
import { TimeLimit } from "../../connection/time/time_limit.ts";
import { unlessAborted } from "../../connection/time/unless_aborted.ts";
import { acceptAll } from "../../connection/transport/accept_loop.ts";
import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  findPod,
  findPort,
  type FoundPod,
  isLeaving,
  isPod,
  readResource,
  type Resource,
  resourceName,
} from "../api/resource.ts";
import { copyTarget, TARGET_NAMES, type TargetOptions } from "../dial.ts";
import { StreamingRefusedError } from "../errors.ts";
import { portForward, type PortForwarder } from "../port_forward.ts";
import { carry } from "./carry.ts";
import type { ForwardEvent } from "./events.ts";
import {
  type ForwardPortsOptions,
  type ResolvedForwardPorts,
  resolveForwardPorts,
} from "./options.ts";
import { type Lease, PodSessions, portNumber } from "./pod_sessions.ts";
import { type PortPair, readPorts } from "./ports.ts";
import { untilLeaving } from "./watch_pod.ts";

/** An address at which connections are accepted. */
export interface ForwardedAddress {
  /** The address, without brackets. */
  readonly hostname: string;
  /** The local port. */
  readonly port: number;
  /** The port in the pod, as the caller specified it. */
  readonly remote: string;
}

/** If a session lasted longer than this, ms, the delays start again at `firstDelay`. */
const GOOD_SESSION = 10_000;

/** Creates the ports. Only `forwardPorts` calls it. */
export let createForwardedPorts: (
  options: ResolvedForwardPorts,
) => Promise<ForwardedPorts>;

/**
 * Local ports that lead to a pod: the result of `forwardPorts`.
 *
 * @example
 * ```ts
 * import { forwardPorts, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async portForward({ readable, writable }) {
 *     await readable.pipeTo(writable);
 *   },
 * });
 * await using ports = await forwardPorts({
 *   target: { url: `http://127.0.0.1:${server.addr.port}` },
 *   resource: "pod/web",
 *   ports: ["0:80"],
 *   addresses: ["127.0.0.1"],
 * });
 * assertEquals(ports.addresses.map(({ remote }) => remote), ["80"]);
 * ```
 */
export class ForwardedPorts implements AsyncDisposable {
  readonly #options: ResolvedForwardPorts;
  readonly #resource: Resource | undefined;
  readonly #controller = new AbortController();
  readonly #listeners: Deno.TcpListener[] = [];
  readonly #old = new Set<PodSessions>();
  #sessions = Promise.withResolvers<PodSessions>();
  #current: PodSessions | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #delay: number;

  /** The addresses at which connections are accepted. */
  readonly addresses: readonly ForwardedAddress[] = [];

  static {
    createForwardedPorts = async (options) => {
      const ports = new ForwardedPorts(options);
      await ports.#start();
      return ports;
    };
  }

  private constructor(options: ResolvedForwardPorts) {
    const { resource, namespace } = options;
    this.#options = options;
    this.#resource = resource === undefined
      ? undefined
      : readResource(resource, namespace);
    this.#delay = options.firstDelay;
    this.#sessions.promise.catch(() => {});
    this.#closed.promise.catch(() => {});
  }

  /**
   * Resolves after {@linkcode close}. Rejects if a session with a streaming URL has
   * ended, because it cannot be opened again.
   */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Stops listening, and ends all connections. Never rejects. */
  async close(): Promise<void> {
    this.#end();
    this.#closed.resolve();
    await Promise.all(
      [...this.#old, this.#current].map((sessions) => sessions?.close()),
    );
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(): Promise<void> {
    const { signal, ports, addresses } = this.#options;
    signal?.throwIfAborted();
    const pairs = ports.map(readPorts);
    if (pairs.length === 0) {
      throw new InvalidArgumentError(
        "ports is empty: give at least one port, such as 8080:80",
      );
    }
    const onAbort = (): void => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#controller.signal.addEventListener(
      "abort",
      () => signal?.removeEventListener("abort", onAbort),
    );
    try {
      const found = await this.#find();
      // Checked before listening, because a port that does not exist is an error of
      // the caller.
      const named = pairs.map((pair) => ({
        ...pair,
        asked: found === undefined
          ? portNumber(pair.remote)
          : findPort(found, pair.remote).asked,
      }));
      for (const pair of named) {
        for (const address of addresses) this.#listen(address, pair);
      }
      await this.#open(found);
      // A session that was almost open when the signal aborted does not count.
      signal?.throwIfAborted();
    } catch (error) {
      await this.close();
      // Any error after an abort is a consequence of it.
      signal?.throwIfAborted();
      throw error;
    }
    this.#listeners.forEach((listener, index) =>
      this.#accept(listener, this.addresses[index])
    );
  }

  /** Listens at an address. "localhost" means two addresses, of which one is enough. */
  #listen(address: string, pair: PortPair & { readonly asked: number }): void {
    const hostnames = address === "localhost"
      ? ["127.0.0.1", "::1"]
      : [address];
    let port = pair.local ?? pair.asked;
    let listening = 0;
    let failure: unknown;
    for (const hostname of hostnames) {
      try {
        const listener = Deno.listen({ hostname, port });
        port = listener.addr.port;
        this.#listeners.push(listener);
        (this.addresses as ForwardedAddress[]).push({
          hostname,
          port,
          remote: pair.remote,
        });
        listening++;
      } catch (error) {
        failure ??= error;
      }
    }
    if (listening > 0) return;
    const reason = failure instanceof Error ? failure.message : `${failure}`;
    throw new InvalidArgumentError(
      `cannot listen on port ${port} of ${address}: ${reason}`,
      { cause: failure },
    );
  }

  #accept(listener: Deno.TcpListener, address: ForwardedAddress): void {
    const { remote } = address;
    this.#tell({ type: "listening", ...address });
    const failed = (reason: unknown): void => {
      if (this.#controller.signal.aborted) return;
      this.#tell({ type: "failed", remote, reason });
    };
    void acceptAll(listener, {
      take: (conn) => void this.#carry(conn, remote).catch(failed),
      error: failed,
      ended: () => this.#controller.signal.aborted,
    });
  }

  async #carry(conn: Deno.TcpConn, remote: string): Promise<void> {
    let lease: Lease | undefined;
    const abort = (): void => closeQuietly(conn);
    const { signal } = this.#controller;
    signal.addEventListener("abort", abort, { once: true });
    try {
      await carry(conn, async () => {
        lease = await this.#lease(remote);
        return lease.connection;
      });
    } finally {
      signal.removeEventListener("abort", abort);
      lease?.release();
    }
  }

  /** Gets a connection to the current pod, or to the next one. */
  async #lease(remote: string): Promise<Lease> {
    const { timeout } = this.#options;
    const limit = new TimeLimit(
      timeout,
      this.#controller.signal,
      "no session with a pod could be opened",
    );
    try {
      for (;;) {
        const sessions = await unlessAborted(
          this.#sessions.promise,
          limit.signal,
        );
        try {
          return await sessions.lease(remote);
        } catch (error) {
          // The session ended during the call, so the next one is used.
          await endOfTurn();
          const isOver = error instanceof ConnectionClosedError &&
            this.#current !== sessions;
          if (!isOver || this.#resource === undefined) throw error;
        }
      }
    } finally {
      limit.end();
    }
  }

  async #target(): Promise<TargetOptions> {
    const { target, timeout } = this.#options;
    const { signal } = this.#controller;
    const found = typeof target === "function"
      ? copyTarget("target", await target(), TARGET_NAMES)
      : target;
    return { ...found, timeout, signal };
  }

  /** The pod to forward to; `undefined` for a streaming URL. */
  async #find(): Promise<FoundPod | undefined> {
    const resource = this.#resource;
    if (resource === undefined) return undefined;
    const { name, namespace } = resource;
    const isNumbered = this.#options.ports.every((port) =>
      /^[0-9:]+$/.test(port)
    );
    // A pod with numeric ports needs no request to the API server.
    if (isPod(resource) && isNumbered) return { name, namespace, pod: {} };
    const found = await findPod(await this.#target(), resource);
    if (!isLeaving(found.pod)) return found;
    throw new StreamingRefusedError(
      200,
      `${resourceName(resource)} has only pods that are ending`,
    );
  }

  /** Opens the first session with a pod, and starts to watch the pod. */
  async #open(found: FoundPod | undefined): Promise<void> {
    const begin = now();
    const watching = new AbortController();
    const pod = found?.name ?? "";
    let isOver = false;
    const over = (event: ForwardEvent): void => {
      if (isOver || this.#controller.signal.aborted) return;
      isOver = true;
      watching.abort();
      if (now() - begin > GOOD_SESSION) {
        this.#delay = this.#options.firstDelay;
      }
      this.#tell(event);
      this.#replace();
    };
    const sessions = await PodSessions.start({
      found,
      perSession: this.#options.connectionsPerSession,
      open: () => this.#openSession(found),
      connected: ({ transport }, sessions) =>
        this.#tell({ type: "connected", pod, transport, sessions }),
      lost: (reason) => {
        if (found === undefined) this.#fail(reason);
        else over({ type: "lost", pod, reason });
      },
    });
    if (this.#controller.signal.aborted) return await sessions.close();
    this.#current = sessions;
    this.#sessions.resolve(sessions);
    // The session ended before it became current.
    if (isOver) return this.#replace();
    if (found === undefined) return;
    this.#controller.signal.addEventListener("abort", () => watching.abort(), {
      signal: watching.signal,
    });
    untilLeaving(() => this.#target(), found, watching.signal).then(
      () => {
        if (!watching.signal.aborted) over({ type: "leaving", pod });
      },
      (reason) => {
        if (!isOver) this.#tell({ type: "unwatched", pod, reason });
      },
    );
  }

  async #openSession(found: FoundPod | undefined): Promise<PortForwarder> {
    const { transport, keepAlive } = this.#options;
    return await portForward({
      ...await this.#target(),
      pod: found && { name: found.name, namespace: found.namespace },
      keepAlive,
      transport,
    });
  }

  /** Searches for the next pod. The sessions with this one accept no more connections. */
  #replace(): void {
    const old = this.#current;
    if (old === undefined) return;
    this.#current = undefined;
    old.retire();
    for (const each of this.#old) {
      if (each.isEmpty) this.#old.delete(each);
    }
    this.#old.add(old);
    this.#sessions = Promise.withResolvers();
    this.#sessions.promise.catch(() => {});
    void this.#reopen();
  }

  async #reopen(): Promise<void> {
    const { firstDelay, longestDelay } = this.#options;
    const { signal } = this.#controller;
    while (!signal.aborted) {
      await abortablePause(this.#delay, signal);
      if (signal.aborted) return;
      this.#delay = Math.min(
        longestDelay,
        Math.max(firstDelay, 2 * this.#delay),
      );
      try {
        return await this.#open(await this.#find());
      } catch (reason) {
        if (signal.aborted) return;
        this.#tell({ type: "retrying", delay: this.#delay, reason });
      }
    }
  }

  #fail(reason: unknown): void {
    this.#end();
    this.#closed.reject(
      new ConnectionClosedError(
        "the server ended the session: nothing is forwarded any more",
        { initiator: "remote", cause: reason },
      ),
    );
  }

  #end(): void {
    if (this.#controller.signal.aborted) return;
    for (const listener of this.#listeners) closeQuietly(listener);
    const reason = new ConnectionClosedError(
      "the ports are no longer forwarded",
    );
    this.#controller.abort(reason);
    this.#sessions.reject(reason);
  }

  #tell(event: ForwardEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // An exception in the caller's handler cannot be reported.
    }
  }
}

/**
 * Listens on local ports and forwards each connection to a pod, as
 * `kubectl port-forward` does. In addition, it continues when the pod is replaced
 * (it watches the pod), when a session breaks, and when the API server is
 * unreachable for a while. Open connections then end; new ones wait for the next
 * session.
 *
 * Rejects if the first session cannot be opened: with `StreamingRefusedError`; with
 * `InvalidArgumentError` if the pod or service has no such port, or if listening
 * fails; and with the errors of `portForward`.
 *
 * @example
 * ```ts
 * import { forwardPorts, loadKubeConfig } from "@spdy/spdy/kubernetes";
 *
 * async function reachDatabase(): Promise<void> {
 *   const config = await loadKubeConfig();
 *   await using ports = await forwardPorts({
 *     target: () => config.target(),
 *     namespace: config.namespace,
 *     resource: "svc/database",
 *     ports: ["5432"],
 *     onEvent: (event) => console.log(event.type),
 *   });
 *   await ports.closed;
 * }
 * ```
 */
export async function forwardPorts(
  options: ForwardPortsOptions,
): Promise<ForwardedPorts> {
  return await createForwardedPorts(resolveForwardPorts(options));
}
