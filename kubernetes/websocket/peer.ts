/**
 * One end of a WebSocket (RFC 6455) on a byte connection: messages in and out,
 * pings, and the closing handshake.
 *
 * @module
 */

import { within } from "../../connection/time/clock.ts";
import {
  closeQuietly,
  readPart,
  writePart,
} from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { dropInput } from "../../http/upgrade/answer.ts";
import {
  applyMask,
  CLOSE,
  CONTINUATION,
  encodeFrame,
  type FrameHead,
  GOING_AWAY,
  INVALID_PAYLOAD,
  isCloseStatus,
  MAX_CONTROL_PAYLOAD,
  MAX_HEAD,
  NO_STATUS,
  NORMAL_CLOSURE,
  PING,
  PONG,
  readHead,
  TEXT,
  WebSocketError,
} from "./frame.ts";

const READ_SIZE = 64 * 1024;
const EMPTY = new Uint8Array();
/**
 * Most answers to pings that wait for the transport; RFC 6455 5.5.3 permits
 * answering only the latest ping.
 */
const MAX_PONGS = 16;
/** Longest wait until a close frame that reports an error was sent, ms. */
const CLOSE_TIME = 1000;

/** A piece of a message. */
export interface MessagePart {
  /** {@linkcode TEXT} or {@linkcode BINARY}. */
  readonly opcode: number;
  /** The bytes, without the mask; only valid until the next read. */
  readonly data: Uint8Array;
  /** The message begins with this piece. */
  readonly begins: boolean;
  /** The message ends with this piece. */
  readonly ends: boolean;
}

/** One end of a WebSocket. */
export class WebSocketPeer {
  readonly #conn: ByteConn;
  readonly #client: boolean;
  /** Bytes of the transport that were not processed. */
  #input: Uint8Array = EMPTY;
  #buffer: Uint8Array = EMPTY;
  /** Opcode of the message that is arriving; 0 between messages. */
  #opcode = 0;
  /** Whether no byte of the message was passed to the reader. */
  #begins = false;
  /** Checks the text of a message. */
  #decoder: TextDecoder | undefined;
  /**
   * State of the frame that is arriving: whether it is the last of its message, its
   * mask, and how much of it was read.
   */
  #fin = false;
  #mask: Uint8Array | undefined;
  #offset = 0;
  #remaining = 0;
  #inFrame = false;
  #ended = false;
  #closeSent = false;
  #closedWith: number | undefined;
  /** Whether the peer's input is dropped for a short time before the transport is closed. */
  #draining = false;
  /** Called when bytes have arrived. */
  onInput: (() => void) | undefined;
  readonly #pongs: Uint8Array[] = [];
  /** Sends frames one after the other. */
  #writing: Promise<void> = Promise.resolve();

  /** `client`: whether this side opened the WebSocket, and so masks its frames. */
  constructor(conn: ByteConn, client: boolean) {
    this.#conn = conn;
    this.#client = client;
  }

  /** Status of the peer's close frame; `undefined` before it, and if the transport ended without one. */
  get closedWith(): number | undefined {
    return this.#closedWith;
  }

  /**
   * Reads the next piece of a message; `null` at the peer's close frame, and at
   * the end of the transport.
   *
   * Throws {@linkcode WebSocketError} if the peer breaks a rule, after sending a
   * close frame that reports it, and if the peer closes with a status that reports
   * an error.
   */
  async read(): Promise<MessagePart | null> {
    try {
      return await this.#read();
    } catch (error) {
      if (error instanceof WebSocketError) await this.fail(error);
      throw error;
    }
  }

  /** Sends a message of one frame, with `prefix` before `payload`. */
  send(
    opcode: number,
    payload: Uint8Array,
    prefix?: readonly number[],
  ): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#closeSent) {
        throw new WebSocketError("this side has closed the WebSocket", {
          initiator: "local",
          status: NORMAL_CLOSURE,
        });
      }
      await this.#write(opcode, payload, prefix);
    });
  }

  /** Sends a ping. */
  async ping(): Promise<void> {
    await this.send(PING, EMPTY);
  }

  /** Sends the close frame after everything before it, unless it was already sent. */
  close(status: number = NORMAL_CLOSURE): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#closeSent) return;
      this.#closeSent = true;
      await this.#write(CLOSE, new Uint8Array([status >> 8, status & 0xff]));
    });
  }

  /** Reports an error of the peer with a close frame, and stops reading; never rejects. */
  async fail({ status }: WebSocketError): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await within(CLOSE_TIME, this.close(status).catch(() => {}));
    // If a socket is closed with unread bytes, the system resets it, and the close
    // frame is lost.
    this.#draining = true;
    // RFC 6455 7.1.1: the server ends the connection first.
    const ended = this.#client ? Promise.resolve() : this.#conn.closeWrite();
    ended.then(() => dropInput(this.#conn)).catch(() => {})
      .finally(() => closeQuietly(this.#conn));
  }

  /**
   * Closes the transport at once; after {@linkcode fail}, it closes when the peer
   * has had time to read the close frame.
   */
  abort(): void {
    this.#ended = true;
    if (!this.#draining) closeQuietly(this.#conn);
  }

  async #read(): Promise<MessagePart | null> {
    for (;;) {
      if (this.#ended) return null;
      if (this.#inFrame) {
        const part = this.#take();
        if (part !== undefined) return part;
        // Skips an empty frame in the middle of a message.
        if (!this.#inFrame) continue;
      } else if (await this.#readFrame()) continue;
      if (!await this.#fill()) {
        this.#ended = true;
        return null;
      }
    }
  }

  /** The available bytes of the current frame; `undefined` if there are none. */
  #take(): MessagePart | undefined {
    const size = Math.min(this.#remaining, this.#input.length);
    const data = this.#input.subarray(0, size);
    if (size > 0) {
      if (this.#mask !== undefined) applyMask(data, this.#mask, this.#offset);
      this.#input = this.#input.subarray(size);
      this.#offset += size;
      this.#remaining -= size;
    }
    const frameEnds = this.#remaining === 0;
    const ends = frameEnds && this.#fin;
    const opcode = this.#opcode;
    if (frameEnds) this.#inFrame = false;
    if (this.#decoder !== undefined) this.#checkText(data, !ends);
    if (ends) {
      this.#opcode = 0;
      this.#decoder = undefined;
    }
    if (size === 0 && !ends) return undefined;
    const begins = this.#begins;
    this.#begins = false;
    return { opcode, data, begins, ends };
  }

  /** RFC 6455 8.1: text that is not UTF-8 ends the connection. */
  #checkText(data: Uint8Array, stream: boolean): void {
    try {
      this.#decoder?.decode(data, { stream });
    } catch (cause) {
      throw new WebSocketError("a text message is not UTF-8", {
        status: INVALID_PAYLOAD,
        cause,
      });
    }
  }

  /**
   * Reads the head of the next frame, and the whole frame if it is a control frame;
   * false if more input is needed.
   */
  async #readFrame(): Promise<boolean> {
    const head = readHead(this.#input, !this.#client);
    if (head === undefined) return false;
    if (head.opcode < CLOSE) {
      this.#beginData(head);
      this.#input = this.#input.subarray(head.size);
      return true;
    }
    const end = head.size + head.length;
    if (this.#input.length < end) return false;
    const payload = this.#input.slice(head.size, end);
    if (head.mask !== undefined) applyMask(payload, head.mask, 0);
    this.#input = this.#input.subarray(end);
    await this.#control(head.opcode, payload);
    return true;
  }

  #beginData({ opcode, fin, mask, length }: FrameHead): void {
    // RFC 6455 5.4: a continuation continues a message, and any other opcode begins
    // one.
    if ((opcode === CONTINUATION) !== (this.#opcode !== 0)) {
      throw new WebSocketError(
        opcode === CONTINUATION
          ? "a frame continues a message, but none has begun"
          : "a message begins before the previous one has ended",
      );
    }
    if (opcode !== CONTINUATION) {
      this.#opcode = opcode;
      this.#begins = true;
      if (opcode === TEXT) {
        this.#decoder = new TextDecoder("utf-8", { fatal: true });
      }
    }
    this.#inFrame = true;
    this.#fin = fin;
    this.#mask = mask;
    this.#offset = 0;
    this.#remaining = length;
  }

  async #control(opcode: number, payload: Uint8Array): Promise<void> {
    if (opcode === PING) this.#answerPing(payload);
    if (opcode !== CLOSE) return;
    const { status, reason } = readClose(payload);
    this.#closedWith = status;
    this.#ended = true;
    // RFC 6455 5.5.1: a close frame is answered by a close frame. The peer may have
    // left.
    const answer = status === NO_STATUS ? NORMAL_CLOSURE : status;
    await within(CLOSE_TIME, this.close(answer).catch(() => {}));
    if (
      status === NORMAL_CLOSURE || status === GOING_AWAY ||
      status === NO_STATUS
    ) return;
    throw new WebSocketError(
      `the peer closed the WebSocket with ${status}: ${reason}`,
      { status },
    );
  }

  /**
   * Does not wait until the answer was sent: two sides that both stopped reading
   * until the other one reads would wait forever.
   */
  #answerPing(payload: Uint8Array): void {
    this.#pongs.push(payload);
    if (this.#pongs.length > MAX_PONGS) this.#pongs.shift();
    if (this.#pongs.length > 1) return;
    this.#enqueue(async () => {
      while (this.#pongs.length > 0) {
        const pong = this.#pongs.shift();
        if (!this.#closeSent) await this.#write(PONG, pong ?? EMPTY);
      }
    }).catch(() => {});
  }

  /** Reads from the transport and appends to the remaining input; false at its end. */
  async #fill(): Promise<boolean> {
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(READ_SIZE);
    // The remaining input is the beginning of a head or of a control frame.
    const rest = this.#input.length;
    if (rest > MAX_HEAD + MAX_CONTROL_PAYLOAD) {
      throw new WebSocketError("the head of a frame does not end");
    }
    if (rest > 0) this.#buffer.set(this.#input);
    const size = await readPart(
      this.#conn,
      this.#buffer.subarray(rest),
    );
    if (size === null) return false;
    this.onInput?.();
    this.#input = this.#buffer.subarray(0, rest + size);
    return true;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  async #write(
    opcode: number,
    payload: Uint8Array,
    prefix?: readonly number[],
  ): Promise<void> {
    const mask = this.#client
      ? crypto.getRandomValues(new Uint8Array(4))
      : undefined;
    let rest = encodeFrame(opcode, payload, mask, prefix);
    while (rest.length > 0) {
      rest = rest.subarray(await writePart(this.#conn, rest));
    }
  }
}

/** RFC 6455 5.5.1, 7.4: the payload is empty, or a valid status and a reason in UTF-8. */
function readClose(payload: Uint8Array): { status: number; reason: string } {
  if (payload.length === 0) return { status: NO_STATUS, reason: "" };
  const status = payload[0] << 8 | payload[1];
  if (payload.length === 1) {
    throw new WebSocketError(
      "the peer closed the WebSocket with an incomplete status",
    );
  }
  if (!isCloseStatus(status)) {
    throw new WebSocketError(
      `the peer closed the WebSocket with ${status}, which is not a valid status`,
    );
  }
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return { status, reason: decoder.decode(payload.subarray(2)) };
  } catch (cause) {
    throw new WebSocketError(
      "the reason of the peer's close frame is not UTF-8",
      { status: INVALID_PAYLOAD, cause },
    );
  }
}
