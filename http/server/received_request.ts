/**
 * A `Request` of what came, made in full only when that is asked for.
 *
 * @module
 */

import { isPlainList } from "../platform/header_text.ts";
import type { RequestHead } from "./request_head.ts";
import {
  HELD,
  Held,
  type StandInBody,
  standInFor,
} from "../platform/stand_in.ts";

type Parts = Pick<RequestHead, "method" | "url" | "headers">;

/** Methods that the platform takes as they are. */
const USUAL: ReadonlySet<string> = new Set([
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
]);

class HeldRequest extends Held<Request> {
  readonly url: string;
  readonly method: string;
  readonly #signal: () => AbortSignal;

  constructor(
    { method, url, headers }: Parts,
    body: StandInBody,
    signal: () => AbortSignal,
  ) {
    super(body, headers);
    this.url = new URL(url).href;
    this.method = method;
    this.#signal = signal;
    // The platform says what is wrong with others, and watches over streams.
    if (
      !isPlainList(headers) || !USUAL.has(method) ||
      body instanceof ReadableStream
    ) {
      this.method = this.real.method;
    }
  }

  get signal(): AbortSignal {
    return this.#signal();
  }

  protected override make(body: BodyInit | null): Request {
    // Without what goes without saying: a dictionary takes 1.5 us to convert.
    return this.method === "GET"
      ? new Request(this.url)
      : new Request(this.url, { method: this.method, body });
  }
}

class StandInRequest {
  readonly [HELD]: HeldRequest;

  constructor(held: HeldRequest) {
    this[HELD] = held;
  }

  get method(): string {
    return this[HELD].method;
  }

  get url(): string {
    return this[HELD].url;
  }

  get signal(): AbortSignal {
    return this[HELD].signal;
  }
}

const PROBE: Parts = {
  method: "POST",
  url: "http://localhost/",
  headers: [],
};

const STANDS_IN = standInFor(StandInRequest.prototype, Request, () => {
  const signal = () => new AbortController().signal;
  return new StandInRequest(new HeldRequest(PROBE, new Uint8Array(1), signal));
});

/**
 * A `Request` that costs little until more than its URL, its method and its
 * bytes are asked for. `signal` is called when somebody asks for the signal:
 * most never do. What the platform makes of the request (`new
 * Request(request)`, `fetch(request)`) has a signal of its own.
 *
 * Throws `TypeError` for parts that are no request.
 */
export function receivedRequest(
  head: Parts,
  body: StandInBody,
  signal: () => AbortSignal,
): Request {
  const held = new HeldRequest(head, body, signal);
  if (STANDS_IN) return new StandInRequest(held) as unknown as Request;
  return Object.defineProperty(held.real, "signal", {
    configurable: true,
    get: signal,
  });
}

/** Keeps the code for requests compiled while there is no other; see `zlib/deflate.ts`. */
export const KEPT_REQUEST: Request = receivedRequest(
  { method: "GET", url: "http://localhost/", headers: [["a", "b"]] },
  null,
  () => new AbortController().signal,
);
