/**
 * A server for exec, attach and port-forward.
 *
 * @module
 */

import { closeQuietly } from "../../connection/http/byte_conn.ts";
import { pause } from "../../connection/clock.ts";
import type { Connection } from "../../connection.ts";
import type { ByteConn } from "../../connection/transport.ts";
import { checkTuning } from "../../connection/options.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkPort, checkTimeout } from "../../numbers.ts";
import { COMMAND_PROTOCOLS, PORT_FORWARD_PROTOCOL } from "../protocol.ts";
import { parseCall, type StreamingCall } from "./call.ts";
import {
  MAX_COMMAND_STREAMS,
  type ProcessHandler,
  serveCommand,
} from "./command.ts";
import {
  type ForwardHandler,
  MAX_CONNECTIONS,
  serveForward,
} from "./forward.ts";
import { HttpListener } from "./http_listener.ts";
import {
  refuse,
  RefusedUpgrade,
  upgradeToSpdy,
  upgradeToTunnel,
  wantsWebSocket,
} from "./upgrade.ts";

/** What {@linkcode serveStreaming} takes. */
export interface StreamingOptions {
  /** Address to listen on; default `"127.0.0.1"`. */
  readonly hostname?: string;
  /** Port to listen on; default 0: a free one. */
  readonly port?: number;
  /** Certificate chain (PEM); with `key`: TLS. */
  readonly cert?: string;
  /** Private key (PEM). */
  readonly key?: string;
  /** Ends the server as `shutdown()` does. */
  readonly signal?: AbortSignal;
  /** Runs commands; none: exec is refused. */
  readonly exec?: ProcessHandler;
  /** Attaches to processes; none: attach is refused. */
  readonly attach?: ProcessHandler;
  /** Connects to ports; none: port-forward is refused. */
  readonly portForward?: ForwardHandler;
  /**
   * Called before an upgrade is granted. It may change what is asked for (a
   * container runtime's server looks its token up), or refuse it with a
   * response. Default: everything is granted.
   */
  readonly resolve?: (
    call: StreamingCall,
  ) => StreamingCall | Response | Promise<StreamingCall | Response>;
  /** Answers every other request; default 404. */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /** Told of failures that no client can be told of; default: nobody is. */
  readonly onError?: (error: unknown) => void;
  /** Longest wait for a request's whole head, also between two requests, ms; 0: never; default 30000. */
  readonly headTimeout?: number;
  /** Longest wait for the streams of an exec, attach or forwarded connection, ms; 0: never; default 30000. */
  readonly streamCreationTimeout?: number;
  /** Received bytes of one connection that may wait to be read; default 4194304. */
  readonly maxBufferedBytes?: number;
}

interface Serving {
  connection?: Connection;
  served?: Promise<void>;
}

/** How long a failed accept is let be, ms. */
const ACCEPT_PAUSE = 50;

/** Makes a server; only `serveStreaming` does. */
let createServer: (
  listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>,
  options: StreamingOptions,
) => StreamingServer;

/**
 * A running server: what {@linkcode serveStreaming} gives.
 *
 * @example
 * ```ts
 * import { serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assert } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({ exec: async () => {} });
 * assert(server.addr.port > 0);
 * ```
 */
export class StreamingServer implements AsyncDisposable {
  readonly #listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>;
  readonly #options: StreamingOptions;
  readonly #http: HttpListener;
  /** Upgraded connections; the session on one, once it stands. */
  readonly #serving = new Map<ByteConn, Serving>();

  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Resolves when it has stopped and every connection has ended. */
  readonly finished: Promise<void>;

  static {
    createServer = (...parts) => new StreamingServer(...parts);
  }

  private constructor(
    listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>,
    options: StreamingOptions,
  ) {
    this.#listener = listener;
    this.#options = options;
    this.addr = listener.addr as Deno.NetAddr;
    const { cert, headTimeout = 30_000 } = options;
    this.#http = new HttpListener(cert !== undefined, headTimeout, {
      request: async (request) => await this.#fetch(request),
      upgrade: (request, conn) => this.#take(request, conn),
      error: (error) => options.onError?.(error),
    });
    this.finished = this.#accept();
    const onAbort = (): void => void this.shutdown();
    if (options.signal?.aborted) onAbort();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    this.finished.finally(() =>
      options.signal?.removeEventListener("abort", onAbort)
    );
  }

  /** Stops listening and ends every connection; resolves when all is over. */
  async shutdown(): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // Closed before.
    }
    this.#http.close();
    for (const [conn, { connection }] of this.#serving) {
      // A session whose reading is held back would not notice the closed socket.
      void connection?.close();
      closeQuietly(conn);
    }
    await this.finished;
  }

  /** The same as {@linkcode shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #accept(): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn | Deno.TlsConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) break;
        // One connection that failed, or no room for more at the moment.
        this.#options.onError?.(error);
        await pause(ACCEPT_PAUSE);
        continue;
      }
      if (!("handshake" in conn)) conn.setNoDelay(true);
      this.#http.take(conn);
    }
    const serving = [...this.#serving.values()];
    await Promise.allSettled(serving.map(({ served }) => served));
  }

  #fetch(request: Request): Response | Promise<Response> {
    if (parseCall(request) !== undefined) {
      return new Response("unable to upgrade: missing upgrade headers\n", {
        status: 400,
      });
    }
    return this.#options.fetch?.(request) ??
      new Response("not found\n", { status: 404 });
  }

  #take(request: Request, conn: ByteConn): void {
    const serving: Serving = {};
    this.#serving.set(conn, serving);
    serving.served = this.#upgrade(request, conn, serving)
      .catch(async (error) => {
        if (error instanceof RefusedUpgrade) {
          await refuse(conn, error.response);
        } else {
          closeQuietly(conn);
          this.#options.onError?.(error);
        }
      })
      .catch(() => closeQuietly(conn))
      .finally(() => this.#serving.delete(conn));
  }

  async #upgrade(
    request: Request,
    conn: ByteConn,
    serving: Serving,
  ): Promise<void> {
    const { resolve, maxBufferedBytes, streamCreationTimeout = 30_000 } =
      this.#options;
    const parsed = parseCall(request);
    if (parsed === undefined) throw new RefusedUpgrade(404, "not found");
    const call = await resolve?.(parsed) ?? parsed;
    if (call instanceof Response) {
      await refuse(conn, call);
      return;
    }
    if (call.kind === "portforward") {
      const handler = this.#handler(call.kind, this.#options.portForward);
      const bounds = { streams: 2 * MAX_CONNECTIONS, maxBufferedBytes };
      const connection = wantsWebSocket(request)
        ? await upgradeToTunnel(conn, request, bounds)
        : (await upgradeToSpdy(conn, request, [PORT_FORWARD_PROTOCOL], bounds))
          .connection;
      serving.connection = connection;
      await serveForward(connection, call, handler, streamCreationTimeout);
      return;
    }
    const handler = this.#handler(call.kind, this.#options[call.kind]);
    const { connection, protocol } = await upgradeToSpdy(
      conn,
      request,
      COMMAND_PROTOCOLS,
      { streams: MAX_COMMAND_STREAMS, maxBufferedBytes },
    );
    serving.connection = connection;
    await serveCommand(
      connection,
      protocol,
      call,
      handler,
      streamCreationTimeout,
    );
  }

  #handler<Handler>(kind: string, handler: Handler | undefined): Handler {
    if (handler !== undefined) return handler;
    throw new RefusedUpgrade(501, `this server has no ${kind}`);
  }
}

/**
 * Serves exec, attach and port-forward, over SPDY/3.1 and, for port-forward,
 * over SPDY in a WebSocket, on the paths of an API server, of a kubelet and of
 * a container runtime. kubectl and a kubelet's client take it for one of these.
 *
 * An exec over a WebSocket (`v5.channel.k8s.io`) is refused, upon which kubectl
 * takes SPDY. Client certificates are not asked for: Deno's TLS cannot.
 *
 * Throws `InvalidArgumentError` when only one of `cert` and `key` is there, and
 * when a number is out of its range.
 *
 * @example
 * ```ts
 * import { exec, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async exec({ call, stdout }) {
 *     const writer = stdout.getWriter();
 *     await writer.write(new TextEncoder().encode(call.command.join(" ")));
 *     await writer.close();
 *     return 3;
 *   },
 * });
 * await using process = await exec({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web" },
 *   command: ["echo", "hello"],
 *   stderr: false,
 * });
 * assertEquals(await new Response(process.stdout).text(), "echo hello");
 * assertEquals((await process.status).code, 3);
 * ```
 */
export function serveStreaming(options: StreamingOptions): StreamingServer {
  const { hostname = "127.0.0.1", port = 0, cert, key } = options;
  checkPort("port", port, 0);
  const { headTimeout = 0, streamCreationTimeout = 0 } = options;
  checkTimeout("headTimeout", headTimeout);
  checkTimeout("streamCreationTimeout", streamCreationTimeout);
  checkTuning({ maxBufferedBytes: options.maxBufferedBytes });
  if ((cert === undefined) !== (key === undefined)) {
    throw new InvalidArgumentError("TLS needs both cert and key");
  }
  const listener = cert === undefined || key === undefined
    ? Deno.listen({ hostname, port })
    : Deno.listenTls({
      hostname,
      port,
      cert,
      key,
      alpnProtocols: ["http/1.1"],
    });
  return createServer(listener, options);
}
