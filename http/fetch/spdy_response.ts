/**
 * The response that `fetch` over SPDY returns.
 *
 * @module
 */

import { keepCompiledCode } from "../../compiled_code.ts";
import { handled } from "../../connection/deferred.ts";
import { KEPT_STREAM } from "../../connection/kept_stream.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import type { NameValue } from "../../frame/types.ts";
import { isDecoded, markDecoded } from "../message/decoded_body.ts";
import { toHeaders } from "../message/fields.ts";
import { type ReceivedHead, ReceivedResponse } from "./received_response.ts";

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
  /** The signal of the request, which also fails a body that is not read yet. */
  readonly signal?: AbortSignal;
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
export interface SpdyResponse extends Response {
  /** Always `"basic"`, as for every response from a server. */
  readonly type: ResponseType;

  /** Whether {@linkcode url} is the result of a redirect. */
  readonly redirected: boolean;

  /** URL of the request, without its fragment. */
  readonly url: string;

  /** The stream of the response. Its `readable` is that of the body. */
  readonly stream: Stream;

  /**
   * Headers that arrived after the body (HEADERS frames, SPDY/3 draft 2.6.7); empty
   * if there were none. Resolves when the body has arrived completely, so read the
   * body as well. Rejects when the stream ends early.
   */
  readonly trailers: Promise<Headers>;

  /**
   * A second response with the same head, body, stream and trailers.
   *
   * Throws `TypeError` when the body was used or is locked.
   */
  clone(): SpdyResponse;
}

/** A `Response` for the type checker, which does not create the platform's class. */
const Received = ReceivedResponse as unknown as {
  new (
    body: BodyInit | null,
    head: ReceivedHead,
    signal: AbortSignal | undefined,
  ): Response;
};

class OriginResponse extends Received implements SpdyResponse {
  static {
    keepCompiledCode(
      new OriginResponse(
        new Uint8Array(1),
        { status: 200, statusText: "", headers: [] },
        { url: "", stream: KEPT_STREAM },
      ),
    );
  }

  readonly #head: ReceivedHead;
  readonly #origin: ResponseOrigin;

  constructor(
    body: BodyInit | null,
    head: ReceivedHead,
    origin: ResponseOrigin,
  ) {
    super(body, head, origin.signal);
    this.#head = head;
    this.#origin = origin;
  }

  override get type(): ResponseType {
    return "basic";
  }

  override get redirected(): boolean {
    return this.#origin.redirected ?? false;
  }

  override get url(): string {
    return this.#origin.url;
  }

  override clone(): SpdyResponse {
    // `body` is read first: it is then a byte stream, and both copies have BYOB
    // readers.
    if (!this.bodyUsed) void this.body;
    const { body } = super.clone();
    const copy = new OriginResponse(body, this.#head, this.#origin);
    if (isDecoded(this)) markDecoded(copy);
    return copy;
  }

  get stream(): Stream {
    return this.#origin.stream;
  }

  get trailers(): Promise<Headers> {
    const { stream, trailers } = this.#origin;
    return handled((trailers?.() ?? stream.trailers).then(toHeaders));
  }
}

// The class that `response.constructor` returns is that of the platform.
Reflect.deleteProperty(OriginResponse.prototype, "constructor");
// As in the platform's class, `for in` finds these members.
for (const name of ["type", "redirected", "url", "clone"]) {
  Object.defineProperty(OriginResponse.prototype, name, { enumerable: true });
}

/** Creates a response, for `fetch`. */
export function spdyResponse(
  body: BodyInit | null,
  head: ReceivedHead,
  origin: ResponseOrigin,
): SpdyResponse {
  return new OriginResponse(body, head, origin);
}
