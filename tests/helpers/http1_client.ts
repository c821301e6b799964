/** A client of the HTTP/1.1 listener, on a transport that the test controls. */

import type { ByteConn } from "../../connection/transport/transport.ts";
import {
  HttpListener,
  type ListenerOptions,
} from "../../http/upgrade/http_listener.ts";

/** The bytes of a text with one byte for each character. */
export const encode = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));
/** The text of such bytes. */
export const decode = (bytes: Uint8Array): string =>
  String.fromCharCode(...bytes);

/**
 * A connection whose client sends `input` in pieces. After that, it sends nothing
 * more, or ends its direction.
 */
export class Client implements ByteConn {
  received = "";
  closed = false;
  halfClosed = false;
  /** Whether all writes of the listener fail. */
  broken = false;
  #input: Uint8Array[];
  readonly #ends: boolean;
  #more = Promise.withResolvers<void>();

  constructor(input: string | string[], ends = false) {
    this.#input = [input].flat().map(encode);
    this.#ends = ends;
  }

  /** Input that the listener has not read. */
  get unread(): string {
    return this.#input.map((bytes) => new TextDecoder("latin1").decode(bytes))
      .join("");
  }

  /** Sends more, if the input has no end. */
  say(text: string): void {
    this.#input.push(encode(text));
    this.#more.resolve();
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.closed) throw new Deno.errors.BadResource("closed");
    while (this.#input.length === 0) {
      if (this.#ends || this.closed) return null;
      this.#more = Promise.withResolvers<void>();
      await this.#more.promise;
    }
    const next = this.#input.shift()!;
    const part = next.subarray(0, into.length);
    into.set(part);
    if (part.length < next.length) {
      this.#input.unshift(next.subarray(part.length));
    }
    return part.length;
  }

  // deno-lint-ignore require-await
  async write(data: Uint8Array): Promise<number> {
    if (this.closed || this.halfClosed) throw new Error("write after the end");
    if (this.broken) throw new Deno.errors.BrokenPipe("broken pipe");
    const part = data.subarray(0, 1000);
    this.received += decode(part);
    return part.length;
  }

  // deno-lint-ignore require-await
  async closeWrite(): Promise<void> {
    if (this.broken) throw new Deno.errors.BrokenPipe("broken pipe");
    this.halfClosed = true;
  }

  close(): void {
    this.closed = true;
    this.#more.resolve();
  }
}

/** What the listener reported to its owner. */
export interface Heard {
  readonly urls: string[];
  readonly errors: unknown[];
}

/** A listener that echoes; `options` change that. */
export function listener(
  options: Partial<ListenerOptions> = {},
): { listener: HttpListener; heard: Heard } {
  const heard: Heard = { urls: [], errors: [] };
  return {
    heard,
    listener: new HttpListener({
      secure: false,
      maxHeadBytes: 1000,
      headTimeout: 10_000,
      knows: (upgrade) => upgrade.includes("SPDY"),
      request: async (request) => {
        heard.urls.push(request.url);
        return new Response(`got ${await request.text()}`);
      },
      error: (error) => heard.errors.push(error),
      ...options,
    }),
  };
}
