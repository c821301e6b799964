/**
 * The constants of the session's interface. Those of the wire format are in
 * `frame/constants.ts`.
 *
 * @module
 */

/**
 * This side opens the connection; its streams and PINGs have odd numbers.
 *
 * @category Session
 */
export const CLIENT = 1;
/**
 * This side accepts the connection; its streams and PINGs have even numbers.
 *
 * @category Session
 */
export const SERVER = 2;
/**
 * One of {@linkcode CLIENT}, {@linkcode SERVER}.
 *
 * @category Session
 */
export type Side = typeof CLIENT | typeof SERVER;

/**
 * Set in `readCtrl.flags` by a read callback: these are the last bytes.
 *
 * @category Session
 */
export const READ_EOF = 1;

/** The most bytes that `Session.recv()` requests from its callback at once. */
export const RECV_LENGTH = 16384;
