/**
 * A light `Request` for a received message. The platform's own object is created
 * only if the handler needs it.
 *
 * @module
 */

import { keepCompiledCode } from "../../compiled_code.ts";
import type { RequestHead } from "../message/request_head.ts";
import { isPlainList } from "../platform/header_text.ts";
import { makeImmutable } from "../platform/immutable_headers.ts";
import { setLinearIterators } from "../platform/linear_iterators.ts";
import {
  HELD,
  Held,
  type StandInBody,
  standInFor,
} from "../platform/stand_in.ts";

type Parts =
  & Pick<RequestHead, "method" | "url" | "headers">
  & Partial<Pick<RequestHead, "isPlain" | "scheme" | "host">>;

/** Methods that the platform does not change. */
const USUAL: ReadonlySet<string> = new Set([
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
]);

/** Scheme and host of the last URL that was parsed. */
let lastScheme = "";
let lastHost = "";

class HeldRequest extends Held<Request> {
  /** Normalized, or as it arrived; see {@linkcode HeldRequest.url}. */
  #url: string;
  #isParsed: boolean;
  readonly method: string;
  readonly #signal: () => AbortSignal;

  constructor(
    { method, url, headers, isPlain, scheme, host }: Parts,
    body: StandInBody,
    signal: () => AbortSignal,
  ) {
    super(body, headers);
    this.#url = url;
    this.#isParsed = false;
    // An invalid URL is an error of the request. Only its host can be invalid, so one
    // with the host of the last URL is parsed if the handler reads it: 0.7 us.
    if (scheme !== lastScheme || host !== lastHost) {
      this.url;
      lastScheme = scheme ?? "";
      lastHost = host ?? "";
    }
    this.method = method;
    this.#signal = signal;
    // For other values the platform throws its own errors, and it tracks streams.
    if (
      !(isPlain ?? isPlainList(headers)) || !USUAL.has(method) ||
      body instanceof ReadableStream
    ) {
      this.method = this.real.method;
    }
  }

  get url(): string {
    if (!this.#isParsed) {
      this.#url = new URL(this.#url).href;
      this.#isParsed = true;
    }
    return this.#url;
  }

  get signal(): AbortSignal {
    return this.#signal();
  }

  protected override make(body: BodyInit | null): Request {
    // Leaves out defaults, because converting a dictionary takes 1.5 us.
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

let standsIn: boolean | undefined;

/**
 * Checks whether stand-ins work. It takes 6 ms, so only a server does it, at its
 * start.
 */
export function prepareRequests(): void {
  if (standsIn !== undefined) return;
  standsIn = standInFor(
    StandInRequest.prototype,
    Request,
    () => probe(new AbortController()),
  ) && signalsFollow();
  keepCompiledCode(
    receivedRequest(
      { method: "GET", url: "http://localhost/", headers: [["a", "b"]] },
      null,
      () => new AbortController().signal,
    ),
  );
}

function probe({ signal }: AbortController): StandInRequest {
  const held = new HeldRequest(PROBE, new Uint8Array(1), () => signal);
  return new StandInRequest(held);
}

/** Whether copies that the platform makes of a stand-in abort with its signal. */
function signalsFollow(): boolean {
  const abort = new AbortController();
  const original = probe(abort) as unknown as Request;
  const copies = [original.clone(), new Request(original)];
  abort.abort();
  return copies.every(({ signal }) => signal.aborted);
}

/**
 * A `Request` that is cheap as long as only its URL, its method and its bytes are
 * used. `signal` is called when the program first uses the signal, which most
 * programs never do. Copies that the platform makes of the request
 * (`request.clone()`, `new Request(request)`, `fetch(request)`) have a signal that
 * aborts with this one.
 *
 * Throws `TypeError` for parts that are not a valid request.
 */
export function receivedRequest(
  head: Parts,
  body: StandInBody,
  signal: () => AbortSignal,
): Request {
  prepareRequests();
  if (!standsIn) return platformRequest(head, body, signal());
  const held = new HeldRequest(head, body, signal);
  return new StandInRequest(held) as unknown as Request;
}

/** The platform's own object. */
function platformRequest(
  { method, url, headers }: Parts,
  body: StandInBody,
  signal: AbortSignal,
): Request {
  const request = new Request(url, {
    method,
    body: body as BodyInit | null,
    signal,
  });
  for (const [name, value] of headers) request.headers.append(name, value);
  setLinearIterators(request.headers, headers.length);
  makeImmutable(request.headers);
  return request;
}
