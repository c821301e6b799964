/**
 * The body of a response, as its maker gave it.
 *
 * @module
 */

import { isHeldLocked, takeHeldBytes } from "./stand_in.ts";
import { usesStandIns } from "./stand_in_switch.ts";

/** Deno's record of a body, as far as this file is concerned. */
interface BodyRecord {
  readonly streamOrStatic: ReadableStream | { readonly body: unknown };
  consume(): unknown;
}

const ENCODER = new TextEncoder();
/** Undefined where the platform keeps bodies elsewhere. */
const KEY = findKey();

/**
 * The body: bytes when it was given as bytes or as text, and it is used up then;
 * else the stream. A stream that the platform makes of bytes, to be read again
 * here, would take a tenth of the requests a second.
 */
export function takeBody(
  response: Response,
): Uint8Array | ReadableStream<Uint8Array> | null {
  const held = takeHeldBytes(response);
  if (held !== undefined) return held;
  if (
    KEY === undefined || Object.getPrototypeOf(response) !== Response.prototype
  ) return response.body;
  const record = recordOf(response, KEY);
  return record ? takeBytes(record) ?? response.body : null;
}

/** Whether somebody reads the body already; a body in memory is not made a stream to find out. */
export function isLocked(response: Response): boolean {
  const held = isHeldLocked(response);
  if (held !== undefined) return held;
  const record = KEY !== undefined &&
      Object.getPrototypeOf(response) === Response.prototype
    ? recordOf(response, KEY)
    : undefined;
  if (record === undefined) return response.body?.locked === true;
  const body = record?.streamOrStatic;
  return body instanceof ReadableStream && body.locked;
}

/** The key's value; `undefined` where that is no record as expected. */
function recordOf(
  response: Response,
  key: symbol,
): BodyRecord | null | undefined {
  return Reflect.get(response, key);
}

/** Uses the body up when it is bytes or text. */
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
 * The key under which a response has the record of its body; `undefined` where
 * the platform keeps it elsewhere, or another kind of record.
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
