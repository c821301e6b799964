/**
 * Connections to ports of a pod, many over one SPDY session.
 *
 * @module
 */

import type { RawConnection } from "../connection.ts";
import type { Stream } from "../connection/stream/stream.ts";
import { unlessAborted } from "../connection/time/unless_aborted.ts";
import { checkPort } from "../numbers.ts";
import type { Names } from "../values.ts";
import {
  copyTarget,
  startSpdy,
  TARGET_NAMES,
  type TargetOptions,
  targetUrl,
  upgradeToSpdy,
  withinTimeout,
} from "./dial.ts";
import { StreamingRefusedError } from "./errors.ts";
import { createForwarded, type ForwardedConnection } from "./forwarded.ts";
import {
  checkTransport,
  PORT,
  PORT_FORWARD_PROTOCOL,
  REQUEST_ID,
  STREAM_TYPE,
  type Transport,
  TUNNEL_PROTOCOL,
} from "./protocol.ts";
import { openStreams } from "./spdy/open.ts";
import { isCancelledByPeer } from "./spdy/streams.ts";
import { openWebSocket } from "./websocket/handshake.ts";
import { WebSocketTunnel } from "./websocket/tunnel.ts";

/** The transport below SPDY: an upgraded connection, or the binary messages of a WebSocket. */
export type ForwardTransport = Transport;

/** The options of `portForward`. */
export interface PortForwardOptions extends TargetOptions {
  /**
   * `"auto"` tries a WebSocket first, like kubectl, because it passes more
   * proxies. If the server refuses it (before Kubernetes 1.31), the SPDY upgrade
   * follows. Default: `"auto"` with `pod`, otherwise `"spdy"`: kubelets and
   * container runtimes do not support the tunnel, and the URL of a runtime is valid
   * for a single request.
   */
  readonly transport?: ForwardTransport | "auto";
}

const PORT_FORWARD_NAMES: Names<PortForwardOptions> = {
  ...TARGET_NAMES,
  transport: true,
};

/** Creates a forwarder. Only `portForward` calls it. */
export let createForwarder: (
  connection: RawConnection,
  transport: ForwardTransport,
  options: PortForwardOptions,
) => PortForwarder;

/**
 * A session that carries connections to ports of a pod: the result of `portForward`.
 *
 * @example
 * ```ts
 * import { portForward, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async portForward({ readable, writable }) {
 *     await readable.pipeTo(writable);
 *   },
 * });
 * await using forwarder = await portForward({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web" },
 * });
 * // Many connections, to any port, over one session.
 * const ports = [80, 443].map((port) => forwarder.connect(port));
 * assertEquals((await Promise.all(ports)).map(({ port }) => port), [80, 443]);
 * ```
 */
export class PortForwarder implements AsyncDisposable {
  readonly #connection: RawConnection;
  readonly #options: PortForwardOptions;
  #nextRequestId = 0;

  /** The transport below SPDY. */
  readonly transport: ForwardTransport;

  static {
    createForwarder = (...parts) => new PortForwarder(...parts);
  }

  private constructor(
    connection: RawConnection,
    transport: ForwardTransport,
    options: PortForwardOptions,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.transport = transport;
    const { signal } = options;
    const onAbort = (): void => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    // The listener is not called for an abort before it was added.
    if (signal?.aborted) onAbort();
    connection.closed
      .finally(() => signal?.removeEventListener("abort", onAbort))
      .catch(() => {});
  }

  /**
   * Settles when the session has ended: resolves after {@linkcode close} and
   * after the server has ended it cleanly, and rejects otherwise.
   */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  /**
   * Connects to a port of the pod, 1..65535. If nothing listens there, reading from
   * the connection fails with `PortForwardError`.
   *
   * Rejects with `InvalidArgumentError` for another port, with
   * `StreamResetError` when the server refuses the streams, with
   * `ConnectionClosedError` when the session has ended or the server does not accept
   * the streams within `timeout`.
   */
  async connect(port: number): Promise<ForwardedConnection> {
    checkPort("port", port, 1);
    const common: [string, string][] = [
      [PORT, `${port}`],
      [REQUEST_ID, `${this.#nextRequestId++}`],
    ];
    const opening = openStreams(this.#connection, [
      // This side sends nothing on it. The server finds the other stream of the pair by the id.
      { nv: [[STREAM_TYPE, "error"], ...common], fin: true },
      { nv: [[STREAM_TYPE, "data"], ...common] },
    ]);
    try {
      return await withinTimeout(
        this.#options,
        (signal) => unlessAborted(this.#forwarded(port, opening), signal),
        `the server did not accept the streams for port ${port}`,
      );
    } catch (reason) {
      opening.then((streams) => streams.forEach((each) => each.reset()))
        .catch(() => {});
      throw reason;
    }
  }

  /** Ends the session and every connection over it. Never rejects. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #forwarded(
    port: number,
    opening: Promise<Stream[]>,
  ): Promise<ForwardedConnection> {
    const [error, data] = await opening;
    // moby/spdystream 0.5.1 silently drops DATA that arrives before it has replied.
    await error.response;
    await data.response.catch((reason) => {
      // The CRI streaming server 0.37 replies to a stream after it has started the
      // handler. If the port cannot be reached, its CANCEL can arrive before its reply.
      if (!isCancelledByPeer(reason)) throw reason;
    });
    return createForwarded(port, data, error);
  }
}

/**
 * Opens a session for connections to ports of a pod.
 *
 * Rejects with `StreamingRefusedError` when the server refuses the request, with the
 * signal's reason when the signal aborts first, with `ConnectionClosedError` when the
 * server takes longer than `timeout`, and with Deno's error when no connection can be
 * opened.
 *
 * @example
 * ```ts
 * import { portForward, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async portForward({ readable, writable }) {
 *     await readable.pipeTo(writable);
 *   },
 * });
 * await using forwarder = await portForward({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web" },
 * });
 * const { readable, writable } = await forwarder.connect(80);
 * await new Blob(["hello"]).stream().pipeTo(writable);
 * assertEquals(await new Response(readable).text(), "hello");
 * ```
 */
export async function portForward(
  options: PortForwardOptions,
): Promise<PortForwarder> {
  const own = copyTarget("portForward", options, PORT_FORWARD_NAMES);
  const { transport = own.pod === undefined ? "spdy" : "auto" } = own;
  checkTransport(transport);
  const url = targetUrl(own, "portforward", []);
  return await withinTimeout(own, async (signal) => {
    if (transport !== "spdy") {
      try {
        const protocols = [TUNNEL_PROTOCOL];
        const { conn } = await openWebSocket(url, own, protocols, signal);
        const tunnel = new WebSocketTunnel(conn, true);
        return createForwarder(
          startSpdy(tunnel, own),
          "websocket",
          own,
        );
      } catch (error) {
        const mayFallBack = transport === "auto" &&
          error instanceof StreamingRefusedError;
        if (!mayFallBack) throw error;
      }
    }
    const { connection, protocol } = await upgradeToSpdy(
      url,
      own,
      [PORT_FORWARD_PROTOCOL],
      signal,
    );
    if (protocol === PORT_FORWARD_PROTOCOL) {
      return createForwarder(connection, "spdy", own);
    }
    await connection.close();
    throw new StreamingRefusedError(
      101,
      protocol === null
        ? "the server chose no sub-protocol"
        : `the server chose ${protocol}, which was not offered`,
    );
  });
}
