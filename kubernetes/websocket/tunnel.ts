/**
 * A byte connection inside a WebSocket: written bytes are sent as binary messages,
 * and the bytes of binary messages are read without their boundaries.
 *
 * @module
 */

import type { ByteConn } from "../../connection/transport/transport.ts";
import { BINARY, UNSUPPORTED_DATA, WebSocketError } from "./frame.ts";
import { WebSocketPeer } from "./peer.ts";

/** Largest payload of a message that is sent, bytes. */
const MAX_MESSAGE = 64 * 1024;
const EMPTY = new Uint8Array();

/** A byte connection over WebSocket messages. */
export class WebSocketTunnel implements ByteConn {
  readonly #peer: WebSocketPeer;
  /** Bytes of a message that have not been read. */
  #rest: Uint8Array = EMPTY;
  #ended = false;

  /** `client`: whether this side opened the WebSocket, and so masks its frames. */
  constructor(conn: ByteConn, client: boolean) {
    this.#peer = new WebSocketPeer(conn, client);
  }

  /** Reads some bytes of the next binary message; `null` when the peer has closed. */
  async read(into: Uint8Array): Promise<number | null> {
    if (this.#ended) return null;
    while (this.#rest.length === 0) {
      const part = await this.#peer.read();
      if (part === null) return null;
      if (part.opcode !== BINARY) {
        const error = new WebSocketError(
          "the peer sent a text message; SPDY needs binary ones (KEP-4006)",
          { status: UNSUPPORTED_DATA },
        );
        await this.#peer.fail(error);
        throw error;
      }
      this.#rest = part.data;
    }
    const part = this.#rest.subarray(0, into.length);
    into.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  /** Writes all of `data` as one message or several. */
  async write(data: Uint8Array): Promise<number> {
    for (let offset = 0; offset < data.length; offset += MAX_MESSAGE) {
      const part = data.subarray(offset, offset + MAX_MESSAGE);
      await this.#peer.send(BINARY, part);
    }
    return data.length;
  }

  /** Sends the close frame, which is the end of input for the peer. */
  async closeWrite(): Promise<void> {
    await this.#peer.close();
  }

  /** Closes the transport at once. */
  close(): void {
    this.#ended = true;
    this.#peer.abort();
  }
}
