/**
 * Answers of HTTP/1.1 as bytes, and the end of a connection behind one.
 *
 * @module
 */

import { startTimer, stopTimer } from "../../connection/clock.ts";
import type { ByteConn } from "../../connection/transport.ts";
import { closeQuietly, writeAll } from "../../connection/byte_conn.ts";
import { httpDate } from "../message/date.ts";
import { reasonOf } from "../message/reasons.ts";

/** Headers that speak of the connection: they are ours to give. */
const OURS = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
]);
/** How long a client may take to read a last answer, ms. */
const LINGER = 1000;
/** How much it may go on sending meanwhile, bytes. */
const LINGER_BYTES = 256 * 1024;

/** What ends the head: how long the body is, and what becomes of the connection. */
export interface AnswerFraming {
  /** Bytes; `"chunked"`; `undefined`: until the connection ends, or no body at all. */
  readonly length: number | "chunked" | undefined;
  readonly keepAlive: boolean;
}

/** What of a response stands in the head of an answer. */
export type AnswerHead = Pick<Response, "status" | "statusText" | "headers">;

/** The head of an answer. */
export function encodeAnswer(
  { status, statusText, headers }: AnswerHead,
  { length, keepAlive }: AnswerFraming,
): Uint8Array {
  const reason = statusText || reasonOf(status);
  const lines = [`HTTP/1.1 ${status} ${reason}`];
  for (const [name, value] of headers) {
    if (!OURS.has(name)) lines.push(`${name}: ${value}`);
  }
  if (!headers.has("date")) lines.push(`date: ${httpDate()}`);
  if (length === "chunked") lines.push("transfer-encoding: chunked");
  else if (length !== undefined) lines.push(`content-length: ${length}`);
  const tokens = headers.has("upgrade") ? ["Upgrade"] : [];
  if (!keepAlive) tokens.unshift("close");
  if (tokens.length > 0) lines.push(`connection: ${tokens.join(", ")}`);
  return toBytes(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Whether an answer has a body that may be sent (RFC 9110 6.4.1). */
export function mayHaveBody(method: string, { status }: Response): boolean {
  return method !== "HEAD" && status !== 204 && status !== 205 &&
    status !== 304;
}

/** The answer in place of one that cannot be sent. */
export function serverError(): Response {
  return new Response("Internal Server Error\n", { status: 500 });
}

/** A whole answer that is the last of its connection. */
export async function encodeWhole(response: Response): Promise<Uint8Array> {
  const body = await response.bytes();
  const { length } = body;
  const head = encodeAnswer(response, { length, keepAlive: false });
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/**
 * Sends a whole answer and ends the connection; never rejects. An answer whose
 * body cannot be read becomes 500, and `tell` is told why.
 */
export async function answerAndEnd(
  conn: ByteConn,
  response: Response,
  tell?: (error: unknown) => void,
): Promise<void> {
  try {
    const whole = await encodeWhole(response).catch((error) => {
      tell?.(error);
      return encodeWhole(serverError());
    });
    await lingering(conn, writeAll(conn, whole));
    await endConversation(conn);
  } catch {
    // The client is gone; there is nobody to tell.
  }
  closeQuietly(conn);
}

/** Ends this direction, and drops what the client still sends. */
async function endConversation(conn: ByteConn): Promise<void> {
  await lingering(conn, conn.closeWrite());
  await dropInput(conn);
}

/**
 * Behind the end of this direction, lets what the client still sends come in
 * for a moment: a socket that is closed with bytes unread is reset, and a reset
 * takes the answer away that the client has not read (RFC 9112 9.6).
 */
export async function dropInput(conn: ByteConn): Promise<void> {
  await lingering(conn, drop(conn));
}

async function drop(conn: ByteConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let left = LINGER_BYTES; left > 0;) {
    const size = await conn.read(buffer);
    if (size === null) return;
    left -= size;
  }
}

async function lingering(
  conn: ByteConn,
  work: Promise<void>,
): Promise<void> {
  const timer = startTimer(() => closeQuietly(conn), LINGER);
  try {
    await work;
  } finally {
    stopTimer(timer);
  }
}

/** A byte for each character: headers are byte strings. */
function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
