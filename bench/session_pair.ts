/**
 * Two sessions that are connected in memory as by a socket: the bytes that one
 * sends are copied once, and passed to the other in one piece.
 *
 * @module
 */

import { CLIENT, PROTO_SPDY3_1, SERVER, Session } from "../mod.ts";
import { requestHeaders, responseHeaders } from "./load.ts";

/** One direction. */
export class Pipe {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  /** A `send` callback that accepts everything. */
  readonly write = (_session: Session, data: Uint8Array): number => {
    const length = this.#length + data.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(2 * length);
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(data, this.#length);
    this.#length = length;
    return data.length;
  };

  /** What was written since the last call; valid until the next write. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Frees the memory; the next write allocates new memory. */
  drop(): void {
    this.#bytes = new Uint8Array(0);
  }
}

/** Lets both sides send what they have, once. */
export function exchange(
  client: Session,
  toServer: Pipe,
  server: Session,
  toClient: Pipe,
): void {
  client.send();
  server.recv(toServer.take());
  server.send();
  client.recv(toClient.take());
}

/** Both sides after some requests: their four header contexts have been used. */
export function usedSessions(requests = 1): Session[] {
  const toServer = new Pipe();
  const toClient = new Pipe();
  const client = new Session(CLIENT, PROTO_SPDY3_1, { send: toServer.write });
  const server = new Session(SERVER, PROTO_SPDY3_1, {
    send: toClient.write,
    onRequestRecv: (session, streamId) => {
      session.submitResponse(streamId, responseHeaders(0));
    },
  });
  for (let count = 0; count < requests; count++) {
    client.submitRequest(0, requestHeaders(count));
    exchange(client, toServer, server, toClient);
    exchange(client, toServer, server, toClient);
  }
  // The memory of the pipes does not belong to the sessions.
  toServer.drop();
  toClient.drop();
  return [client, server];
}
