/**
 * A connection that sends HTTP requests.
 *
 * @module
 */

import { RawConnection } from "../connection.ts";
import { handled } from "../connection/deferred.ts";
import type { ConnectionOptions } from "../connection/options.ts";
import type { Transport } from "../connection/transport.ts";
import { bindFetch } from "./client/bind_fetch.ts";
import { fetchOver } from "./client/fetch.ts";
import type { FetchInit } from "./client/fetch_init.ts";
import type { SpdyResponse } from "./client/spdy_response.ts";

/**
 * A SPDY session on a transport: TCP, TLS or Unix as `Deno.Conn`, or any pair of
 * byte streams. `connect` and `accept` make one with the version agreed on;
 * the constructor is for a transport and a version at hand.
 *
 * Iterating over it gives the streams that the peer opened; it ends with the
 * connection, with an error when that ended badly.
 *
 * It ends by {@linkcode close} or {@linkcode goaway}, by the peer's GOAWAY once
 * the last stream is through, by the end or failure of the transport, or by
 * the peer's fault. Everything pending then rejects with an error that says
 * which; nothing hangs.
 *
 * @example A server and a client on loopback TCP
 * ```ts
 * import { accept, connect } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 *
 * async function serve(): Promise<void> {
 *   await using connection = await accept(await listener.accept());
 *   for await (const stream of connection) {
 *     await stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
 *     await stream.readable.pipeTo(stream.writable);
 *   }
 * }
 * const served = serve();
 *
 * await using connection = await connect({ hostname: "127.0.0.1", port });
 * const stream = await connection.openStream([[":path", "/echo"]]);
 * const writer = stream.writable.getWriter();
 * writer.write(new TextEncoder().encode("multiplexed"));
 * writer.close();
 * assertEquals((await stream.response)[0], [":status", "200"]);
 * assertEquals(await new Response(stream.readable).text(), "multiplexed");
 * await connection.goaway();
 * await served;
 * ```
 *
 * @category Connection
 */
export class Connection extends RawConnection {
  /** Starts a session on `transport`, as that of `RawConnection` does. */
  constructor(transport: Transport, options: ConnectionOptions) {
    super(transport, options);
    bindFetch(this);
  }

  /**
   * Sends an HTTP request over this connection, like the global `fetch`; resolves
   * when the response's head has arrived. The URL says what to ask for, never where.
   * A path alone, such as `"/index.html"`, belongs to {@linkcode origin}. Request and
   * response bodies are streamed, both with back-pressure. The method is bound: it can
   * be passed to a library that takes a `fetch`.
   *
   * Redirects are followed within the origin of the request when `init.redirect` is
   * `"follow"`, or when a `Request` says so. The default for a URL is `"manual"`: the
   * caller gets the redirect. There is no cache and no cookie jar. Trailers are at
   * `response.trailers`; pushed responses go to `init.onPush`. As with `fetch`, a
   * body with content-encoding gzip or deflate is decoded and the header stays, and
   * reading a body that is shorter or longer than its `content-length` fails (see
   * `init.contentLength`). Hop-by-hop headers (`connection`, `keep-alive`,
   * `proxy-connection`, `transfer-encoding`) are left out, and a `host` header
   * becomes `:host`. A response that the application drops unread is cancelled once
   * the garbage collector has found that.
   *
   * Rejects with the reason of `init.signal` when that aborts, and with `TypeError`
   * in every other case, as `fetch` does. Its `cause` says more:
   * `InvalidArgumentError` for an option that is out of range, `HttpMessageError`
   * when the peer sent no valid response (the stream is then reset with
   * PROTOCOL_ERROR, SPDY/3 draft 3.2.2), `StreamResetError` or
   * `ConnectionClosedError` when the stream or the connection ended first; their
   * `unprocessed` says that the server certainly did nothing. Reading a body that
   * breaks off rejects in the same way.
   *
   * @example
   * ```ts
   * import { connect, serve } from "@spdy/spdy";
   * import { assertEquals } from "jsr:@std/assert@1";
   *
   * await using server = serve({ port: 0, onListen() {} }, async (request) => {
   *   return Response.json({ length: (await request.bytes()).length });
   * });
   * await using connection = await connect({ port: server.addr.port });
   * const response = await connection.fetch("/upload", {
   *   method: "POST",
   *   body: "12345",
   * });
   * assertEquals(await response.json(), { length: 5 });
   * ```
   */
  fetch(
    input: string | URL | Request,
    init?: FetchInit,
  ): Promise<SpdyResponse> {
    return handled(fetchOver(this, input, init));
  }
}
