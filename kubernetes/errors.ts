/**
 * Errors that the server of an exec, attach or port-forward causes.
 *
 * @module
 */

import { ERR_PROTO, SpdyError, type SpdyErrorOptions } from "../errors.ts";

/** The options of {@linkcode RemoteCommandError}. */
export interface RemoteCommandErrorOptions extends SpdyErrorOptions {
  /** Machine-readable reason, such as `"InternalError"`. */
  readonly reason?: string;
  /** HTTP status of the failure, 0 if there is none. */
  readonly httpStatus?: number;
}

/**
 * The server could not run the command, or did not report how it ended. A command
 * that ran and ended with another exit code than 0 is not an error: see `ExitStatus`.
 *
 * @example
 * ```ts
 * import { RemoteCommandError } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new RemoteCommandError("no such container", {
 *   reason: "InternalError",
 *   httpStatus: 500,
 * });
 * assertEquals(error.initiator, "remote");
 * assertEquals(error.reason, "InternalError");
 * ```
 */
export class RemoteCommandError extends SpdyError {
  /** Machine-readable reason; `""` when none was given. */
  readonly reason: string;
  /** HTTP status of the failure; 0 if the server gave none. */
  readonly httpStatus: number;

  /** Creates the error. */
  constructor(message: string, options: RemoteCommandErrorOptions = {}) {
    super(message, ERR_PROTO, { initiator: "remote", ...options });
    this.reason = options.reason ?? "";
    this.httpStatus = options.httpStatus ?? 0;
  }
}

/**
 * The server could not forward a connection, or aborted it. The message is that of
 * the server.
 *
 * @example
 * ```ts
 * import { PortForwardError } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new PortForwardError(8080, "connection refused");
 * assertEquals(error.message, "port 8080: connection refused");
 * ```
 */
export class PortForwardError extends SpdyError {
  /** The port in the pod. */
  readonly port: number;

  /** Creates the error. */
  constructor(port: number, message: string, options: SpdyErrorOptions = {}) {
    super(`port ${port}: ${message}`, ERR_PROTO, {
      initiator: "remote",
      ...options,
    });
    this.port = port;
  }
}

/**
 * The server answered the upgrade with another status than `101 Switching
 * Protocols`, or with a protocol that was not offered. Or an API server refused a
 * request that finds or watches a pod, or its answer cannot be used, for example
 * because a service has no pods (`status` is then 200).
 *
 * @example
 * ```ts
 * import { StreamingRefusedError } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const error = new StreamingRefusedError(403, "pods is forbidden");
 * assertEquals(error.status, 403);
 * assertEquals(error.message, "the server refused with 403: pods is forbidden");
 * ```
 */
export class StreamingRefusedError extends SpdyError {
  /** HTTP status of the answer. */
  readonly status: number;
  /**
   * Body of the answer as text, truncated after 64 KiB: plain text, or a `Status`
   * object as JSON. If the answer is a redirect, has no body or cannot be used, it is
   * this module's own message about the answer.
   */
  readonly body: string;

  /** Creates the error. */
  constructor(status: number, body: string, options: SpdyErrorOptions = {}) {
    const message = messageIn(body);
    super(
      `the server ${status < 300 ? "answered" : "refused"} with ${status}${
        message === "" ? "" : `: ${message}`
      }`,
      ERR_PROTO,
      { initiator: "remote", ...options },
    );
    this.status = status;
    this.body = body;
  }
}

/** An API server answers with a `Status` object, a kubelet or a runtime with text. */
function messageIn(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (
      typeof value === "object" && value !== null && "message" in value &&
      typeof value.message === "string"
    ) return value.message;
  } catch {
    // Plain text.
  }
  return body.trim();
}

/** The message of a thrown value, which can be anything. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "the thrown value cannot be converted to text";
  }
}
