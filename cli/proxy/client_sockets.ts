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
  socket.end(text, destroy);
}

/** A client's socket. */
interface Client {
  socket: Socket;
  /** Requests that were not answered completely yet. */
  requests: number;
}

/**
 * Knows which clients of a server wait for an answer. `closeIdleConnections` leaves
 * sockets open on which no request was complete yet: a browser connects in advance, and
 * would keep the server running.
 */
export class ClientSockets {
  /** By the client's address; over TLS, the socket of TLS replaces that of TCP. */
  readonly #clients = new Map<string, Client>();
  #isEnding = false;

  /** Watches the clients of `server`. */
  constructor(server: Server) {
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
    for (const { socket, requests } of this.#clients.values()) {
      if (requests === 0) socket.destroy();
    }
  }

  #add(socket: Socket): void {
    const address = addressOf(socket);
    this.#clients.set(address, { socket, requests: 0 });
    socket.once("close", () => {
      if (this.#clients.get(address)?.socket === socket) {
        this.#clients.delete(address);
      }
    });
  }

  #begin(socket: Socket, response: ServerResponse): void {
    const client = this.#clients.get(addressOf(socket));
    if (client === undefined) return;
    client.requests++;
    response.once("close", () => {
      if (--client.requests > 0 || !this.#isEnding) return;
      endSocket(socket);
    });
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
