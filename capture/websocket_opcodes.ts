/**
 * The opcodes of WebSocket frames (RFC 6455 5.2).
 *
 * @module
 */

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PONG = 10;
