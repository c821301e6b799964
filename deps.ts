/**
 * The one place that names an outside module: the Deno standard library.
 *
 * `mod.ts`, `./frame` and `./zlib` need none of it.
 *
 * @module
 */

export {
  bold,
  cyan,
  dim,
  green,
  magenta,
  red,
  yellow,
} from "jsr:@std/fmt@1/colors";
