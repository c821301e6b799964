/**
 * HTTP/1.1 on connections that may be upgraded: node:http reads the heads, on
 * a duplex of ours rather than on node's sockets.
 *
 * Deno 2.9.6's own node:tls sockets cannot carry an upgrade: they take in
 * everything a peer sends however little is read (64 MiB, measured), and lose
 * the end of input when they are not flowing at that moment.
 *
 * @module
 */

import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type Duplex, Readable } from "node:stream";
import { closeQuietly } from "../../connection/http/byte_conn.ts";
import { HeadDuplex } from "../../connection/http/head_duplex.ts";
import { startTimeout, stopTimer, type Timer } from "../../connection/clock.ts";
import type { ByteConn } from "../../connection/transport.ts";

/** Longest head of a request, bytes: API servers send long tokens. */
const MAX_HEAD = 64 * 1024;
/** What a listener hands its requests to. */
export interface RequestHandlers {
  /** Answers a request that asks for no upgrade. */
  request(request: Request): Promise<Response>;
  /** Takes over a connection whose client asks for an upgrade. */
  upgrade(request: Request, conn: ByteConn): void;
  /** Something failed that no client can be told. */
  error(error: unknown): void;
}

/** Reads requests from connections. */
export class HttpListener {
  readonly #server: Server;
  readonly #secure: boolean;
  readonly #headTimeout: number;
  /** Connections that are not upgraded, each with what ends its wait for a head. */
  readonly #open = new Map<Duplex, Timer | undefined>();

  /** `headTimeout`: longest wait for a whole head, ms; 0: never. */
  constructor(secure: boolean, headTimeout: number, handlers: RequestHandlers) {
    this.#secure = secure;
    this.#headTimeout = headTimeout;
    this.#server = createServer({ maxHeaderSize: MAX_HEAD });
    this.#server.on("request", (message, response) => {
      const { socket } = message;
      this.#stopWaiting(socket);
      response.on("finish", () => this.#wait(socket));
      this.#answer(handlers, message, response).catch((error) => {
        handlers.error(error);
        response.destroy();
      });
    });
    this.#server.on("upgrade", (message, socket, head) => {
      // Every connection of this server is one that take() gave it.
      const duplex = socket as HeadDuplex;
      this.#stopWaiting(duplex);
      this.#open.delete(duplex);
      const conn = duplex.detach(head);
      const request = this.#toRequest(message);
      if (request === undefined) closeQuietly(conn);
      else handlers.upgrade(request, conn);
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** Reads requests from a connection until it is upgraded or ends. */
  take(conn: ByteConn): void {
    const duplex = new HeadDuplex(conn);
    this.#open.set(duplex, undefined);
    this.#wait(duplex);
    duplex.once("close", () => {
      this.#stopWaiting(duplex);
      this.#open.delete(duplex);
    });
    // A broken connection is the client's loss; node:http closes it.
    duplex.on("error", () => {});
    this.#server.emit("connection", duplex);
  }

  /** Closes every connection that is not upgraded. */
  close(): void {
    for (const duplex of this.#open.keys()) duplex.destroy();
    this.#server.close();
  }

  /** By a timer of our own: the duplex is none of the sockets node:http watches. */
  #wait(socket: Duplex): void {
    if (!this.#open.has(socket)) return;
    this.#stopWaiting(socket);
    const timer = startTimeout(() => socket.destroy(), this.#headTimeout);
    this.#open.set(socket, timer);
  }

  #stopWaiting(socket: Duplex): void {
    stopTimer(this.#open.get(socket));
  }

  async #answer(
    handlers: RequestHandlers,
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const request = this.#toRequest(message);
    if (request === undefined) {
      response.writeHead(400).end();
      return;
    }
    const answer = await handlers.request(request);
    response.writeHead(answer.status, [...answer.headers].flat());
    for await (const chunk of answer.body ?? []) {
      if (response.destroyed) return;
      if (!response.write(chunk)) {
        await new Promise<void>((resolve) => {
          response.once("drain", resolve);
          response.once("close", resolve);
        });
      }
    }
    response.end();
  }

  /** `undefined` for a head that node:http lets pass and that names no URL. */
  #toRequest(message: IncomingMessage): Request | undefined {
    const { method = "GET", url = "/", rawHeaders } = message;
    const headers = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i], rawHeaders[i + 1]);
    }
    const scheme = this.#secure ? "https" : "http";
    const base = `${scheme}://${headers.get("host") ?? "localhost"}`;
    const bodyless = method === "GET" || method === "HEAD" ||
      headers.has("upgrade");
    if (!URL.canParse(url, base)) return undefined;
    return new Request(new URL(url, base), {
      method,
      headers,
      body: bodyless ? undefined : Readable.toWeb(message),
    });
  }
}
