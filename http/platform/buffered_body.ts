/**
 * Whether the length of a request's body is known before it is read.
 *
 * @module
 */

/** The part of Deno's record of a body that is used here. */
interface BodyRecord {
  readonly source: unknown;
  readonly streamOrStatic: unknown;
}

/** The result of {@linkcode findKey}, which takes 2 ms. Most programs never need it. */
let found: { readonly key: symbol | undefined } | undefined;

/**
 * Whether the body was given as a value and not as a stream, so that it can be read
 * at once and several times. `given` is the body from which the request was just
 * created.
 */
export function hasBufferedBody(request: Request, given: unknown): boolean {
  const { key } = found ??= { key: findKey() };
  if (key === undefined) return given !== undefined && !isStream(given);
  const record = recordOf(request, key);
  return record !== null && record !== undefined && record.source !== null;
}

function isStream(body: unknown): boolean {
  return body === null || body instanceof ReadableStream ||
    typeof body === "object" && Symbol.asyncIterator in body;
}

function recordOf(
  request: Request,
  key: symbol,
): BodyRecord | null | undefined {
  return Reflect.get(request, key);
}

/**
 * The key under which a request stores the record of its body; `undefined` if Deno
 * stores it elsewhere.
 */
function findKey(): symbol | undefined {
  return Object.getOwnPropertySymbols(Request.prototype).find((key) => {
    try {
      return isKey(key);
    } catch {
      return false;
    }
  });
}

function isKey(key: symbol): boolean {
  const record = (body: BodyInit | undefined): BodyRecord | null | undefined =>
    recordOf(new Request("http://localhost/", { method: "POST", body }), key);
  return record(undefined) === null &&
    record("x")?.source === "x" &&
    record(new Blob())?.source instanceof Blob &&
    record(new ReadableStream())?.source === null;
}
