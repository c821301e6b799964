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
import { Readable } from "node:stream";
import { HeadDuplex } from "../../connection/http/head_duplex.ts";
import type { ByteConn } from "../../connection/transport.ts";

/** Longest head of a request, bytes: API servers send long tokens. */
const MAX_HEAD = 64 * 1024;
/** Longest wait for a whole head, ms. */
const HEAD_TIMEOUT = 30_000;

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
  readonly #open = new Set<HeadDuplex>();

  constructor(secure: boolean, handlers: RequestHandlers) {
    this.#secure = secure;
    this.#server = createServer({
      maxHeaderSize: MAX_HEAD,
      headersTimeout: HEAD_TIMEOUT,
    });
    this.#server.on("request", (message, response) => {
      this.#answer(handlers, message, response).catch((error) => {
        handlers.error(error);
        response.destroy();
      });
    });
    this.#server.on("upgrade", (message, socket, head) => {
      // Every connection of this server is one that take() gave it.
      const duplex = socket as HeadDuplex;
      this.#open.delete(duplex);
      const conn = duplex.detach(head);
      try {
        handlers.upgrade(this.#toRequest(message), conn);
      } catch (error) {
        conn.close();
        handlers.error(error);
      }
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** Reads requests from a connection until it is upgraded or ends. */
  take(conn: ByteConn): void {
    const duplex = new HeadDuplex(conn);
    this.#open.add(duplex);
    duplex.once("close", () => this.#open.delete(duplex));
    // A broken connection is the client's loss; node:http closes it.
    duplex.on("error", () => {});
    this.#server.emit("connection", duplex);
  }

  /** Closes every connection that is not upgraded. */
  close(): void {
    for (const duplex of this.#open) duplex.destroy();
    this.#server.close();
  }

  async #answer(
    handlers: RequestHandlers,
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const answer = await handlers.request(this.#toRequest(message));
    response.writeHead(answer.status, [...answer.headers].flat());
    for await (const chunk of answer.body ?? []) {
      if (!response.write(chunk)) {
        await new Promise((resolve) => response.once("drain", resolve));
      }
    }
    response.end();
  }

  #toRequest(message: IncomingMessage): Request {
    const { method = "GET", url = "/", rawHeaders } = message;
    const headers = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i], rawHeaders[i + 1]);
    }
    const scheme = this.#secure ? "https" : "http";
    const base = `${scheme}://${headers.get("host") ?? "localhost"}`;
    const bodyless = method === "GET" || method === "HEAD" ||
      headers.has("upgrade");
    return new Request(new URL(url, base), {
      method,
      headers,
      body: bodyless ? undefined : Readable.toWeb(message),
    });
  }
}
