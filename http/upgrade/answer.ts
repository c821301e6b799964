/**
 * Encodes HTTP/1.1 answers, and ends a connection after an answer.
 *
 * @module
 */

import { startIdleTimer, stopTimer } from "../../connection/time/clock.ts";
import {
  closeQuietly,
  readPart,
  writeAll,
} from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { httpDate } from "../message/date.ts";
import { isNullBodyStatus } from "../message/null_body.ts";
import { reasonPhrase } from "../message/reason_phrases.ts";

/** Headers about the connection, which this module sets. */
const OURS = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
]);
/** Longest wait for a client to read the last answer, ms. */
const LINGER = 1000;
/** Most bytes that are read from the client during this time. */
const LINGER_BYTES = 256 * 1024;

/** How the body is delimited, and whether the connection stays open. */
export interface AnswerFraming {
  /**
   * Length in bytes, or `"chunked"`; `undefined`: no body, or a body that ends with
   * the connection.
   */
  readonly length: number | "chunked" | undefined;
  readonly keepAlive: boolean;
}

/** The parts of a response that are in the head of an answer. */
export type AnswerHead = Pick<Response, "status" | "statusText" | "headers">;

/** Encodes the head of an answer. */
export function encodeAnswer(
  { status, statusText, headers }: AnswerHead,
  { length, keepAlive }: AnswerFraming,
): Uint8Array {
  const reason = statusText || reasonPhrase(status);
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

/** Whether the body of an answer may be sent (RFC 9110 6.4.1). */
export function mayHaveBody(method: string, { status }: Response): boolean {
  return method !== "HEAD" && !isNullBodyStatus(status);
}

/** The answer if another answer cannot be sent. */
export function serverError(): Response {
  return new Response("Internal Server Error\n", { status: 500 });
}

/** Encodes an answer after which the connection ends. The answer to HEAD has only a head. */
export async function encodeWhole(
  response: Response,
  isHead = false,
): Promise<Uint8Array> {
  const body = await response.bytes();
  const { length } = body;
  const head = encodeAnswer(response, { length, keepAlive: false });
  if (isHead) return head;
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/** How a last answer is sent. */
export interface LastAnswerOptions {
  /** Called if the body of the answer cannot be read. */
  readonly tell?: (error: unknown) => void;
  /** Whether the request is HEAD. */
  readonly isHead?: boolean;
}

/**
 * Sends an answer and ends the connection; never rejects. If the body of the answer
 * cannot be read, it sends 500.
 */
export async function answerAndEnd(
  conn: ByteConn,
  response: Response,
  { tell, isHead }: LastAnswerOptions = {},
): Promise<void> {
  try {
    const whole = await encodeWhole(response, isHead).catch((error) => {
      tell?.(error);
      return encodeWhole(serverError(), isHead);
    });
    await lingering(conn, writeAll(conn, whole));
    await endConversation(conn);
  } catch {
    // The client has left, so the answer cannot be sent.
  }
  closeQuietly(conn);
}

/** Ends this direction, and drops the remaining input. */
async function endConversation(conn: ByteConn): Promise<void> {
  await lingering(conn, conn.closeWrite());
  await dropInput(conn);
}

/**
 * Reads and drops input for a short time after the end of this direction. If a
 * socket is closed with unread input, the system resets it, and the client loses an
 * answer that it has not read yet (RFC 9112 9.6).
 */
export async function dropInput(conn: ByteConn): Promise<void> {
  await lingering(conn, drop(conn));
}

async function drop(conn: ByteConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let left = LINGER_BYTES; left > 0;) {
    const size = await readPart(conn, buffer);
    if (size === null) return;
    left -= size;
  }
}

async function lingering(
  conn: ByteConn,
  work: Promise<void>,
): Promise<void> {
  // The socket decides whether that keeps the process alive: see `startIdleTimeout`.
  const timer = startIdleTimer(() => closeQuietly(conn), LINGER);
  try {
    await work;
  } finally {
    stopTimer(timer);
  }
}

/** Encodes headers, which are byte strings: one byte for each character. */
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
