/**
 * A server for exec, attach and port-forward.
 *
 * @module
 */

import { closeQuietly } from "../../connection/byte_conn.ts";
import { acceptAll } from "../../connection/accept_loop.ts";
import { answerAndEnd } from "../../http/upgrade/answer.ts";
import {
  HttpListener,
  MOST_HEAD,
  type UpgradeCall,
} from "../../http/upgrade/http_listener.ts";
import type { ByteConn } from "../../connection/transport.ts";
import { checkTuning } from "../../connection/options.ts";
import {
  type AcceptingListener,
  listenTls,
} from "../../connection/tls_listener.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkPort, checkTimeout, checkWhole } from "../../numbers.ts";
import { checkNames, type Names } from "../../values.ts";
import { parseCall, type StreamingCall } from "./call.ts";
import type { ProcessHandler } from "./command.ts";
import type { ForwardHandler } from "./forward.ts";
import {
  type PendingCall,
  serveCommandCall,
  serveForwardCall,
} from "./serve_call.ts";
import { RefusedUpgrade } from "./upgrade.ts";

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
   * response. When it throws the client is answered with 500, and `onError` is
   * told. Default: everything is granted.
   */
  readonly resolve?: (
    call: StreamingCall,
  ) => StreamingCall | Response | Promise<StreamingCall | Response>;
  /**
   * Answers every other request; default 404. A response whose body is locked or
   * was used is answered with 500; one whose body fails, or has another length
   * than its `content-length`, breaks the connection. The request's body can be
   * read after the response if reading began before, with pauses of at most
   * `headTimeout`; else reading it fails then.
   */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /**
   * Told of failures that no client can be told of, of what `resolve` and
   * `fetch` throw, of responses of theirs that cannot be sent, and of requests
   * that are refused as no HTTP/1.1; default: nobody is.
   */
  readonly onError?: (error: unknown) => void;
  /**
   * Longest wait for a request's whole head with the TLS handshake, also between
   * two requests, and for the next bytes of other requests' bodies either way,
   * ms; 0: never; default 30000. On TLS it is kept as `handshakeTimeout` of
   * `serve` is.
   */
  readonly headTimeout?: number;
  /** Longest wait for the streams of an exec, attach or forwarded connection, ms; 0: never; default 30000. */
  readonly streamCreationTimeout?: number;
  /** Received bytes of one connection that may wait to be read; default 4194304. */
  readonly maxBufferedBytes?: number;
  /** Longest head of a request, bytes; a longer one is answered with 431. Default 1048576. */
  readonly maxHeadBytes?: number;
  /**
   * Origins, such as `"https://dashboard.example"`, whose pages may ask for an
   * upgrade. A request whose `Origin` is neither one of them nor of the host
   * that `Host` names is answered with 403, since a browser lets any page open
   * a WebSocket to any server. Default none.
   */
  readonly allowedOrigins?: readonly string[];
}

const STREAMING_NAMES: Names<StreamingOptions> = {
  hostname: true,
  port: true,
  cert: true,
  key: true,
  signal: true,
  exec: true,
  attach: true,
  portForward: true,
  resolve: true,
  fetch: true,
  onError: true,
  headTimeout: true,
  streamCreationTimeout: true,
  maxBufferedBytes: true,
  maxHeadBytes: true,
  allowedOrigins: true,
};

/** Longest head of a request unless an option says otherwise, bytes: Go's servers take as much, and a command may be a script. */
const MAX_HEAD = 1024 * 1024;

/** Received bytes that may wait to be read, unless an option says otherwise. */
const MAX_BUFFERED = 4 * 1024 * 1024;

interface Serving {
  connection?: { close(): Promise<void> };
  served?: Promise<void>;
}

/** Makes a server; only `serveStreaming` does. */
let createServer: (
  listener: AcceptingListener,
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
  readonly #listener: AcceptingListener;
  readonly #options: StreamingOptions;
  readonly #http: HttpListener;
  /** Upgraded connections; the session on one, once it stands. */
  readonly #serving = new Map<ByteConn, Serving>();
  #ending = false;

  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Resolves when it has stopped and every connection has ended. */
  readonly finished: Promise<void>;

  static {
    createServer = (...parts) => new StreamingServer(...parts);
  }

  private constructor(
    listener: AcceptingListener,
    options: StreamingOptions,
  ) {
    this.#listener = listener;
    this.#options = options;
    this.addr = listener.addr as Deno.NetAddr;
    const {
      cert,
      headTimeout = 30_000,
      maxHeadBytes = MAX_HEAD,
      allowedOrigins,
      onError,
    } = options;
    this.#http = new HttpListener({
      secure: cert !== undefined,
      headTimeout,
      maxHeadBytes,
      allowedOrigins,
      knows: namesStreaming,
      request: (request) => this.#fetch(request),
      error: (error) => onError?.(error),
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
    this.#ending = true;
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
    await acceptAll(this.#listener, {
      take: (conn) => {
        conn.setNoDelay?.(true);
        this.#http.take(conn).then((call) => {
          if (call !== undefined) this.#take(call);
        });
      },
      error: (error) => this.#options.onError?.(error),
    });
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

  #take({ request, conn }: UpgradeCall): void {
    // The call came out of the HTTP/1.1 listener before `shutdown`, and comes here after it.
    if (this.#ending) {
      closeQuietly(conn);
      return;
    }
    const serving: Serving = {};
    this.#serving.set(conn, serving);
    serving.served = this.#upgrade(request, conn, serving)
      .catch(async (error) => {
        if (error instanceof RefusedUpgrade) {
          await answerAndEnd(conn, error.response);
        } else {
          closeQuietly(conn);
          this.#tell(error);
        }
      })
      .finally(() => this.#serving.delete(conn));
  }

  async #upgrade(
    request: Request,
    conn: ByteConn,
    serving: Serving,
  ): Promise<void> {
    const parsed = parseCall(request);
    if (parsed === undefined) throw new RefusedUpgrade(404, "not found");
    const call = await this.#resolve(parsed);
    if (call instanceof Response) {
      await answerAndEnd(conn, call, (error) => this.#tell(error));
      return;
    }
    const {
      streamCreationTimeout = 30_000,
      maxBufferedBytes = MAX_BUFFERED,
    } = this.#options;
    const pending: PendingCall = {
      request,
      conn,
      call,
      streamCreationTimeout,
      maxBufferedBytes,
      onConnection: (connection) => {
        serving.connection = connection;
      },
    };
    if (call.kind === "portforward") {
      const handler = this.#handler(call.kind, this.#options.portForward);
      await serveForwardCall(pending, handler);
    } else {
      const handler = this.#handler(call.kind, this.#options[call.kind]);
      await serveCommandCall(pending, handler);
    }
  }

  /** What the owner makes of a call; a fault of the owner's function is answered with 500. */
  async #resolve(call: StreamingCall): Promise<StreamingCall | Response> {
    try {
      return await this.#options.resolve?.(call) ?? call;
    } catch (error) {
      this.#tell(error);
      throw new RefusedUpgrade(500, "internal server error");
    }
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // It is told of faults; there is nobody to tell of its own.
    }
  }

  #handler<Handler>(kind: string, handler: Handler | undefined): Handler {
    if (handler !== undefined) return handler;
    throw new RefusedUpgrade(501, `this server has no ${kind}`);
  }
}

/**
 * Serves exec, attach and port-forward on the paths of an API server, of a
 * kubelet and of a container runtime: over SPDY/3.1, and over WebSockets
 * (`v5.channel.k8s.io` to `channel.k8s.io`, each also in base64; port-forward
 * also as SPDY in a WebSocket). kubectl, a kubelet's client, and the clients of
 * Python and Node work with it as with one of these.
 *
 * Client certificates are not asked for: Deno's TLS cannot.
 *
 * Throws `InvalidArgumentError` if only one of `cert` and `key` is there, and if
 * a number is out of its range.
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
  checkNames("serveStreaming", options, STREAMING_NAMES);
  const { port = 0, cert, key } = options;
  checkPort("port", port, 0);
  const { headTimeout = 0, streamCreationTimeout = 0 } = options;
  checkTimeout("headTimeout", headTimeout);
  checkWhole("maxHeadBytes", options.maxHeadBytes ?? MAX_HEAD, 1, MOST_HEAD);
  checkTimeout("streamCreationTimeout", streamCreationTimeout);
  checkTuning({ maxBufferedBytes: options.maxBufferedBytes });
  if ((cert === undefined) !== (key === undefined)) {
    throw new InvalidArgumentError("TLS needs both cert and key");
  }
  return createServer(listen(options), options);
}

function listen(
  { hostname = "127.0.0.1", port = 0, cert, key, headTimeout }:
    StreamingOptions,
): AcceptingListener {
  if (cert === undefined || key === undefined) {
    return Deno.listen({ hostname, port });
  }
  const tls = { hostname, port, cert, key, alpnProtocols: ["http/1.1"] };
  return headTimeout === 0 ? Deno.listenTls(tls) : listenTls(tls);
}

/** Whether an `Upgrade` header names SPDY, in any version, or WebSockets. */
function namesStreaming(upgrade: string): boolean {
  return upgrade.split(",").some((name) =>
    /^(spdy\/.*|websocket)$/i.test(name.trim())
  );
}
