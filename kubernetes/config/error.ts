/**
 * The error for an invalid kubeconfig file.
 *
 * @module
 */

import {
  ERR_INVALID_ARGUMENT,
  SpdyError,
  type SpdyErrorOptions,
} from "../../errors.ts";

/** The place of the error. */
export interface KubeConfigPlace {
  /** The file; `undefined` if the text was not read from a file. */
  readonly file?: string;
  /** The line in the file, from 1; `undefined` when it is not known. */
  readonly line?: number;
  /** The field, such as `users[0].user.token`; `""` for the whole file. */
  readonly field?: string;
}

/**
 * A kubeconfig file, or something that it refers to, cannot be used. The message
 * begins with the file, the line and the field. It never contains a credential.
 *
 * @example
 * ```ts
 * import { KubeConfigError, loadKubeConfig } from "@spdy/spdy/kubernetes";
 * import { assertEquals, assertRejects } from "jsr:@std/assert@1";
 *
 * const error = await assertRejects(
 *   () => loadKubeConfig({ text: "clusters:\n- name: 7\n  cluster: none\n" }),
 *   KubeConfigError,
 * );
 * assertEquals([error.line, error.field], [3, "clusters[0].cluster"]);
 * ```
 */
export class KubeConfigError extends SpdyError {
  /** The file; `undefined` if the text was not read from a file. */
  readonly file: string | undefined;
  /** The line in the file, from 1; `undefined` when it is not known. */
  readonly line: number | undefined;
  /** The field, such as `users[0].user.token`; `""` for the whole file. */
  readonly field: string;

  /** Creates the error; `place` is put before the message. */
  constructor(
    message: string,
    place: KubeConfigPlace = {},
    options: SpdyErrorOptions = {},
  ) {
    const { file, line, field = "" } = place;
    const name = file ?? "the kubeconfig";
    const parts = [line === undefined ? name : `${name}:${line}`];
    if (field !== "") parts.push(field);
    super([...parts, message].join(": "), ERR_INVALID_ARGUMENT, options);
    this.file = file;
    this.line = line;
    this.field = field;
  }
}
