/**
 * The frames of SPDY/2, SPDY/3 and SPDY/3.1 as values, and their codec: usable
 * without a session.
 *
 * @example
 * ```ts
 * import { FrameDecoder, FrameEncoder, PROTO_SPDY3_1, SYN_REPLY } from "@spdy/spdy/frame";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const encoder = new FrameEncoder(PROTO_SPDY3_1);
 * const decoder = new FrameDecoder(PROTO_SPDY3_1);
 * decoder.push(encoder.encode({
 *   frameType: SYN_REPLY,
 *   version: 3,
 *   flags: 0,
 *   length: 0,
 *   streamId: 1,
 *   nv: [[":version", "HTTP/1.1"], [":status", "200 OK"]],
 * }));
 * const frame = decoder.next();
 * if (frame?.frameType !== SYN_REPLY) throw new Error("no SYN_REPLY");
 * assertEquals(frame.nv, [[":status", "200 OK"], [":version", "HTTP/1.1"]]);
 * ```
 *
 * @module
 */

export * from "../errors.ts";
export * from "./constants.ts";
export { type Credential, readCredential } from "./credential.ts";
export { FrameDecoder, type FrameDecoderOptions } from "./decoder.ts";
export { FrameEncoder } from "./encoder.ts";
export { FrameError, type FrameErrorOptions } from "./frame_error.ts";
export type {
  HeaderCompression,
  HeaderEncoderOptions,
} from "./header_encoder.ts";
export { DEFAULT_FRAME_LIMITS, type FrameLimits } from "./limits.ts";
export type * from "./types.ts";
