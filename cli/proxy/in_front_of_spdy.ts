/**
 * HTTP/1.1 in front of a SPDY server, so that browsers and curl can use it.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import http, {
  type IncomingMessage,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "../../http/client/client.ts";
import { isAuthority } from "../../http/upgrade/head.ts";
import type { AccessLog } from "../access_log.ts";
import type { Certificate } from "../certificate.ts";
import { reasonOf } from "../command.ts";
import type { Address, ListeningServer } from "../listen.ts";
import { ClientSockets, endSocket } from "./client_sockets.ts";
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
import {
  AnswerTimer,
  failedAnswer,
  type ProxyRules,
  RefusedRequest,
} from "./rules.ts";
import { REFUSED, UPGRADE } from "./upgraded.ts";

/** A running proxy. */
export interface HttpFront extends ListeningServer {
  readonly addr: Deno.NetAddr;
}

/**
 * Listens for HTTP/1.1 and forwards to a SPDY server.
 *
 * @param origin scheme, host and port of the server behind the proxy, as in HTTP
 */
export async function inFrontOfSpdy(
  client: Client,
  origin: string,
  listen: Address & { readonly certificate: Certificate | undefined },
  rules: ProxyRules,
  log: AccessLog,
): Promise<HttpFront> {
  const { hostname, port, certificate } = listen;
  const server = certificate === undefined
    ? http.createServer()
    : https.createServer({ ...certificate });
  const sockets = new ClientSockets(server);
  const forwarder = new Forwarder(client, origin, rules, log);
  server.on("request", (request, response) => {
    forwarder.forward(request, response);
  });
  server.on("upgrade", (request, socket: Socket, first: Buffer) => {
    forwarder.upgrade(request, socket, first);
  });
  server.on("connect", (_request, socket: Socket) => {
    // node:http no longer listens for errors of this socket, and an error without a
    // listener ends the process, for example if the client closes its connection.
    socket.on("error", () => {});
    endWith(socket, "501 Not Implemented");
  });
  server.on("clientError", (_error, socket: Socket) => {
    if (socket.writable) endWith(socket, "400 Bad Request");
  });
  const finished = new Promise<void>((resolve) => {
    server.once("close", () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => resolve());
  });
  const bound = server.address() as AddressInfo;
  return {
    addr: { transport: "tcp", hostname: bound.address, port: bound.port },
    finished,
    shutdown(): Promise<void> {
      server.close();
      sockets.end();
      return finished;
    },
    setCertificate(certificate): void {
      if (server instanceof https.Server) server.setSecureContext(certificate);
    },
  };
}

/** Sends a last answer, and closes the socket. */
function endWith(socket: Socket, status: string): void {
  endSocket(
    socket,
    headText(status, [["connection", "close"], ["content-length", "0"]]),
  );
}

/** Why a request ended early, for the log. */
const CLIENT_CLOSED =
  "the client closed its connection before the end of the response";

/** A request in progress, for the log. */
interface Exchange {
  readonly time: Date;
  readonly begin: number;
  /** The client's address. A request has no socket once its connection is closed. */
  readonly from: string;
  bytes: number;
}

function beginExchange(request: IncomingMessage): Exchange {
  return {
    time: new Date(),
    begin: performance.now(),
    from: request.socket.remoteAddress ?? "unknown",
    bytes: 0,
  };
}

class Forwarder {
  readonly #client: Client;
  readonly #origin: string;
  readonly #rules: ProxyRules;
  readonly #log: AccessLog;

  constructor(
    client: Client,
    origin: string,
    rules: ProxyRules,
    log: AccessLog,
  ) {
    this.#client = client;
    this.#origin = origin;
    this.#rules = rules;
    this.#log = log;
  }

  /** Answers a request; never rejects. */
  async forward(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const exchange = beginExchange(request);
    const { socket } = request;
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    // An error without a listener ends the process, for example if the client closes
    // its connection.
    response.on("error", () => {});
    let error: unknown;
    try {
      const answer = await this.#ask(request, exchange.from, gone.signal)
        .catch((reason) => this.#failed(reason, socket));
      await this.#answer(request, response, answer, exchange);
    } catch (reason) {
      error = reason;
      // The client must not accept a truncated body as complete.
      response.destroy();
    }
    this.#logEnd(request, response.statusCode, exchange, error);
  }

  /** The answer after an error; throws if the client's connection is closed, because nobody reads the answer. */
  #failed(error: unknown, socket: Socket): Response {
    if (socket.destroyed) {
      throw new Error(CLIENT_CLOSED, { cause: error });
    }
    return failedAnswer(error, this.#rules);
  }

  /** Sends a request to the server behind the proxy; resolves to its response. */
  async #ask(
    request: IncomingMessage,
    from: string,
    signal: AbortSignal,
    upgrade?: { protocol: string; body: ReadableStream<Uint8Array> },
  ): Promise<Response> {
    const { method = "GET" } = request;
    if (method === "TRACE") {
      throw new RefusedRequest(501, "a TRACE request cannot be forwarded");
    }
    const received = fromRaw(request.rawHeaders);
    checkReceived(received);
    const host = hostOf(request);
    const fields = withForwarded(
      without(without(passedOn(received), "host"), UPGRADE),
      {
        from,
        host,
        proto: this.#rules.isTls ? "https" : "http",
      },
    );
    if (this.#rules.preserveHost && host !== "") fields.push(["host", host]);
    // `fetch` must not add a header that the client did not send.
    if (valueOf(fields, "accept-encoding") === undefined) {
      fields.push(["accept-encoding", "identity"]);
    }
    if (upgrade !== undefined) fields.push([UPGRADE, upgrade.protocol]);
    const timeout = new AbortController();
    const timer = new AnswerTimer(
      this.#rules.timeout,
      (error) => timeout.abort(error),
    );
    try {
      const body = upgrade?.body ?? bodyOf(request);
      return await this.#client.fetch(this.#urlOf(request), {
        method: upgrade === undefined ? method : "POST",
        headers: fields,
        body: body && timer.watch(body),
        redirect: "manual",
        decompress: false,
        signal: AbortSignal.any([signal, timeout.signal]),
      });
    } catch (error) {
      throw timeout.signal.aborted ? timeout.signal.reason : error;
    } finally {
      timer.stop();
    }
  }

  /**
   * The URL for the server behind the proxy. The target of a request can also be an
   * absolute URL, or `*` (RFC 9112, 3.2).
   */
  #urlOf({ url = "/" }: IncomingMessage): string {
    if (url === "*") return `${this.#origin}/*`;
    if (url.startsWith("/")) return this.#origin + url;
    const absolute = URL.parse(url);
    if (absolute === null) {
      throw new RefusedRequest(400, `the request target "${url}" is not a URL`);
    }
    return this.#origin + absolute.pathname + absolute.search;
  }

  #fieldsOf(request: IncomingMessage, answer: Response): Fields {
    const fields = passedOn(fromHeaders(answer.headers));
    if (!this.#rules.rewriteRedirects) return fields;
    const proto = this.#rules.isTls ? "https" : "http";
    const front = `${proto}://${hostOf(request)}`;
    return withLocation(fields, this.#origin, front);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    answer: Response,
    exchange: Exchange,
  ): Promise<void> {
    response.writeHead(
      answer.status,
      answer.statusText || STATUS_CODES[answer.status],
      this.#fieldsOf(request, answer).flat(),
    );
    if (answer.body === null) {
      response.end();
      return;
    }
    await sendBody(answer.body, response, exchange);
  }

  #logEnd(
    request: IncomingMessage,
    status: number,
    { time, begin, from, bytes }: Exchange,
    error: unknown,
  ): void {
    const { method = "", url = "", headers } = request;
    this.#log({
      time,
      from,
      method,
      path: url,
      status,
      bytes,
      ms: performance.now() - begin,
      referer: headers.referer,
      userAgent: headers["user-agent"],
      error: error === undefined ? undefined : reasonOf(error),
    });
  }

  /**
   * Carries an upgraded connection over a stream, if the server behind the proxy is
   * `spdy proxy` as well.
   */
  async upgrade(
    request: IncomingMessage,
    socket: Socket,
    first: Buffer,
  ): Promise<void> {
    const exchange = beginExchange(request);
    socket.on("error", () => {});
    if (first.length > 0) socket.unshift(first);
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    const protocol = request.headers.upgrade ?? "";
    const body = Readable.toWeb(socket) as ReadableStream<Uint8Array>;
    let status = 501;
    let reason: unknown;
    try {
      const answer = await this.#ask(request, exchange.from, gone.signal, {
        protocol,
        body,
      }).catch((error) => this.#failed(error, socket));
      const taken = answer.headers.get(UPGRADE);
      const known = taken !== null || [400, 502, 504].includes(answer.status);
      const fields = without(this.#fieldsOf(request, answer), UPGRADE);
      if (taken !== null && taken !== REFUSED) {
        status = 101;
        socket.write(
          headText("101 Switching Protocols", [
            ["connection", "upgrade"],
            ["upgrade", taken],
            ...fields,
          ]),
        );
        await pipeline(
          nodeStream(answer.body ?? new Blob().stream()),
          socket,
        );
      } else if (known) {
        status = answer.status;
        const bytes = await answer.bytes();
        exchange.bytes = bytes.length;
        socket.write(
          headText(`${status} ${answer.statusText || STATUS_CODES[status]}`, [
            ["connection", "close"],
            ["content-length", String(bytes.length)],
            ...without(fields, "content-length"),
          ]),
        );
        socket.end(bytes);
      } else {
        await answer.body?.cancel();
        const text =
          "the SPDY server behind the proxy does not support upgrades: it must be `spdy proxy` as well\n";
        socket.end(
          headText("501 Not Implemented", [
            ["connection", "close"],
            ["content-length", String(text.length)],
          ]) + text,
        );
      }
    } catch (error) {
      reason = error;
      socket.destroy();
    }
    this.#logEnd(request, status, exchange, reason);
  }
}

/** The host that the client asked for; empty if it named none. */
function hostOf({ url = "/", headers }: IncomingMessage): string {
  // Rule: the host of an absolute target replaces the header (RFC 9112 3.2.2).
  const absolute = url.startsWith("/") ? null : URL.parse(url);
  return absolute?.host || (headers.host ?? "");
}

/**
 * Refuses what `node:http` accepts and another server would read differently.
 *
 * Throws {@linkcode RefusedRequest}.
 */
function checkReceived(received: Fields): void {
  const valuesOf = (wanted: string): string[] =>
    received.filter(([name]) => name.toLowerCase() === wanted)
      .map(([, value]) => value.trim());
  const hosts = valuesOf("host");
  // Rule: there is one `Host`, and it is a host (RFC 9112 3.2).
  if (hosts.length > 1 || !hosts.every(isHost)) {
    throw new RefusedRequest(
      400,
      "the request has several Host headers, or one that is not a host",
    );
  }
  // node:http removes the chunks and leaves the other codings.
  const codings = valuesOf("transfer-encoding");
  if (codings.some((coding) => coding.toLowerCase() !== "chunked")) {
    throw new RefusedRequest(
      501,
      "the only supported Transfer-Encoding is chunked",
    );
  }
}

function isHost(text: string): boolean {
  return text === "" || isAuthority(text);
}

/** The body of a request; `undefined` if it has none. */
function bodyOf(
  request: IncomingMessage,
): ReadableStream<Uint8Array> | undefined {
  const { headers, method } = request;
  const length = headers["content-length"];
  const hasBody = headers["transfer-encoding"] !== undefined ||
    length !== undefined && Number(length) > 0;
  if (!hasBody) return undefined;
  if (method === "GET" || method === "HEAD") {
    throw new RefusedRequest(
      501,
      `a ${method} request with a body cannot be forwarded`,
    );
  }
  return Readable.toWeb(request) as ReadableStream<Uint8Array>;
}

/** Encodes a head of HTTP/1.1. */
function headText(status: string, fields: Fields): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`;
}

/**
 * Sends a body and ends the response; rejects if the client closes its connection.
 * `pipeline` is not used: over TLS, Deno 2.9.6 ends such a response only when the
 * client's connection ends.
 */
async function sendBody(
  body: ReadableStream<Uint8Array>,
  response: ServerResponse,
  exchange: Exchange,
): Promise<void> {
  let onEvent = (): void => {};
  let hasLeft = false;
  response.once("close", () => {
    hasLeft = true;
    onEvent();
  });
  /** Calls `begin`, and waits until that calls `done` or the connection is closed. */
  const happened = async (begin: (done: () => void) => void): Promise<void> => {
    if (!hasLeft) {
      await new Promise<void>((resolve) => {
        onEvent = resolve;
        begin(resolve);
      });
    }
    // After the end of the response, its connection may be closed.
    if (hasLeft && !response.writableFinished) {
      throw new Error(CLIENT_CLOSED);
    }
  };
  for await (const chunk of body) {
    exchange.bytes += chunk.length;
    if (!response.write(chunk)) {
      await happened((done) => response.once("drain", done));
    }
  }
  await happened((done) => response.end(done));
}

/** A web stream as one of `node:stream`, whose types differ between versions of Deno. */
function nodeStream(body: ReadableStream<Uint8Array>): Readable {
  return Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
}
