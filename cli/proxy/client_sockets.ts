/**
 * The sockets of the clients of an HTTP/1.1 server.
 *
 * @module
 */

import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Longest time for the last bytes of a socket, ms. */
const LINGER = 1000;

/** Sends `text` and closes the socket, although the client may stay connected. */
export function endSocket(socket: Socket, text = ""): void {
  const destroy = (): void => void socket.destroy();
  const timer = setTimeout(destroy, LINGER);
  socket.once("close", () => clearTimeout(timer));
  // Over TLS, Deno 2.9.6 neither ends nor frees a socket after an empty last text.
  if (text === "") socket.end(destroy);
  else socket.end(text, destroy);
}

/** A client's socket. */
interface Client {
  socket: Socket;
  /** Responses that were not sent completely yet. */
  readonly responses: Set<ServerResponse>;
}

/**
 * Tracks which clients of a server wait for an answer. `closeIdleConnections` does not
 * close sockets on which no request was complete yet: a browser connects in advance, and
 * would keep the server running.
 */
export class ClientSockets {
  /** By the client's address; over TLS, the socket of TLS replaces that of TCP. */
  readonly #clients = new Map<string, Client>();
  #isEnding = false;

  /** Watches the clients of `server`. */
  constructor(server: Server) {
    // `close` would call it, and reset the sockets without a close_notify of TLS, which
    // a client must treat as a truncation (RFC 8446 6.1). `end` ends them instead.
    server.closeIdleConnections = () => {};
    const add = (socket: Socket): void => this.#add(socket);
    server.on("connection", add);
    server.on("secureConnection", add);
    server.on("request", ({ socket }, response) => {
      this.#begin(socket, response);
    });
    server.on("upgrade", ({ socket }) => {
      // Both sides decide when an upgraded connection ends.
      this.#clients.delete(addressOf(socket));
    });
  }

  /** Closes the sockets without a request under way, and the others after their answers. */
  end(): void {
    this.#isEnding = true;
    for (const { socket, responses } of this.#clients.values()) {
      if (responses.size === 0) endSocket(socket);
      // Otherwise Deno 2.9.6 resets the socket after the response.
      for (const response of responses) response.shouldKeepAlive = false;
    }
  }

  #add(socket: Socket): void {
    const address = addressOf(socket);
    this.#clients.set(address, { socket, responses: new Set() });
    socket.once("close", () => {
      if (this.#clients.get(address)?.socket === socket) {
        this.#clients.delete(address);
      }
    });
  }

  #begin(socket: Socket, response: ServerResponse): void {
    const client = this.#clients.get(addressOf(socket));
    if (client === undefined) return;
    const { responses } = client;
    responses.add(response);
    response.once("close", () => {
      responses.delete(response);
      if (responses.size === 0 && this.#isEnding) endSocket(socket);
    });
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
