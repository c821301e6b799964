/**
 * A relay on loopback that reads the SPDY frames which pass: it shows what was on
 * the wire, whatever the two sides report.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";

const WINDOW_UPDATE = 9;

/** Counts the frames of one direction, however their bytes are cut. */
class Counter {
  /** Bytes in DATA frames. */
  data = 0;
  /** Sum of the WINDOW_UPDATEs of stream 0, bytes. */
  sessionCredit = 0;
  readonly #hash: Hash = createHash("sha256");
  /** The head of the frame, and the payload of a WINDOW_UPDATE. */
  readonly #head = new Uint8Array(16);
  #filled = 0;
  /** Bytes of the payload that have not passed yet. */
  #left = 0;

  /** `"<length> <sha256>"` of all DATA, in the order of the frames. */
  get digest(): string {
    return `${this.data} ${this.#hash.copy().digest("hex")}`;
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled < 8) {
        this.#head[this.#filled++] = bytes[at++];
        if (this.#filled === 8) this.#left = this.#number(4) & 0xffffff;
      } else {
        const payload = bytes.subarray(at, at + this.#left);
        this.#payload(payload);
        this.#left -= payload.length;
        at += payload.length;
      }
      if (this.#filled >= 8 && this.#left === 0) this.#end();
    }
  }

  #payload(payload: Uint8Array): void {
    if ((this.#head[0] & 0x80) === 0) {
      this.#hash.update(payload);
      this.data += payload.length;
    } else if (this.#head[3] === WINDOW_UPDATE) {
      this.#head.set(payload, this.#filled);
      this.#filled += payload.length;
    }
  }

  #end(): void {
    if (this.#filled === 16 && this.#number(8) === 0) {
      this.sessionCredit += this.#number(12);
    }
    this.#filled = 0;
  }

  #number(at: number): number {
    return new DataView(this.#head.buffer).getUint32(at);
  }
}

/** Relays connections to a port, until it is disposed of. */
export class WireTap implements AsyncDisposable {
  /** From the side that connects. */
  readonly up: Counter = new Counter();
  /** To the side that connects. */
  readonly down: Counter = new Counter();
  readonly #listener: Deno.TcpListener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
  });
  readonly #conns: Deno.Conn[] = [];
  readonly #done: Promise<void>;

  /** Relays to `target` on loopback. */
  constructor(target: number) {
    this.#done = this.#accept(target);
  }

  /** The port to connect to. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(port: number): Promise<void> {
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#conns.push(near, far);
      void relay(near, far, this.up);
      void relay(far, near, this.down);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch {
        // It is closed already, through its streams.
      }
    }
  }
}

async function relay(
  from: Deno.Conn,
  to: Deno.Conn,
  counter: Counter,
): Promise<void> {
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      counter.add(chunk);
      controller.enqueue(chunk);
    },
  });
  // Either side may end or reset the connection at any time.
  await from.readable.pipeThrough(count).pipeTo(to.writable).catch(() => {});
}
