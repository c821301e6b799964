/**
 * A byte connection inside a WebSocket: what is written leaves as binary
 * messages, what binary messages carry is read, wherever they are cut.
 *
 * @module
 */

import type { ByteConn } from "../../connection/transport.ts";
import {
  applyMask,
  BINARY,
  CLOSE,
  CONTINUATION,
  encodeFrame,
  type FrameHead,
  GOING_AWAY,
  isCloseStatus,
  MAX_CONTROL_PAYLOAD,
  MAX_HEAD,
  NO_STATUS,
  NORMAL_CLOSURE,
  PING,
  PONG,
  PROTOCOL_ERROR,
  readHead,
  TEXT,
  WebSocketError,
} from "./frame.ts";

/** Largest payload of a message that is sent, bytes. */
const MAX_MESSAGE = 64 * 1024;
const READ_SIZE = 64 * 1024;
const EMPTY = new Uint8Array();

/** Bytes over WebSocket messages over bytes. */
export class WebSocketTunnel implements ByteConn {
  readonly #conn: ByteConn;
  readonly #client: boolean;
  /** Bytes of the transport that are not looked at yet. */
  #input: Uint8Array = EMPTY;
  readonly #buffer = new Uint8Array(READ_SIZE);
  /** Of the message frame under way: its mask and how much of it has come. */
  #mask: Uint8Array | undefined;
  #offset = 0;
  #remaining = 0;
  /** Whether a message has begun and its last frame has not. */
  #inMessage = false;
  #ended = false;
  #closeSent = false;
  /** Frames leave one after the other, also the replies to pings. */
  #writing: Promise<void> = Promise.resolve();

  /** `client`: this side opened the WebSocket and masks what it sends. */
  constructor(conn: ByteConn, client: boolean) {
    this.#conn = conn;
    this.#client = client;
  }

  /** Reads some bytes of the next binary message; `null` at the peer's close. */
  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#ended) return null;
      if (this.#remaining > 0 && this.#input.length > 0) {
        return this.#take(into);
      }
      if (this.#remaining === 0 && await this.#readFrame()) continue;
      if (!await this.#fill()) {
        this.#ended = true;
        return null;
      }
    }
  }

  /** Writes all of `data` as one message or several. */
  async write(data: Uint8Array): Promise<number> {
    for (let offset = 0; offset < data.length; offset += MAX_MESSAGE) {
      await this.#send(BINARY, data.subarray(offset, offset + MAX_MESSAGE));
    }
    return data.length;
  }

  /** Sends the close frame: the peer reads the end of input. */
  async closeWrite(): Promise<void> {
    await this.#sendClose(NORMAL_CLOSURE);
  }

  /** Closes the transport at once. */
  close(): void {
    this.#ended = true;
    this.#conn.close();
  }

  #take(into: Uint8Array): number {
    const size = Math.min(into.length, this.#remaining, this.#input.length);
    const part = into.subarray(0, size);
    part.set(this.#input.subarray(0, size));
    if (this.#mask !== undefined) applyMask(part, this.#mask, this.#offset);
    this.#input = this.#input.subarray(size);
    this.#offset += size;
    this.#remaining -= size;
    return size;
  }

  /** Reads the next frame's head, and the whole frame when it is a control frame; false: more input is needed. */
  async #readFrame(): Promise<boolean> {
    const head = readHead(this.#input, !this.#client);
    if (head === undefined) return false;
    if (head.opcode >= CLOSE) {
      if (this.#input.length < head.size + head.length) return false;
      const end = head.size + head.length;
      const payload = this.#input.slice(head.size, end);
      if (head.mask !== undefined) applyMask(payload, head.mask, 0);
      this.#input = this.#input.subarray(end);
      await this.#control(head.opcode, payload);
    } else {
      this.#beginData(head);
      this.#input = this.#input.subarray(head.size);
    }
    return true;
  }

  #beginData({ opcode, fin, mask, length }: FrameHead): void {
    // KEP-4006: SPDY travels in binary messages only.
    if (opcode === TEXT) throw new WebSocketError("a text message in a tunnel");
    // RFC 6455 5.4: a continuation continues, anything else begins.
    if (
      opcode !== BINARY && opcode !== CONTINUATION ||
      (opcode === CONTINUATION) !== this.#inMessage
    ) {
      throw new WebSocketError(`unexpected frame with opcode ${opcode}`);
    }
    this.#inMessage = !fin;
    this.#mask = mask;
    this.#offset = 0;
    this.#remaining = length;
  }

  async #control(opcode: number, payload: Uint8Array): Promise<void> {
    switch (opcode) {
      case PING:
        await this.#send(PONG, payload);
        return;
      case PONG:
        return;
      case CLOSE: {
        const status = payload.length === 0
          ? NO_STATUS
          : payload[0] << 8 | payload[1];
        // RFC 6455 5.5.1, 7.4: none, or a status that may be on the wire.
        if (
          payload.length === 1 ||
          payload.length > 1 && !isCloseStatus(status)
        ) {
          this.#ended = true;
          await this.#sendClose(PROTOCOL_ERROR).catch(() => {});
          throw new WebSocketError(
            payload.length === 1
              ? "the peer closed the WebSocket with half a status"
              : `the peer closed the WebSocket with ${status}, which is no status`,
          );
        }
        // RFC 6455 5.5.1: a close frame is answered by one. The peer may be gone already.
        await this.#sendClose(status === NO_STATUS ? NORMAL_CLOSURE : status)
          .catch(() => {});
        this.#ended = true;
        if (
          status === NORMAL_CLOSURE || status === GOING_AWAY ||
          status === NO_STATUS
        ) return;
        const reason = new TextDecoder().decode(payload.subarray(2));
        throw new WebSocketError(
          `the peer closed the WebSocket with ${status}: ${reason}`,
        );
      }
      default:
        throw new WebSocketError(`unknown opcode ${opcode}`);
    }
  }

  /** Reads from the transport behind what is left of the input; false at its end. */
  async #fill(): Promise<boolean> {
    // What is left is the beginning of a head or of a control frame.
    const rest = this.#input.length;
    if (rest > MAX_HEAD + MAX_CONTROL_PAYLOAD) {
      throw new WebSocketError("a frame head does not end");
    }
    this.#buffer.copyWithin(
      0,
      this.#input.byteOffset,
      this.#input.byteOffset + rest,
    );
    const size = await this.#conn.read(this.#buffer.subarray(rest));
    if (size === null) return false;
    this.#input = this.#buffer.subarray(0, rest + size);
    return true;
  }

  async #sendClose(status: number): Promise<void> {
    if (this.#closeSent) return;
    this.#closeSent = true;
    await this.#send(CLOSE, new Uint8Array([status >> 8, status & 0xff]));
  }

  #send(opcode: number, payload: Uint8Array): Promise<void> {
    const mask = this.#client
      ? crypto.getRandomValues(new Uint8Array(4))
      : undefined;
    const frame = encodeFrame(opcode, payload, mask);
    const sent = this.#writing.then(() => this.#writeAll(frame));
    this.#writing = sent.catch(() => {});
    return sent;
  }

  async #writeAll(frame: Uint8Array): Promise<void> {
    for (let rest = frame; rest.length > 0;) {
      rest = rest.subarray(await this.#conn.write(rest));
    }
  }
}
