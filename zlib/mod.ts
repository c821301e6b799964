/**
 * Streaming zlib in TypeScript with preset dictionaries and sync flush, which
 * SPDY's header compression needs, and compression of whole bodies with the
 * platform's streams.
 *
 * @module
 */

export * from "../errors.ts";
export { adler32 } from "./adler32.ts";
export {
  type BodyEncoding,
  compress,
  decompress,
  type DecompressOptions,
  decompressStream,
} from "./body.ts";
export { Deflate, type DeflateFlush, type DeflateOptions } from "./deflate.ts";
export { SPDY2_DICTIONARY, SPDY3_DICTIONARY } from "./dictionaries.ts";
export { Inflate, type InflateOptions } from "./inflate.ts";
export type { ZlibFormat } from "./inflater.ts";
