/**
 * The format of messages: the channel number as a byte and then the bytes, or as a
 * digit and then the bytes in base64 (Kubernetes, `wsstream`).
 *
 * @module
 */

import { BINARY, TEXT, WebSocketError } from "./frame.ts";

/**
 * Begins a message that ends a channel in `v5.channel.k8s.io`; the number of the
 * channel follows.
 */
export const CLOSE_SIGNAL = 255;

/** A message on the wire. */
export interface WireMessage {
  readonly opcode: number;
  readonly prefix: readonly number[];
  readonly payload: Uint8Array;
}

/** Writes and reads the messages of channels. */
export interface ChannelCodec {
  /** A message with bytes of a channel. */
  encode(channel: number, chunk: Uint8Array): WireMessage;
  /** The channel that the first byte of a message selects. */
  channelOf(first: number): number;
  /**
   * Decodes the bytes after the first one, which arrive in pieces. Each message
   * needs a new decoder.
   */
  decoder(): (data: Uint8Array, ends: boolean) => Uint8Array;
}

/** Binary messages with unchanged bytes. */
export const PLAIN: ChannelCodec = {
  encode: (channel, payload) => ({
    opcode: BINARY,
    prefix: [channel],
    payload,
  }),
  channelOf: (first) => first,
  decoder: () => (data) => data,
};

const ZERO = 0x30;
/** Bytes that are converted in one call, because each is an argument. */
const AT_ONCE = 8192;
const LATIN1 = new TextDecoder("latin1");
const ENCODER = new TextEncoder();

/** Base64 in text messages; the channel is a digit. */
export const BASE64: ChannelCodec = {
  encode: (channel, chunk) => ({
    opcode: TEXT,
    prefix: [ZERO + channel],
    payload: ENCODER.encode(toBase64(chunk)),
  }),
  channelOf: (first) => first - ZERO,
  decoder: () => {
    let rest = "";
    return (data, ends) => {
      const text = rest + LATIN1.decode(data);
      // Four characters encode three bytes; incomplete ones wait for the next
      // piece.
      const whole = ends ? text.length : text.length - text.length % 4;
      rest = text.slice(whole);
      return fromBase64(text.slice(0, whole));
    };
  },
};

/** Encodes bytes in base64. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  }
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw new WebSocketError("a message is not base64", { cause });
  }
}
