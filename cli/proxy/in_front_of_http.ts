/**
 * SPDY in front of an HTTP/1.1 server. Requests use `node:http` and not `fetch`,
 * because a proxy must forward encoded bodies, their lengths, and the headers of
 * responses to HEAD unchanged.
 *
 * @module
 */

import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { Readable, Writable } from "node:stream";
import { withoutBrackets } from "../../connection/transport/host_name.ts";
import { isNullBodyStatus } from "../../http/message/null_body.ts";
import type { ServeHandler } from "../../http/server/serve_options.ts";
import { addressOf } from "../access_log.ts";
import { watchBody } from "../watch_body.ts";
import {
  type Fields,
  fromHeaders,
  fromRaw,
  passedOn,
  valueOf,
  withForwarded,
  withLocation,
  without,
} from "./fields.ts";
import { AnswerTimer, failedAnswer, type ProxyRules } from "./rules.ts";
import { REFUSED, UPGRADE } from "./upgraded.ts";

/** Most open connections to the server behind the proxy. */
const MOST_SOCKETS = 256;

/**
 * The handler for {@linkcode serve}. `close` ends idle connections to the server
 * behind the proxy.
 */
export interface ForwardingHandler {
  readonly handler: ServeHandler;
  close(): void;
}

/** Forwards requests to the HTTP server at `behind`. */
export function inFrontOfHttp(
  behind: URL,
  rules: ProxyRules,
  ca: string[] | undefined,
): ForwardingHandler {
  const isTls = behind.protocol === "https:";
  const options = { keepAlive: true, maxSockets: MOST_SOCKETS };
  const agent = isTls
    ? new https.Agent({ ...options, ca })
    : new http.Agent(options);
  const server = {
    agent,
    protocol: behind.protocol,
    hostname: withoutBrackets(behind.hostname),
    port: behind.port || (isTls ? 443 : 80),
  };
  const send = (
    method: string,
    path: string,
    fields: Fields,
  ): ClientRequest => {
    const request = (isTls ? https : http).request({
      ...server,
      method,
      path,
      setHost: false,
    });
    for (const [name, value] of grouped(fields)) request.setHeader(name, value);
    return request;
  };
  const handler: ServeHandler = async (request, info) => {
    const url = new URL(request.url);
    const received = fromHeaders(request.headers);
    const host = url.host;
    const proto = rules.isTls ? "https" : "http";
    const fields: Fields = [
      ["host", rules.preserveHost ? host : behind.host],
      ...withForwarded(
        without(without(passedOn(received), "host"), UPGRADE),
        { from: addressOf(info.remoteAddr), host, proto },
      ),
    ];
    const protocol = valueOf(received, UPGRADE);
    try {
      if (protocol !== undefined) {
        fields.push(["connection", "upgrade"], ["upgrade", protocol]);
      }
      const path = request.method === "OPTIONS" && url.pathname === "/*"
        ? "*"
        : url.pathname + url.search;
      const method = protocol === undefined ? request.method : "GET";
      const outgoing = send(method, path, fields);
      const timer = new AnswerTimer(
        rules.timeout,
        (error) => outgoing.destroy(error),
      );
      const answer = headOf(outgoing, timer, request.signal);
      if (protocol === undefined) sendBody(request, outgoing, timer);
      else outgoing.end();
      const { head, socket } = await answer;
      try {
        checkStatus(head, protocol !== undefined);
        const answered = fieldsOf(head, url.origin, behind.origin, rules);
        if (socket !== undefined) {
          return joined(request, head, socket, answered);
        }
        if (protocol !== undefined) answered.push([UPGRADE, REFUSED]);
        return responseOf(request.method, head, answered);
      } catch (error) {
        // Nobody reads the rest of this answer, so the connection cannot be reused.
        outgoing.destroy();
        socket?.destroy();
        throw error;
      }
    } catch (error) {
      // The client cancelled the request, so no answer is needed.
      if (request.signal.aborted) throw error;
      return failedAnswer(error, rules);
    }
  };
  return { handler, close: () => agent.destroy() };
}

/** The values of repeated headers as lists, because `setHeader` replaces earlier values. */
function grouped(fields: Fields): Map<string, string | string[]> {
  const all = new Map<string, string | string[]>();
  for (const [name, value] of fields) {
    const before = all.get(name);
    all.set(
      name,
      before === undefined ? value : [before, value].flat(),
    );
  }
  return all;
}

interface Answer {
  readonly head: IncomingMessage;
  /** The connection itself, after status 101. */
  readonly socket?: Socket;
}

/** Resolves to the head of the response, and then stops the timer. */
function headOf(
  outgoing: ClientRequest,
  timer: AnswerTimer,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const abort = (): void => {
    outgoing.destroy(signal.reason);
    reject(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  outgoing.once("response", (head) => resolve({ head }));
  outgoing.once("upgrade", (head, socket: Socket, first) => {
    if (first.length > 0) socket.unshift(first);
    resolve({ head, socket });
  });
  // Also needed after the head, because an error event without a listener ends the
  // program.
  outgoing.on("error", reject);
  const settled = promise.finally(() => timer.stop());
  settled.catch(() => signal.removeEventListener("abort", abort));
  return settled;
}

/** Sends the body of the request. A failure also ends the response. */
function sendBody(
  request: Request,
  outgoing: ClientRequest,
  timer: AnswerTimer,
): void {
  if (request.body === null) outgoing.end();
  else {
    timer.watch(request.body)
      .pipeTo(Writable.toWeb(outgoing) as WritableStream<Uint8Array>)
      .catch((error) => outgoing.destroy(error));
  }
}

/** Throws if a response with this status cannot be forwarded. */
function checkStatus(head: IncomingMessage, isUpgrade: boolean): void {
  const status = head.statusCode ?? 0;
  if (status === 101 && isUpgrade || status >= 200 && status <= 599) return;
  throw new Error(
    status === 101
      ? "it changed the protocol (status 101) without being asked"
      : `its answer has the status ${status}, which is not from 200 to 599`,
  );
}

function fieldsOf(
  head: IncomingMessage,
  front: string,
  behind: string,
  rules: ProxyRules,
): Fields {
  const fields = without(passedOn(fromRaw(head.rawHeaders)), UPGRADE);
  return rules.rewriteRedirects ? withLocation(fields, behind, front) : fields;
}

function responseOf(
  method: string,
  head: IncomingMessage,
  fields: Fields,
): Response {
  const status = head.statusCode ?? 0;
  const hasBody = method !== "HEAD" && !isNullBodyStatus(status);
  if (!hasBody) head.resume();
  return new Response(hasBody ? bodyOf(head) : null, {
    status,
    statusText: head.statusMessage,
    headers: fields,
  });
}

/** The body of an answer. If it is cut off, its error says by whom. */
function bodyOf(head: IncomingMessage): ReadableStream<Uint8Array> {
  return watchBody(Readable.toWeb(head) as ReadableStream<Uint8Array>, {
    onError: (error) =>
      // The text that `node:http` uses if the connection ends within a body.
      error instanceof Error && error.message === "aborted"
        ? new Error(
          "the server behind the proxy closed the connection before the end of the body",
        )
        : error,
  });
}

/** Joins the two directions of an upgraded connection with the bodies of an exchange. */
function joined(
  request: Request,
  head: IncomingMessage,
  socket: Socket,
  fields: Fields,
): Response {
  const upload = Writable.toWeb(socket) as WritableStream<Uint8Array>;
  (request.body ?? new Blob().stream()).pipeTo(upload)
    .catch((error) => socket.destroy(error));
  socket.on("error", () => {});
  return new Response(Readable.toWeb(socket) as ReadableStream<Uint8Array>, {
    headers: [...fields, [UPGRADE, head.headers.upgrade ?? ""]],
  });
}
