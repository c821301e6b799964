/**
 * The client's side of the HTTP/1.1 upgrade, on an open connection. node:http
 * writes the request and reads the answer's head; this file loads it, so it is
 * imported only when somebody upgrades.
 *
 * @module
 */

import { type IncomingMessage, request as httpRequest } from "node:http";
import type { ByteConn } from "../../connection/transport.ts";
import { startTimer, stopTimer } from "../../connection/clock.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { HeadDuplex } from "./head_duplex.ts";
import { HttpMessageError } from "../message/message_error.ts";

/** Longest wait for the end of a refusal's body, ms: its head says what matters. */
const BODY_TIME = 2000;

/** What to ask for. */
export interface UpgradeRequest {
  readonly url: URL;
  readonly method: string;
  /** Each pair is sent as a line of its own, also when a name occurs several times. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** Longest head of an answer, bytes. */
  readonly maxHead: number;
  /** Longest body kept of an answer that refuses, bytes. */
  readonly maxBody: number;
  /** Ends the waiting, with its reason. */
  readonly signal: AbortSignal;
}

/** What was answered. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** The connection after a 101, beginning behind the head. */
  readonly conn?: ByteConn;
  /** The body of any other answer, cut at `maxBody`. */
  readonly body?: Uint8Array<ArrayBuffer>;
}

/**
 * Sends the request and waits for the answer. After anything but a 101 the
 * connection is closed.
 */
export function requestUpgrade(
  conn: ByteConn,
  options: UpgradeRequest,
): Promise<UpgradeAnswer> {
  const { url, method, maxHead, maxBody, signal } = options;
  const duplex = new HeadDuplex(conn);
  const { promise, resolve, reject } = Promise.withResolvers<UpgradeAnswer>();
  /** Set once a refusal's head has come: ends the wait for its body. */
  let endBody: (() => void) | undefined;
  const onAbort = (): void => {
    const late = signal.reason instanceof ConnectionClosedError;
    // The time is over, and the answer is there but for the end of its body.
    if (late && endBody !== undefined) endBody();
    else reject(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();

  const request = httpRequest({
    // No agent: with one, even `false`, node:http would connect by itself.
    createConnection: () => duplex,
    method,
    path: url.pathname + url.search,
    headers: lines(options.headers, url.host),
    maxHeaderSize: maxHead,
  });
  // What an event handler throws, and the fault of a socket that nobody listens
  // for, would end the process.
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
  // A map, as "constructor" is a name as good as any. And of two names that
  // differ in case node:http would send the last alone.
  const byName = new Map<string, [name: string, values: string[]]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const known = byName.get(key);
    if (known === undefined) byName.set(key, [name, [value]]);
    else known[1].push(value);
  }
  byName.delete("host");
  // node:http wants this one as a string.
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
    // Neither a Response nor a terminal takes control characters.
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
    // Cut short: what came still tells why the upgrade was refused.
  }
  return body.slice(0, length);
}

function translate(error: Error): Error {
  const { code } = error as { code?: unknown };
  // How node:http reports a 101 without the header `upgrade`.
  if (code === "HPE_PAUSED_UPGRADE") {
    return new HttpMessageError(
      "the server answered 101 and did not say what it upgrades to: there is no upgrade header",
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
