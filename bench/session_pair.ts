/**
 * Two sessions in memory, joined as a socket would join them: what one sends
 * is copied once and handed to the other in one piece.
 *
 * @module
 */

import type { Session } from "../mod.ts";

/** One direction. */
export class Pipe {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  /** A `send` callback that takes everything. */
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

  /** Gives the memory back; a write takes new memory. */
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
