/**
 * SPDY/2, SPDY/3 and SPDY/3.1 for Deno.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./frame/constants.ts";
export type * from "./frame/types.ts";
export { DataProvider, type ReadCallback, Session } from "./session.ts";
export type { SessionOptions } from "./session.ts";
export type { ReadCtrl, SessionCallbacks } from "./session/callbacks.ts";
export { CLIENT, READ_EOF, SERVER, type Side } from "./session/constants.ts";
export type { Limits } from "./session/limits.ts";
export { getNpnProtocols, npnGetVersion } from "./session/npn.ts";
export type { SessionSettings } from "./session/options.ts";
