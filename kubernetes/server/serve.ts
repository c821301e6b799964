/**
 * A server for exec, attach and port-forward.
 *
 * @module
 */

import { checkSignal } from "../../connection/abort_signal.ts";
import { checkTuning } from "../../connection/options.ts";
import { acceptAll } from "../../connection/transport/accept_loop.ts";
import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import {
  type AcceptingListener,
  listenTls,
} from "../../connection/transport/tls_listener.ts";
import {
  type ByteConn,
  turnOffDelay,
} from "../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { answerAndEnd } from "../../http/upgrade/answer.ts";
import {
  HttpListener,
  type UpgradeCall,
} from "../../http/upgrade/http_listener.ts";
import {
  checkAllowedOrigins,
  MOST_HEAD,
} from "../../http/upgrade/upgrade_rules.ts";
import { checkPort, checkTimeout, checkWhole } from "../../numbers.ts";
import { checkNames, type Names } from "../../values.ts";
import { parseCall, type StreamingCall } from "../call/call.ts";
import type { ProcessHandler } from "../call/command.ts";
import type { ForwardHandler } from "../call/forward.ts";
import {
  type PendingCall,
  serveCommandCall,
  serveForwardCall,
} from "./serve_call.ts";
import { RefusedUpgrade } from "./upgrade.ts";

/** The options of {@linkcode serveStreaming}. */
export interface StreamingOptions {
  /** Address to listen on; default `"127.0.0.1"`. */
  readonly hostname?: string;
  /** Port to listen on; default 0: any free port. */
  readonly port?: number;
  /** Certificate chain (PEM); with `key`: TLS. */
  readonly cert?: string;
  /** Private key (PEM). */
  readonly key?: string;
  /** Ends the server, like `shutdown()`. */
  readonly signal?: AbortSignal;
  /** Runs commands. Without it, the server refuses exec. */
  readonly exec?: ProcessHandler;
  /** Attaches to processes. Without it, the server refuses attach. */
  readonly attach?: ProcessHandler;
  /** Connects to ports. Without it, the server refuses port-forward. */
  readonly portForward?: ForwardHandler;
  /**
   * Called before the server grants an upgrade. It may change the call (the server
   * of a container runtime looks up the token of the URL), or return a response that
   * refuses it. If it throws, the client gets status 500 and `onError` the error.
   * Default: the server grants every call.
   */
  readonly resolve?: (
    call: StreamingCall,
  ) => StreamingCall | Response | Promise<StreamingCall | Response>;
  /**
   * Answers all other requests; default 404. If the body of its response is locked
   * or was used, the client gets status 500. If the body fails, or its length differs
   * from `content-length`, the connection ends. The body of the request can be read
   * after the response only if reading began before it, with pauses of at most
   * `headTimeout`.
   */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /**
   * Called with errors that cannot be reported to a client, errors that `resolve` and
   * `fetch` throw, responses of theirs that cannot be sent, and requests that are not
   * valid HTTP/1.1. Default: they are ignored.
   */
  readonly onError?: (error: unknown) => void;
  /**
   * Longest time until the head of a request is complete, ms: from the accepted
   * connection (the TLS handshake is included), or from the previous response. Also
   * the longest pause within the body of a request that is not an upgrade, or of its
   * response. 0: no limit; default 30000. On TLS it is enforced in the same way as
   * `handshakeTimeout` of `serve`.
   */
  readonly headTimeout?: number;
  /**
   * Longest wait for the streams of an exec, attach or forwarded connection, ms; 0:
   * no limit; default 30000.
   */
  readonly streamCreationTimeout?: number;
  /** Most received bytes of one connection that wait to be read; default 4194304. */
  readonly maxBufferedBytes?: number;
  /** Longest head of a request, bytes; a longer one is answered with 431. Default 1048576. */
  readonly maxHeadBytes?: number;
  /**
   * Origins, such as `"https://dashboard.example"`, whose pages may request an
   * upgrade; default none. If the `Origin` of a request is neither in the list nor
   * that of the request's `Host`, the client gets status 403: a browser lets any page
   * open a WebSocket to any server.
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

/** Default of `maxHeadBytes`, the same as in Go's servers, because a command can be a script. */
const MAX_HEAD = 1024 * 1024;

/** Default of `maxBufferedBytes`. */
const MAX_BUFFERED = 4 * 1024 * 1024;

interface Serving {
  connection?: { close(): Promise<void> };
  served?: Promise<void>;
}

/** Creates a server. Only `serveStreaming` calls it. */
let createServer: (
  listener: AcceptingListener,
  options: StreamingOptions,
) => StreamingServer;

/**
 * A running server: the result of {@linkcode serveStreaming}.
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
  /** The upgraded connections, each with its session once that has started. */
  readonly #serving = new Map<ByteConn, Serving>();
  #ending = false;

  /** The address that the server listens on. */
  readonly addr: Deno.NetAddr;
  /** Resolves when the server has stopped and all connections have ended. */
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

  /** Stops listening and ends all connections; resolves when they have ended. */
  async shutdown(): Promise<void> {
    this.#ending = true;
    try {
      this.#listener.close();
    } catch {
      // The listener is already closed.
    }
    this.#http.close();
    for (const [conn, { connection }] of this.#serving) {
      // A session that has stopped reading does not notice that the socket is
      // closed.
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
        turnOffDelay(conn);
        this.#http.take(conn).then((call) => {
          if (call !== undefined) this.#take(call);
        });
      },
      error: (error) => this.#options.onError?.(error),
      ended: () => this.#ending,
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
    // `shutdown` was called after the HTTP/1.1 listener had returned the call.
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
      await answerAndEnd(conn, call, { tell: (error) => this.#tell(error) });
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

  /** Passes a call to the option `resolve`. If that throws, the client gets status 500. */
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
      // An exception in `onError` cannot be reported.
    }
  }

  #handler<Handler>(kind: string, handler: Handler | undefined): Handler {
    if (handler !== undefined) return handler;
    throw new RefusedUpgrade(501, `this server does not support ${kind}`);
  }
}

/**
 * Serves exec, attach and port-forward on the paths of an API server, a kubelet and a
 * container runtime: over SPDY/3.1 and over WebSockets (`v5.channel.k8s.io` to
 * `channel.k8s.io`, each also in base64; port-forward also as SPDY in a WebSocket).
 * kubectl, the API server as the client of a kubelet, and the clients of Python and
 * Node can use it in place of these servers.
 *
 * The server does not ask for client certificates, because Deno's TLS cannot.
 *
 * Throws `InvalidArgumentError` if only one of `cert` and `key` is set, for an
 * unknown option, and for a number out of range.
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
  const {
    headTimeout = 0,
    streamCreationTimeout = 0,
    maxHeadBytes = MAX_HEAD,
  } = options;
  checkTimeout("headTimeout", headTimeout);
  checkWhole("maxHeadBytes", maxHeadBytes, 1, MOST_HEAD);
  checkAllowedOrigins(options.allowedOrigins);
  checkSignal(options.signal);
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
