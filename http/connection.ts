/**
 * A connection that sends HTTP requests.
 *
 * @module
 */

import { RawConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection/options.ts";
import type { Transport } from "../connection/transport/transport.ts";
import { bindFetch } from "./fetch/bind_fetch.ts";
import { fetchOver } from "./fetch/fetch.ts";
import type { FetchInit } from "./fetch/fetch_init.ts";
import type { SpdyResponse } from "./fetch/spdy_response.ts";

/**
 * A SPDY session on a transport: a `Deno.Conn` for TCP, TLS or a Unix socket, or
 * any pair of byte streams. `connect` and `accept` create one and negotiate the
 * version. Use the constructor if you have a transport and know the version.
 *
 * Iterating over it returns the streams that the peer opened. The iteration ends
 * with the connection; it throws if the connection failed.
 *
 * The connection ends after {@linkcode close} or {@linkcode goaway}, after the
 * peer's GOAWAY when the last stream has ended, when the transport ends or fails,
 * and when the peer breaks a rule. Every pending operation then rejects with an
 * error that names the reason.
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
  /** Starts a session on `transport`; see the constructor of `RawConnection`. */
  constructor(transport: Transport, options: ConnectionOptions) {
    super(transport, options);
    bindFetch(this);
  }

  /**
   * Sends an HTTP request over this connection, like the global `fetch`; resolves
   * when the head of the response has arrived. The request always goes to this
   * connection, whatever host its URL names. A path such as `"/index.html"` is
   * resolved against {@linkcode origin}. The bodies of request and response are
   * streamed with back-pressure. The method is bound, so it can be passed to a
   * library that takes a `fetch`.
   *
   * If `init.redirect` is `"follow"`, or a `Request` has that value, redirects
   * within the origin are followed. The default for a URL is `"manual"`: the caller
   * gets the redirect. There is no cache and no cookie jar. Trailers are in
   * `response.trailers`; pushed responses are passed to `init.onPush`. As with
   * `fetch`, a body with content-encoding gzip or deflate is decoded and the header
   * is kept, and reading a body that is shorter or longer than its `content-length`
   * fails (see `init.contentLength`). A request body in memory is sent with its actual
   * length, whatever a `content-length` header says. Hop-by-hop headers
   * (`connection`, `keep-alive`, `proxy-connection`, `transfer-encoding`) are not
   * sent, and a `host` header is sent as `:host`. If the application drops a response
   * without reading it, the response is cancelled after the garbage collector has
   * found it.
   *
   * Rejects with the reason of `init.signal` when that aborts, and otherwise with
   * `TypeError`, as `fetch` does. Its `cause` is `InvalidArgumentError` for an
   * option out of range; `HttpMessageError` if the peer sent an invalid response
   * (the stream is then reset with PROTOCOL_ERROR, SPDY/3 draft 3.2.2);
   * `StreamResetError` or `ConnectionClosedError` if the stream or the connection
   * ended first. If their `unprocessed` is true, the server certainly did not
   * process the request. Reading a body that ends early rejects in the same way.
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
    return fetchOver(this, input, init);
  }
}
