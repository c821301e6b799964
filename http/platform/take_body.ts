/**
 * Takes the body of a response in the form in which it was given.
 *
 * @module
 */

import { isHeldLocked, takeHeldBytes } from "./stand_in.ts";
import { usesStandIns } from "./stand_in_switch.ts";

/** The part of Deno's record of a body that is used here. */
interface BodyRecord {
  readonly streamOrStatic: ReadableStream | { readonly body: unknown };
  consume(): unknown;
}

const ENCODER = new TextEncoder();
/** The result of {@linkcode findKey}. Found late, because it loads `Response`: 5 ms that a client saves. */
let found: { readonly key: symbol | undefined } | undefined;

function bodyKey(): symbol | undefined {
  return (found ??= { key: findKey() }).key;
}

/**
 * The body: bytes if it was given as bytes or text, and then it counts as used;
 * otherwise the stream. Reading bytes through a stream of the platform would cost a
 * tenth of the requests per second.
 */
export function takeBody(
  response: Response,
): Uint8Array | ReadableStream<Uint8Array> | null {
  const held = takeHeldBytes(response);
  if (held !== undefined) return held;
  const key = bodyKey();
  if (
    key === undefined || Object.getPrototypeOf(response) !== Response.prototype
  ) return response.body;
  const record = recordOf(response, key);
  return record ? takeBytes(record) ?? response.body : null;
}

/** Whether the body is locked to a reader. This does not turn a body in memory into a stream. */
export function isLocked(response: Response): boolean {
  const held = isHeldLocked(response);
  if (held !== undefined) return held;
  const key = bodyKey();
  const record = key !== undefined &&
      Object.getPrototypeOf(response) === Response.prototype
    ? recordOf(response, key)
    : undefined;
  if (record === undefined) return response.body?.locked === true;
  const body = record?.streamOrStatic;
  return body instanceof ReadableStream && body.locked;
}

/** The record under the key; `undefined` if it has an unexpected form. */
function recordOf(
  response: Response,
  key: symbol,
): BodyRecord | null | undefined {
  return Reflect.get(response, key);
}

/** Takes the body and marks it as used, if it is bytes or text. */
function takeBytes(record: BodyRecord): Uint8Array | undefined {
  const { streamOrStatic } = record;
  if (streamOrStatic instanceof ReadableStream) return undefined;
  const { body } = streamOrStatic;
  if (typeof body === "string") {
    record.consume();
    return ENCODER.encode(body);
  }
  if (!(body instanceof Uint8Array)) return undefined;
  record.consume();
  return body;
}

/**
 * The key under which a response stores the record of its body; `undefined` if Deno
 * stores it elsewhere or in another form.
 */
function findKey(): symbol | undefined {
  if (!usesStandIns()) return undefined;
  return Object.getOwnPropertySymbols(Response.prototype).find((key) => {
    try {
      return isKey(key);
    } catch {
      return false;
    }
  });
}

function isKey(key: symbol): boolean {
  const text = new Response("x");
  const bytes = new Response(new Uint8Array(1));
  const stream = new Response(new ReadableStream());
  const of = (response: Response) => recordOf(response, key) as BodyRecord;
  return recordOf(new Response(), key) === null &&
    takeBytes(of(text))?.[0] === 0x78 && text.bodyUsed &&
    takeBytes(of(bytes))?.length === 1 && bytes.bodyUsed &&
    takeBytes(of(stream)) === undefined && !stream.bodyUsed;
}
