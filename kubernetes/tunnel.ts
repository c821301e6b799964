/**
 * Tunnels for `@cloudydeno/kubernetes-client`: its `RestClient` requests them with
 * `performRequest({ expectTunnel })`. The types are structural, so that nothing is
 * imported from it.
 *
 * @module
 */

import type { RawConnection } from "../connection.ts";
import { checkTexts } from "../connection/option_kinds.ts";
import { streamCoreOf } from "../connection/stream/stream.ts";
import { InvalidArgumentError } from "../errors.ts";
import type { NameValue } from "../frame/types.ts";
import { readHttpUrl } from "../http/upgrade/http_url.ts";
import {
  copyTarget,
  TARGET_NAMES,
  type TargetOptions,
  upgradeToSpdy,
  withinTimeout,
} from "./dial.ts";
import { StreamingRefusedError } from "./errors.ts";

/** The part of a `RestClient`'s request that concerns a tunnel. */
export interface TunnelRequest {
  /** Method; ignored, because a tunnel always uses POST. */
  readonly method?: string;
  /** Path, such as `/api/v1/namespaces/shop/pods/web/exec`. */
  readonly path: string;
  /** Query of the request. */
  readonly querystring?: URLSearchParams;
  /** Aborts opening, and later ends the tunnel. */
  readonly abortSignal?: AbortSignal;
  /** Sub-protocols to offer, best first, such as `v4.channel.k8s.io`. */
  readonly expectTunnel: readonly string[];
}

/** Argument of `KubernetesTunnel.getChannel`. */
export interface ChannelRequest<
  Readable extends boolean,
  Writable extends boolean,
> {
  /** Headers of the stream, such as `{ streamType: "stdout" }`. */
  readonly spdyHeaders?: Readonly<Record<string, string | number>>;
  /** For WebSockets; not used here. */
  readonly streamIndex?: number;
  /** Whether the server writes on it. */
  readonly readable: Readable;
  /** Whether the client writes on it. */
  readonly writable: Writable;
}

/** Result of `KubernetesTunnel.getChannel`. */
export interface Channel<Readable extends boolean, Writable extends boolean> {
  /** The server's bytes; `null` unless requested. */
  readonly readable: Readable extends true ? ReadableStream<Uint8Array> : null;
  /** The client's bytes; `null` unless requested. */
  readonly writable: Writable extends true ? WritableStream<Uint8Array> : null;
  /** Resets the channel. */
  close(): void;
}

/** Creates a tunnel. Only `openTunnel` calls it. */
let createTunnel: (
  connection: RawConnection,
  subProtocol: string,
  signal: AbortSignal | undefined,
) => SpdyTunnel;

/**
 * A tunnel over SPDY/3.1 with the interface of `KubernetesTunnel` of
 * `@cloudydeno/kubernetes-client`: the result of {@linkcode openTunnel}.
 *
 * @example
 * ```ts
 * import { openTunnel, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({ exec: async () => {} });
 * const tunnel = await openTunnel(
 *   { url: `http://127.0.0.1:${server.addr.port}` },
 *   {
 *     path: "/api/v1/namespaces/shop/pods/web/exec?stdout=true",
 *     expectTunnel: ["v4.channel.k8s.io"],
 *   },
 * );
 * assertEquals(tunnel.subProtocol, "v4.channel.k8s.io");
 * await tunnel.stop();
 * ```
 */
export class SpdyTunnel {
  readonly #connection: RawConnection;

  /** The network protocol. */
  readonly transportProtocol: "SPDY" = "SPDY";
  /** The sub-protocol that the server chose. */
  readonly subProtocol: string;

  static {
    createTunnel = (...parts) => new SpdyTunnel(...parts);
  }

  private constructor(
    connection: RawConnection,
    subProtocol: string,
    signal: AbortSignal | undefined,
  ) {
    this.#connection = connection;
    this.subProtocol = subProtocol;
    const onAbort = (): void => void this.stop();
    signal?.addEventListener("abort", onAbort, { once: true });
    // The listener is not called for an abort before it was added.
    if (signal?.aborted) onAbort();
    connection.closed
      .finally(() => signal?.removeEventListener("abort", onAbort))
      .catch(() => {});
  }

  /**
   * Opens a stream.
   *
   * Rejects with `InvalidArgumentError` without `spdyHeaders`, and with
   * `StreamResetError` or `ConnectionClosedError` if the server refuses the stream.
   */
  async getChannel<Readable extends boolean, Writable extends boolean>(
    request: ChannelRequest<Readable, Writable>,
  ): Promise<Channel<Readable, Writable>> {
    const { spdyHeaders, readable, writable } = request;
    if (spdyHeaders === undefined) {
      throw new InvalidArgumentError(
        "a SPDY stream needs the option spdyHeaders",
      );
    }
    // Names are in lower case in SPDY; Go ignores the case.
    const headers = Object.entries(spdyHeaders)
      .map(([name, value]): NameValue => [name.toLowerCase(), `${value}`]);
    // For a forwarded connection, the server waits for the end of the error stream.
    const isForwarded = headers.some(([name]) => name === "port");
    const stream = await this.#connection.openStream(headers, {
      fin: !writable && isForwarded,
    });
    if (!readable) {
      streamCoreOf(stream).dropBody(
        "the channel was opened with readable: false",
      );
    }
    // moby/spdystream 0.5.1 silently drops DATA that arrives before it has replied.
    await stream.response;
    return {
      readable: readable ? stream.readable : null,
      writable: writable ? stream.writable : null,
      close: () => stream.reset(),
    } as Channel<Readable, Writable>;
  }

  /** Called after the first channels were opened; SPDY does not need it. */
  ready(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends the tunnel. Never rejects. */
  stop(): Promise<void> {
    return this.#connection.close();
  }
}

/**
 * Opens a tunnel to an API server, for a `RestClient` whose `performRequest` gets
 * `expectTunnel`.
 *
 * Rejects with `StreamingRefusedError`, with the signal's reason, and as `exec` does.
 *
 * @example
 * ```ts
 * import { loadKubeConfig, openTunnel, type SpdyTunnel, type TunnelRequest } from "@spdy/spdy/kubernetes";
 *
 * async function performRequest(options: TunnelRequest): Promise<SpdyTunnel> {
 *   const config = await loadKubeConfig();
 *   return await openTunnel(await config.target(), options);
 * }
 * ```
 */
export async function openTunnel(
  target: TargetOptions,
  request: TunnelRequest,
): Promise<SpdyTunnel> {
  const own = copyTarget("openTunnel", target, TARGET_NAMES);
  const { path, querystring, abortSignal = own.signal, expectTunnel } = request;
  checkTexts("expectTunnel", expectTunnel);
  const url = readHttpUrl(own.url);
  const given = new URL(path, url.origin);
  url.pathname = url.pathname.replace(/\/+$/, "") + given.pathname;
  url.search = `${querystring ?? given.search}`;
  const options = { ...own, signal: abortSignal };
  return await withinTimeout(options, async (signal) => {
    const { connection, protocol } = await upgradeToSpdy(
      url,
      options,
      expectTunnel,
      signal,
    );
    if (protocol !== null && expectTunnel.includes(protocol)) {
      return createTunnel(connection, protocol, abortSignal);
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

/** The part of a `RestClient` that is used here. */
export interface TunnelledClient {
  /** Sends a request. */
  // deno-lint-ignore no-explicit-any
  performRequest(options: any): Promise<any>;
}

/**
 * Adds tunnels to a `RestClient` of `@cloudydeno/kubernetes-client`: requests with
 * `expectTunnel` use {@linkcode openTunnel}, and all others use `client`.
 *
 * `target` is the result of `KubeConfig.target`, or a function that is called for
 * each tunnel. The fields of an object are copied at the call, so `headers` that are assigned
 * to it later have no effect. For credentials that change, give a function.
 *
 * @example
 * ```ts
 * import { openTunnel, serveStreaming, withTunnels } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async exec({ stdout }) {
 *     await new Blob(["hello"]).stream().pipeTo(stdout);
 *   },
 * });
 * // In place of `await KubeConfigRestClient.readKubeConfig()`.
 * const plain = {
 *   performRequest(_request: object): ReturnType<typeof openTunnel> {
 *     return Promise.reject(new Error("no tunnels"));
 *   },
 * };
 * const client = withTunnels(plain, {
 *   url: `http://127.0.0.1:${server.addr.port}`,
 * });
 * const tunnel = await client.performRequest({
 *   method: "POST",
 *   path: "/api/v1/namespaces/shop/pods/web/exec",
 *   querystring: new URLSearchParams([["command", "date"], ["stdout", "true"]]),
 *   expectTunnel: ["v4.channel.k8s.io"],
 * });
 * const [, stdout] = await Promise.all(["error", "stdout"].map((streamType) =>
 *   tunnel.getChannel({ spdyHeaders: { streamType }, readable: true, writable: false })
 * ));
 * assertEquals(await new Response(stdout.readable).text(), "hello");
 * await tunnel.stop();
 * ```
 */
export function withTunnels<Client extends TunnelledClient>(
  client: Client,
  target: TargetOptions | (() => TargetOptions | Promise<TargetOptions>),
): Client {
  const own = typeof target === "function"
    ? target
    : copyTarget("withTunnels", target, TARGET_NAMES);
  const performRequest = async (
    request: Partial<TunnelRequest>,
  ): Promise<unknown> => {
    const { expectTunnel, path } = request;
    if (expectTunnel === undefined || path === undefined) {
      return await client.performRequest(request);
    }
    const found = typeof own === "function" ? await own() : own;
    return await openTunnel(found, { ...request, path, expectTunnel });
  };
  return new Proxy(client, {
    get(object, name) {
      if (name === "performRequest") return performRequest;
      const value = Reflect.get(object, name, object);
      // A method with private fields needs the client itself as `this`.
      return typeof value === "function" ? value.bind(object) : value;
    },
  });
}
