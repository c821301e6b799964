/**
 * A small API server over TLS, with our own streaming server for the upgrades.
 *
 * @module
 */

import {
  serveStreaming,
  type StreamingOptions,
  type StreamingServer,
} from "../../kubernetes/mod.ts";
import { makeCertificate } from "./certificate.ts";

/** A request as the server received it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
}

/** What the server answers, apart from upgrades. */
export interface FakeClusterOptions
  extends
    Pick<StreamingOptions, "exec" | "attach" | "portForward" | "resolve"> {
  /** Answers a request; `undefined`: the answer is the object, or 404. */
  readonly answer?: (request: Request) => Response | undefined;
}

/** A running API server. */
export class FakeCluster implements AsyncDisposable {
  readonly #server: StreamingServer;
  readonly #caCert: string;
  readonly #watchers = new Map<
    string,
    Set<ReadableStreamDefaultController<Uint8Array>>
  >();

  /** Objects by path, without the query. */
  readonly objects: Map<string, unknown> = new Map();
  /** Every request for an upgrade or an object. */
  readonly requests: SeenRequest[] = [];

  private constructor(server: StreamingServer, caCert: string) {
    this.#server = server;
    this.#caCert = caCert;
  }

  /** Starts one. */
  static async start(options: FakeClusterOptions = {}): Promise<FakeCluster> {
    const { cert, key, caCert } = await makeCertificate();
    const { answer, ...handlers } = options;
    const cluster: FakeCluster = new FakeCluster(
      serveStreaming({
        ...handlers,
        cert,
        key,
        resolve: (call) => {
          cluster.#note(call.request);
          return options.resolve?.(call) ?? call;
        },
        fetch: (request) => {
          cluster.#note(request);
          return answer?.(request) ?? cluster.#answer(request);
        },
      }),
      caCert,
    );
    return cluster;
  }

  /** URL of the server. */
  get url(): string {
    return `https://localhost:${this.#server.addr.port}`;
  }

  /** A kubeconfig for the server; `user` has the fields of the user. */
  kubeconfig(
    user: Readonly<Record<string, unknown>> = { token: "secret" },
    cluster: Readonly<Record<string, unknown>> = {},
  ): string {
    return JSON.stringify({
      "current-context": "fake",
      contexts: [{
        name: "fake",
        context: { cluster: "fake", user: "ann", namespace: "shop" },
      }],
      clusters: [{
        name: "fake",
        cluster: {
          server: this.url,
          "certificate-authority-data": btoa(this.#caCert),
          ...cluster,
        },
      }],
      users: [{ name: "ann", user }],
    });
  }

  /** Sends an event to everybody who watches the list at `path`. */
  tell(path: string, type: string, object: unknown): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    for (const watcher of this.#watchers.get(path) ?? []) {
      watcher.enqueue(new TextEncoder().encode(line));
    }
  }

  /** The number of watches of the list at `path`. */
  watchers(path: string): number {
    return this.#watchers.get(path)?.size ?? 0;
  }

  /** Ends the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const watchers of this.#watchers.values()) {
      for (const watcher of watchers) watcher.close();
      watchers.clear();
    }
    await this.#server.shutdown();
  }

  #note({ method, url, headers }: Request): void {
    const { pathname, search } = new URL(url);
    this.requests.push({
      method,
      path: pathname + search,
      headers: new Headers(headers),
    });
  }

  #answer({ url }: Request): Response {
    const { pathname, searchParams } = new URL(url);
    if (searchParams.has("watch")) return this.#watch(pathname);
    const object = this.objects.get(pathname);
    return object === undefined
      ? Response.json({
        kind: "Status",
        status: "Failure",
        message: `${pathname} not found`,
        code: 404,
      }, { status: 404 })
      : Response.json(object);
  }

  #watch(path: string): Response {
    const watchers = this.#watchers.get(path) ?? new Set();
    this.#watchers.set(path, watchers);
    let own: ReadableStreamDefaultController<Uint8Array>;
    return new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller;
          watchers.add(controller);
        },
        cancel() {
          watchers.delete(own);
        },
      }),
      { headers: { "content-type": "application/json" } },
    );
  }
}

/** A pod that runs and is ready. */
export function makePod(
  name: string,
  parts: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    metadata: {
      name,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...parts.metadata as object,
    },
    spec: {
      containers: [{
        name: "main",
        ports: [{ name: "http", containerPort: 8080 }],
      }],
      ...parts.spec as object,
    },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      ...parts.status as object,
    },
  };
}
