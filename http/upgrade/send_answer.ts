/**
 * Sends the answer to an HTTP/1.1 request.
 *
 * @module
 */

import { bytesOf } from "../message/body_bytes.ts";
import { parseContentLength, wrongLength } from "../message/content_length.ts";
import { isDecoded, withoutCoding } from "../message/decoded_body.ts";
import {
  type AnswerHead,
  encodeAnswer,
  mayHaveBody,
  serverError,
} from "./answer.ts";
import type { Http1RequestHead } from "./head.ts";
import type { TimeoutConn } from "./timeout_conn.ts";

const CRLF = new TextEncoder().encode("\r\n");
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");

/** How an answer is sent. */
export interface SendAnswerOptions {
  /** Whether another request may follow. */
  readonly keepAlive: boolean;
  /** Called with errors of the answer's body. */
  readonly tell: (error: unknown) => void;
}

/**
 * Throws for a response that cannot be sent, before any part of it is sent: one
 * whose body was used or is locked, an error response, one whose `content-length`
 * is not a number, and one without a body whose `content-length` is above 0.
 */
export function checkAnswer(method: string, response: Response): Response {
  if (!(response instanceof Response)) {
    throw new TypeError("the handler's result is not a Response");
  }
  const { body, bodyUsed, status } = response;
  if (status < 200) {
    throw new TypeError("the handler's response is an error response");
  }
  if (bodyUsed || body?.locked) {
    throw new TypeError(
      "the body of the handler's response has been read, or is locked to a reader",
    );
  }
  let announced: number | undefined;
  try {
    announced = announcedBy(headOf(response).headers);
  } catch (error) {
    // The body may hold a file open.
    body?.cancel(error).catch(() => {});
    throw error;
  }
  if (body === null && announced && mayHaveBody(method, response)) {
    throw wrongLength(announced, "0", "local");
  }
  return response;
}

/**
 * Sends a checked response. Rejects if the client has left, or if the body fails or
 * its length differs from `content-length`. The connection must then be closed, so
 * that the client notices that the body is truncated.
 *
 * The body of an HTTP/1.0 answer without `content-length` ends with the connection
 * (RFC 9112 6.3). Deno cannot reset a connection, so a client cannot notice that
 * such a body is truncated. The first bytes are therefore awaited, so that a body
 * that fails at once is answered with 500.
 */
export async function sendAnswer(
  conn: TimeoutConn,
  { method, minor }: Pick<Http1RequestHead, "method" | "minor">,
  response: Response,
  { keepAlive, tell }: SendAnswerOptions,
): Promise<void> {
  const { body } = response;
  const head = headOf(response);
  const announced = announcedBy(head.headers);
  if (body === null || !mayHaveBody(method, response)) {
    // Not awaited: errors of the body no longer affect the client.
    body?.cancel().catch(tell);
    const length = lengthWithoutBody(method, head.status, announced);
    await conn.write(encodeAnswer(head, { length, keepAlive }));
    return;
  }
  const source = new AnswerSource(body, announced, tell);
  const chunked = announced === undefined && minor > 0;
  const length = chunked ? "chunked" : announced;
  let first: Uint8Array | undefined;
  if (length === undefined) {
    try {
      first = await source.next();
    } catch {
      // The error was already reported.
      const failed = { method, minor };
      return await sendAnswer(conn, failed, serverError(), { keepAlive, tell });
    }
  }
  try {
    await conn.write(encodeAnswer(head, { length, keepAlive }));
    if (first !== undefined) await conn.write(first);
    for (;;) {
      const chunk = await source.next();
      if (chunk === undefined) break;
      await conn.write(chunked ? asChunk(chunk) : chunk);
    }
  } catch (error) {
    source.cancel(error);
    throw error;
  }
  if (chunked) await conn.write(LAST_CHUNK);
}

/** Reads the body of an answer and checks its length. */
class AnswerSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #announced: number | undefined;
  readonly #tell: (error: unknown) => void;
  #size = 0;

  constructor(
    body: ReadableStream<Uint8Array>,
    announced: number | undefined,
    tell: (error: unknown) => void,
  ) {
    this.#reader = body.getReader();
    this.#announced = announced;
    this.#tell = tell;
  }

  /** The next bytes; `undefined` at the end. Reports a failure and throws it. */
  async next(): Promise<Uint8Array | undefined> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) {
          if (this.#size < (this.#announced ?? 0)) this.#refuse("only ");
          return undefined;
        }
        const bytes = bytesOf(value);
        if (bytes === undefined) {
          throw new TypeError(
            "the body of the handler's response contains a chunk that is not a Uint8Array",
          );
        }
        this.#size += bytes.length;
        if (this.#size > (this.#announced ?? Infinity)) this.#refuse("");
        if (bytes.length > 0) return bytes;
      }
    } catch (error) {
      this.#tell(error);
      throw error;
    }
  }

  cancel(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => {});
  }

  #refuse(how: string): never {
    throw wrongLength(this.#announced ?? 0, `${how}${this.#size}`, "local");
  }
}

/** The head, adapted to the body that is sent. */
function headOf(response: Response): AnswerHead {
  const { status, statusText, headers } = response;
  return {
    status,
    statusText,
    headers: isDecoded(response) ? withoutCoding(headers) : headers,
  };
}

function announcedBy(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  return value === null ? undefined : parseContentLength(value, "local");
}

/**
 * An answer without a body may have the length of the answer to GET, except with
 * status 204 (RFC 9110 8.6).
 */
function lengthWithoutBody(
  method: string,
  status: number,
  announced: number | undefined,
): number | undefined {
  if (status === 204 || status === 304) return undefined;
  if (status === 205 || method !== "HEAD") return 0;
  return announced;
}

/** Encodes a chunk: its size and its bytes, each followed by CR LF (RFC 9112 7.1). */
function asChunk(bytes: Uint8Array): Uint8Array {
  const size = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + CRLF.length);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set(CRLF, size.length + bytes.length);
  return chunk;
}
