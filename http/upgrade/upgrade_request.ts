/**
 * The client's side of the HTTP/1.1 upgrade, on an open connection. node:http writes
 * the request and reads the head of the answer. Only this file loads node:http, and
 * it is itself imported only for an upgrade.
 *
 * @module
 */

import {
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from "node:http";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { startTimer, stopTimer } from "../../connection/time/clock.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { pathOf } from "../message/request_head.ts";
import { HeadDuplex } from "./head_duplex.ts";

/** Longest wait for the end of a refusal's body, ms; the head is enough to report it. */
const BODY_TIME = 2000;

/** The request to send. */
export interface UpgradeRequest {
  readonly url: URL;
  readonly method: string;
  /** Each pair is sent as its own line, even if a name occurs several times. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** Longest head of the answer, bytes. */
  readonly maxHead: number;
  /** Most bytes of a refusal's body that are kept. */
  readonly maxBody: number;
  /** Ends the wait for the answer; the request rejects with its reason. */
  readonly signal: AbortSignal;
}

/** The answer. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** The connection after a 101; the first byte to read is the one after the head. */
  readonly conn?: ByteConn;
  /** The body of any other answer, cut at `maxBody`. */
  readonly body?: Uint8Array<ArrayBuffer>;
}

/**
 * Sends the request and waits for the answer. Closes the connection unless the
 * answer is 101.
 */
export function requestUpgrade(
  conn: ByteConn,
  options: UpgradeRequest,
): Promise<UpgradeAnswer> {
  const { url, method, maxHead, maxBody, signal } = options;
  const duplex = new HeadDuplex(conn);
  const { promise, resolve, reject } = Promise.withResolvers<UpgradeAnswer>();
  /** Ends the wait for a refusal's body; set when its head has arrived. */
  let endBody: (() => void) | undefined;
  const onAbort = (): void => {
    const late = signal.reason instanceof ConnectionClosedError;
    // After a timeout, an answer without the end of its body is still an answer.
    if (late && endBody !== undefined) endBody();
    else {
      reject(signal.reason);
      // At once: an answer that is about to be read must not take the connection,
      // which nobody would close then.
      duplex.destroy();
    }
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();

  let request: ClientRequest;
  try {
    request = httpRequest({
      // There is no `agent`: with one, even `false`, node:http opens a connection itself.
      createConnection: () => duplex,
      method,
      path: pathOf(url),
      headers: lines(options.headers, url.host),
      maxHeaderSize: maxHead,
    });
  } catch (error) {
    // It throws for a method or a header that it does not send.
    signal.removeEventListener("abort", onAbort);
    promise.catch(() => {});
    duplex.destroy();
    throw error;
  }
  // An exception in an event handler, and a socket error without a listener, would
  // end the process.
  duplex.on("error", reject);
  request.on("upgrade", (message, _socket, head) => {
    try {
      resolve({ ...describe(message), conn: duplex.detach(head) });
    } catch (error) {
      reject(unreadable(error));
    }
  });
  request.on("response", (message) => {
    message.on("error", () => {});
    const enough = Promise.withResolvers<void>();
    endBody = enough.resolve;
    const timer = startTimer(enough.resolve, BODY_TIME);
    readBody(message, maxBody, enough.promise)
      .finally(() => stopTimer(timer))
      .then((body) => resolve({ ...describe(message), body }))
      .catch((error) => reject(unreadable(error)));
  });
  request.on("error", (error) => reject(translate(error)));
  request.end();
  return promise.catch((error) => {
    duplex.destroy();
    throw error;
  }).finally(() => {
    signal.removeEventListener("abort", onAbort);
  }).then((answer) => {
    if (answer.conn === undefined) duplex.destroy();
    return answer;
  });
}

function lines(
  headers: UpgradeRequest["headers"],
  host: string,
): Record<string, string | string[]> {
  // A map, because "constructor" is a valid name. Keyed in lower case, because
  // node:http sends only the last of two names that differ in case.
  const byName = new Map<string, [name: string, values: string[]]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const known = byName.get(key);
    if (known === undefined) byName.set(key, [name, [value]]);
    else known[1].push(value);
  }
  byName.delete("host");
  // node:http accepts `host` only as a string.
  return { ...Object.fromEntries(byName.values()), host };
}

function describe(
  message: IncomingMessage,
): Pick<UpgradeAnswer, "status" | "statusText" | "headers"> {
  const headers = new Headers();
  const { rawHeaders } = message;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i], rawHeaders[i + 1]);
  }
  return {
    status: message.statusCode ?? 0,
    // A Response rejects control characters, and a terminal obeys them.
    statusText: (message.statusMessage ?? "").replace(
      /[^\t\x20-\x7e\xa0-\xff]/g,
      "?",
    ),
    headers,
  };
}

/** Reads a body to its end, to `bound` bytes, or until `enough` resolves. */
async function readBody(
  message: IncomingMessage,
  bound: number,
  enough: Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Uint8Array(bound);
  let length = 0;
  const chunks = message[Symbol.asyncIterator]();
  try {
    while (length < bound) {
      const next = chunks.next();
      next.catch(() => {});
      const result = await Promise.race([next, enough]);
      if (!result || result.done) break;
      const part = result.value.subarray(0, bound - length);
      body.set(part, length);
      length += part.length;
    }
  } catch {
    // A part of the body still tells why the upgrade was refused.
  }
  return body.slice(0, length);
}

function translate(error: Error): Error {
  const { code } = error as { code?: unknown };
  // How node:http reports a 101 without one of these headers.
  if (code === "HPE_PAUSED_UPGRADE") {
    return new HttpMessageError(
      'the server answered 101 without the header upgrade or without "connection: Upgrade", so its protocol is unknown',
      { cause: error },
    );
  }
  if (typeof code === "string" && code.startsWith("HPE_")) {
    return unreadable(error);
  }
  return new ConnectionClosedError(
    `the peer closed the connection before it answered the upgrade: ${error.message}`,
    { initiator: "remote", cause: error },
  );
}

function unreadable(error: unknown): HttpMessageError {
  const reason = error instanceof Error ? error.message : String(error);
  return new HttpMessageError(
    `the answer to the upgrade cannot be read: ${reason}`,
    { cause: error },
  );
}
