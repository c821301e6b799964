/**
 * Plain GET requests to an API server: to find the pod behind a service, and to watch
 * a pod.
 *
 * They use the same options as the upgrades (TLS, client certificate, proxy, PROXY
 * protocol), each on a connection of its own. Redirects are not followed: they would
 * carry credentials to another host.
 *
 * @module
 */

import {
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from "node:http";
import { collect } from "../../bytes.ts";
import { TimeLimit } from "../../connection/time/time_limit.ts";
import { dial } from "../../http/upgrade/dial.ts";
import { HeadDuplex } from "../../http/upgrade/head_duplex.ts";
import { noteAnswer } from "../credentials.ts";
import { headerLines } from "../../http/upgrade/header_lines.ts";
import type { TargetOptions } from "../dial.ts";
import { StreamingRefusedError } from "../errors.ts";

/** Largest answer, bytes; lists of pods are requested in portions that are far smaller. */
const MAX_ANSWER = 16 * 1024 * 1024;
/** Most bytes of a refusal's body. */
const MAX_REFUSAL = 64 * 1024;
/** Largest head of an answer, bytes. */
const MAX_HEAD = 16 * 1024;

/** The server to ask. */
export type ApiTarget = Pick<
  TargetOptions,
  | "url"
  | "headers"
  | "tls"
  | "proxy"
  | "dial"
  | "proxyProtocol"
  | "signal"
  | "timeout"
>;

/** The request. */
export interface ApiRequest {
  /** Path without the prefix in the server's URL, such as `/api/v1/namespaces`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

/**
 * Requests an object.
 *
 * Rejects with `StreamingRefusedError` for any status but 200 and for an answer
 * that is not a JSON object of at most 16 MiB, with `ConnectionClosedError` when it
 * takes too long, with the signal's reason, and with the socket's error.
 */
export async function getObject(
  target: ApiTarget,
  request: ApiRequest,
): Promise<Record<string, unknown>> {
  const limit = startLimit(target);
  try {
    const answer = await send(target, request, limit.signal);
    const bytes = await collect(
      answer,
      MAX_ANSWER,
      () =>
        new StreamingRefusedError(
          200,
          `the answer has more than ${MAX_ANSWER} bytes`,
        ),
    );
    return parseObject(new TextDecoder().decode(bytes), request);
  } finally {
    limit.end();
  }
}

/**
 * Requests changes of objects: one object on each line of the answer. Ends when the
 * server ends the answer. `timeout` counts until the head of the answer has
 * arrived.
 *
 * Throws as {@linkcode getObject} does.
 */
export async function* watchObjects(
  target: ApiTarget,
  request: ApiRequest,
): AsyncGenerator<Record<string, unknown>, void> {
  const limit = startLimit(target);
  let answer: IncomingMessage;
  try {
    answer = await send(target, request, limit.signal);
  } finally {
    limit.end();
  }
  const { signal } = target;
  const onAbort = (): void => void answer.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  const decoder = new TextDecoder();
  let line = "";
  try {
    signal?.throwIfAborted();
    for await (const chunk of answer) {
      const [first, ...more] = decoder.decode(chunk, { stream: true })
        .split("\n");
      line += first;
      // `TextLineStream` of the standard library has no such limit.
      if (line.length > MAX_ANSWER) {
        throw new StreamingRefusedError(
          200,
          "an event of the watch is too long",
        );
      }
      for (const next of more) {
        if (line.trim() !== "") yield parseObject(line, request);
        line = next;
      }
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    answer.destroy();
  }
}

function startLimit({ timeout = 30_000, signal }: ApiTarget): TimeLimit {
  return new TimeLimit(timeout, signal, "the API server did not answer");
}

/** Sends a GET; resolves to an answer with status 200, whose body has not been read. */
async function send(
  target: ApiTarget,
  { path, query = {} }: ApiRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = new URL(target.url);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  url.search = new URLSearchParams(query).toString();
  const conn = await dial(url, {
    tls: target.tls,
    proxy: target.proxy,
    dial: target.dial,
    proxyProtocol: target.proxyProtocol,
  }, signal);
  const duplex = new HeadDuplex(conn);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const onAbort = (): void => {
    reject(signal.reason);
    duplex.destroy();
  };
  // Never removed: the signal belongs to this request only, and must also end the
  // reading of the answer.
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  duplex.on("error", reject);
  let request: ClientRequest;
  try {
    request = httpRequest({
      createConnection: () => duplex,
      method: "GET",
      path: url.pathname + url.search,
      headers: headersOf(target, url),
      maxHeaderSize: MAX_HEAD,
    });
  } catch (error) {
    // It throws for a header that it does not send.
    promise.catch(() => {});
    duplex.destroy();
    throw error;
  }
  request.on("error", reject);
  request.on("response", (answer) => {
    // The connection serves only this request.
    answer.on("close", () => duplex.destroy());
    answer.on("error", () => {});
    resolve(answer);
  });
  request.end();
  let answer: IncomingMessage;
  try {
    answer = await promise;
  } catch (error) {
    duplex.destroy();
    throw error;
  }
  const { statusCode = 0 } = answer;
  noteAnswer(target, statusCode);
  if (statusCode === 200) return answer;
  const body = await readRefusal(answer).catch(() => "");
  answer.destroy();
  throw new StreamingRefusedError(
    statusCode,
    statusCode >= 300 && statusCode < 400
      ? `it redirects to ${answer.headers.location}, which is not followed`
      : body || `GET ${url.pathname}`,
  );
}

function headersOf(
  { headers }: ApiTarget,
  url: URL,
): Record<string, string | string[]> {
  const lines = new Map<string, string[]>();
  for (const [name, value] of headerLines(headers)) {
    const key = name.toLowerCase();
    lines.set(key, [...lines.get(key) ?? [], value]);
  }
  lines.set("accept", ["application/json"]);
  lines.delete("host");
  return {
    ...Object.fromEntries(lines),
    host: url.host,
    connection: "close",
  };
}

/** The beginning of the body of a refusal. */
async function readRefusal(answer: IncomingMessage): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of answer) {
    text += decoder.decode(chunk, { stream: true });
    size += chunk.length;
    if (size > MAX_REFUSAL) break;
  }
  return (text + decoder.decode()).slice(0, MAX_REFUSAL);
}

function parseObject(
  text: string,
  { path }: ApiRequest,
): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Reported below.
  }
  throw new StreamingRefusedError(
    200,
    `the answer to GET ${path} is not a JSON object`,
  );
}
