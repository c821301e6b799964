/**
 * Outside modules that the benchmarks use: the Deno standard library only.
 *
 * @module
 */

export { TextLineStream } from "jsr:@std/streams@1/text-line-stream";
