/**
 * SPDY/2, SPDY/3 and SPDY/3.1 for Deno.
 *
 * @module
 */

export * from "../errors.ts";
export * from "./constants.ts";
export type * from "./types.ts";
