/**
 * What goes wrong when files are copied.
 *
 * @module
 */

import { ERR_PROTO, SpdyError, type SpdyErrorOptions } from "../../errors.ts";

/**
 * Files could not be copied, or not completely. What had been copied before is
 * still there; a file that arrived only in part is not.
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
  /** The file or folder; `""` when the whole copy is meant. */
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
