/**
 * The error for a failed copy.
 *
 * @module
 */

import { ERR_PROTO, SpdyError, type SpdyErrorOptions } from "../../errors.ts";

/**
 * Files could not be copied, or not completely. Files that were copied before
 * remain; a file that arrived only in part is removed.
 *
 * @example
 * ```ts
 * import { CopyError } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new CopyError("the archive ends too early", "logs/a.log");
 * assertEquals(error.message, "logs/a.log: the archive ends too early");
 * ```
 */
export class CopyError extends SpdyError {
  /** The file or folder; `""` if the error concerns the whole copy. */
  readonly path: string;

  /** Creates the error; `path` is put before the message. */
  constructor(message: string, path = "", options: SpdyErrorOptions = {}) {
    super(path === "" ? message : `${path}: ${message}`, ERR_PROTO, {
      initiator: "remote",
      ...options,
    });
    this.path = path;
  }
}
