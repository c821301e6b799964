/**
 * Reads the messages of one direction of a WebSocket (RFC 6455 5.2); their payloads
 * form one stream of bytes.
 *
 * @module
 */

import type { Layer } from "./layer.ts";
import { BINARY, CONTINUATION, TEXT } from "./websocket_opcodes.ts";
import { WebSocketSearch } from "./websocket_search.ts";

const LONGEST_HEAD = 14;

/** Reads the frames of a WebSocket, and passes on the payloads of its messages. */
export class WebSocketLayer implements Layer {
  readonly #inner: Layer;
  readonly #onSkipped: (offset: number, count: number) => void;
  readonly #head = new Uint8Array(LONGEST_HEAD);
  #have = 0;
  #remaining = 0;
  #opcode = 0;
  #mask: Uint8Array | undefined;
  /** Whether the messages of this direction have masks; `undefined` before the first one. */
  #isMasked: boolean | undefined;
  /** Index in the payload, for the mask. */
  #index = 0;
  /** Number of payload bytes so far, with those that are missing. */
  #offset = 0;
  /** The search for the next message after a gap. */
  #search: WebSocketSearch | undefined;

  /**
   * Passes the payloads to `inner`, which gets a gap where bytes are missing. `onSkipped`
   * is called for bytes after a gap that belong to no message.
   */
  constructor(
    inner: Layer,
    onSkipped: (offset: number, count: number) => void,
  ) {
    this.#inner = inner;
    this.#onSkipped = onSkipped;
  }

  push(bytes: Uint8Array): void {
    if (this.#search !== undefined) {
      const found = this.#search.push(bytes);
      if (found === undefined) return;
      this.#endSearch(found.skipped);
      bytes = found.rest;
    }
    for (let at = 0; at < bytes.length;) {
      if (this.#remaining > 0) {
        const size = Math.min(this.#remaining, bytes.length - at);
        this.#payload(bytes.subarray(at, at + size));
        this.#remaining -= size;
        this.#index += size;
        at += size;
      } else {
        this.#head[this.#have++] = bytes[at++];
        this.#readHead();
      }
    }
  }

  /** Inside a message, missing bytes count as its payload. */
  gap(count: number): void {
    if (count <= this.#remaining) {
      this.#remaining -= count;
      this.#index += count;
      if (this.#isPayload()) this.#lose(count);
      return;
    }
    // It is unknown where the next message begins, and how many bytes of the gap
    // are heads.
    this.#lose(count);
    this.#remaining = this.#have = 0;
    if (this.#search === undefined) {
      this.#search = new WebSocketSearch(this.#isMasked);
    } else this.#search.drop();
  }

  end(): void {
    if (this.#search !== undefined) this.#endSearch(this.#search.length);
    this.#inner.end();
  }

  #endSearch(skipped: number): void {
    this.#search = undefined;
    if (skipped > 0) this.#onSkipped(this.#offset, skipped);
  }

  #lose(count: number): void {
    this.#offset += count;
    this.#inner.gap(count);
  }

  #readHead(): void {
    const head = this.#head;
    if (this.#have < 2) return;
    const short = head[1] & 127;
    const sizeLength = short === 126 ? 2 : short === 127 ? 8 : 0;
    const isMasked = (head[1] & 128) !== 0;
    if (this.#have < 2 + sizeLength + (isMasked ? 4 : 0)) return;
    let length = sizeLength === 0 ? short : 0;
    for (let index = 0; index < sizeLength; index++) {
      length = length * 256 + head[2 + index];
    }
    this.#opcode = head[0] & 15;
    this.#isMasked = isMasked;
    this.#mask = isMasked
      ? head.slice(2 + sizeLength, 6 + sizeLength)
      : undefined;
    this.#remaining = length;
    this.#index = 0;
    this.#have = 0;
  }

  #isPayload(): boolean {
    return this.#opcode === BINARY || this.#opcode === TEXT ||
      this.#opcode === CONTINUATION;
  }

  #payload(piece: Uint8Array): void {
    if (!this.#isPayload()) return;
    this.#offset += piece.length;
    if (this.#mask === undefined) {
      this.#inner.push(piece);
      return;
    }
    const plain = new Uint8Array(piece.length);
    for (let index = 0; index < piece.length; index++) {
      plain[index] = piece[index] ^ this.#mask[(this.#index + index) & 3];
    }
    this.#inner.push(plain);
  }
}
