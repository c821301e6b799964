/**
 * WebSocket frames (RFC 6455 section 5).
 *
 * @module
 */

import { ERR_PROTO, SpdyError, type SpdyErrorOptions } from "../../errors.ts";

/** Opcodes (RFC 6455 5.2). */
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Close status (RFC 6455 7.4.1): an orderly end. */
export const NORMAL_CLOSURE = 1000;
/** Close status: an endpoint goes away. */
export const GOING_AWAY = 1001;
/** Close status: the peer broke the protocol. */
export const PROTOCOL_ERROR = 1002;
/** Close status: a message of a kind that is not accepted. */
export const UNSUPPORTED_DATA = 1003;
/** Represents a close frame without a status; never sent. */
export const NO_STATUS = 1005;
/** Close status: a text message or the reason of a close frame is not UTF-8. */
export const INVALID_PAYLOAD = 1007;
/** Close status: the peer broke a rule of the application. */
export const POLICY_VIOLATION = 1008;

/** Longest payload of a control frame, bytes (RFC 6455 5.5). */
export const MAX_CONTROL_PAYLOAD = 125;
/** Longest head of a frame, bytes: two, eight of length, four of mask. */
export const MAX_HEAD = 14;

/** Options of {@linkcode WebSocketError}. */
export interface WebSocketErrorOptions extends SpdyErrorOptions {
  /** Close status; default 1002, a protocol error. */
  readonly status?: number;
}

/**
 * A WebSocket peer broke RFC 6455 or a rule of the sub-protocol, or closed the
 * WebSocket with a status that reports an error.
 *
 * @example
 * ```ts
 * import { WebSocketError } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new WebSocketError("a text message is not UTF-8", {
 *   status: 1007,
 * });
 * assertEquals(error.initiator, "remote");
 * assertEquals(error.status, 1007);
 * ```
 */
export class WebSocketError extends SpdyError {
  /** The status of the close frame, RFC 6455 7.4. */
  readonly status: number;

  /** Creates the error. */
  constructor(message: string, options: WebSocketErrorOptions = {}) {
    super(message, ERR_PROTO, { initiator: "remote", ...options });
    this.status = options.status ?? PROTOCOL_ERROR;
  }
}

/** The head of a frame. */
export interface FrameHead {
  readonly opcode: number;
  readonly fin: boolean;
  /** The four bytes of the mask; `undefined` if the frame is not masked. */
  readonly mask: Uint8Array | undefined;
  /** Payload length, bytes. */
  readonly length: number;
  /** Length of the head itself, bytes. */
  readonly size: number;
}

/**
 * Reads the head of a frame at the beginning of `data`; `undefined` if more bytes
 * are needed. `masked`: whether the peer is a client, which masks its frames.
 *
 * Throws {@linkcode WebSocketError} for a head that is not allowed.
 */
export function readHead(
  data: Uint8Array,
  masked: boolean,
): FrameHead | undefined {
  if (data.length < 2) return undefined;
  const opcode = data[0] & 0x0f;
  const fin = (data[0] & 0x80) !== 0;
  // RFC 6455 5.2: reserved bits are 0 unless an extension was agreed on; none was.
  if ((data[0] & 0x70) !== 0) {
    throw new WebSocketError("reserved bits of a frame are set");
  }
  // RFC 6455 5.1: a client masks every frame, a server none.
  if ((data[1] & 0x80) !== 0 !== masked) {
    throw new WebSocketError(
      masked ? "a client's frame is not masked" : "a server's frame is masked",
    );
  }
  const short = data[1] & 0x7f;
  const lengthSize = short === 127 ? 8 : short === 126 ? 2 : 0;
  const size = 2 + lengthSize + (masked ? 4 : 0);
  if (data.length < size) return undefined;
  const length = lengthSize === 0 ? short : readLength(data, lengthSize);
  // RFC 6455 5.2: other opcodes are reserved.
  if (opcode > BINARY && opcode < CLOSE || opcode > PONG) {
    throw new WebSocketError(`opcode ${opcode} is reserved`);
  }
  // RFC 6455 5.5: a control frame is short and not fragmented.
  if (opcode >= CLOSE && (length > MAX_CONTROL_PAYLOAD || !fin)) {
    throw new WebSocketError("a control frame is too long or fragmented");
  }
  return {
    opcode,
    fin,
    length,
    size,
    mask: masked ? data.slice(size - 4, size) : undefined,
  };
}

function readLength(data: Uint8Array, size: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (size === 2) return view.getUint16(2);
  const length = view.getUint32(2) * 0x1_0000_0000 + view.getUint32(6);
  if (!Number.isSafeInteger(length)) {
    throw new WebSocketError("a frame has more than 2^53 bytes");
  }
  return length;
}

/**
 * Encodes a complete frame with FIN. `prefix`, if there is one, and the payload are
 * copied, and masked if there is a mask.
 */
export function encodeFrame(
  opcode: number,
  payload: Uint8Array,
  mask: Uint8Array | undefined,
  prefix: readonly number[] = [],
): Uint8Array {
  const length = prefix.length + payload.length;
  const lengthSize = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const size = 2 + lengthSize + (mask === undefined ? 0 : 4);
  const frame = new Uint8Array(size + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = lengthSize === 0 ? length : lengthSize === 2 ? 126 : 127;
  if (lengthSize === 2) {
    view.setUint16(2, length);
  } else if (lengthSize === 8) {
    view.setUint32(2, Math.floor(length / 0x1_0000_0000));
    view.setUint32(6, length >>> 0);
  }
  frame.set(prefix, size);
  frame.set(payload, size + prefix.length);
  if (mask !== undefined) {
    frame[1] |= 0x80;
    frame.set(mask, size - 4);
    applyMask(frame.subarray(size), mask, 0);
  }
  return frame;
}

/** Masks or unmasks in place (RFC 6455 5.3); `offset` is the place of `data` in the payload. */
export function applyMask(
  data: Uint8Array,
  mask: Uint8Array,
  offset: number,
): void {
  for (let i = 0; i < data.length; i++) data[i] ^= mask[(offset + i) & 3];
}

/**
 * Whether a close frame may carry the status (RFC 6455 7.4): a registered status,
 * except those reserved for ends without a close frame, or one for libraries and
 * applications.
 */
export function isCloseStatus(status: number): boolean {
  return status >= 1000 && status <= 1014 && status !== 1004 &&
      status !== NO_STATUS && status !== 1006 ||
    status >= 3000 && status <= 4999;
}
