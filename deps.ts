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
  stripAnsiCode,
  yellow,
} from "jsr:@std/fmt@1/colors";
export { format as formatBytes } from "jsr:@std/fmt@1/bytes";
export { contentType } from "jsr:@std/media-types@1/content-type";
export { eTag, ifNoneMatch } from "jsr:@std/http@1/etag";
export { escape as escapeHtml } from "jsr:@std/html@1/entities";
export { parseAll as parseAllYaml } from "jsr:@std/yaml@1/parse";
