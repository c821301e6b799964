/**
 * The response that `fetch` over SPDY returns.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { handled } from "../../connection/deferred.ts";
import { isDecoded, markDecoded } from "../message/decoded_body.ts";
import { KEPT_STREAM } from "../../connection/warm.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import { toHeaders } from "../message/fields.ts";
import { ReceivedResponse } from "./received_response.ts";
import type { ResponseHead } from "../message/response_head.ts";

/** The properties of a {@linkcode SpdyResponse} besides head and body. */
export interface ResponseOrigin {
  /** URL of the request, without its fragment. */
  readonly url: string;
  /** Whether the request was redirected to that URL; default false. */
  readonly redirected?: boolean;
  /** The stream of the response. */
  readonly stream: Stream;
  /** Headers after the body; default all of the stream's HEADERS frames. */
  readonly trailers?: () => Promise<NameValue[]>;
}

/**
 * A `Response` that was received over SPDY, with its URL, its stream and its trailers.
 *
 * @example
 * ```ts
 * import { connect, serve } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serve({ port: 0, onListen() {} }, (_request, info) => {
 *   info.sendTrailers({ "x-checksum": "42" });
 *   return new Response("body");
 * });
 * await using connection = await connect({ port: server.addr.port });
 *
 * const response = await connection.fetch("http://localhost/");
 * assertEquals(await response.text(), "body");
 * assertEquals((await response.trailers).get("x-checksum"), "42");
 * ```
 *
 * @category Client
 */
export class SpdyResponse extends Response {
  static {
    // `super` returns a `ReceivedResponse`. For the type checker and the
    // documentation the class extends `Response`.
    Object.setPrototypeOf(this, ReceivedResponse);
    Object.setPrototypeOf(this.prototype, ReceivedResponse.prototype);
  }

  /** Keeps the compiled code of the class; see `zlib/deflate.ts`. */
  static readonly #kept: SpdyResponse = new SpdyResponse(
    new Uint8Array(1),
    { status: 200, statusText: "", headers: [], contentLength: undefined },
    { url: "", stream: KEPT_STREAM },
  );

  readonly #head: ResponseHead;
  readonly #origin: ResponseOrigin;

  /** Called by `fetch`. */
  constructor(
    body: BodyInit | null,
    head: ResponseHead,
    origin: ResponseOrigin,
  ) {
    super(body, head);
    this.#head = head;
    this.#origin = origin;
  }

  /** Always `"basic"`, as for every response from a server. */
  override get type(): ResponseType {
    return "basic";
  }

  /** Whether {@linkcode url} is the result of a redirect. */
  override get redirected(): boolean {
    return this.#origin.redirected ?? false;
  }

  /**
   * A second response with the same head, body, stream and trailers.
   *
   * Throws `TypeError` when the body was used or is locked.
   */
  override clone(): SpdyResponse {
    // `body` is read first: it is then a byte stream, and both copies have BYOB
    // readers.
    if (!this.bodyUsed) void this.body;
    const { body } = super.clone();
    const copy = new SpdyResponse(body, this.#head, this.#origin);
    if (isDecoded(this)) markDecoded(copy);
    return copy;
  }

  /** URL of the request, without its fragment. */
  override get url(): string {
    return this.#origin.url;
  }

  /** The stream of the response. Its `readable` is that of the body. */
  get stream(): Stream {
    return this.#origin.stream;
  }

  /**
   * Headers that arrived after the body (HEADERS frames, SPDY/3 draft 2.6.7); empty
   * if there were none. Resolves when the body has arrived completely, so read the
   * body as well. Rejects when the stream ends early.
   */
  get trailers(): Promise<Headers> {
    const { stream, trailers } = this.#origin;
    return handled((trailers?.() ?? stream.trailers).then(toHeaders));
  }
}
